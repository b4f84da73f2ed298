"""A broken connection or a broken reply is an error of the SDK or of polycall: never a hang or another exception."""

from __future__ import annotations

import openai
import pytest

import polycall
from support.openai_replies import Call, chunks, sse
from support.openai_server import ChatServer, GoogleSearch, Way
from support.wire_server import (
    FAULTS,
    SILENCES,
    End,
    Gate,
    cut,
    nobody_listening,
    reply_bytes,
    reply_stream,
    too_many_requests,
)

CALLS: list[Call] = [("GoogleSearch", {"query": "a"}), ("GoogleSearch", {"query": "b"})]

EXPECTED: dict[str, type[Exception]] = {
    "close before the reply": openai.APIConnectionError,
    "reset before the reply": openai.APIConnectionError,
    "reset in the head": openai.APIConnectionError,
    "reset in the body": openai.APIConnectionError,
    "truncated body": openai.APIConnectionError,
    "truncated chunk": openai.APIConnectionError,
    "missing final chunk": openai.APIConnectionError,
    "garbage": openai.APIConnectionError,
    "html": polycall.ResponseError,
    "empty body": polycall.ResponseError,
    "invalid utf-8": polycall.ResponseError,
    "broken json": polycall.ResponseError,
    "broken gzip": openai.APIConnectionError,
    "429": openai.RateLimitError,
    "500": openai.InternalServerError,
    "502 html": openai.InternalServerError,
}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_has_its_error(server: ChatServer, way: Way, name: str) -> None:
    server.enqueue(FAULTS[name])

    with pytest.raises(EXPECTED[name]) as caught:
        await way.ask()

    assert type(caught.value) is EXPECTED[name]


@pytest.mark.parametrize("name", SILENCES)
async def test_silence_ends_with_the_time_out(server: ChatServer, way: Way, name: str) -> None:
    server.enqueue(SILENCES[name])

    with pytest.raises(openai.APITimeoutError):
        await way.ask(timeout=0.2)


async def test_a_refused_connection_is_the_sdks_error(way: Way) -> None:
    with nobody_listening() as url, pytest.raises(openai.APIConnectionError):
        way.client_options["base_url"] = url
        await way.ask()


async def test_the_sdk_repeats_after_429_and_500_as_it_was_told(server: ChatServer, way: Way) -> None:
    way.client_options["max_retries"] = 2
    server.enqueue(too_many_requests(0.01), FAULTS["500"], way.reply(CALLS))

    assert [call.query for call in await way.ask()] == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"choices":' * 100_000, b"\x00" * 1000, b'{"choices": [{"message": {"tool_calls": 7}}]', b"nul"],
    ids=["nested arrays", "nested objects", "zeros", "cut", "word"],
)
async def test_bodies_that_break_parsers_are_response_errors(server: ChatServer, way: Way, body: bytes) -> None:
    events = b"data: " + body + b"\n\n"
    server.enqueue(reply_stream([events]) if way.streamed else reply_bytes(body, content_type="application/json"))

    with pytest.raises(polycall.ResponseError) as caught:
        await way.ask()

    assert caught.value.__cause__ is not None


async def test_a_lone_surrogate_in_one_call_does_not_lose_the_others(server: ChatServer, way: Way) -> None:
    server.enqueue(way.reply([CALLS[0], ("GoogleSearch", '{"query": "\\ud800"}')]))

    with pytest.raises(polycall.InvalidCallsError) as caught:
        await way.ask(max_retries=0)

    assert list(caught.value.calls) == [GoogleSearch(query="a")]


async def test_a_call_with_half_a_character_pair_is_corrected(server: ChatServer, way: Way) -> None:
    """JSON can write it, UTF-8 cannot carry it, and a correction has to echo it."""
    server.enqueue(way.reply([CALLS[0], ("GoogleSearch", '{"query": "\ud800"}')], ids=["call_1", "call_2"]))
    server.enqueue(way.reply([CALLS[1]], ids=["call_3"]))

    assert [call.query for call in await way.ask()] == ["a", "b"]


async def test_a_correction_may_come_with_the_id_of_the_call_it_corrects(server: ChatServer, way: Way) -> None:
    """Kimi on Fireworks begins its ids anew each turn (fw-ai/fireconnect#16)."""
    bad = ("GoogleSearch", '{"query": 7}')
    server.enqueue(way.reply([CALLS[0], bad], ids=["c0", "c1"]), way.reply([bad], ids=["c0"]))
    server.enqueue(way.reply([CALLS[1]], ids=["c0"]))

    assert [call.query for call in await way.ask()] == ["a", "b"]


class TestStreamsThatBreakOff:
    async def test_a_stream_without_finish_reason_and_done_is_incomplete(self, server: ChatServer) -> None:
        """vllm#27572, anomalyco/opencode#39968: bare ends of the body in the middle of a reply."""
        server.enqueue(reply_stream(sse(chunks(CALLS, finish_reason=None), done=False)))

        with pytest.raises(polycall.IncompleteOutputError, match="without any sign") as caught:
            await Way(server, streamed=True, asynchronous=False).ask()

        assert list(caught.value.calls) == [GoogleSearch(query="a")]
        assert [call.arguments for call in caught.value.cut_off] == ['{"query": "b"}']

    async def test_no_call_is_complete_before_its_text_is_wherever_the_stream_is_cut(self, server: ChatServer) -> None:
        body = b"".join(sse(chunks(CALLS, piece_chars=3), done=False))
        way = Way(server, streamed=True, asynchronous=False)
        start_of_second, finish = body.index(b'"index":1'), body.index(b'"finish_reason":"tool_calls"')
        for length in range(0, len(body), 23):
            server.enqueue(reply_stream([body[:length]] if length else []))
            if length <= finish:
                error = polycall.ResponseError if not length else polycall.IncompleteOutputError
                with pytest.raises(error) as caught:
                    await way.ask()
                complete = len(caught.value.calls)
                assert complete == 0 if length <= start_of_second else complete <= 1
                assert all(call == GoogleSearch(query="a") for call in caught.value.calls)
            else:
                try:
                    assert [call.query for call in await way.ask()] == ["a", "b"]
                except polycall.IncompleteOutputError:
                    assert not body[:length].endswith(b"}")

    async def test_a_reset_in_the_middle_is_the_sdks_error_after_the_calls_that_came(self, server: ChatServer) -> None:
        """openai 2.x lets the exceptions of httpx out bare here; polycall raises what 3.x does."""
        read = Gate("the first call was read")
        events = sse(chunks(CALLS, finish_reason=None), done=False)
        server.enqueue(reply_stream([*events, read], final_chunk=False, end=End.RESET))
        seen = []

        with server.client() as sdk, pytest.raises(openai.APIConnectionError):
            stream = polycall.from_openai(sdk).stream([{"role": "user", "content": "?"}], list[GoogleSearch], model="m")
            for call in stream:
                seen.append(call)
                read.open()

        assert seen == [GoogleSearch(query="a")]

    @pytest.mark.parametrize("way", ["stream", "stream async"], indirect=True)
    async def test_a_connection_that_breaks_after_done_broke_nothing(self, server: ChatServer, way: Way) -> None:
        whole = reply_stream(sse(chunks(CALLS)))
        size = len(whole.head) + sum(len(step) for step in whole.steps if isinstance(step, bytes))
        server.enqueue(cut(whole, size - len(b"0\r\n\r\n"), End.CLOSE))

        assert [call.query for call in await way.ask()] == ["a", "b"]
