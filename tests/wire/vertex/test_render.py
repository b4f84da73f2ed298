"""``client.render(...)`` shows exactly what is sent then, with each SDK, and sends nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.oauth2.credentials import Credentials
from pydantic import BaseModel, Field

import polycall
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client, generative_model, init_vertexai


class Pick(BaseModel):
    """Picks one."""

    n: int = Field(ge=1)


MESSAGES: list[Any] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": ["hi ü", {"type": "image_url", "image_url": "gs://b/cat.webp"}]},
    {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "Pick", "arguments": '{"n": 2.5}'}}]},
    {"role": "tool", "tool_call_id": "1", "content": "no", "is_error": True},
]
OPTIONS: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 9,
    "stop": "END",
    "labels": {"team": "a_b"},
    "safety_settings": {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
    "system_instruction": "first",
    "extra_headers": {"x-team": "a"},
    "timeout": 7,
    "tool_choice": "Pick",
}
GOOD = candidate(call("Pick", {"n": 1}), finishReason="STOP")
ADDED_BY_HTTP = {"accept", "accept-encoding", "connection", "content-length", "host", "transfer-encoding"}


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def ask(client: polycall.Client, streamed: bool, **options: Any) -> None:
    if streamed:
        client.stream(MESSAGES, list[Pick], **options).collect()
    else:
        client.create(MESSAGES, list[Pick], **options)


def test_what_is_rendered_is_what_the_server_receives(wire: Wire, streamed: bool, seen: Any) -> None:
    client = wire.client()
    options = {**OPTIONS, "model": wire.model}

    rendered = client.render(MESSAGES, list[Pick], stream=streamed, **options)
    assert wire.bodies == []
    wire.enqueue([GOOD] if streamed else GOOD)
    ask(client, streamed, **options)

    [request] = wire.server.requests
    body: Any = request.body
    if seen is not None:  # the SDK's own objects spell some names in another way
        assert in_rest_spelling(rendered.body) == in_rest_spelling(body)
    else:
        assert rendered.body == body
    if wire.kind == "model over gRPC":
        method = "StreamGenerateContent" if streamed else "GenerateContent"
        assert (rendered.method, rendered.url) == (None, f"google.cloud.aiplatform.v1.PredictionService/{method}")
        return
    sent: Any = request
    url = urlsplit(str(rendered.url))
    assert (rendered.method, url.path, parse_qs(url.query)) == ("POST", sent.path, sent.query)
    assert f"{url.scheme}://{url.netloc}" == getattr(wire.server, "base_url", None)
    assert rendered.headers["x-team"] == "***"
    if wire.kind == "genai":
        assert {name.lower() for name in rendered.headers} == set(sent.headers) - ADDED_BY_HTTP


def test_what_is_rendered_is_fresh_each_time(rest: VertexRestServer) -> None:
    client = polycall.from_vertexai(genai_client(rest))
    first: Any = client.render(MESSAGES, list[Pick], MODEL).body

    first["tools"][0]["functionDeclarations"].clear()
    first["contents"].clear()

    second: Any = client.render(MESSAGES, list[Pick], MODEL).body
    assert [one["name"] for one in second["tools"][0]["functionDeclarations"]] == ["Pick"]
    assert second["contents"]


async def test_an_async_client_renders_the_same(rest: VertexRestServer) -> None:
    sdk = genai_client(rest)

    rendered = polycall.from_vertexai(sdk, use_async=True).render(MESSAGES, list[Pick], MODEL, **OPTIONS)

    assert rendered == polycall.from_vertexai(sdk).render(MESSAGES, list[Pick], MODEL, **OPTIONS)
    await sdk.aio.aclose()


def test_keys_and_tokens_are_not_shown(rest: VertexRestServer) -> None:
    client = polycall.from_provider("vertex/m", api_key="secret-key", base_url=rest.base_url)
    shown = [repr(client.render(MESSAGES, list[Pick]))]
    credentials = Credentials("secret-token")  # type: ignore[no-untyped-call]
    with polycall.from_provider(
        "vertex/m", project="p", location="l", credentials=credentials, base_url=rest.base_url
    ) as other:
        shown.append(repr(other.render(MESSAGES, list[Pick])))
    client.close()

    assert not any("secret" in one for one in shown)
    assert [one for one in ("x-goog-api-key", "Authorization") if any(one in text for text in shown)]


def test_the_endpoint_and_the_name_in_telemetry(rest: VertexRestServer, grpc_server: VertexGrpcServer) -> None:
    traits = [polycall.from_vertexai(genai_client(rest))._hooks.traits]
    init_vertexai(rest)
    traits.append(polycall.from_vertexai(generative_model())._hooks.traits)
    init_vertexai(grpc_server)
    traits.append(polycall.from_vertexai(generative_model())._hooks.traits)

    ports = [int(one.rpartition(":")[2]) for one in (rest.base_url, rest.base_url, grpc_server.endpoint)]
    assert [(one.port, one.telemetry_name) for one in traits] == [(port, "gcp.vertex_ai") for port in ports]
    assert [one.host for one in traits] == ["127.0.0.1", "127.0.0.1", "localhost"]
