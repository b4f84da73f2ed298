"""How the conversation goes on, as the service sees it."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1beta1 import types
from google.protobuf import json_format
from pydantic import BaseModel

import polycall
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client


class Pick(BaseModel):
    n: int


class Ping(BaseModel):
    """Takes nothing."""


MESSAGES = [{"role": "user", "content": "hi"}]
SIGNATURE = "AAEC/+8="
CORRECTED = candidate(call("Pick", {"n": 2}), finishReason="STOP")


def three_calls(**function: Any) -> dict[str, Any]:
    """A thought, a good call with a signature, one without arguments, and a bad one."""
    return candidate(
        {"text": "hm", "thought": True},
        call("Pick", {"n": 1}, thoughtSignature=SIGNATURE, function=function),
        call("Ping"),
        call("Pick", {"n": "two"}),
        finishReason="STOP",
    )


def check_correction(contents: list[dict[str, Any]], keeps_ids: bool = True) -> None:
    """The question, the model's turn as it came, and one content with the three responses in order."""
    question, turn, answers = contents
    ids = {"id": "vertex-1"} if keeps_ids else {}
    assert question == {"role": "user", "parts": [{"text": "hi"}]}
    assert turn == {
        "role": "model",
        "parts": [
            {"text": "hm", "thought": True},
            {"functionCall": {"name": "Pick", "args": {"n": 1}, **ids}, "thoughtSignature": SIGNATURE},
            {"functionCall": {"name": "Ping"}},
            {"functionCall": {"name": "Pick", "args": {"n": "two"}}},
        ],
    }
    assert answers["role"] == "user"
    good, ping, bad = (part["functionResponse"] for part in answers["parts"])
    assert good == {"name": "Pick", "response": {"output": "accepted"}, **ids}
    assert ping == {"name": "Ping", "response": {"output": "accepted"}}
    assert (bad["name"], list(bad["response"])) == ("Pick", ["error"])
    assert "valid integer" in bad["response"]["error"]


def sent_contents(wire: Wire) -> list[dict[str, Any]]:
    """The contents of the last request; ids as v1beta1 shows them, which v1 hides."""
    request: Any = wire.server.requests[-1]
    if wire.kind != "model over gRPC":
        contents: list[dict[str, Any]] = in_rest_spelling(request.body["contents"])
        return contents
    message = types.GenerateContentRequest.pb().FromString(request.message.SerializeToString())
    dumped: list[dict[str, Any]] = json_format.MessageToDict(message)["contents"]
    return dumped


def test_the_turn_comes_back_as_it_came_and_every_call_gets_its_response(wire: Wire) -> None:
    """pydantic-ai#580, gemini-cli#16135; the signature on its part: Gemini API, "Thought signatures"."""
    # v1, which a model speaks, has no ids: over gRPC they travel as unknown fields, over REST the SDK drops them.
    wire.enqueue(three_calls(**({"id": "vertex-1"} if wire.kind == "genai" else {})), CORRECTED)

    calls = wire.client().create(MESSAGES, list[Pick | Ping], model=wire.model)

    assert list(calls) == [Pick(n=1), Ping(), Pick(n=2)]
    check_correction(sent_contents(wire), keeps_ids=wire.kind == "genai")


def test_streamed_the_turn_comes_back_the_same(wire: Wire) -> None:
    """The parts of all chunks in one content: a batch that is split breaks its signature (Gemini API)."""
    whole = three_calls(**({"id": "vertex-1"} if wire.kind == "genai" else {}))
    parts = whole["candidates"][0]["content"]["parts"]
    wire.enqueue(
        [candidate(parts[0], parts[1]), candidate(parts[2]), candidate(parts[3], finishReason="STOP")], [CORRECTED]
    )

    calls = wire.client().stream(MESSAGES, list[Pick | Ping], model=wire.model).collect()

    assert list(calls) == [Pick(n=1), Ping(), Pick(n=2)]
    check_correction(sent_contents(wire), keeps_ids=wire.kind == "genai")


async def test_async_the_turn_comes_back_the_same(async_wire: Wire) -> None:
    async_wire.enqueue(three_calls(), CORRECTED)

    calls = await async_wire.async_client().create(MESSAGES, list[Pick | Ping], model=async_wire.model)

    assert list(calls) == [Pick(n=1), Ping(), Pick(n=2)]
    check_correction(sent_contents(async_wire), keeps_ids=False)


def test_ids_of_calls_come_back_over_grpc(grpc_server: VertexGrpcServer) -> None:
    """v1, which a model speaks, has no field for ids, so the message is made by hand as the newer version."""
    reply = types.GenerateContentResponse.pb()()
    json_format.ParseDict(three_calls(id="vertex-1"), reply)
    grpc_server.enqueue(reply.SerializeToString(), CORRECTED)
    wire = Wire("model over gRPC", grpc_server)

    calls = wire.client().create(MESSAGES, list[Pick | Ping])

    assert calls.tool_calls[0].id == "vertex-1"
    check_correction(sent_contents(wire))


@pytest.mark.parametrize("seen", ["as made"], indirect=True)
def test_what_the_sdk_does_not_know_of_a_part_comes_back_too(rest: VertexRestServer) -> None:
    """The SDK's own response, which a wrapper needs, drops it."""
    part = {"functionCall": {"name": "Pick", "args": {"n": "x", "big": 12345678901234567890123}, "new": 1}, "newer": {}}
    rest.enqueue(candidate(part, finishReason="STOP"), CORRECTED)

    polycall.from_vertexai(genai_client(rest)).create(MESSAGES, list[Pick], MODEL)

    assert rest.requests[1].body["contents"][1] == {"role": "model", "parts": [part]}


def test_a_reply_without_calls_is_answered_with_words(wire: Wire) -> None:
    wire.enqueue(candidate({"text": "Hello!"}, finishReason="STOP"), CORRECTED)

    assert list(wire.client().create(MESSAGES, list[Pick], model=wire.model)) == [Pick(n=2)]

    _, turn, words = wire.bodies[1]["contents"]
    assert turn == {"role": "model", "parts": [{"text": "Hello!"}]}
    assert words == {
        "role": "user",
        "parts": [{"text": "You did not call a tool. Reply only with calls to these tools: Pick."}],
    }


def test_a_malformed_call_is_corrected_like_one_that_does_not_validate(wire: Wire) -> None:
    """python-genai#430, langchain-google#725."""
    code = "print(default_api.Pick(n=two))"
    malformed = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": code}]}
    wire.enqueue(malformed, CORRECTED)

    assert list(wire.client().create(MESSAGES, list[Pick], model=wire.model)) == [Pick(n=2)]

    # There was no content to echo, and no call that a function response could name.
    question, words = wire.bodies[1]["contents"]
    assert question["role"] == words["role"] == "user"
    assert code in words["parts"][0]["text"]


def test_a_malformed_call_beside_a_good_one(wire: Wire) -> None:
    wire.enqueue(
        candidate(call("Pick", {"n": 1}), finishReason="MALFORMED_FUNCTION_CALL", finishMessage="default_api.f("),
        CORRECTED,
    )

    assert list(wire.client().create(MESSAGES, list[Pick], model=wire.model)) == [Pick(n=1), Pick(n=2)]

    _, turn, responses, words = wire.bodies[1]["contents"]
    assert [len(one["parts"]) for one in (turn, responses, words)] == [1, 1, 1]
    assert "default_api.f(" in words["parts"][0]["text"]


def test_without_corrections_a_malformed_call_is_a_failure(wire: Wire) -> None:
    wire.enqueue({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "default_api.f("}]})

    with pytest.raises(polycall.InvalidCallsError) as caught:
        wire.client().create(MESSAGES, list[Pick], max_retries=0, model=wire.model)

    [failure] = caught.value.failures
    assert (failure.tool_call.name, failure.tool_call.arguments) == ("", "default_api.f(")
    assert failure.reason == "the service could not read a function call (MALFORMED_FUNCTION_CALL): default_api.f("


def test_results_go_back_for_the_next_question(wire: Wire) -> None:
    wire.enqueue(candidate(call("Pick", {"n": 1}), call("Ping"), finishReason="STOP"), CORRECTED)
    client = wire.client()

    calls = client.create(MESSAGES, list[Pick | Ping], model=wire.model)
    client.create(calls.continue_with([{"sum": 3}, ValueError("no")]), list[Pick | Ping], model=wire.model)

    assert sent_contents(wire)[2]["parts"] == [
        {"functionResponse": {"name": "Pick", "response": {"output": '{"sum":3}'}}},
        {"functionResponse": {"name": "Ping", "response": {"error": "ValueError: no"}}},
    ]
