"""The example of the README, with both SDKs: sync and async, streamed and not, by client and by name."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterable
from typing import Literal

import pytest
from google.oauth2.credentials import Credentials
from pydantic import BaseModel

import polycall
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client, generative_model, init_vertexai


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
MESSAGES = [{"role": "user", "content": QUESTION}]
TORONTO = call("Weather", {"location": "Toronto", "units": "metric"})
DALLAS = call("Weather", {"location": "Dallas", "units": "imperial"})
SEARCH = call("GoogleSearch", {"query": "who won the super bowl"})
REPLY = candidate(TORONTO, DALLAS, SEARCH, finishReason="STOP")
STREAM = [candidate(TORONTO), candidate(DALLAS), candidate(SEARCH, finishReason="STOP")]
EXPECTED = [
    Weather(location="Toronto", units="metric"),
    Weather(location="Dallas", units="imperial"),
    GoogleSearch(query="who won the super bowl"),
]


@pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning")
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_the_example_word_for_word(transport: str, request: pytest.FixtureRequest, seen: object) -> None:
    server: VertexRestServer | VertexGrpcServer = request.getfixturevalue(
        "rest" if transport == "rest" else "grpc_server"
    )
    server.enqueue(REPLY)
    init_vertexai(server)  # the environment of the example: where the service is, and who asks

    import vertexai
    from vertexai.generative_models import GenerativeModel

    if transport == "rest":
        vertexai.init()  # without a project this SDK takes REST, whatever was before
    client = polycall.from_vertexai(
        GenerativeModel("gemini-1.5-pro-preview-0409"),
        mode=polycall.Mode.VERTEXAI_PARALLEL_TOOLS,
    )
    function_calls = client.create(
        messages=[{"role": "user", "content": "What is the weather in toronto and dallas and who won the super bowl?"}],
        response_model=Iterable[Weather | GoogleSearch],
    )

    assert list(function_calls) == EXPECTED
    body = server.requests[0].body
    assert body["contents"] == [{"role": "user", "parts": [{"text": QUESTION}]}]
    [tool] = body["tools"]
    assert [declared["name"] for declared in tool["functionDeclarations"]] == ["Weather", "GoogleSearch"]
    assert server.pending == 0


def test_every_sdk_and_transport(wire: Wire) -> None:
    wire.enqueue(REPLY)

    calls = wire.client().create(MESSAGES, Iterable[Weather | GoogleSearch], model=wire.model)

    assert list(calls) == EXPECTED
    assert [one.name for one in calls.tool_calls] == ["Weather", "Weather", "GoogleSearch"]
    assert calls.finish_reason is polycall.FinishReason.STOP


def test_streamed(wire: Wire) -> None:
    wire.enqueue(STREAM)

    with wire.client().stream(MESSAGES, Iterable[Weather | GoogleSearch], model=wire.model) as stream:
        assert list(stream) == EXPECTED


async def test_async(async_wire: Wire) -> None:
    async_wire.enqueue(REPLY)

    calls = await async_wire.async_client().create(MESSAGES, Iterable[Weather | GoogleSearch], model=async_wire.model)

    assert list(calls) == EXPECTED


async def test_async_streamed(async_wire: Wire) -> None:
    async_wire.enqueue(STREAM)

    async with async_wire.async_client().stream(
        MESSAGES, Iterable[Weather | GoogleSearch], model=async_wire.model
    ) as stream:
        assert [one async for one in stream] == EXPECTED


async def test_the_async_half_of_a_genai_client_is_a_client_too(rest: VertexRestServer) -> None:
    rest.enqueue(REPLY)

    async with genai_client(rest).aio as sdk_client:
        client = polycall.from_client(sdk_client)

        assert isinstance(client, polycall.AsyncClient)
        assert list(await client.create(MESSAGES, Iterable[Weather | GoogleSearch], MODEL)) == EXPECTED


def test_by_name(rest: VertexRestServer) -> None:
    rest.enqueue(REPLY, STREAM)

    with polycall.from_provider(
        "vertex/gemini-2.5-flash",
        project="p",
        location="us-central1",
        credentials=Credentials("token"),  # type: ignore[no-untyped-call]
        base_url=rest.base_url,
    ) as client:
        assert list(client.create(MESSAGES, Iterable[Weather | GoogleSearch])) == EXPECTED
        assert list(client.stream(MESSAGES, Iterable[Weather | GoogleSearch])) == EXPECTED

    assert {request.path.rpartition(":")[0] for request in rest.requests} == {
        "/v1beta1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash"
    }
    assert rest.requests[0].headers["authorization"] == "Bearer token"


async def test_by_name_async(rest: VertexRestServer) -> None:
    rest.enqueue(REPLY)

    async with polycall.from_provider(
        "vertex/gemini-2.5-flash", async_client=True, api_key="KEY", base_url=rest.base_url
    ) as client:
        assert list(await client.create(MESSAGES, Iterable[Weather | GoogleSearch])) == EXPECTED

    assert rest.requests[0].headers["x-goog-api-key"] == "KEY"


def test_by_name_never_imports_the_older_sdk(rest: VertexRestServer) -> None:
    """Importing ``vertexai.generative_models`` takes seconds; nobody who does not use it shall pay for it."""
    rest.enqueue(REPLY)
    script = f"""
        import sys
        import polycall
        from pydantic import BaseModel
        from google.oauth2.credentials import Credentials

        assert "google.genai" not in sys.modules
        client = polycall.from_provider(
            "vertex/m", project="p", location="l", credentials=Credentials("token"), base_url={rest.base_url!r}
        )
        class Weather(BaseModel):
            location: str
            units: str
        class GoogleSearch(BaseModel):
            query: str
        assert len(client.create([{{"role": "user", "content": "hi"}}], list[Weather | GoogleSearch])) == 3
        print([name for name in sys.modules if name.partition(".")[0] == "vertexai" or "aiplatform" in name])
    """

    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)

    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr


def test_another_model_for_one_call(wire: Wire) -> None:
    wire.enqueue(REPLY, REPLY)
    client = wire.client()

    client.create(MESSAGES, Iterable[Weather | GoogleSearch], model="gemini-other")
    client.create(MESSAGES, Iterable[Weather | GoogleSearch], model="projects/q/locations/l/endpoints/7")

    asked = [
        getattr(request, "path", "").rpartition(":")[0].partition("/projects/")[2] or request.body["model"][9:]
        for request in wire.server.requests
    ]
    assert asked == ["p/locations/us-central1/publishers/google/models/gemini-other", "q/locations/l/endpoints/7"]


def test_the_models_own_defaults_stay_beside_the_options_of_a_call(grpc_server: VertexGrpcServer) -> None:
    init_vertexai(grpc_server)
    grpc_server.enqueue(REPLY)
    model = generative_model(system_instruction="be brief", generation_config={"temperature": 0.5, "top_p": 0.25})

    polycall.from_vertexai(model).create(MESSAGES, Iterable[Weather | GoogleSearch], temperature=0.75)

    body = grpc_server.requests[0].body
    assert body["generationConfig"] == {"temperature": 0.75, "topP": 0.25}
    assert body["systemInstruction"]["parts"] == [{"text": "be brief"}]
