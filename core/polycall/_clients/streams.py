"""The result of ``create(stream=True)``: each typed call while later ones are still being generated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar, cast

from polycall._data.calls import Calls
from polycall._data.contract import (
    ArgumentsDelta,
    AsyncChunkStream,
    CallCompleted,
    CallStarted,
    ChunkStream,
    Reply,
    Request,
    StreamEvent,
    TextDelta,
)
from polycall._data.errors import IncompleteOutputError, OutputError
from polycall._data.types import CallFailure, ToolCall
from polycall._engine.bound_hooks import Connection
from polycall._engine.exchange import Exchange
from polycall._engine.validation import ValidCall

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class CallReady(Generic[T_co]):
    """A call is complete and valid: what iterating over the stream yields, with the call it came from."""

    value: T_co
    tool_call: ToolCall


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A complete call is not valid. A correction may follow; it comes as `CallReady`."""

    failure: CallFailure


CallEvent: TypeAlias = CallStarted | ArgumentsDelta | TextDelta | CallReady[T] | CallFailed
"""What ``stream.events()`` yields."""


class _StreamBase(Generic[T]):
    """What sync and async streams share: everything but the reading."""

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._values: list[T] = []
        self._tool_calls: list[ToolCall] = []
        self._started: set[int] = set()
        self._result: Calls[T] | None = None

    @property
    def calls(self) -> Calls[T]:
        """The good calls so far, in the order of their completion; after the end all of them in the order of the
        reply, with usage, finish reason, text and raw response.
        """
        if self._result is not None:
            return self._result
        return Calls(self._values, tool_calls=self._tool_calls)

    def _on_event(self, event: StreamEvent) -> Iterable[CallEvent[T]]:
        if not isinstance(event, CallCompleted):
            if isinstance(event, CallStarted):
                self._started.add(event.index)
            return (event,)
        call = event.tool_call
        events: list[CallEvent[T]] = []
        if self._exchange.first_request.report_deltas and call.index not in self._started:
            # A protocol that carries whole calls: a display that waits for beginnings must not miss this one.
            events.append(CallStarted(call.index, call.id, call.name))
        outcome = self._exchange.validate_early(call)
        if isinstance(outcome, CallFailure):
            events.append(CallFailed(outcome))
        elif not self._exchange.correcting:
            events.append(self._ready(outcome))
        # Whether a call of a correction is new is known when the whole reply is there: `_on_reply` gives it out.
        return events

    def _on_reply(self, reply: Reply) -> list[CallEvent[T]]:
        self._started.clear()
        return [self._ready(call) for call in self._exchange.receive(reply)]

    def _on_end(self) -> None:
        self._result = cast("Calls[T]", self._exchange.calls())

    def _whole_result(self) -> Calls[T]:
        if self._result is None:
            raise IncompleteOutputError(
                "The stream was closed before its end; what came until then is in .calls.",
                calls=cast("Calls[object]", self.calls),
            )
        return self._result

    def _ready(self, call: ValidCall) -> CallReady[T]:
        value = cast("T", call.value)
        self._values.append(value)
        self._tool_calls.append(call.tool_call)
        return CallReady(value, call.tool_call)


class CallStream(_StreamBase[T]):
    """An iterator over the typed calls of a reply that is still coming, and a context manager.

    Each call is yielded on the first positive sign that it is complete. Calls that fail are corrected at the end of
    the reply, and yielded then. The request is sent when the stream is made; leaving the ``with`` block, or
    `close`, closes the connection.

    Raises (while iterating):
        OutputError: As ``create()`` does; what was good was yielded before, and is in ``.calls`` of the error too.
    """

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        super().__init__(connection, exchange)
        request = exchange.first_request
        self._chunks: ChunkStream[object] | None = connection.open_stream(request)
        self._events = self._read(request)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        for event in self._events:
            if isinstance(event, CallReady):
                return event.value
        raise StopIteration

    def events(self) -> Generator[CallEvent[T], None, None]:
        """Iterate over everything that happens instead of over the calls alone, for progress displays.

        `CallStarted`, `ArgumentsDelta` and `TextDelta` come only if the stream was asked for with ``deltas=True``.
        """
        for event in self._events:  # noqa: UP028 - "yield from" would end the stream when this iterator is left
            yield event

    def collect(self) -> Calls[T]:
        """Read to the end.

        Returns:
            All calls, those that were yielded before too, as ``create()`` without ``stream`` would.

        Raises:
            IncompleteOutputError: The stream was closed, or failed, before its end.
        """
        for _ in self._events:
            pass
        return self._whole_result()

    def close(self) -> None:
        """Close the connection; calls that are not yet complete are lost. Later calls do nothing."""
        self._events.close()
        if self._chunks is not None:
            chunks, self._chunks = self._chunks, None
            chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, first_request: Request) -> Generator[CallEvent[T], None, None]:
        request: Request | None = first_request
        try:
            while request is not None:
                if request is not first_request:
                    self._chunks = self._connection.open_stream(request)
                if self._chunks is None:
                    reply = self._connection.send(request)
                else:
                    decoder = self._connection.decoder(request)
                    for chunk in self._chunks:
                        for event in decoder.feed(chunk):
                            yield from self._on_event(event)
                    reply = self._connection.note_reply(request, decoder.finish())
                    chunks, self._chunks = self._chunks, None
                    chunks.close()
                yield from self._on_reply(reply)
                request = self._exchange.next_request()
        except OutputError as error:
            self._exchange.fill_in(error)
            raise
        finally:
            if self._chunks is not None:
                chunks, self._chunks = self._chunks, None
                chunks.close()
        self._on_end()


class AsyncCallStream(_StreamBase[T]):
    """As `CallStream`, async: an async iterator and an async context manager.

    The request is sent when the stream is awaited, entered or first read, whichever is first.
    """

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        super().__init__(connection, exchange)
        self._request: Request | None = exchange.first_request
        self._opened = False
        self._chunks: AsyncChunkStream[object] | None = None
        self._events = self._read()

    def __await__(self) -> Generator[object, None, Self]:
        return self._open().__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        async for event in self._events:
            if isinstance(event, CallReady):
                return event.value
        raise StopAsyncIteration

    async def events(self) -> AsyncGenerator[CallEvent[T], None]:
        """As `CallStream.events`."""
        async for event in self._events:
            yield event

    async def collect(self) -> Calls[T]:
        """As `CallStream.collect`."""
        async for _ in self._events:
            pass
        return self._whole_result()

    async def close(self) -> None:
        """As `CallStream.close`."""
        self._request = None
        await self._events.aclose()
        await self._close_chunks()

    async def __aenter__(self) -> Self:
        return await self._open()

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> Self:
        if not self._opened and self._request is not None:
            self._chunks = await self._connection.open_stream_async(self._request)
            self._opened = True  # not before: what could not be opened may be opened again
        return self

    async def _close_chunks(self) -> None:
        if self._chunks is not None:
            chunks, self._chunks = self._chunks, None
            await chunks.aclose()

    async def _read(self) -> AsyncGenerator[CallEvent[T], None]:
        try:
            while self._request is not None:
                await self._open()
                request = self._request
                if self._chunks is None:
                    reply = await self._connection.send_async(request)
                else:
                    decoder = self._connection.decoder(request)
                    async for chunk in self._chunks:
                        for event in decoder.feed(chunk):
                            for seen in self._on_event(event):
                                yield seen
                    reply = self._connection.note_reply(request, decoder.finish())
                    await self._close_chunks()
                for ready in self._on_reply(reply):
                    yield ready
                self._request = self._exchange.next_request()
                self._opened = False
        except OutputError as error:
            self._exchange.fill_in(error)
            raise
        finally:
            await self._close_chunks()
        self._on_end()
