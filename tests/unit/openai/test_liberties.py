"""What servers and gateways do to replies beyond the corpora, through the SDK: the same calls, each once.

Each case names a public report of it, or the report for another protocol, field or place ("as ...") that it follows.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Sequence
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import polycall
from support.openai_corpus import A, B, each, fragment
from support.openai_replies import call_chunk, chunk, sse
from support.openai_responses import response, typed_sse

MESSAGES = [{"role": "user", "content": "?"}]


class Search(BaseModel):
    query: str
    limit: int = 10


class Ping(BaseModel):
    pass


def client(api: str, body: bytes) -> polycall.Client:
    """A client whose server answers from memory."""
    base = next(one for one in openai.DefaultHttpxClient.__mro__ if one.__name__ == "Client")
    library: Any = importlib.import_module(base.__module__.partition(".")[0])
    transport = library.MockTransport(lambda request: library.Response(200, content=body))
    sdk = openai.OpenAI(
        base_url="http://memory.test/v1",
        api_key="k",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(transport=transport, verify=False),
    )
    return polycall.from_openai(sdk, api=api)


def ask(api: str, body: bytes, *, streamed: bool) -> polycall.Calls[Any]:
    tools = list[Search | Ping]
    if not streamed:
        return client(api, body).create(MESSAGES, tools, "m", max_retries=0)
    with client(api, body).stream(MESSAGES, tools, "m", max_retries=0) as stream:
        early = list(stream)
        calls = stream.collect()
    assert early == list(calls)
    return calls


def entry(id_: object, **function: object) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": function}


def completion(*calls: object, reason: str | None = "tool_calls", **fields: object) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": list(calls)},
        "finish_reason": reason,
        **fields,
    }
    return json.dumps({"id": "c", "choices": [choice]}).encode()


END = chunk({}, finish_reason="tool_calls")
FINAL_MESSAGE = {
    "choices": [
        {
            "index": 0,
            "delta": {},
            "message": {"role": "assistant", "content": "", "tool_calls": [entry("x", name="Search", arguments=A)]},
            "finish_reason": "tool_calls",
        }
    ]
}
STREAMS: dict[str, Sequence[Any]] = {
    "null, then the arguments (as ogx-ai/ogx#5462)": each(
        fragment(0, "x", "Search", "null"), fragment(0, None, None, A)
    ),
    "[], then the arguments (nextcloud/integration_openai#243)": each(
        fragment(0, "x", "Search", []), fragment(0, None, None, A)
    ),
    "[] as text, then the arguments (neuron-core/neuron-ai#317)": each(
        fragment(0, "x", "Search", "[]"), fragment(0, None, None, A)
    ),
    "objects that add up (scaleapi/scale-agentex-python#353)": each(
        fragment(0, "x", "Search", {"limit": 10}), fragment(0, None, None, {"query": "a"})
    ),
    "closed snapshots whose text grows (as mudler/cogito#66)": each(
        fragment(0, "x", "Search", '{"query": ""}'), fragment(0, None, None, A), fragment(0, None, None, A)
    ),
    "the whole message at the end (abundantbeing/hermes-browser-extension#11)": [FINAL_MESSAGE],
    "and beside deltas": [*each(fragment(0, "x", "Search", A[:4]), fragment(0, None, None, A[4:])), FINAL_MESSAGE],
    "the same call under two indices (mudler/LocalAI#9722)": each(
        fragment(0, "x", "Search", A), fragment(1, "x", "Search", A)
    ),
    "calls in both fields (as openai-node#1341)": [
        chunk({"tool_calls": [fragment(0, "x", "Search", A)], "function_call": {"name": "Search", "arguments": A}})
    ],
    "one entry in place of a list": [chunk({"tool_calls": fragment(0, "x", "Search", A)})],
    "name and arguments beside the id": [call_chunk({"index": 0, "id": "x", "name": "Search", "arguments": A})],
    "arguments as parameters (as vllm#40959)": [
        call_chunk({"index": 0, "id": "x", "function": {"name": "Search", "parameters": {"query": "a"}}})
    ],
}


@pytest.mark.parametrize("name", STREAMS)
def test_one_call(name: str) -> None:
    calls = ask("chat", b"".join(sse([*STREAMS[name], END])), streamed=True)

    assert list(calls) == [Search(query="a")]


def test_snapshots_that_seem_to_be_closed_once_they_are_joined() -> None:
    """Our random servers, number 132520740359348."""
    whole = '{"query": "}", "limit": -1}'
    ends = [3, 10, 16, 17, 22, 26, len(whole)]
    chunks = each(fragment(0, "x", "Search", ""), *(fragment(0, None, None, whole[:end]) for end in ends))

    assert list(ask("chat", b"".join(sse([*chunks, END])), streamed=True)) == [Search(query="}", limit=-1)]


@pytest.mark.parametrize("write", [str, float], ids=["text", "with a decimal point"])
def test_an_index_that_is_written_in_another_way_is_one(write: Any) -> None:
    """anvia-hq/anvia#262."""
    pieces = [(0, "x", "Search", A[:5]), (1, "y", "Search", B[:5]), (0, None, None, A[5:]), (1, None, None, B[5:])]
    chunks = each(*({**fragment(*piece), "index": write(piece[0])} for piece in pieces))

    assert list(ask("chat", b"".join(sse([*chunks, END])), streamed=True)) == [Search(query="a"), Search(query="b")]


WHOLE = {
    "arguments as parameters (as vllm#40959)": completion(entry("x", name="Search", parameters={"query": "a"})),
    "name and arguments beside the id": completion({"id": "x", "name": "Search", "arguments": A}),
    "white space around the name": completion(entry("x", name=" Search\n", arguments=A)),
    "null as a text": completion(entry("x", name="Search", arguments=A), reason="null"),
    "a stream that was not asked for (openclaw/openclaw#96497)": b"".join(
        sse([*each(fragment(0, "x", "Search", A)), END])
    ),
    "a stream that was not asked for, after a comment": b": PROCESSING\n\n"
    + b"".join(sse([*each(fragment(0, "x", "Search", A)), END])),
}


@pytest.mark.parametrize("name", WHOLE)
def test_one_call_of_a_whole_reply(name: str) -> None:
    assert list(ask("chat", WHOLE[name], streamed=False)) == [Search(query="a")]


@pytest.mark.parametrize("streamed", [False, True])
class TestEndings:
    def reply(self, streamed: bool, **choice: object) -> bytes:
        if not streamed:
            return completion(entry("x", name="Search", arguments=A), **{"reason": "stop", **choice})  # type: ignore[arg-type]
        end = chunk({}, finish_reason="stop")
        end["choices"][0] |= choice
        return b"".join(sse([*each(fragment(0, "x", "Search", A)), end]))

    @pytest.mark.parametrize(
        ("word", "error"), [("MAX_TOKENS", polycall.IncompleteOutputError), ("SAFETY", polycall.RefusalError)]
    )
    def test_the_upstream_servers_word_counts_where_it_promises_less(
        self, streamed: bool, word: str, error: type[Exception]
    ) -> None:
        """reVrost/go-openrouter#43."""
        with pytest.raises(error):
            ask("chat", self.reply(streamed, native_finish_reason=word), streamed=streamed)

    @pytest.mark.parametrize("word", ["completed", "STOP", "word of tomorrow", None])
    def test_others_do_not(self, streamed: bool, word: str | None) -> None:
        calls = ask("chat", self.reply(streamed, native_finish_reason=word), streamed=streamed)

        assert list(calls) == [Search(query="a")]

    @pytest.mark.parametrize("reason", ["stop", "error"])
    def test_an_error_in_a_choice_is_told_in_the_servers_words(self, streamed: bool, reason: str) -> None:
        """hotovo/aider-desk#103."""
        error = {"message": "Error processing stream", "code": 502}
        name = "finish_reason" if streamed else "reason"

        with pytest.raises(polycall.ResponseError, match="Error processing stream"):
            ask("chat", self.reply(streamed, error=error, **{name: reason}), streamed=streamed)


def test_a_finish_reason_cannot_begin_a_line_of_its_own_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    body = completion(entry("x", name="Search", arguments=A), reason="stop\nERROR root: all is lost")

    with caplog.at_level(logging.DEBUG, logger="polycall"), pytest.raises(polycall.IncompleteOutputError):
        ask("chat", body, streamed=False)

    assert "all is lost" in caplog.text
    assert not any("\n" in record.getMessage() for record in caplog.records)


def test_a_refusal_among_the_parts_of_the_content() -> None:
    message = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not."}]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    with pytest.raises(polycall.RefusalError, match="I will not"):
        ask("chat", body, streamed=False)


def test_events_without_choices_are_not_a_reply_without_calls() -> None:
    """As apache/rocketmq-dashboard#2178, with the error object of FastAPI."""
    with pytest.raises(polycall.ResponseError, match="Not Found"):
        ask("chat", b"".join(sse([{"detail": "Not Found"}])), streamed=True)


def item(**changes: object) -> dict[str, Any]:
    made = {"type": "function_call", "id": "f", "call_id": "c", "name": "Search", "arguments": A, "status": "completed"}
    return {key: value for key, value in {**made, **changes}.items() if value is not ...}


ITEMS = {
    "the type of Chat Completions": [item(type="function")],
    "another one": [item(type="tool_call")],
    "the function inside": [item(name=..., arguments=..., function={"name": "Search", "arguments": A})],
    "the same item twice": [item(), item()],
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ITEMS)
def test_one_call_of_a_response(name: str, streamed: bool) -> None:
    body = json.dumps(response(ITEMS[name])).encode()
    if streamed:
        body = b"".join(typed_sse([{"type": "response.completed", "response": response(ITEMS[name])}]))

    assert list(ask("responses", body, streamed=streamed)) == [Search(query="a")]


def added(**changes: object) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": 0, "item": item(status="in_progress", **changes)}


def done(**changes: object) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": 0, "item": item(**changes)}


def completed(*items: object) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(items)}  # type: ignore[arg-type]


RESPONSES_STREAMS = {
    "another call id in the final response (vllm#47916)": [added(arguments=""), done(), completed(item(call_id="d"))],
    "the arguments with the announcement, and nothing else": [added(), completed()],
    "a stream that was not asked for": [added(arguments=""), done(), completed(item())],
}


@pytest.mark.parametrize("name", RESPONSES_STREAMS)
def test_one_call_of_a_streamed_response(name: str) -> None:
    streamed = name != "a stream that was not asked for"

    calls = ask("responses", b"".join(typed_sse(RESPONSES_STREAMS[name])), streamed=streamed)

    assert list(calls) == [Search(query="a")]
