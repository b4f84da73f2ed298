"""Bodies as servers really send them, beside the streams of the corpus; and errors that say what was reached."""

from __future__ import annotations

from typing import Any

import openai
import pytest

import polycall
from support.openai_replies import USAGE, Call, chunk, chunks, completion, error_body, sse, tool_call
from support.openai_responses import message, output_items
from support.openai_server import CHAT_WAYS, ChatServer, GoogleSearch, Way
from support.wire_server import reply_bytes, reply_json, reply_stream

CALLS: list[Call] = [("GoogleSearch", {"query": "a"}), ("GoogleSearch", {"query": "b"})]
VALUES = [GoogleSearch(query="a"), GoogleSearch(query="b")]
chat = pytest.mark.parametrize("way", CHAT_WAYS, indirect=True)
chat_whole = pytest.mark.parametrize("way", ["create", "create async"], indirect=True)


@chat_whole
@pytest.mark.parametrize("tool_calls", [None, [], "missing"])
@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
async def test_no_calls_in_any_form_are_no_calls_whatever_the_finish_reason(
    server: ChatServer, way: Way, tool_calls: object, reason: str
) -> None:
    """openai-node#1341, vllm#53255; sent back, an empty list would be refused."""
    reply = completion(text="No.", finish_reason=reason)
    if tool_calls != "missing":
        reply["choices"][0]["message"]["tool_calls"] = tool_calls
    server.enqueue(reply_json(reply), way.reply(CALLS))

    assert list(await way.ask()) == VALUES
    assert "tool_calls" not in server.bodies[1]["messages"][1]


@chat_whole
async def test_a_completion_may_be_nested_under_its_provider(server: ChatServer, way: Way) -> None:
    """pydantic-ai#6900."""
    server.enqueue(reply_json({"id": "x", "choices": None, "provider": completion(CALLS)}))

    assert list(await way.ask()) == VALUES


async def test_two_wrappers_and_a_plain_call(server: ChatServer, way: Way) -> None:
    """litellm's unwrapping loses calls where two wrappers occur."""

    def wrapper(*queries: str) -> Call:
        uses = [{"recipient_name": "functions.GoogleSearch", "parameters": {"query": query}} for query in queries]
        return "multi_tool_use.parallel", {"tool_uses": uses}

    server.enqueue(way.reply([wrapper("a", "b"), CALLS[0], wrapper("c")]))

    assert [call.query for call in await way.ask()] == ["a", "b", "a", "c"]


@pytest.mark.parametrize(
    "arguments", ['{"query": "a",}', '{"query": NaN}', "{'query': 'a'}", '{"query": "a"}</tool_call>']
)
async def test_arguments_that_are_no_json_are_a_failure_of_their_call_alone(
    server: ChatServer, way: Way, arguments: str
) -> None:
    server.enqueue(way.reply([("GoogleSearch", arguments), CALLS[1]]))

    with pytest.raises(polycall.InvalidCallsError) as caught:
        await way.ask(max_retries=0)

    assert list(caught.value.calls) == VALUES[1:]
    assert [failure.tool_call.arguments for failure in caught.value.failures] == [arguments]


async def test_calls_in_the_text_are_not_guessed_at(server: ChatServer, way: Way) -> None:
    """llama.cpp#22786: the server's parser missed them."""
    text = '<tool_call>{"name": "GoogleSearch", "arguments": {"query": "a"}}</tool_call>'
    server.enqueue(way.reply(text=text))

    with pytest.raises(polycall.NoToolCallsError) as caught:
        await way.ask(max_retries=0)

    assert caught.value.text == text


@pytest.mark.parametrize(
    "body",
    [
        error_body("Failed to call a function", code="tool_use_failed") | {"failed_generation": "<function=f>"},
        error_body("The prompt was filtered", code="content_filter"),
    ],
    ids=["groq-typescript#28", "Azure's filter"],
)
async def test_errors_with_an_error_status_are_the_sdks(server: ChatServer, way: Way, body: dict[str, Any]) -> None:
    server.enqueue(reply_json(body, status=400))

    with pytest.raises(openai.BadRequestError) as caught:
        await way.ask()

    assert caught.value.code == body["error"]["code"]


@chat
async def test_a_call_of_a_custom_tool_is_answered_and_corrected(server: ChatServer, way: Way) -> None:
    custom = {"id": "call_x", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    if way.streamed:
        server.enqueue(
            reply_stream(sse([chunk({"tool_calls": [{"index": 0, **custom}]}), chunk({}, finish_reason="stop")]))
        )
    else:
        reply = completion(CALLS[:1])
        reply["choices"][0]["message"]["tool_calls"] = [custom]
        server.enqueue(reply_json(reply))
    server.enqueue(way.reply(CALLS))

    assert list(await way.ask()) == VALUES
    assert server.bodies[1]["messages"][1]["tool_calls"] == [custom]


@chat_whole
async def test_a_call_without_type_is_a_function_call(server: ChatServer, way: Way) -> None:
    reply = completion(CALLS[:1])
    call = tool_call("GoogleSearch", {"query": "a"}, "call_1")
    del call["type"]
    reply["choices"][0]["message"]["tool_calls"] = [call]
    server.enqueue(reply_json(reply))

    assert list(await way.ask()) == VALUES[:1]


@pytest.mark.parametrize("way", ["stream", "stream async"], indirect=True)
async def test_usage_may_come_with_any_chunk_and_the_last_counts(server: ChatServer, way: Way) -> None:
    """Routstr/routstr-core#543; some servers send sums with each chunk."""
    stream = chunks(CALLS)
    stream[0]["usage"] = {**USAGE, "completion_tokens": 1}
    stream[-1]["usage"] = USAGE
    server.enqueue(reply_stream(sse(stream)))

    usage = (await way.ask()).usage

    assert usage is not None
    assert usage.output_tokens == USAGE["completion_tokens"]


class TestHiddenTruncation:
    """vllm#58228: a finish reason that says "tool_calls" though the limit cut the reply off."""

    def limit(self, way: Way, tokens: int) -> dict[str, Any]:
        return {"max_output_tokens" if way.api == "responses" else "max_tokens": tokens}

    async def test_a_reply_as_long_as_the_limit_is_incomplete(self, server: ChatServer, way: Way) -> None:
        items = output_items(CALLS)
        del items[-1]["status"]
        server.enqueue(way.output(items) if way.api == "responses" else way.reply(CALLS))

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await way.ask(**self.limit(way, USAGE["completion_tokens"]))

        # A done event of its own says that a call is complete; a place at the end of a cut-off reply does not.
        complete = 2 if way.api == "responses" and way.streamed else 1
        assert list(caught.value.calls) == VALUES[:complete]

    async def test_a_shorter_one_is_whole(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))

        assert list(await way.ask(**self.limit(way, USAGE["completion_tokens"] + 1))) == VALUES

    async def test_a_server_that_tells_is_trusted(self, server: ChatServer, way: Way) -> None:
        way.settings["server_options"] = {"tells_truncation": True}
        server.enqueue(way.reply(CALLS))

        assert list(await way.ask(**self.limit(way, USAGE["completion_tokens"]))) == VALUES


@pytest.mark.parametrize("way", ["stream", "stream async"], indirect=True)
async def test_where_a_finish_reason_is_certain_done_alone_is_no_end(server: ChatServer, way: Way) -> None:
    way.settings["server_options"] = {"finish_reason_required": True}
    server.enqueue(reply_stream(sse(chunks(CALLS, finish_reason=None))))

    with pytest.raises(polycall.IncompleteOutputError):
        await way.ask()


class TestNoOpenAIServer:
    """The error names the URL, the protocol that was expected, and the reply."""

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"<!doctype html><title>It works!</title>", "the reply is HTML.*It works!"),
            (b"", "is empty"),
            (b"pong", "is not JSON.*pong"),
            (b"[]", "a JSON array"),
            (b"{}", "has no (choices|output)|no events"),
        ],
        ids=["html", "empty", "text", "array", "object"],
    )
    async def test_a_foreign_reply_with_status_200(self, server: ChatServer, way: Way, body: bytes, words: str) -> None:
        server.enqueue(reply_bytes(body, content_type="text/html"))

        with pytest.raises(polycall.ResponseError, match=words) as caught:
            await way.ask()

        protocol = "the Responses API" if way.api == "responses" else "Chat Completions"
        assert f"{server.url}{way.path} was expected to speak {protocol}, but" in str(caught.value)
        assert "Check base_url" in str(caught.value)

    @pytest.mark.parametrize("status", [404, 405])
    async def test_no_such_path_is_the_sdks_error_with_a_note(self, server: ChatServer, way: Way, status: int) -> None:
        server.enqueue(reply_bytes(b"<h1>nothing here</h1>", status=status, content_type="text/html"))

        with pytest.raises(openai.APIStatusError) as caught:
            await way.ask()

        assert caught.value.status_code == status
        assert f"{server.url}{way.path} was expected to speak" in caught.value.__notes__[0]

    async def test_an_unknown_server_profile_names_the_nearest(self, way: Way) -> None:
        way.settings["server"] = "olama"

        with pytest.raises(polycall.ConfigurationError, match="Did you mean 'ollama'"):
            await way.ask()


async def test_text_in_parts_is_joined(server: ChatServer, way: Way) -> None:
    """Mistral's content is a list; the Responses API may have several messages."""
    if way.api == "responses":
        server.enqueue(way.output([message("Let me "), {**message("look."), "id": "msg_02"}, *output_items(CALLS)]))
    else:
        reply = completion(CALLS)
        parts = [{"type": "text", "text": "Let me "}, {"type": "text", "text": "look."}]
        reply["choices"][0]["message"]["content"] = parts
        stream = [chunk({"content": parts[:1]}), chunk({"content": parts[1:]}), *chunks(CALLS)]
        server.enqueue(reply_stream(sse(stream)) if way.streamed else reply_json(reply))

    assert (await way.ask()).text == "Let me look."
