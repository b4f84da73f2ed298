"""Open streams made of what SDKs and HTTP clients return: an iterator, something to close, a translation of errors.

The HTTP responses are known by their methods alone, so that no HTTP client is imported: those of httpx, requests and
aiohttp, and their like.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from polycall._data.errors import PolycallError
from polycall._toolkit.reply_meter import ReplyMeter

if TYPE_CHECKING:
    import asyncio  # imported where it is used: it costs 20 ms, which sync users need not pay

T = TypeVar("T")

Errors: TypeAlias = Callable[[Exception], Exception | None]
"""Returns what to raise in place of an exception, ``None`` to let it pass. Never asked about polycall's own."""

MAX_ERROR_BODY_BYTES = 64 * 1024
"""Read this much of the body of a status error: enough for a message, too little to fill the memory."""

_DRAIN_S = 0.05
_DRAIN_BYTES = 64 * 1024
"""After the end of the reply, read so long and so much more of the body at most: its end is mostly there already."""
_LEAVE_S = 1.0
_TAIL_BYTES = 32
_ENDS_WITH_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]\s*$")


def chunk_stream(
    chunks: Iterable[T],
    *closers: object,
    errors: Errors | None = None,
    is_last: Callable[[T], bool] | None = None,
    interrupt: Callable[[], object] | None = None,
) -> OpenStream[T]:
    """Make a `polycall.plugin.ChunkStream` of an iterator.

    Args:
        chunks: The SDK's stream, or an iterator of one.
        closers: What else to close, before ``chunks``, as `close_all` takes it: the response below, or a function that
            cancels the call.
        errors: Translates what iterating raises.
        is_last: Whether a chunk is the end mark, after which a server may keep the connection open. Also the place to
            count a chunk, because it is asked about each.
        interrupt: Wakes a thread that waits for a chunk, called from another one; see `wake_reader`. Without it the
            stream is not drained: nothing would end that.
    """
    return OpenStream(chunks, closers, errors, is_last, interrupt=interrupt)


def async_chunk_stream(
    chunks: AsyncIterable[T],
    *closers: object,
    errors: Errors | None = None,
    is_last: Callable[[T], bool] | None = None,
) -> AsyncOpenStream[T]:
    """Async version of `chunk_stream`; the closers' functions and methods may be sync or async."""
    return AsyncOpenStream(chunks, closers, errors, is_last)


def byte_stream(
    response: object,
    *,
    meter: ReplyMeter | None = None,
    is_end: Callable[[bytes], bool] | None = None,
    errors: Errors | None = None,
) -> OpenStream[bytes]:
    """The bytes of an open HTTP response, content-decoded, in the pieces in which they arrive.

    Args:
        response: Of httpx (``iter_bytes``), requests (``iter_content``), or with ``iter_raw``.
        meter: Counts each piece before it is yielded.
        is_end: Whether the body is over with this piece although the server may keep it open; see `DoneMark`.
        errors: Translates the HTTP client's exceptions.
    """
    closers = (_close_method(response, "close"),)
    interrupt = None if _connection_of(response) is None else lambda: wake_reader(response)
    return OpenStream(_pieces(response), closers, errors, is_end, meter=meter, interrupt=interrupt)


def async_byte_stream(
    response: object,
    *,
    meter: ReplyMeter | None = None,
    is_end: Callable[[bytes], bool] | None = None,
    errors: Errors | None = None,
) -> AsyncOpenStream[bytes]:
    """Async version of `byte_stream`, for responses of httpx (``aiter_bytes``) and aiohttp.

    After the end mark it is drained, so that the connection can be used again.
    """
    closers = (_close_method(response, "aclose", "close"),)
    return AsyncOpenStream(_async_pieces(response), closers, errors, is_end, meter=meter, drain=is_end is not None)


def wake_reader(response: object) -> None:
    """End the wait of a thread that reads a response of httpx, by shutting down its connection.

    Nothing happens if the connection is not known (a transport of the user's own), or belongs to other requests, too
    (HTTP/2; the response was read to its end).
    """
    connection = _connection_of(response)
    if connection is not None:
        # Closing a socket does not wake a reader on Linux. This is not the override of ssl.SSLSocket, which would let
        # the reader see bytes that are still encrypted.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class DoneMark:
    """Notices ``data: [DONE]``, the last event of many servers, however the body is cut.

    A line break inside a JSON text is escaped, so a line that begins like this is not a part of one.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def is_end(self, piece: bytes) -> bool:
        """Whether the mark is the last thing in the body so far."""
        if piece.endswith(b"}\n\n"):  # as nearly every piece does
            self._tail = b""
            return False
        tail = self._tail = (self._tail + piece)[-_TAIL_BYTES:] if len(piece) < _TAIL_BYTES else piece[-_TAIL_BYTES:]
        return b"[DONE]" in tail and _ENDS_WITH_DONE.search(tail) is not None


class OpenStream(Generic[T]):
    """A `polycall.plugin.ChunkStream`; see `chunk_stream`.

    Once it is closed, iterating ends, also for a thread that waits for a chunk.
    """

    __slots__ = (
        "_closed",
        "_closers",
        "_errors",
        "_interrupt",
        "_is_last",
        "_is_reading",
        "_iterator",
        "_lock",
        "_meter",
        "_source",
    )

    def __init__(
        self,
        chunks: Iterable[T],
        closers: Iterable[object],
        errors: Errors | None,
        is_last: Callable[[T], bool] | None,
        *,
        meter: ReplyMeter | None = None,
        interrupt: Callable[[], object] | None = None,
    ) -> None:
        self._source = chunks
        self._iterator: Iterator[T] | None = None
        self._closers = tuple(closers)
        self._errors = errors
        self._is_last = is_last
        self._meter = meter
        self._interrupt = interrupt
        self._is_reading = False
        self._closed = False
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[T]:
        is_last, take = self._is_last, None if self._meter is None else self._meter.take
        try:
            # Set before `_closed` is read, so that one of the two threads always sees the other.
            self._is_reading = True
            if self._closed:
                return
            if self._iterator is None:
                self._iterator = iter(self._source)
            for chunk in self._iterator:
                self._is_reading = False
                if self._closed:
                    return
                if take is not None:
                    take(len(chunk))  # type: ignore[arg-type]  # bytes, where there is a meter
                last = is_last is not None and is_last(chunk)
                yield chunk
                self._is_reading = True
                if last or self._closed:
                    return
        except Exception as error:
            if self._closed:
                return  # the connection went away under the reader
            _raise_translated(error, self._errors)
            raise
        finally:
            self._is_reading = False

    def drain(self) -> None:
        """The reply is whole: read on to the end of the body, for 50 ms and 64 KiB at most.

        A body that ends right away is read to its end: its connection can be used again, and a wrapper around an SDK's
        stream sees a whole one. One that stays open is broken off. To be called by the thread that reads, then `close`.
        """
        if self._iterator is None or self._interrupt is None or self._closed:
            return
        # A read timeout of httpx cannot be changed once the body is being read. Whether the socket has data says
        # nothing: the client may hold the end of the body already.
        watch = threading.Timer(_DRAIN_S, self._end_drain)
        watch.daemon = True
        self._is_reading = True
        # What happens to the connection now is not a fault of the reply. No thread can be started: nothing is read.
        with suppress(Exception):
            try:
                watch.start()
                rest = _Rest()
                for chunk in self._iterator:
                    if self._closed or rest.is_too_much(chunk):
                        break
            finally:
                self._is_reading = False
                watch.cancel()

    def _end_drain(self) -> None:
        if self._is_reading and self._interrupt is not None:
            with suppress(Exception):
                self._interrupt()

    def close(self) -> None:
        """Close everything that belongs to the stream, from any thread. Later calls do nothing.

        Raises:
            Exception: The first that was raised by something to close, after all else is closed.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._is_reading and self._interrupt is not None:
            with suppress(Exception):
                self._interrupt()
        close_all(*self._closers, self._source, self._iterator)


class AsyncOpenStream(Generic[T]):
    """A `polycall.plugin.AsyncChunkStream`; see `async_chunk_stream`.

    Once it is closed, iterating ends, also in another task that waits for a chunk.
    """

    __slots__ = (
        "_at_end",
        "_cancelling",
        "_closed",
        "_closers",
        "_drain",
        "_drained",
        "_errors",
        "_interrupted",
        "_is_last",
        "_iterator",
        "_left",
        "_meter",
        "_reader",
        "_source",
    )

    def __init__(
        self,
        chunks: AsyncIterable[T],
        closers: Iterable[object],
        errors: Errors | None,
        is_last: Callable[[T], bool] | None,
        *,
        meter: ReplyMeter | None = None,
        drain: bool = False,
    ) -> None:
        self._source = chunks
        self._iterator: AsyncIterator[T] | None = None
        self._closers = tuple(closers)
        self._errors = errors
        self._is_last = is_last
        self._meter = meter
        self._drain = drain
        self._drained: asyncio.Future[None] | None = None
        """Done when the rest of the body has been read; ``None`` before that begins."""
        self._at_end = False
        """The chunk that was yielded last is the end mark."""
        self._closed = False
        self._reader: asyncio.Task[object] | None = None
        """The task that waits for a chunk."""
        self._cancelling = 0
        """How often it had been asked to cancel before it began to wait."""
        self._interrupted = False
        self._left: asyncio.Future[None] | None = None

    async def __aiter__(self) -> AsyncIterator[T]:
        import asyncio

        if self._closed:
            return
        if self._iterator is None:
            self._iterator = aiter(self._source)
        is_last, take = self._is_last, None if self._meter is None else self._meter.take
        current_task, loop = asyncio.current_task, asyncio.get_running_loop()
        self._reader = task = current_task(loop)
        cancelling = self._cancelling = 0 if task is None else task.cancelling()
        self._at_end = False
        try:
            async for chunk in self._iterator:
                self._reader = None
                if self._closed:
                    return
                if take is not None:
                    take(len(chunk))  # type: ignore[arg-type]  # bytes, where there is a meter
                if is_last is not None and is_last(chunk):
                    self._at_end = True
                yield chunk
                if self._at_end or self._closed:
                    break
                self._reader = task = current_task(loop)
                if task is not None:
                    cancelling = self._cancelling = task.cancelling()
        except asyncio.CancelledError:
            if self._interrupted and task is not None:
                self._interrupted = False
                if task.uncancel() <= cancelling:
                    return
            raise
        except Exception as error:
            if self._closed:
                if task is not None and task.cancelling() > cancelling + self._interrupted:
                    raise asyncio.CancelledError from error  # the SDK made another error of it
                return  # the connection went away under the reader
            _raise_translated(error, self._errors)
            raise
        finally:
            self._note_left(task)
        if self._drain and not self._closed:
            await self.drain()

    async def drain(self) -> None:
        """Async version of `OpenStream.drain`."""
        import asyncio

        if self._iterator is None or self._drained is not None or self._closed:
            return
        self._drained = asyncio.get_running_loop().create_future()
        rest = _Rest()
        try:
            with suppress(Exception):
                async with asyncio.timeout(_DRAIN_S):
                    async for chunk in self._iterator:
                        if self._closed or rest.is_too_much(chunk):
                            break
        finally:
            self._drained.set_result(None)

    async def aclose(self) -> None:
        """Close everything that belongs to the stream, from any task. Later calls do nothing.

        Raises:
            Exception: The first that was raised by something to close, after all else is closed.
        """
        if self._closed:
            return
        if self._drain and self._at_end:
            await self.drain()  # the reader has left at the end mark
        self._closed = True
        try:
            if self._reader is not None:
                await self._interrupt(self._reader)
            elif self._drained is not None and not self._drained.done():
                import asyncio

                await asyncio.wait((self._drained,))  # another task reads the rest
        finally:
            await aclose_all(*self._closers, self._source, self._iterator)

    async def _interrupt(self, reader: asyncio.Task[object]) -> None:
        """End the read that another task waits for; its iteration ends, the task goes on."""
        import asyncio

        self._left = asyncio.get_running_loop().create_future()
        if reader.cancelling() <= self._cancelling:  # a second time, it would hit the HTTP client while that cleans up
            self._interrupted = reader.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                await self._left

    def _note_left(self, task: asyncio.Task[object] | None) -> None:
        self._reader = None
        if self._interrupted and task is not None:
            self._interrupted = False
            task.uncancel()  # the read swallowed it
        if self._left is not None and not self._left.done():
            self._left.set_result(None)


class _Rest:
    """Measures how much follows after the end of a reply."""

    __slots__ = ("_bytes_left", "_until")

    def __init__(self) -> None:
        self._bytes_left = _DRAIN_BYTES
        self._until = time.monotonic() + _DRAIN_S

    def is_too_much(self, chunk: object) -> bool:
        if isinstance(chunk, bytes):
            self._bytes_left -= len(chunk)
        return self._bytes_left < 0 or time.monotonic() > self._until


def close_all(*streams: object) -> None:
    """Close each of these, whatever the others raise.

    Args:
        streams: Functions without parameters; or objects, which may have been wrapped by instrumentation: some wrappers
            end their span in ``__exit__`` only, others leave the response open there, so ``__exit__`` is called and
            then ``.response`` closed; without ``__exit__``, ``close`` is called. Objects with neither, ``None``,
            repetitions, and generators that are running in another thread are passed over.

    Raises:
        BaseException: The first that one of them raised, after all are closed; an interruption, such as
            `KeyboardInterrupt`, goes before other exceptions.
    """
    first: BaseException | None = None
    for stream in _distinct(streams):
        if isinstance(stream, GeneratorType) and stream.gi_running:
            continue
        try:
            for close in _ways_to_close(stream, "__exit__", ("close",)):
                close()
        except BaseException as error:  # noqa: BLE001  # raised below
            first = _graver(first, error)
    _raise(first)


async def aclose_all(*streams: object) -> None:
    """Async version of `close_all`: ``__aexit__``, ``aclose`` or ``close``, each sync or async."""
    first: BaseException | None = None
    for stream in _distinct(streams):
        if isinstance(stream, AsyncGeneratorType) and stream.ag_running:
            continue
        try:
            for close in _ways_to_close(stream, "__aexit__", ("aclose", "close")):
                closing = close()
                if hasattr(closing, "__await__"):
                    await cast("Awaitable[object]", closing)
        except BaseException as error:  # noqa: BLE001
            first = _graver(first, error)
    _raise(first)


def error_body(response: object, limit: int = MAX_ERROR_BODY_BYTES) -> bytes:
    """The beginning of the body of a streamed status error. Then the response is closed.

    Args:
        response: As for `byte_stream`.
        limit: Bytes to read at most.

    Returns:
        As much as arrives: the status is the error, a connection that breaks now is not another.
    """
    body = bytearray()
    with suppress(Exception):
        for piece in _pieces(response):
            body += piece
            if len(body) >= limit:
                break
    with suppress(Exception):
        close_all(_close_method(response, "close"))
    return bytes(body[:limit])


async def async_error_body(response: object, limit: int = MAX_ERROR_BODY_BYTES) -> bytes:
    """Async version of `error_body`."""
    body = bytearray()
    try:
        with suppress(Exception):
            async for piece in _async_pieces(response):
                body += piece
                if len(body) >= limit:
                    break
    finally:
        with suppress(Exception):
            await aclose_all(_close_method(response, "aclose", "close"))
    return bytes(body[:limit])


def _pieces(response: object) -> Iterator[bytes]:
    for name in _readers(response, "iter_bytes", "iter_raw"):  # httpx
        read = getattr(response, name, None)
        if read is not None:
            return cast("Iterator[bytes]", read())
    return cast("Iterator[bytes]", response.iter_content(chunk_size=None))  # type: ignore[attr-defined]  # requests


def _readers(response: object, decoded: str, raw: str) -> tuple[str, ...]:
    """The methods that read a body, the best first: the raw bytes, where decoding would hand them on as they are.

    That is one generator less for each piece, a quarter of the price of reading it.
    """
    is_plain = getattr(response, "is_stream_consumed", None) is False and "content-encoding" not in response.headers  # type: ignore[attr-defined]
    return (raw, decoded) if is_plain else (decoded, raw)


def _async_pieces(response: object) -> AsyncIterator[bytes]:
    for name in _readers(response, "aiter_bytes", "aiter_raw"):  # httpx
        read = getattr(response, name, None)
        if read is not None:
            return cast("AsyncIterator[bytes]", read())
    return cast("AsyncIterator[bytes]", response.content.iter_any())  # type: ignore[attr-defined]  # aiohttp


def _close_method(response: object, *names: str) -> object:
    """The method that closes a response at once. Leaving aiohttp's with ``__aexit__`` would read on to its end."""
    return next((method for name in names if (method := getattr(response, name, None)) is not None), None)


def _connection_of(response: object) -> socket.socket | None:
    """The socket that carries this response alone."""
    stream = getattr(response, "extensions", {}).get("network_stream")
    if stream is None or getattr(response, "is_closed", False) or getattr(response, "http_version", "") == "HTTP/2":
        return None
    connection = stream.get_extra_info("socket")
    return connection if isinstance(connection, socket.socket) else None


def _distinct(streams: Iterable[object]) -> list[object]:
    return list({id(stream): stream for stream in streams if stream is not None}.values())


def _ways_to_close(stream: object, leave: str, names: tuple[str, ...]) -> Iterator[Callable[[], object]]:
    """What to call, one after the other, to close a stream. The second is looked up when the first is done."""
    method = getattr(stream, leave, None)
    if method is not None:
        inner = stream
        yield lambda: _leave(inner, method, leave, names)
        stream = getattr(stream, "response", None)
    for name in names:
        close = getattr(stream, name, None)
        if close is not None:
            yield close
            return
    if callable(stream) and not isinstance(stream, type):
        yield stream


def _leave(stream: object, method: Callable[..., object], leave: str, names: tuple[str, ...]) -> object:
    """Leave a stream like a context manager; a proxy has the method though its object may not, and is closed then."""
    try:
        left = method(None, None, None)
    except AttributeError as error:
        return _close_instead(stream, error, leave, names)
    if not hasattr(left, "__await__"):
        return left

    async def awaited() -> object:
        try:
            return await left
        except AttributeError as error:
            closed = _close_instead(stream, error, leave, names)
            return await closed if hasattr(closed, "__await__") else closed

    return awaited()


def _close_instead(stream: object, error: AttributeError, leave: str, names: tuple[str, ...]) -> object:
    if error.name != leave:
        raise error
    close = next((close for name in names if (close := getattr(stream, name, None)) is not None), None)
    return None if close is None else close()  # gRPC's iterators have nothing to close; their call is cancelled


def _raise_translated(error: Exception, errors: Errors | None) -> None:
    if errors is not None and not isinstance(error, PolycallError):
        translated = errors(error)
        if translated is not None:
            raise translated from error


def _graver(first: BaseException | None, error: BaseException) -> BaseException:
    """Which of two to raise: the first, unless the other is a cancellation or an end of the program."""
    return error if first is None or (isinstance(first, Exception) and not isinstance(error, Exception)) else first


def _raise(error: BaseException | None) -> None:
    if error is not None:
        try:
            raise error
        finally:
            del error
