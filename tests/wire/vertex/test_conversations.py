"""A conversation is JSON data: stored, sent to another SDK or provider, and continued."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client


class Pick(BaseModel):
    n: int


class Ping(BaseModel):
    """Takes nothing."""


MESSAGES = [{"role": "user", "content": "hi"}]
REPLY = candidate(
    {"text": "hm", "thought": True},
    call("Pick", {"n": 1}, thoughtSignature="AAEC/+8="),
    call("Ping"),
    finishReason="STOP",
)
STREAM = [candidate(part) for part in REPLY["candidates"][0]["content"]["parts"]] + [candidate(finishReason="STOP")]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}


@pytest.mark.parametrize("streamed", [False, True])
def test_it_can_be_stored_and_goes_on_with_the_turn_as_received(wire: Wire, streamed: bool) -> None:
    client = wire.client()
    wire.enqueue(STREAM if streamed else REPLY, REPLY)
    options: dict[str, Any] = {"model": wire.model}
    if streamed:
        calls = client.stream(MESSAGES, list[Pick | Ping], **options).collect()
    else:
        calls = client.create(MESSAGES, list[Pick | Ping], **options)

    stored = json.dumps(calls.continue_with([[{"type": "text", "text": "seen"}, IMAGE], ValueError("no")]))
    client.create(json.loads(stored), list[Pick | Ping], **options)

    question, turn, answers = in_rest_spelling(wire.bodies[1])["contents"]
    assert question["parts"] == [{"text": "hi"}]
    assert turn["parts"] == REPLY["candidates"][0]["content"]["parts"]
    assert [part["functionResponse"] for part in answers["parts"]] == [
        {
            "name": "Pick",
            "response": {"output": "seen"},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAEC"}}],
        },
        {"name": "Ping", "response": {"error": "ValueError: no"}},
    ]


def test_it_goes_on_with_the_other_sdk(wire: Wire, rest: VertexRestServer) -> None:
    wire.enqueue(REPLY)
    calls = wire.client().create(MESSAGES, list[Pick | Ping], model=wire.model)
    rest.enqueue(REPLY)

    polycall.from_vertexai(genai_client(rest)).create(calls.continue_with(["a", "b"]), list[Pick | Ping], MODEL)

    turn = in_rest_spelling(rest.requests[-1].body)["contents"][1]
    assert turn == {"role": "model", "parts": REPLY["candidates"][0]["content"]["parts"]}


def test_one_of_another_provider_is_told_in_the_services_words(wire: Wire) -> None:
    wire.enqueue(REPLY)
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "Pick", "arguments": "{broken"}}],
        "provider_data": {"openai": {"output": [1]}},
    }
    result = {"role": "tool", "tool_call_id": "c1", "content": "not JSON", "is_error": True}

    wire.client().create([*MESSAGES, turn, result], list[Pick | Ping], model=wire.model)

    _, sent, answer = in_rest_spelling(wire.bodies[0])["contents"]
    assert sent["parts"] == [{"functionCall": {"name": "Pick", "args": {"_invalid_arguments": "{broken"}}}]
    assert answer["parts"] == [{"functionResponse": {"name": "Pick", "response": {"error": "not JSON"}}}]


def test_what_the_reply_says_of_itself(wire: Wire) -> None:
    about = {"responseId": "r-1", "modelVersion": "gemini-x", "usageMetadata": {"promptTokenCount": 3}}
    wire.enqueue(REPLY | about)

    calls = wire.client().create(MESSAGES, list[Pick | Ping], model=wire.model)

    assert (calls.response_id, calls.model, calls.reasoning) == ("r-1", "gemini-x", "hm")
    assert calls.usage == polycall.Usage(input_tokens=3)


def test_thoughts_are_reported_while_they_come(wire: Wire) -> None:
    wire.enqueue(STREAM)

    with wire.client().stream(MESSAGES, list[Pick | Ping], model=wire.model, deltas=True) as stream:
        names = [type(event).__name__ for event in stream.events()]

    assert names[0] == "ReasoningDelta"


@pytest.mark.parametrize("reason", ["LANGUAGE", "TOO_MANY_TOOL_CALLS"])
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning")  # google-genai says so
def test_a_reply_that_the_service_stopped_tells_its_true_reason(rest: VertexRestServer, reason: str) -> None:
    """Not the advice to pass ``tool_choice="auto"``, and no request for a correction."""
    rest.enqueue({"candidates": [{"finishReason": reason, "finishMessage": "because"}]})

    with pytest.raises(polycall.NoToolCallsError, match=rf"{reason}\): because") as caught:
        polycall.from_vertexai(genai_client(rest)).create(MESSAGES, list[Pick], MODEL)

    assert caught.value.stopped == f"the reply was stopped ({reason}): because"
    assert "auto" not in str(caught.value)
    assert len(rest.requests) == 1


@pytest.mark.parametrize("holds", ["a call", "no call, where none is required"])
def test_so_it_does_where_calls_may_be_missing(rest: VertexRestServer, holds: str) -> None:
    parts = [call("Pick", {"n": 1})] if holds == "a call" else []
    rest.enqueue(candidate(*parts, finishReason="LANGUAGE", finishMessage="because"))
    choice = "required" if parts else "auto"

    with pytest.raises(polycall.IncompleteOutputError, match=r"LANGUAGE\): because") as caught:
        polycall.from_vertexai(genai_client(rest)).create(MESSAGES, list[Pick], MODEL, tool_choice=choice)

    assert list(caught.value.calls) == [Pick(n=1)][: len(parts)]


@pytest.mark.parametrize("streamed", [False, True])
def test_the_size_limit_holds_for_wrapped_clients_too(wire: Wire, streamed: bool, seen: Any) -> None:
    """Also for chunks that say nothing."""
    large = candidate({"text": "x" * 3000})
    wire.enqueue([candidate(call("Pick", {"n": 1})), *[large] * 3] if streamed else candidate({"text": "x" * 9000}))
    client = polycall.from_vertexai(wire.sdk_client(), max_reply_bytes=5000)

    with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=5000") as caught:
        if streamed:
            client.stream(MESSAGES, list[Pick], wire.model).collect()
        else:
            client.create(MESSAGES, list[Pick], wire.model)

    assert list(caught.value.calls) == ([Pick(n=1)] if streamed else [])


@pytest.mark.parametrize("seen", ["as made"], indirect=True)
def test_a_mark_of_the_end_ends_the_stream_though_the_connection_stays_open(rest: VertexRestServer) -> None:
    body: Any = [b"data: " + json.dumps(REPLY).encode() + b"\n\ndata: [DONE]\n\n", threading.Event()]
    rest.enqueue(body)

    assert len(polycall.from_vertexai(genai_client(rest)).stream(MESSAGES, list[Pick | Ping], MODEL).collect()) == 2
