"""Streams: each call as soon as it is complete, and the connection closed as soon as nobody reads."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest

import polycall
from polycall.plugin import ArgumentsDelta, CallStarted, TextDelta
from support.openai_replies import USAGE, Call, chunks, sse
from support.openai_responses import events as response_events
from support.openai_responses import output_items, typed_sse
from support.openai_server import ChatServer, GoogleSearch
from support.wire_server import Gate, Step, reply_stream

MESSAGES = [{"role": "user", "content": "?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": letter}) for letter in "abc"]

Api = Literal["chat", "responses"]
both_apis = pytest.mark.parametrize("api", ["chat", "responses"])
BODIES = {"chat": sse(chunks(CALLS)), "responses": typed_sse(response_events(output_items(CALLS)))}


def instrument(sdk: Any) -> None:
    """Wrap ``create`` as instrumentation does, so that it has to be called."""
    for resource in (sdk.chat.completions, sdk.responses):
        create = resource.create
        resource.create = lambda *args, create=create, **kwargs: create(*args, **kwargs)


def held_back(calls: list[Call], before: bytes, gate: Gate) -> list[Step]:
    """The events of a reply, with a gate before the first one that contains ``before``."""
    events = sse(chunks(calls))
    at = next(position for position, event in enumerate(events) if before in event)
    return [*events[:at], gate, *events[at:]]


class TestCallsComeEarly:
    def test_the_first_call_is_out_when_the_second_begins(self, server: ChatServer) -> None:
        """The server holds back everything after the first fragment of the second call."""
        gate = Gate("rest of the reply")
        events = sse(chunks(CALLS))
        at = next(position for position, event in enumerate(events) if b'"index":1' in event) + 1
        server.enqueue(reply_stream([*events[:at], gate, *events[at:]]))

        with server.client() as sdk, polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m") as stream:
            first = next(stream)
            assert not gate.is_open
            gate.open()
            rest = list(stream)

        assert [first, *rest] == [GoogleSearch(query="a"), GoogleSearch(query="b"), GoogleSearch(query="c")]

    async def test_the_last_call_is_out_with_the_finish_reason(self, server: ChatServer) -> None:
        gate = Gate("[DONE]")
        server.enqueue(reply_stream(held_back(CALLS, b"[DONE]", gate)))

        async with (
            server.async_client() as sdk,
            polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m") as stream,
        ):
            seen = [await anext(stream) for _ in CALLS]
            assert not gate.is_open
            gate.open()
            assert [call async for call in stream] == []

        assert [call.query for call in seen] == ["a", "b", "c"]

    def test_a_parsable_beginning_is_no_call(self, server: ChatServer) -> None:
        """vercel/ai changelog 45b3d76: acting on what happens to parse ran truncated input."""
        gate = Gate("finish reason")
        server.enqueue(reply_stream(held_back(CALLS[:1], b'"finish_reason":"tool_calls"', gate)))
        events = []

        with server.client() as sdk:
            stream = polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m", deltas=True)
            for event in stream.events():
                events.append(event)
                if isinstance(event, ArgumentsDelta) and event.text.endswith("}"):
                    assert gate.reached.wait(10)
                    gate.open()

        assert [type(event).__name__ for event in events[-2:]] == ["ArgumentsDelta", "CallReady"]

    def test_events_show_how_calls_grow(self, server: ChatServer) -> None:
        server.enqueue(reply_stream(sse(chunks(CALLS[:1], text="Well.", piece_chars=100))))

        with server.client() as sdk:
            stream = polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m", deltas=True)
            *events, ready = stream.events()

        id_ = stream.calls.tool_calls[0].id
        assert events == [
            TextDelta("Well."),
            CallStarted(0, id_, "GoogleSearch"),
            ArgumentsDelta(0, '{"query": "a"}'),
        ]
        assert isinstance(ready, polycall.CallReady)
        assert ready.value == GoogleSearch(query="a")


class TestClosing:
    def test_leaving_the_stream_closes_the_connection(self, server: ChatServer) -> None:
        gate = Gate("never")
        server.enqueue(reply_stream(held_back(CALLS, b'"index":2', gate)))

        with server.client() as sdk:
            with polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m") as stream:
                assert next(stream) == GoogleSearch(query="a")
            assert server.requests[0].client_closed.wait(10)

    def test_closing_before_the_first_read_closes_the_connection(self, server: ChatServer) -> None:
        gate = Gate("never")
        server.enqueue(reply_stream(held_back(CALLS, b"data", gate)))

        with server.client() as sdk:
            polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m").close()
            assert server.requests[0].client_closed.wait(10)

    async def test_cancelling_the_task_closes_the_connection(self, server: ChatServer) -> None:
        gate = Gate("never")
        server.enqueue(reply_stream(held_back(CALLS, b'"index":2', gate)))
        first = asyncio.Event()

        async def read() -> None:
            async with polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m") as stream:
                async for _ in stream:
                    first.set()

        async with server.async_client() as sdk:
            task = asyncio.create_task(read())
            await asyncio.wait_for(first.wait(), 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.requests[0].client_closed.wait, 10)

    @both_apis
    @pytest.mark.parametrize("patched", [False, True], ids=["", "instrumented"])
    def test_its_end_mark_ends_a_sync_stream_though_the_server_keeps_the_connection(
        self, server: ChatServer, api: Api, patched: bool
    ) -> None:
        server.enqueue(reply_stream([*BODIES[api], Gate("never")]))

        with server.client() as sdk:
            if patched:
                instrument(sdk)
            assert len(list(polycall.from_openai(sdk, api=api).stream(MESSAGES, list[GoogleSearch], "m"))) == 3
            assert server.requests[0].client_closed.wait(10)

    @both_apis
    @pytest.mark.parametrize("patched", [False, True], ids=["", "instrumented"])
    async def test_its_end_mark_ends_an_async_stream_though_the_server_keeps_the_connection(
        self, server: ChatServer, api: Api, patched: bool
    ) -> None:
        server.enqueue(reply_stream([*BODIES[api], Gate("never")]))

        async with server.async_client() as sdk:
            if patched:
                instrument(sdk)
            client = polycall.from_openai(sdk, api=api)
            assert len(await client.stream(MESSAGES, list[GoogleSearch], "m").collect()) == 3
            assert await asyncio.to_thread(server.requests[0].client_closed.wait, 10)

    @both_apis
    def test_sync_streams_use_one_connection_again(self, server: ChatServer, api: Api) -> None:
        server.enqueue(*[reply_stream(BODIES[api]) for _ in range(2)], reply_stream([b"".join(BODIES[api])]))

        with server.client() as sdk:
            for _ in range(3):
                polycall.from_openai(sdk, api=api).stream(MESSAGES, list[GoogleSearch], "m").collect()

        assert [request.connection for request in server.requests] == [0, 0, 0]

    @both_apis
    async def test_async_streams_use_one_connection_again(self, server: ChatServer, api: Api) -> None:
        server.enqueue(*[reply_stream(BODIES[api]) for _ in range(3)])

        async with server.async_client() as sdk:
            for _ in range(3):
                await polycall.from_openai(sdk, api=api).stream(MESSAGES, list[GoogleSearch], "m").collect()

        assert [request.connection for request in server.requests] == [0, 0, 0]

    @both_apis
    def test_a_body_that_goes_on_after_its_end_mark_is_not_read_for_long(self, server: ChatServer, api: Api) -> None:
        server.enqueue(reply_stream([*BODIES[api], *[b": ping" + b"." * 4000 + b"\n\n"] * 2000, Gate("never")]))

        with server.client() as sdk:
            assert polycall.from_openai(sdk, api=api).stream(MESSAGES, list[GoogleSearch], "m").collect()
            assert server.requests[0].client_closed.wait(10)


class TestUsageOfStreams:
    def test_is_asked_for_only_where_it_is_known_to_be_understood(self, server: ChatServer) -> None:
        server.enqueue(*[reply_stream(sse(chunks(CALLS, usage=USAGE))) for _ in range(3)])

        with server.client() as sdk:
            polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m").collect()
            calls = polycall.from_openai(sdk, stream_usage=True).stream(MESSAGES, list[GoogleSearch], "m").collect()
            polycall.from_openai(sdk, stream_usage=True).stream(
                MESSAGES, list[GoogleSearch], "m", stream_options={"include_usage": False}
            ).collect()

        assert [body.get("stream_options") for body in server.bodies] == [
            None,
            {"include_usage": True},
            {"include_usage": False},
        ]
        assert calls.usage is not None
        assert calls.usage.total_tokens == 116
