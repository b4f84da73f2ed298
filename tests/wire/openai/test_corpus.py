"""The quirk corpus through the official SDK over a socket: on the raw path, and on the path of patched clients.

On the second one the SDK reads the stream, with what its own reader cannot take.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from support.openai_corpus import STREAMS
from support.openai_responses_corpus import RESPONSES_STREAMS
from support.openai_server import ChatServer
from support.wire_server import reply_stream, resize

MESSAGES = [{"role": "user", "content": "?"}]

FALLBACK_ERRORS: dict[str, type[polycall.PolycallError]] = {
    # It takes [DONE] as its own, and drops an event that no blank line closes.
    "no finish reason": polycall.IncompleteOutputError,
    "no blank line at the end": polycall.IncompleteOutputError,
    "responses: [DONE] in place of response.completed": polycall.IncompleteOutputError,
    "responses: no blank line at the end": polycall.IncompleteOutputError,
    # It takes what follows a comment, and a comment as data, for JSON (openai-python#2722).
    "comments": polycall.ResponseError,
    "comments as data": polycall.ResponseError,
    "responses: keep-alives": polycall.ResponseError,
}
"""What the SDK's own reader of events makes of some streams: a clear error, never a lost call without a word."""


def test_the_document_says_which_streams_the_sdks_own_reader_does_not_take() -> None:
    document = (Path(__file__).parents[3] / "docs" / "openai-servers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (.*) \| `\S+::Test(Chat|Responses)Corpus\[(.*)\]` \|$", document, re.MULTILINE)
    refused = {(api, name) for outcome, api, name in rows if outcome.endswith("patched: clear error")}

    assert refused == {
        ("Responses" if key.startswith("responses: ") else "Chat", key.removeprefix("responses: "))
        for key in FALLBACK_ERRORS
    }


class Search(BaseModel):
    query: str


class Ping(BaseModel):
    pass


def patch(sdk: Any, api: str) -> None:
    """Wrap ``create`` as an instrumentation library does."""
    resource = sdk.responses if api == "responses" else sdk.chat.completions
    create = resource.create
    resource.create = lambda **arguments: create(**arguments)


def ask(server: ChatServer, api: str, body: bytes, *, patched: bool) -> polycall.Calls[Any]:
    server.unknown_fields = True
    server.enqueue(reply_stream(resize([body], 1000)))
    with server.client() as sdk:
        if patched:
            patch(sdk, api)
        client = polycall.from_openai(sdk, api=api)
        stream: polycall.CallStream[Any] = client.stream(MESSAGES, list[Search | Ping], "m", max_retries=0)
        with stream:
            return stream.collect()


def said(calls: polycall.Calls[Any]) -> list[tuple[str, Any]]:
    return [(call.name, call.arguments) for call in calls.tool_calls]


@pytest.mark.parametrize("name", STREAMS)
class TestChatCorpus:
    def test_raw(self, server: ChatServer, name: str) -> None:
        assert said(ask(server, "chat", STREAMS[name].body, patched=False)) == list(STREAMS[name].calls)

    def test_patched(self, server: ChatServer, name: str) -> None:
        if name in FALLBACK_ERRORS:
            with pytest.raises(FALLBACK_ERRORS[name]):
                ask(server, "chat", STREAMS[name].body, patched=True)
        else:
            assert said(ask(server, "chat", STREAMS[name].body, patched=True)) == list(STREAMS[name].calls)


@pytest.mark.parametrize("name", RESPONSES_STREAMS)
class TestResponsesCorpus:
    def test_raw(self, server: ChatServer, name: str) -> None:
        stream = RESPONSES_STREAMS[name]
        assert said(ask(server, "responses", stream.body, patched=False)) == list(stream.calls)

    def test_patched(self, server: ChatServer, name: str) -> None:
        stream = RESPONSES_STREAMS[name]
        key = f"responses: {name}"
        if key in FALLBACK_ERRORS:
            with pytest.raises(FALLBACK_ERRORS[key]):
                ask(server, "responses", stream.body, patched=True)
        else:
            assert said(ask(server, "responses", stream.body, patched=True)) == list(stream.calls)
