"""Streams: each call as soon as it is complete, corrections after the reply, and a connection that is always closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal

import pytest
from pydantic import BaseModel
from unit.core.conftest import MakeAsyncClient, MakeClient

import polycall
from polycall import ArgumentsDelta, CallFailed, CallFailure, CallReady, CallStarted, TextDelta, ToolCall, Usage
from support.toy_provider import WAIT, AsyncToyClient, Hooks, ToyClient, call, make_plugin, reply


class Weather(BaseModel):
    location: str
    units: Literal["metric", "imperial"] = "metric"


class Search(BaseModel):
    query: str


ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo, and who won the cup?"}]
ROME, OSLO, CUP = Weather(location="Rome"), Weather(location="Oslo"), Search(query="cup")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_CUP = call("Search", query="cup")
BAD_OSLO = call("Weather", location="Oslo", units="kelvin")
WHY_OSLO = "units: Input should be 'metric' or 'imperial' (given: 'kelvin')"
ROME_CALL = ToolCall("0", "Weather", '{"location": "Rome"}', 0)
BAD_CALL = ToolCall("1", "Weather", '{"location": "Oslo", "units": "kelvin"}', 1)


def closings(toy: ToyClient) -> list[int]:
    return [stream.closed for stream in toy.streams]


class TestSync:
    def test_a_call_is_out_while_the_rest_is_pending(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, WAIT))

        stream = client.stream(ASK, Iterable[Weather | Search])

        assert next(stream) == ROME
        assert toy.streams[0].read == 4
        assert stream.calls == [ROME]
        stream.close()

    def test_the_request_is_sent_when_the_stream_is_made(self, make_client: MakeClient) -> None:
        client, toy = make_client(WAIT)

        with client.create(ASK, Iterable[Weather], stream=True, temperature=1):
            (request,) = toy.requests
            assert (request.stream, request.deltas, request.options) == (True, False, {"temperature": 1})

    def test_all_calls_and_what_else_the_reply_said(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply("say Here.", SAY_ROME, SAY_CUP, usage=(3, 4)))

        with client.stream(ASK, Iterable[Weather | Search]) as stream:
            assert list(stream) == [ROME, CUP]

        assert stream.calls == [ROME, CUP]
        assert stream.calls.text == "Here."
        assert stream.calls.usage == Usage(input_tokens=3, output_tokens=4, total_tokens=7)
        assert stream.calls.continue_with(["18", "Rome"])[-1] == {"role": "result", "id": "1", "content": "Rome"}
        assert closings(toy) == [1]

    def test_a_stream_that_was_left_cannot_be_collected_as_if_it_were_whole(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, WAIT))
        stream = client.stream(ASK, Iterable[Weather | Search])
        next(stream)
        stream.close()

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            stream.collect()
        assert caught.value.calls == [ROME]

    def test_corrections_are_yielded_after_the_reply(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_ROME, SAY_OSLO, SAY_CUP))

        stream = client.stream(ASK, Iterable[Weather | Search])

        assert next(stream) == ROME
        assert len(toy.requests) == 1
        assert list(stream) == [OSLO, CUP]
        assert stream.calls == [OSLO, ROME, CUP]
        assert closings(toy) == [1, 1]

    def test_collect_gives_what_create_would(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO))

        stream = client.stream(ASK, Iterable[Weather])
        next(stream)

        assert stream.collect() == [OSLO, ROME]
        assert stream.collect() is stream.calls

    def test_events_with_deltas(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply("say Hm", SAY_ROME, BAD_OSLO), reply(SAY_OSLO))

        stream = client.stream(ASK, Iterable[Weather], deltas=True, max_retries=1)

        assert [event for event in stream.events() if not isinstance(event, ArgumentsDelta)] == [
            TextDelta("Hm"),
            CallStarted(0, "0", "Weather"),
            CallReady(ROME, ROME_CALL),
            CallStarted(1, "1", "Weather"),
            CallFailed(CallFailure(BAD_CALL, WHY_OSLO, frozenset({"units"}))),
            CallStarted(0, "0", "Weather"),
            CallReady(OSLO, ToolCall("0", "Weather", '{"location": "Oslo"}', 0)),
        ]

    def test_the_deltas_make_the_arguments(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_CUP))

        events = list(client.create(ASK, Iterable[Weather | Search], stream=True, deltas=True).events())

        for index, arguments in enumerate(['{"location": "Rome"}', '{"query": "cup"}']):
            pieces = [event.text for event in events if isinstance(event, ArgumentsDelta) and event.index == index]
            assert len(pieces) == 2
            assert "".join(pieces) == arguments

    def test_events_without_deltas(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply("say Hm", SAY_ROME, BAD_OSLO), reply(SAY_OSLO))

        assert [type(event) for event in client.stream(ASK, Iterable[Weather]).events()] == [
            CallReady,
            CallFailed,
            CallReady,
        ]

    def test_leaving_the_events_does_not_end_the_stream(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_OSLO))
        stream = client.stream(ASK, Iterable[Weather], deltas=True)

        for event in stream.events():
            if isinstance(event, CallReady):
                break

        assert list(stream) == [OSLO]

    @pytest.mark.parametrize("read", [0, 1, 2])
    def test_closing_closes_the_providers_stream_once_wherever_it_is(self, make_client: MakeClient, read: int) -> None:
        client, toy = make_client(reply(SAY_ROME, SAY_OSLO))
        stream = client.stream(ASK, Iterable[Weather])
        for _ in range(read):
            next(stream)

        stream.close()
        stream.close()

        assert closings(toy) == [1]
        assert len(stream.calls) == read

    def test_reading_on_after_a_close_is_an_error_with_the_calls_until_then(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_OSLO))
        stream = client.stream(ASK, Iterable[Weather])
        next(stream)
        stream.close()

        for read_on in (lambda: next(stream), lambda: list(stream), lambda: list(stream.events()), stream.collect):
            with pytest.raises(polycall.IncompleteOutputError, match="closed before its end") as raised:
                read_on()
            assert raised.value.calls == [ROME]

    @pytest.mark.parametrize("close", [False, True])
    def test_after_a_good_end_it_yields_the_kept_calls_again(self, make_client: MakeClient, close: bool) -> None:
        client, toy = make_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO))
        stream = client.stream(ASK, Iterable[Weather])
        assert list(stream) == [ROME, OSLO]
        if close:
            stream.close()

        assert list(stream) == list(stream) == [OSLO, ROME]
        assert stream.collect() == [OSLO, ROME]
        assert len(toy.requests) == 2

    def test_a_stream_that_failed_raises_its_error_again(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, "<html>"))
        stream = client.stream(ASK, Iterable[Weather])
        with pytest.raises(polycall.ResponseError) as first:
            list(stream)

        for read_on in (lambda: next(stream), stream.collect):
            with pytest.raises(polycall.ResponseError) as again:
                read_on()
            assert again.value is first.value
        assert len(toy.requests) == 1

    def test_leaving_the_block_closes(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, SAY_OSLO))

        with client.stream(ASK, Iterable[Weather]) as stream:
            for _ in stream:
                break
            assert closings(toy) == [0]

        assert closings(toy) == [1]

    def test_an_error_in_the_block_closes(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, SAY_OSLO))

        with pytest.raises(ZeroDivisionError), client.stream(ASK, Iterable[Weather]):
            raise ZeroDivisionError

        assert closings(toy) == [1]

    def test_calls_of_an_open_stream_cannot_be_continued_yet(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_OSLO))

        with client.stream(ASK, Iterable[Weather]) as stream:
            next(stream)
            with pytest.raises(ValueError, match="Read the stream to its end before calling continue_with"):
                stream.calls.continue_with(["18"])


class TestErrors:
    @pytest.mark.parametrize(
        ("script", "error", "calls"),
        [
            ([reply(SAY_ROME, "<html>")], polycall.ResponseError, [ROME]),
            ([reply(SAY_ROME, BAD_OSLO), reply("<html>")], polycall.ResponseError, [ROME]),
            ([reply(SAY_ROME, BAD_OSLO), reply(SAY_OSLO, "<html>")], polycall.ResponseError, [ROME, OSLO]),
            ([reply(SAY_ROME, end=None)], polycall.IncompleteOutputError, [ROME]),
            ([reply(SAY_ROME, end="length")], polycall.IncompleteOutputError, [ROME]),
            ([reply(SAY_ROME, "refuse No.")], polycall.RefusalError, [ROME]),
            ([reply(SAY_ROME, BAD_OSLO)] * 3, polycall.InvalidCallsError, [ROME]),
            ([reply("say Hm.")] * 3, polycall.NoToolCallsError, []),
        ],
    )
    async def test_what_was_good_is_yielded_and_in_the_error(
        self,
        make_client: MakeClient,
        make_async_client: MakeAsyncClient,
        script: list[str],
        error: type[polycall.OutputError],
        calls: list[object],
    ) -> None:
        client, toy = make_client(*script)
        yielded = []
        with pytest.raises(error) as raised:
            for value in client.stream(ASK, Iterable[Weather]):
                yielded.append(value)  # noqa: PERF402 - what came before the error counts

        assert raised.value.calls == calls
        assert yielded == calls[:1]
        assert closings(toy) == [1] * len(script)

        async_client, async_toy = make_async_client(*script)
        yielded = []
        with pytest.raises(error) as raised:
            async for value in async_client.stream(ASK, Iterable[Weather]):
                yielded.append(value)

        assert raised.value.calls == calls
        assert yielded == calls[:1]
        assert closings(async_toy) == [1] * len(script)

    def test_the_sdks_own_error_passes_and_the_calls_are_kept(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, BAD_OSLO), ConnectionResetError("by peer"))
        stream = client.stream(ASK, Iterable[Weather])

        with pytest.raises(ConnectionResetError, match="by peer"):
            list(stream)

        assert stream.calls == [ROME]
        assert closings(toy) == [1]

    def test_a_validators_own_exception_is_that_calls_failure(self, make_client: MakeClient) -> None:
        class Broken(BaseModel):
            def model_post_init(self, context: object) -> None:
                raise ZeroDivisionError

        client, toy = make_client(reply(call("Broken", "{}"), SAY_ROME))
        stream = client.stream(ASK, Iterable[Broken | Weather], max_retries=0)

        assert next(stream) == ROME
        with pytest.raises(polycall.InvalidCallsError) as raised:
            next(stream)

        assert [failure.tool_call.name for failure in raised.value.failures] == ["Broken"]
        assert raised.value.calls == [ROME]
        assert closings(toy) == [1]


class TestAsync:
    async def test_a_call_is_out_while_the_rest_is_pending(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME, WAIT))

        async with client.stream(ASK, Iterable[Weather]) as stream:
            assert await anext(stream) == ROME
            assert toy.streams[0].read == 4

        assert closings(toy) == [1]

    async def test_the_request_is_sent_when_first_read(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME))

        stream = client.stream(ASK, Iterable[Weather])

        assert toy.requests == []
        assert [value async for value in stream] == [ROME]
        assert len(toy.requests) == 1

    async def test_or_when_awaited(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME))

        stream = await client.stream(ASK, Iterable[Weather])

        assert len(toy.requests) == 1
        assert await stream is stream
        assert await stream.collect() == [ROME]
        assert len(toy.requests) == 1

    async def test_or_when_create_is_awaited(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME))

        stream = await client.create(ASK, Iterable[Weather], stream=True)

        assert toy.requests[0].stream
        assert [value async for value in stream] == [ROME]

    async def test_corrections_are_yielded_after_the_reply(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO, SAY_ROME))

        stream = client.stream(ASK, Iterable[Weather])

        assert [value async for value in stream] == [ROME, OSLO]
        assert stream.calls == [OSLO, ROME]
        assert closings(toy) == [1, 1]

    async def test_events(self, make_async_client: MakeAsyncClient) -> None:
        client, _ = make_async_client(reply("say Hm", SAY_ROME))

        events = [event async for event in client.stream(ASK, Iterable[Weather], deltas=True).events()]

        assert events == [
            TextDelta("Hm"),
            CallStarted(0, "0", "Weather"),
            ArgumentsDelta(0, '{"location'),
            ArgumentsDelta(0, '": "Rome"}'),
            CallReady(ROME, ROME_CALL),
        ]

    @pytest.mark.parametrize("read", [0, 1])
    async def test_closing_closes_once(self, make_async_client: MakeAsyncClient, read: int) -> None:
        client, toy = make_async_client(reply(SAY_ROME, SAY_OSLO))
        stream = await client.stream(ASK, Iterable[Weather])
        for _ in range(read):
            await anext(stream)

        await stream.close()
        await stream.close()

        assert closings(toy) == [1]
        assert len(stream.calls) == read

    async def test_reading_on_after_a_close_is_an_error_with_the_calls_until_then(
        self, make_async_client: MakeAsyncClient
    ) -> None:
        client, _ = make_async_client(reply(SAY_ROME, SAY_OSLO))
        stream = await client.stream(ASK, Iterable[Weather])
        await anext(stream)
        await stream.close()

        for read_on in (lambda: anext(stream), stream.collect, lambda: anext(stream.events())):
            with pytest.raises(polycall.IncompleteOutputError, match="closed before its end") as raised:
                await read_on()
            assert raised.value.calls == [ROME]

    @pytest.mark.parametrize("close", [False, True])
    async def test_after_a_good_end_it_yields_the_kept_calls_again(
        self, make_async_client: MakeAsyncClient, close: bool
    ) -> None:
        client, toy = make_async_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO))
        stream = client.stream(ASK, Iterable[Weather])
        assert [value async for value in stream] == [ROME, OSLO]
        if close:
            await stream.close()

        assert [value async for value in stream] == [OSLO, ROME]
        assert [value async for value in stream] == [OSLO, ROME]
        assert await stream.collect() == [OSLO, ROME]
        assert len(toy.requests) == 2

    async def test_a_stream_that_failed_raises_its_error_again(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME, "<html>"))
        stream = client.stream(ASK, Iterable[Weather])
        with pytest.raises(polycall.ResponseError) as first:
            await stream.collect()

        for read_on in (lambda: anext(stream), stream.collect):
            with pytest.raises(polycall.ResponseError) as again:
                await read_on()
            assert again.value is first.value
        assert len(toy.requests) == 1

    async def test_a_stream_that_was_closed_before_its_first_use_sends_nothing(
        self, make_async_client: MakeAsyncClient
    ) -> None:
        client, toy = make_async_client(reply(SAY_ROME))
        stream = client.stream(ASK, Iterable[Weather])

        await stream.close()
        with pytest.raises(polycall.IncompleteOutputError):
            await stream

        assert toy.requests == []

    async def test_cancelling_the_reading_task_closes(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME, WAIT))
        seen: list[Weather] = []

        async def read() -> None:
            async for value in client.stream(ASK, Iterable[Weather]):
                seen.append(value)  # noqa: PERF401

        task = asyncio.create_task(read())
        while not toy.streams:
            await asyncio.sleep(0)
        await toy.streams[0].waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert seen == [ROME]
        assert closings(toy) == [1]

    async def test_a_stream_whose_opening_failed_raises_that_error_again_and_sends_nothing_more(
        self, make_async_client: MakeAsyncClient
    ) -> None:
        reset = ConnectionResetError("by peer")
        client, toy = make_async_client(reset, reply(SAY_ROME))
        stream = client.stream(ASK, Iterable[Weather])

        async def open_it() -> None:
            await stream

        for read in (open_it, stream.collect, lambda: anext(stream)):
            with pytest.raises(ConnectionResetError) as raised:
                await read()
            assert raised.value is reset

        assert len(toy.requests) == 1


class TestFallbacks:
    """A provider need not stream, nor be async."""

    @pytest.fixture
    def _bare(self) -> Iterable[None]:
        names = [f"polycall_{name}" for name in ("open_stream", "open_stream_async", "create_decoder", "send_async")]
        polycall.register_provider("bare", make_plugin(Hooks(), without=names))
        yield
        polycall.unregister("bare")

    @pytest.mark.usefixtures("_bare")
    def test_a_stream_yields_when_the_whole_reply_is_there(self) -> None:
        toy = ToyClient(reply(SAY_ROME, BAD_OSLO), reply(SAY_OSLO))

        with polycall.from_client(toy, async_client=False).stream(ASK, Iterable[Weather]) as stream:
            assert list(stream) == [ROME, OSLO]

        assert toy.streams == []

    @pytest.mark.usefixtures("_bare")
    async def test_async_too(self) -> None:
        toy = AsyncToyClient(reply(SAY_ROME, BAD_OSLO), reply(SAY_OSLO), reply(SAY_CUP))
        client = polycall.from_client(toy, async_client=True)

        assert [value async for value in client.stream(ASK, Iterable[Weather])] == [ROME, OSLO]
        assert await client.create(ASK, Iterable[Search]) == [CUP]
