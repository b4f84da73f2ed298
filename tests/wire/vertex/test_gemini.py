"""The provider ``gemini``: the Gemini Developer API over sockets, through ``google.genai``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google import genai
from pydantic import BaseModel
from wire.vertex.conftest import Seen

import polycall
from polycall.plugin import ToolSpec
from polycall_vertex._protocol.schema import render_parameters
from polycall_vertex._protocol.service import GEMINI
from support.vertex_rest_server import Reply, VertexRestServer

MESSAGES = [{"role": "user", "content": "The weather in rome and oslo?"}]
SIGNATURE = "c2lnbmF0dXJl"


class Weather(BaseModel):
    location: str


VALUES = [Weather(location="Rome"), Weather(location="Oslo")]


def part(location: object, **more: object) -> dict[str, Any]:
    return {"functionCall": {"name": "Weather", "args": {"location": location}, **more}}


def reply(*parts: dict[str, Any], reason: str | None = "STOP") -> dict[str, Any]:
    return {
        "candidates": [
            {"content": {"role": "model", "parts": list(parts)}, "index": 0}
            | ({"finishReason": reason} if reason else {})
        ],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r-1",
    }


ROME_AND_OSLO = reply(part("Rome", id="fc-1"), part("Oslo", id="fc-2"))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")  # says nothing to a provider that is named


def client_of(server: VertexRestServer) -> polycall.Client:
    return polycall.from_provider("gemini/gemini-2.5-flash", base_url=server.base_url, api_key="AIza")


def async_client_of(server: VertexRestServer) -> polycall.AsyncClient:
    return polycall.from_provider(
        "gemini/gemini-2.5-flash", async_client=True, base_url=server.base_url, api_key="AIza"
    )


def check_request(server: VertexRestServer, *, streamed: bool = False) -> None:
    request = server.requests[-1]
    method = "streamGenerateContent" if streamed else "generateContent"
    assert request.path == f"/v1beta/models/gemini-2.5-flash:{method}"
    assert request.headers["x-goog-api-key"] == "AIza"
    assert "authorization" not in request.headers
    assert request.body["tools"][0]["functionDeclarations"][0]["parameters"]["required"] == ["location"]
    assert request.body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"


class TestByName:
    """Every test of this class runs with the SDK as it is, and with its methods wrapped."""

    def test_sync(self, rest: VertexRestServer, seen: Seen) -> None:
        rest.enqueue(ROME_AND_OSLO)

        with client_of(rest) as client:
            calls = client.create(MESSAGES, list[Weather])

        assert calls == VALUES
        assert [call.id for call in calls.tool_calls] == ["fc-1", "fc-2"]
        assert (calls.model, calls.response_id) == ("gemini-2.5-flash", "r-1")
        assert calls.usage is not None
        assert calls.usage.total_tokens == 16
        assert type(calls.raw_response).__name__ == "GenerateContentResponse"
        assert repr(client) == "<polycall.Client provider='gemini' model='gemini-2.5-flash'>"
        check_request(rest)
        assert seen is None or len(seen) == 1

    async def test_async(self, rest: VertexRestServer) -> None:
        rest.enqueue(ROME_AND_OSLO)

        async with async_client_of(rest) as client:
            assert await client.create(MESSAGES, list[Weather]) == VALUES

        check_request(rest)

    def test_streamed(self, rest: VertexRestServer) -> None:
        rest.enqueue([reply(part("Rome"), reason=None), reply(part("Oslo"))])

        with client_of(rest) as client, client.stream(MESSAGES, list[Weather]) as stream:
            assert list(stream) == VALUES

        check_request(rest, streamed=True)

    async def test_streamed_async(self, rest: VertexRestServer) -> None:
        rest.enqueue([reply(part("Rome"), reason=None), reply(part("Oslo"))])

        async with async_client_of(rest) as client, client.stream(MESSAGES, list[Weather]) as stream:
            assert [call async for call in stream] == VALUES

        check_request(rest, streamed=True)

    def test_a_correction_echoes_the_turn_with_its_ids_and_signatures(self, rest: VertexRestServer) -> None:
        signed = {**part("Rome", id="fc-1"), "thoughtSignature": SIGNATURE}
        rest.enqueue(reply(signed, part(5, id="fc-2")))
        rest.enqueue(reply(part("Oslo")))

        with client_of(rest) as client:
            assert client.create(MESSAGES, list[Weather]) == VALUES

        _, turn, answers = rest.requests[1].body["contents"]
        assert turn["parts"] == [signed, part(5, id="fc-2")]
        assert [one["functionResponse"]["id"] for one in answers["parts"]] == ["fc-1", "fc-2"]

    def test_the_sdks_exceptions_pass(self, rest: VertexRestServer) -> None:
        rest.enqueue(Reply({"error": {"code": 429, "message": "slow down", "status": "EXHAUSTED"}}, status=429))

        with client_of(rest) as client, pytest.raises(genai.errors.ClientError) as raised:
            client.create(MESSAGES, list[Weather])

        assert raised.value.code == 429
        assert polycall.kind_of(raised.value) == "rate_limit"


class TestTheKey:
    @pytest.mark.parametrize(
        ("variables", "sent"),
        [
            ({"GEMINI_API_KEY": "AIzaGemini\n"}, "AIzaGemini"),
            ({"GOOGLE_API_KEY": "AIzaGoogle"}, "AIzaGoogle"),
            ({"GOOGLE_API_KEY": "AIzaGoogle", "GEMINI_API_KEY": "AIzaGemini"}, "AIzaGoogle"),
        ],
    )
    def test_comes_from_the_environment_as_for_the_sdk(
        self, rest: VertexRestServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sent: str
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        rest.enqueue(ROME_AND_OSLO)

        with polycall.from_provider("gemini/gemini-2.5-flash", base_url=rest.base_url) as client:
            client.create(MESSAGES, list[Weather])

        assert rest.requests[0].headers["x-goog-api-key"] == sent

    def test_in_a_profile(self, rest: VertexRestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "AIzaMine")
        rest.enqueue(ROME_AND_OSLO)
        file = tmp_path / "polycall.toml"
        file.write_text(
            '[profiles.fast]\nprovider = "gemini"\nmodel = "gemini-2.5-flash"\n'
            f'api_key_env = "MY_KEY"\nbase_url = "{rest.base_url}"\n'
        )

        with polycall.from_config(file) as client:
            assert client.create(MESSAGES, list[Weather]) == VALUES

        assert rest.requests[0].headers["x-goog-api-key"] == "AIzaMine"

    def test_that_is_missing_is_named(self) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("gemini/gemini-2.5-flash")

        assert str(raised.value) == (
            "gemini needs an API key: set the environment variable GEMINI_API_KEY or GOOGLE_API_KEY, or pass "
            'api_key=... (in a config file: api_key_env = "THE_VARIABLE"). For Gemini on Vertex AI, without a key, the '
            "provider is 'vertex'."
        )
        assert raised.value.key == "api_key"

    def test_that_cannot_be_sent_is_named_and_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GEMINI_API_KEY", "AIza\nsecret")

        with pytest.raises(polycall.ConfigurationError, match="GEMINI_API_KEY") as raised:
            polycall.from_provider("gemini/gemini-2.5-flash")

        assert "secret" not in str(raised.value)


class TestWhatDiffersFromVertex:
    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"routing_config": {"auto_mode": {}}}, "routing_config"),
            ({"audio_timestamp": True}, "audio_timestamp"),
            ({"config": {"model_selection_config": {}}}, "model_selection_config"),
            (
                {
                    "safety_settings": [
                        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE", "method": "SEVERITY"}
                    ]
                },
                "method",
            ),
            ({"tools": [{"retrieval": {"vertex_ai_search": {"datastore": "d"}}}]}, "retrieval"),
            ({"tools": [{"enterprise_web_search": {}}]}, "enterprise_web_search"),
            ({"tools": [{"google_search": {"exclude_domains": ["x.org"]}}]}, "exclude_domains"),
            (
                {"tool_config": {"function_calling_config": {"stream_function_call_arguments": True}}},
                "stream_function_call_arguments",
            ),
        ],
    )
    def test_an_option_of_vertex_alone_is_refused_before_anything_is_sent(
        self, rest: VertexRestServer, options: dict[str, Any], name: str
    ) -> None:
        with client_of(rest) as client, pytest.raises(polycall.ConfigurationError) as raised:
            client.create(MESSAGES, list[Weather], **options)

        assert str(raised.value).startswith(f"google.genai rejects an option for the Gemini API: {name} parameter is ")
        assert raised.value.key == name
        assert rest.requests == []

    def test_what_both_have_is_sent(self, rest: VertexRestServer) -> None:
        rest.enqueue(ROME_AND_OSLO)

        with client_of(rest) as client:
            client.create(MESSAGES, list[Weather], temperature=0.2, max_tokens=99, tools=[{"google_search": {}}])

        body = rest.requests[0].body
        assert body["generationConfig"] == {"temperature": 0.2, "maxOutputTokens": 99}
        assert {"googleSearch": {}} in body["tools"]

    def test_an_unknown_option_names_the_nearest(self, rest: VertexRestServer) -> None:
        with client_of(rest) as client, pytest.raises(polycall.ConfigurationError, match="Did you mean 'top_k'"):
            client.create(MESSAGES, list[Weather], topk=3)

    def test_a_file_needs_no_media_type(self, rest: VertexRestServer) -> None:
        rest.enqueue(ROME_AND_OSLO)
        video = {"type": "file", "file": {"file_data": "https://www.youtube.com/watch?v=x"}}
        parts = [{"type": "text", "text": "Where is this?"}, video]

        with client_of(rest) as client:
            client.create([{"role": "user", "content": parts}], list[Weather])

        (_, sent) = rest.requests[0].body["contents"][0]["parts"]
        assert list(sent["fileData"].values()) == ["https://www.youtube.com/watch?v=x"]

    def test_errors_name_the_service(self, rest: VertexRestServer) -> None:
        image = {"type": "file", "file": {"file_id": "abc"}}

        with client_of(rest) as client, pytest.raises(polycall.MessageError) as raised:
            client.create([{"role": "user", "content": [image]}], list[Weather])

        assert str(raised.value) == (
            "messages[0].content[0]: the Gemini API has no files with ids; use data:, https://, or the URI of an "
            "uploaded file."
        )

    def test_a_schema_error_names_the_service(self) -> None:
        tool = ToolSpec("Any", None, {"type": "object", "properties": {"value": {}}, "required": ["value"]})

        with pytest.raises(polycall.SchemaError, match="which the Gemini API's Schema has no form for"):
            render_parameters(tool, json_schema=False, service=GEMINI)

    def test_no_model_is_said_with_its_name(self, rest: VertexRestServer) -> None:
        with (
            polycall.from_provider("gemini", base_url=rest.base_url, api_key="AIza") as client,
            pytest.raises(polycall.ConfigurationError, match=r'from_provider\("gemini/gemini-2.5-flash"\)'),
        ):
            client.create(MESSAGES, list[Weather])

    def test_the_conversation_moves_to_vertex_and_back_as_data(self, rest: VertexRestServer) -> None:
        rest.enqueue(reply({**part("Rome", id="fc-1"), "thoughtSignature": SIGNATURE}))
        vertex = polycall.from_provider("vertex/gemini-2.5-flash", api_key="AIza", base_url=rest.base_url)
        with client_of(rest) as client, vertex:
            messages = json.loads(json.dumps(client.create(MESSAGES, list[Weather]).continue_with(["31 degrees"])))
            here = client.render(messages, list[Weather], tool_choice="auto").body
            there = vertex.render(messages, list[Weather], tool_choice="auto").body

        assert here["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE  # type: ignore[index]
        assert there["contents"][1]["parts"] == [part("Rome")]  # type: ignore[index]  # the signature is the other's

    def test_in_telemetry(self, rest: VertexRestServer) -> None:
        assert client_of(rest)._hooks.traits.telemetry_name == "gcp.gemini"


class TestByClient:
    def test_from_client_takes_the_sdks_client(self, rest: VertexRestServer) -> None:
        rest.enqueue(ROME_AND_OSLO)
        with genai.Client(vertexai=False, api_key="AIza", http_options={"base_url": rest.base_url}) as sdk:
            client = polycall.from_client(sdk, polycall.Mode.PARALLEL_TOOLS)

            assert client.provider == "gemini"
            assert client.create(MESSAGES, list[Weather], model="gemini-2.5-flash") == VALUES

    async def test_and_its_async_half(self, rest: VertexRestServer) -> None:
        rest.enqueue(ROME_AND_OSLO)
        sdk = genai.Client(vertexai=False, api_key="AIza", http_options={"base_url": rest.base_url})
        client = polycall.from_client(sdk.aio, async_client=True)

        assert client.provider == "gemini"
        assert await client.create(MESSAGES, list[Weather], model="gemini-2.5-flash") == VALUES
        await sdk.aio.aclose()

    def test_a_client_of_vertex_stays_with_vertex(self) -> None:
        sdk = genai.Client(vertexai=True, api_key="AIza")

        assert (polycall.from_client(sdk).provider, polycall.from_client(sdk.aio).provider) == ("vertex", "vertex")

    def test_from_vertexai_names_the_way(self) -> None:
        with pytest.raises(polycall.UnknownClientError) as raised:
            polycall.from_vertexai(genai.Client(vertexai=False, api_key="AIza"))

        assert str(raised.value) == (
            "Provider 'vertex' does not recognise an object of type google.genai.client.Client, but 'gemini' does: use "
            "polycall.from_client(client)."
        )


def test_vertex_refuses_an_option_of_the_developer_api_alone(rest: VertexRestServer) -> None:
    vertex = polycall.from_provider("vertex/gemini-2.5-flash", api_key="AIza", base_url=rest.base_url)
    with vertex, pytest.raises(polycall.ConfigurationError, match="for Vertex AI: enable_enhanced_civic_answers"):
        vertex.create(MESSAGES, list[Weather], enable_enhanced_civic_answers=True)
