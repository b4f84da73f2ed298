"""Open streams of what SDKs and HTTP clients return: errors translated, everything closed, whoever waits let go."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall import IncompleteOutputError, RefusalError
from polycall._toolkit.byte_streams import (
    DoneMark,
    aclose_all,
    async_byte_stream,
    async_chunk_stream,
    async_error_body,
    byte_stream,
    chunk_stream,
    close_all,
    error_body,
)
from polycall._toolkit.reply_meter import ReplyMeter
from polycall._toolkit.threads import ElasticThreads
from support.wire_server import Reply, WireServer, endless, hang, reply_bytes, reply_stream

LONG_S = 30
"""A test that would hang fails after this time."""


class SdkError(Exception):
    """What the SDK documents."""


def as_sdk_error(error: Exception) -> Exception | None:
    return SdkError("connection") if isinstance(error, (OSError, httpx.HTTPError)) else None


class Source:
    """An SDK's stream, sync and async, that fails or ends after its chunks."""

    def __init__(self, *chunks: object, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.closes = 0
        self.generators_left = 0

    def __iter__(self) -> Iterator[object]:
        try:
            yield from self.chunks
            if self.error is not None:
                raise self.error
        finally:
            self.generators_left += 1

    async def __aiter__(self) -> AsyncIterator[object]:
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error is not None:
                raise self.error
        finally:
            self.generators_left += 1

    def close(self) -> None:
        self.closes += 1


# Chunks


def test_chunks_come_in_order_and_the_source_is_closed_once() -> None:
    source = Source(1, 2, 3)
    stream = chunk_stream(source)

    assert list(stream) == [1, 2, 3]
    stream.close()
    stream.close()

    assert source.closes == 1
    assert list(stream) == []


async def test_chunks_come_in_order_and_the_source_is_closed_once_async() -> None:
    source = Source(1, 2, 3)
    stream = async_chunk_stream(source)

    assert [chunk async for chunk in stream] == [1, 2, 3]
    await stream.aclose()
    await stream.aclose()

    assert source.closes == 1
    assert [chunk async for chunk in stream] == []


def test_a_stream_may_be_closed_before_its_first_chunk() -> None:
    source = Source(1)
    stream = chunk_stream(source)

    stream.close()

    assert source.closes == 1
    assert list(stream) == []


async def test_a_stream_may_be_closed_before_its_first_chunk_async() -> None:
    source = Source(1)
    stream = async_chunk_stream(source)

    await stream.aclose()

    assert source.closes == 1
    assert [chunk async for chunk in stream] == []


def test_a_stream_that_is_left_half_way_ends_and_its_generator_too() -> None:
    source = Source(1, 2, 3)
    stream = chunk_stream(source)
    chunks = iter(stream)
    assert next(chunks) == 1

    stream.close()

    assert source.generators_left == 1
    assert list(chunks) == []


async def test_a_stream_that_is_left_half_way_ends_and_its_generator_too_async() -> None:
    source = Source(1, 2, 3)
    stream = async_chunk_stream(source)
    chunks = aiter(stream)
    assert await anext(chunks) == 1

    await stream.aclose()

    assert source.generators_left == 1
    assert [chunk async for chunk in chunks] == []


async def test_a_reader_that_is_cancelled_while_the_stream_is_closed_ends_cancelled() -> None:
    """Even where the HTTP client makes another error of it."""
    waits = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            waits.set()
            await asyncio.Event().wait()
            yield 1
        except asyncio.CancelledError:
            raise ConnectionError("reset") from None

    stream = async_chunk_stream(source())

    async def read() -> list[int]:
        return [chunk async for chunk in stream]

    reader = asyncio.create_task(read())
    await waits.wait()
    reader.cancel()
    await stream.aclose()

    with pytest.raises(asyncio.CancelledError):
        await reader


def test_errors_are_translated_or_pass() -> None:
    stream = chunk_stream(Source(1, error=ConnectionError("reset")), errors=as_sdk_error)
    with pytest.raises(SdkError) as raised:
        list(stream)
    assert isinstance(raised.value.__cause__, ConnectionError)

    with pytest.raises(KeyError):
        list(chunk_stream(Source(error=KeyError("x")), errors=as_sdk_error))
    with pytest.raises(ConnectionError):
        list(chunk_stream(Source(error=ConnectionError())))


async def test_errors_are_translated_or_pass_async() -> None:
    stream = async_chunk_stream(Source(1, error=ConnectionError("reset")), errors=as_sdk_error)
    with pytest.raises(SdkError) as raised:
        _ = [chunk async for chunk in stream]
    assert isinstance(raised.value.__cause__, ConnectionError)

    with pytest.raises(KeyError):
        _ = [chunk async for chunk in async_chunk_stream(Source(error=KeyError("x")), errors=as_sdk_error)]
    with pytest.raises(ConnectionError):
        _ = [chunk async for chunk in async_chunk_stream(Source(error=ConnectionError()))]


async def test_polycalls_own_errors_are_never_translated() -> None:
    def refuse(error: Exception) -> Exception:
        raise AssertionError(error)

    with pytest.raises(RefusalError):
        list(chunk_stream(Source(error=RefusalError("no")), errors=refuse))
    with pytest.raises(RefusalError):
        _ = [chunk async for chunk in async_chunk_stream(Source(error=RefusalError("no")), errors=refuse)]


async def test_nothing_is_read_after_the_last_chunk() -> None:
    def is_last(chunk: object) -> bool:
        return chunk == "end"

    source = Source(1, "end", error=AssertionError("the server keeps the connection open"))

    assert list(chunk_stream(source, is_last=is_last)) == [1, "end"]
    assert [chunk async for chunk in async_chunk_stream(source, is_last=is_last)] == [1, "end"]


async def test_everything_around_a_stream_is_closed() -> None:
    connection, source, cancelled = Source(), Source(1), []
    stream = chunk_stream(source, lambda: cancelled.append("sync"), connection)
    stream.close()

    async def cancel() -> None:
        cancelled.append("async")

    async_stream = async_chunk_stream(source, cancel, connection)
    await async_stream.aclose()

    assert cancelled == ["sync", "async"]
    assert (connection.closes, source.closes) == (2, 2)


def test_closing_ends_the_iteration_of_a_thread_that_waits() -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def read_slowly() -> Iterator[int]:
        yield 1
        waiting.set()
        assert go_on.wait(LONG_S)
        raise ConnectionError("closed under the reader")

    seen: list[object] = []
    stream = chunk_stream(read_slowly(), go_on.set, errors=as_sdk_error)
    reader = threading.Thread(target=lambda: seen.extend([*stream, "end"]))
    reader.start()
    assert waiting.wait(LONG_S)

    stream.close()
    reader.join(LONG_S)

    assert seen == [1, "end"]


def test_a_chunk_that_comes_while_the_stream_is_closed_is_dropped() -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def read_slowly() -> Iterator[int]:
        waiting.set()
        assert go_on.wait(LONG_S)
        yield 1

    seen: list[object] = []
    source = read_slowly()
    stream = chunk_stream(source)
    reader = threading.Thread(target=lambda: seen.extend([*stream, "end"]))
    reader.start()
    assert waiting.wait(LONG_S)

    stream.close()  # the generator is running and cannot be closed
    go_on.set()
    reader.join(LONG_S)

    assert seen == ["end"]


async def test_an_error_of_a_read_that_is_ended_is_no_error_of_the_iteration() -> None:
    waiting = asyncio.Event()

    async def failing() -> AsyncIterator[int]:
        waiting.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise ConnectionError("closed under the reader") from None
        yield 1

    async def read() -> list[int]:
        return [chunk async for chunk in stream]

    stream = async_chunk_stream(failing())
    reader = asyncio.create_task(read())
    await waiting.wait()
    await stream.aclose()

    assert await reader == []
    assert reader.cancelling() == 0


async def test_closing_ends_the_iteration_of_a_task_that_waits() -> None:
    waiting = asyncio.Event()
    left: list[str] = []

    async def read_slowly() -> AsyncIterator[int]:
        yield 1
        try:
            waiting.set()
            await asyncio.get_running_loop().create_future()
        finally:
            left.append("generator")

    async def read() -> list[object]:
        seen: list[object] = [chunk async for chunk in stream]
        await asyncio.sleep(0)  # the task is not cancelled
        return [*seen, "end"]

    stream = async_chunk_stream(read_slowly())
    reader = asyncio.create_task(read())
    await waiting.wait()
    await stream.aclose()

    assert left == ["generator"]
    assert await reader == [1, "end"]
    assert reader.cancelling() == 0


async def test_a_task_that_is_cancelled_while_its_stream_is_closed_stays_cancelled() -> None:
    waiting = asyncio.Event()

    async def read_slowly() -> AsyncIterator[int]:
        waiting.set()
        await asyncio.get_running_loop().create_future()
        yield 1

    async def read() -> None:
        async for _ in stream:
            pass

    stream = async_chunk_stream(read_slowly())
    reader = asyncio.create_task(read())
    await waiting.wait()
    reader.cancel()
    await stream.aclose()

    with pytest.raises(asyncio.CancelledError):
        await reader


async def test_closing_does_not_cancel_again_what_cleans_up_after_a_cancellation() -> None:
    """httpcore closes its connection then, and a second cancellation makes it leave that half done."""
    waiting = asyncio.Event()
    closed: list[str] = []

    async def read_slowly() -> AsyncIterator[int]:
        waiting.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            for _ in range(5):
                await asyncio.sleep(0)
            closed.append("connection")
            raise
        yield 1

    async def read() -> None:
        async for _ in stream:
            pass

    stream = async_chunk_stream(read_slowly())
    reader = asyncio.create_task(read())
    await waiting.wait()
    reader.cancel()
    await asyncio.sleep(0)
    await stream.aclose()

    with pytest.raises(asyncio.CancelledError):
        await reader
    assert closed == ["connection"]


async def test_a_read_that_swallows_its_cancellation_does_not_leave_it_on_the_task() -> None:
    waiting = asyncio.Event()

    async def stubborn() -> AsyncIterator[int]:
        waiting.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            yield 1

    async def read() -> list[int]:
        return [chunk async for chunk in stream]

    stream = async_chunk_stream(stubborn())
    reader = asyncio.create_task(read())
    await waiting.wait()
    await stream.aclose()

    assert await reader == []
    assert reader.cancelling() == 0


async def test_a_consumer_under_a_time_out_is_not_confused() -> None:
    stream = async_chunk_stream(Source(1, 2))

    async with asyncio.timeout(LONG_S):
        seen = [chunk async for chunk in stream]
        await stream.aclose()

    assert seen == [1, 2]


async def test_the_time_out_of_a_consumer_passes() -> None:
    async def silent() -> AsyncIterator[int]:
        await asyncio.get_running_loop().create_future()
        yield 1

    stream = async_chunk_stream(silent(), errors=as_sdk_error)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            async for _ in stream:
                pass
    await stream.aclose()


# Closing


class Closable:
    def __init__(self, log: list[str], name: str, error: BaseException | None = None) -> None:
        self.log, self.name, self.error = log, name, error

    def close(self) -> None:
        self.log.append(self.name)
        if self.error is not None:
            raise self.error


class AsyncClosable(Closable):
    async def aclose(self) -> None:
        Closable.close(self)

    def close(self) -> None:
        raise AssertionError("aclose goes first")


async def test_all_are_closed_in_order_and_the_first_error_is_raised() -> None:
    log: list[str] = []
    first, second = OSError("first"), OSError("second")
    streams = [Closable(log, "a"), Closable(log, "b", first), Closable(log, "c", second), Closable(log, "d")]

    with pytest.raises(OSError, match="first"):
        close_all(*streams)
    with pytest.raises(OSError, match="first"):
        await aclose_all(*streams)

    assert log == [*"abcd", *"abcd"]


async def test_an_interruption_goes_before_an_error() -> None:
    log: list[str] = []
    streams = [Closable(log, "a", OSError("a")), Closable(log, "b", KeyboardInterrupt()), Closable(log, "c")]

    with pytest.raises(KeyboardInterrupt):
        close_all(*streams)
    with pytest.raises(KeyboardInterrupt):
        await aclose_all(*streams)

    assert log == [*"abc", *"abc"]


async def test_sync_and_async_ways_to_close() -> None:
    log: list[str] = []

    async def function() -> None:
        log.append("async function")

    await aclose_all(AsyncClosable(log, "async"), Closable(log, "sync"), function, lambda: log.append("function"))

    assert log == ["async", "sync", "async function", "function"]


async def test_what_cannot_be_closed_and_repetitions_are_passed_over() -> None:
    log: list[str] = []
    one = Closable(log, "one")

    close_all(one, None, one, 7, object(), iter([]))
    await aclose_all(one, None, one, 7, object(), iter([]))

    assert log == ["one", "one"]


async def test_a_cancelled_close_still_closes_the_rest() -> None:
    log: list[str] = []

    async def hang_forever() -> None:
        log.append("hangs")
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(aclose_all(hang_forever, Closable(log, "rest")))
    while not log:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert log == ["hangs", "rest"]


class SpanStream:
    """A wrapper that ends its span where its block is left, and leaves the response open there."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.response: Closable | None = Closable(log, "response")

    def __exit__(self, *_: object) -> None:
        self.log.append("span")

    async def __aexit__(self, *_: object) -> None:
        self.log.append("span")

    def close(self) -> None:
        raise AssertionError("would end the span again")


async def test_wrappers_end_their_span_and_the_response_is_closed() -> None:
    log: list[str] = []

    close_all(SpanStream(log))
    await aclose_all(SpanStream(log))

    assert log == ["span", "response"] * 2


async def test_wrappers_without_a_response_are_closed_by_leaving_them() -> None:
    log: list[str] = []
    wrapper = SpanStream(log)
    wrapper.response = None

    close_all(wrapper)
    await aclose_all(wrapper)

    assert log == ["span", "span"]


# The end mark


@given(
    st.lists(st.integers(1, 40)), st.sampled_from([b"\n", b"\r\n"]), st.sampled_from([b"data: [DONE]", b"data:[DONE]"])
)
def test_the_end_mark_is_found_however_the_body_is_cut(cuts: list[int], end: bytes, mark: bytes) -> None:
    body = b'data: {"text": "[DONE]"}' + end * 2 + mark + end * 2
    pieces, rest = [], body
    for cut in [*cuts, len(body)]:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    watch = DoneMark()

    ends = [watch.is_end(piece) for piece in pieces if piece]

    assert ends[-1]


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"text": "data: [DONE]"}\n\n',
        b'data: {"text":\ndata: "[DONE]"}',
        b"data: [DONE]\n\ndata: {}\n\n",
        b"data: [DON",
        b"x data: [DONE]\n\n",
        b"",
    ],
)
def test_what_is_no_end_mark(body: bytes) -> None:
    watch = DoneMark()

    ends = [watch.is_end(body[at : at + 1]) for at in range(len(body))]

    assert not any(ends[-1:])
    assert not DoneMark().is_end(body)


# Bytes over HTTP


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=LONG_S) as made:
        yield made


@pytest.fixture
async def async_client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=LONG_S) as made:
        yield made


def send(client: httpx.Client, url: str) -> httpx.Response:
    return client.send(client.build_request("GET", url), stream=True)


async def send_async(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return await client.send(client.build_request("GET", url), stream=True)


async def test_the_bytes_of_a_response(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_stream([b"data: 1\n\n", b"data: 2\n\n"])] * 2)

    assert b"".join(byte_stream(send(client, server.url))) == b"data: 1\n\ndata: 2\n\n"
    stream = async_byte_stream(await send_async(async_client, server.url))
    assert b"".join([piece async for piece in stream]) == b"data: 1\n\ndata: 2\n\n"


async def test_a_response_that_is_too_large_is_not_read_on(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[endless(b"x" * 100, interval_s=0)] * 2)

    stream = byte_stream(send(client, server.url), meter=ReplyMeter(1000), errors=as_sdk_error)
    with pytest.raises(IncompleteOutputError):
        list(stream)
    stream.close()
    async_stream = async_byte_stream(await send_async(async_client, server.url), meter=ReplyMeter(1000))
    with pytest.raises(IncompleteOutputError):
        _ = [piece async for piece in async_stream]
    await async_stream.aclose()

    assert server.wait_until_idle()


async def test_after_the_end_mark_nobody_waits_for_the_server(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    body = [b"data: {}\n\n", b"data: [DONE]\n\n"]
    server.enqueue(hang(*body), hang(*body))

    stream = byte_stream(send(client, server.url), meter=ReplyMeter(1000), is_end=DoneMark().is_end)
    assert b"".join(stream) == b"".join(body)
    stream.close()
    async_stream = async_byte_stream(await send_async(async_client, server.url), is_end=DoneMark().is_end)
    assert b"".join([piece async for piece in async_stream]) == b"".join(body)
    await async_stream.aclose()

    assert server.wait_until_idle()


async def test_a_connection_can_be_used_again_after_the_end_mark(
    server: WireServer, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_stream([b"data: [DONE]\n\n"])] * 2)

    for _ in range(2):
        stream = async_byte_stream(await send_async(async_client, server.url), is_end=DoneMark().is_end)
        assert [piece async for piece in stream]
        await stream.aclose()

    assert server.open_connections == 1


async def test_a_connection_can_be_used_again_when_the_reader_leaves_at_the_end_mark(
    server: WireServer, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_stream([b"data: [DONE]\n\n"])] * 2)

    for _ in range(2):
        stream = async_byte_stream(await send_async(async_client, server.url), is_end=DoneMark().is_end)
        async for _ in stream:
            break  # as the core does once a decoder is done
        await stream.aclose()

    assert server.open_connections == 1


async def leave_at_the_end(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient, make: Callable[[], Reply]
) -> None:
    """Read one piece, drain and close as the core does once a decoder is done: twice, sync and async."""
    server.enqueue(*[make() for _ in range(4)])
    for _ in range(2):
        stream = byte_stream(send(client, server.url), errors=as_sdk_error)
        assert next(iter(stream))
        stream.drain()
        stream.close()
    for _ in range(2):
        async_stream = async_byte_stream(await send_async(async_client, server.url), errors=as_sdk_error)
        assert await anext(aiter(async_stream))
        await async_stream.drain()
        await async_stream.aclose()


Clients = tuple[WireServer, httpx.Client, httpx.AsyncClient]


@pytest.fixture
def clients(server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient) -> Clients:
    return server, client, async_client


class TestDrain:
    """The rest of a body whose reply is whole is read, but not for long."""

    @pytest.mark.parametrize("pieces", [[b"end"], [b"end", b": bye"]], ids=["nothing follows", "something follows"])
    async def test_a_body_that_ends_gives_its_connection_back(self, clients: Clients, pieces: list[bytes]) -> None:
        await leave_at_the_end(*clients, lambda: reply_stream(pieces))

        assert {request.connection for request in clients[0].requests} == {0, 1}

    async def test_a_body_that_stays_open_is_closed(self, clients: Clients) -> None:
        await leave_at_the_end(*clients, lambda: hang(b"end"))

        assert clients[0].wait_until_idle()

    @pytest.mark.parametrize("interval_s", [0, 0.001], ids=["much", "for long"])
    async def test_a_body_that_goes_on_is_closed(self, clients: Clients, interval_s: float) -> None:
        await leave_at_the_end(*clients, lambda: endless(b"x" * 100, interval_s=interval_s))

        assert clients[0].wait_until_idle()

    async def test_a_connection_that_breaks_then_is_not_an_error(self, clients: Clients) -> None:
        await leave_at_the_end(*clients, lambda: reply_stream([b"end"], final_chunk=False))

        assert clients[0].wait_until_idle()

    def test_of_much_only_64_kib_are_read(self) -> None:
        read: list[int] = []

        def pieces() -> Iterator[bytes]:
            for number in range(1000):
                read.append(number)
                yield b"x" * 1024

        stream = chunk_stream(pieces(), interrupt=lambda: None)
        assert next(iter(stream))
        stream.drain()

        assert len(read) == 1 + 64 + 1

    def test_a_stream_that_cannot_be_interrupted_is_not_read_on(self) -> None:
        source = Source(1, error=AssertionError("read on"))
        stream = chunk_stream(source)
        chunks = iter(stream)
        next(chunks)

        stream.drain()
        stream.close()

        assert source.generators_left == 1

    async def test_closing_from_another_task_waits_for_it(self) -> None:
        waiting = asyncio.Event()
        left: list[str] = []

        async def reads_on() -> AsyncIterator[int]:
            yield 1
            waiting.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                left.append("generator")

        stream = async_chunk_stream(reads_on(), lambda: left.append("connection"))
        assert await anext(aiter(stream)) == 1
        reader = asyncio.create_task(stream.drain())
        await waiting.wait()
        await stream.aclose()
        await reader

        assert left == ["generator", "connection"]


async def test_transport_errors_are_translated(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_stream([b"data: 1\n\n"], final_chunk=False)] * 2)

    with pytest.raises(SdkError):
        list(byte_stream(send(client, server.url), errors=as_sdk_error))
    stream = async_byte_stream(await send_async(async_client, server.url), errors=as_sdk_error)
    with pytest.raises(SdkError):
        _ = [piece async for piece in stream]


def test_closing_wakes_a_thread_that_waits_for_bytes(server: WireServer, client: httpx.Client) -> None:
    server.enqueue(hang(b"data: 1\n\n"))
    stream = byte_stream(send(client, server.url), errors=as_sdk_error)
    first, seen = threading.Event(), []

    def read() -> None:
        for piece in stream:
            seen.append(piece)
            first.set()
        seen.append(b"end")

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(LONG_S)
    stream.close()
    reader.join(LONG_S)

    assert seen == [b"data: 1\n\n", b"end"]
    assert server.wait_until_idle()


async def test_closing_wakes_a_task_that_waits_for_bytes(server: WireServer, async_client: httpx.AsyncClient) -> None:
    server.enqueue(hang(b"data: 1\n\n"))
    stream = async_byte_stream(await send_async(async_client, server.url), errors=as_sdk_error)
    first, seen = asyncio.Event(), []

    async def read() -> None:
        async for piece in stream:
            seen.append(piece)
            first.set()
        seen.append(b"end")

    reader = asyncio.create_task(read())
    await first.wait()
    await stream.aclose()
    await reader

    assert seen == [b"data: 1\n\n", b"end"]
    assert await asyncio.to_thread(server.wait_until_idle)


async def test_a_stream_that_a_thread_reads_for_a_task_can_be_left(server: WireServer, client: httpx.Client) -> None:
    server.enqueue(hang(b"data: 1\n\n"))
    threads = ElasticThreads("polycall-test")
    stream = await threads.stream(lambda: byte_stream(send(client, server.url)))
    assert await anext(stream) == b"data: 1\n\n"

    await stream.aclose()

    assert await asyncio.to_thread(server.wait_until_idle)
    threads.close()


def test_a_connection_that_others_share_is_not_shut_down() -> None:
    class Response:
        def __init__(self, version: str, connection: object) -> None:
            self.http_version = version
            self.extensions = {"network_stream": self}
            self.connection = connection
            self.waiting, self.go_on = threading.Event(), threading.Event()

        def iter_bytes(self) -> Iterator[bytes]:
            self.waiting.set()
            assert self.go_on.wait(LONG_S)
            yield b"late"

        def get_extra_info(self, name: str) -> object:
            assert name == "socket"
            return self.connection

        def close(self) -> None:
            self.go_on.set()

    for version, still_open in [("HTTP/1.1", False), ("HTTP/2", True)]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            response = Response(version, ours)
            stream = byte_stream(response)
            reader = threading.Thread(target=lambda stream=stream: list(stream))
            reader.start()
            assert response.waiting.wait(LONG_S)
            stream.close()
            reader.join(LONG_S)

            theirs.setblocking(False)
            if still_open:
                with pytest.raises(BlockingIOError):
                    theirs.recv(1)
            else:
                assert theirs.recv(1) == b""


class RequestsResponse:
    """As that of requests."""

    def __init__(self) -> None:
        self.closed = False

    def iter_content(self, chunk_size: int | None) -> Iterator[bytes]:
        assert chunk_size is None
        yield b"body"

    def close(self) -> None:
        self.closed = True


class AiohttpResponse:
    """As that of aiohttp."""

    def __init__(self) -> None:
        self.content = self
        self.closed = False

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield b"body"

    async def __aexit__(self, *_: object) -> None:
        raise AssertionError("would read the response to its end")

    def close(self) -> None:
        self.closed = True


class RawResponse(RequestsResponse):
    """Without decoding of its own."""

    def iter_raw(self) -> Iterator[bytes]:
        yield b"raw"


@pytest.mark.parametrize(("make", "body"), [(RequestsResponse, b"body"), (RawResponse, b"raw")])
def test_other_http_clients(make: Callable[[], RequestsResponse], body: bytes) -> None:
    response = make()
    stream = byte_stream(response)

    assert list(stream) == [body]
    stream.close()

    assert response.closed


async def test_other_async_http_clients() -> None:
    response = AiohttpResponse()
    stream = async_byte_stream(response)

    assert [piece async for piece in stream] == [b"body"]
    await stream.aclose()

    assert response.closed


# Bodies of status errors


async def test_the_body_of_an_error_is_read_and_the_connection_closed(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_bytes(b"too busy", status=503)] * 2)

    assert error_body(send(client, server.url)) == b"too busy"
    assert await async_error_body(await send_async(async_client, server.url)) == b"too busy"


async def test_an_endless_error_is_cut(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[endless(b"x" * 100, interval_s=0)] * 2)

    assert error_body(send(client, server.url), 1000) == b"x" * 1000
    assert await async_error_body(await send_async(async_client, server.url), 1000) == b"x" * 1000

    assert server.wait_until_idle()


async def test_an_error_that_breaks_off_gives_what_came(
    server: WireServer, client: httpx.Client, async_client: httpx.AsyncClient
) -> None:
    server.enqueue(*[reply_stream([b"too b"], status=503, final_chunk=False)] * 2)

    assert error_body(send(client, server.url)) == b"too b"
    assert await async_error_body(await send_async(async_client, server.url)) == b"too b"


class Proxy:
    """As wrapt's: it has every special method, and passes each on to its object."""

    def __init__(self, wrapped: object) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> object:
        return getattr(self.wrapped, name)

    def __exit__(self, *error: object) -> object:
        return self.wrapped.__exit__(*error)  # type: ignore[attr-defined]

    async def __aexit__(self, *error: object) -> object:
        return await self.wrapped.__aexit__(*error)  # type: ignore[attr-defined]


def test_a_proxy_that_cannot_be_left_after_all_is_closed() -> None:
    closed: list[str] = []

    def pieces() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append("pieces")

    generator = pieces()
    next(generator)
    close_all(Proxy(generator))

    assert closed == ["pieces"]


async def test_an_async_proxy_that_cannot_be_left_after_all_is_closed() -> None:
    closed: list[str] = []

    async def pieces() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append("pieces")

    generator = pieces()
    await anext(generator)
    await aclose_all(Proxy(generator))

    assert closed == ["pieces"]
