"""The result of ``create(stream=True)``: each typed call while later ones are still being generated."""
# Annotations are objects here and not texts, as in `polycall._data.types`.

import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar, cast

from polycall._clients.misuse import AsyncStreamOnly, NotYetCalls, SyncStreamOnly
from polycall._data.calls import Calls
from polycall._data.contract import (
    ArgumentsDelta,
    AsyncChunkStream,
    CallCompleted,
    CallStarted,
    ChunkStream,
    ReasoningDelta,
    Reply,
    Request,
    StreamDecoder,
    StreamEvent,
    TextDelta,
)
from polycall._data.errors import IncompleteOutputError
from polycall._data.public import public
from polycall._data.tracebacks import MISTAKES, shorten
from polycall._data.types import CallFailure, ToolCall
from polycall._engine.bound_hooks import BoundHooks
from polycall._engine.decoder_checks import LISTS, CompletedCalls, check_display_event, check_events
from polycall._engine.drive import begin, end, fail
from polycall._engine.exchange import Exchange
from polycall._engine.validation import ValidCall

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@public
@dataclass(frozen=True, slots=True)
class CallReady(Generic[T_co]):
    """A call is complete and valid.

    Attributes:
        value: The object, which iterating over the stream yields.
        tool_call: The call it was made of.
    """

    value: T_co
    tool_call: ToolCall


@public
@dataclass(frozen=True, slots=True)
class CallFailed:
    """A complete call is not valid. A correction may follow; it is reported as `CallReady`.

    Attributes:
        failure: The call, and why it is not valid.
    """

    failure: CallFailure


CallEvent: TypeAlias = CallStarted | ArgumentsDelta | TextDelta | ReasoningDelta | CallReady[T] | CallFailed
"""The events that ``stream.events()`` yields."""


class _StreamBase(NotYetCalls, Generic[T]):
    """The state of a stream and everything that is not waiting; sync and async streams add the reading."""

    def __init__(self, hooks: BoundHooks, exchange: Exchange) -> None:
        self._hooks = hooks
        self._exchange = exchange
        self._values: list[T] = []
        self._tool_calls: list[ToolCall] = []
        self._pending: deque[CallEvent[T]] = deque()
        self._result: Calls[T] | None = None
        self._began = False
        self._closed = False
        self._error: BaseException | None = None
        self._end_lock = threading.Lock()
        self._must_open = True
        """The next round has not begun."""
        # The round that is being read.
        self._request: Request | None = None
        self._body: Any = None
        """Of a request that has not been sent."""
        self._decoder: StreamDecoder[Any] | None = None
        self._completed: CompletedCalls
        self._started: set[int]

    @property
    def calls(self) -> Calls[T]:
        """The good calls so far, in the order of their completion; after the end all of them in the order of the
        reply, with usage, finish reason, text and raw response.
        """
        if self._result is not None:
            return self._result
        return Calls(
            self._values,
            tool_calls=self._tool_calls,
            provider=self._hooks.name,
            adaptations=self._exchange.request.adaptations,
        )

    def __repr__(self) -> str:
        state = "ended" if self._result is not None else "closed" if self._closed else "open"
        return f"<polycall.{type(self).__name__} {state}, {len(self.calls)} calls so far>"

    def _begin_round(self) -> Request | None:
        """The next request, rendered; ``None`` when the result stands."""
        self._must_open = False
        if not self._began:
            self._began = True
            begin(self._exchange, self._hooks)
        request = self._exchange.next_request()
        self._request = request
        if request is not None:
            self._body = self._hooks.render(request)
            self._decoder = None
            self._completed = CompletedCalls(self._hooks.provider)
            self._started = set()
        return request

    def _current_decoder(self) -> StreamDecoder[Any]:
        if self._decoder is None:
            self._decoder = self._hooks.decoder(self._current_request())
        return self._decoder

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, CallCompleted):
            self._complete(self._completed.add(event))
            return
        check_display_event(self._hooks.provider, event)
        if self._exchange.ask.deltas:
            if isinstance(event, CallStarted):
                self._started.add(event.index)
            self._pending.append(event)

    def _complete(self, call: ToolCall) -> None:
        if self._exchange.ask.deltas and call.index not in self._started:
            # A protocol that carries whole calls: a display that waits for beginnings must not miss this one.
            self._pending.append(CallStarted(call.index, call.id, call.name))
        outcome = self._exchange.validate_early(call)
        if isinstance(outcome, CallFailure):
            self._pending.append(CallFailed(outcome))
        elif outcome is not None and not self._exchange.is_correction:
            self._pending.append(self._ready(outcome))
        # Whether a call of a correction is new is known when the whole reply is there: `_end_round` yields it.

    def _decoded_reply(self) -> Reply:
        """The whole reply, after its last chunk."""
        reply = self._hooks.finish(self._current_decoder())
        self._completed.check(reply)
        return reply

    def _end_round(self, reply: Reply) -> None:
        """Take the calls of the whole reply, and plan a correction if some are bad."""
        request = self._current_request()
        self._request = self._decoder = self._body = None
        self._must_open = True
        self._hooks.round_ended(request, reply)
        self._pending.extend([self._ready(call) for call in self._exchange.receive(reply)])

    def _current_request(self) -> Request:
        if self._request is None:  # the stream was closed from elsewhere between two steps
            raise self._closed_error()
        return self._request

    def _end(self) -> None:
        result = self._exchange.calls()
        end(self._exchange, self._hooks, result)
        self._result = cast("Calls[T]", result)

    def _fail(self, error: BaseException) -> BaseException:
        """Note the end by an error; the error to raise."""
        if self._closed and isinstance(error, Exception) and not isinstance(error, IncompleteOutputError):
            error = self._closed_error()  # the reader was woken by a close from elsewhere
        with self._end_lock:
            if self._error is not None:  # who closes the stream and the reader that wakes of it both come here
                return self._error if isinstance(error, Exception) else error  # a reader that is cancelled stays so
            self._error = error
        request, self._request = self._request, None
        if request is not None:
            self._hooks.round_failed(request, error)
        fail(self._exchange, self._hooks, error)
        return error

    def _on_close(self) -> None:
        """The caller has left before the end: tell the extensions."""
        if self._began and self._result is None and self._error is None:
            self._fail(self._closed_error())

    def _closed_error(self) -> IncompleteOutputError:
        return IncompleteOutputError(
            "The stream was closed before its end; the calls until then are in .calls.",
            calls=cast("Calls[object]", self.calls),
        )

    def _raise_if_over(self) -> None:
        """An ended stream is an error to read, unless it ended well."""
        if self._error is not None:
            raise self._error
        if self._closed and self._result is None:
            raise self._closed_error()

    def _require_events(self) -> None:
        if self._result is not None and not self._pending:
            raise RuntimeError("The stream was read to its end, and its events with it. The calls are in stream.calls.")

    def _whole_result(self) -> Calls[T]:
        if self._result is None:
            raise self._error or self._closed_error()
        return self._result

    def _ready(self, call: ValidCall) -> CallReady[T]:
        value = cast("T", call.value)
        self._values.append(value)
        self._tool_calls.append(call.tool_call)
        return CallReady(value, call.tool_call)


@public
class CallStream(SyncStreamOnly, _StreamBase[T]):
    """An iterator over the typed calls of a reply that is still being generated, and a context manager.

    Each call is yielded on the first positive sign that it is complete. Calls that fail are corrected at the end of
    the reply, and yielded then. The request is sent when the stream is made; leaving the ``with`` block, or
    `close`, closes the connection.

    Raises (while iterating):
        OutputError: As ``create()`` does; good calls were yielded before, and are in ``.calls`` of the error too.
    """

    def __init__(self, hooks: BoundHooks, exchange: Exchange) -> None:
        super().__init__(hooks, exchange)
        self._chunks: ChunkStream[object] | None = None
        self._iterator: Iterator[object] | None = None
        self._is_reading = False
        """A thread is in the provider's stream."""
        try:
            self._open()
        except BaseException as error:
            self._fail(error)
            raise

    def __iter__(self) -> Iterator[T]:
        if self._result is not None and not self._pending:
            return iter(self._result)  # it was read to its end: the calls that are kept
        return self

    def __next__(self) -> T:
        while (event := self._next_event()) is not None:
            if isinstance(event, CallReady):
                return event.value
        raise StopIteration

    def events(self) -> Generator[CallEvent[T], None, None]:
        """Iterate over everything that happens instead of over the calls alone, for progress displays.

        `CallStarted`, `ArgumentsDelta`, `TextDelta` and `ReasoningDelta` are reported only if the stream was asked for
        with ``deltas=True``.

        Raises:
            RuntimeError: The stream has been read to its end already.
            Exception: As while iterating over the calls.
        """
        self._require_events()
        while (event := self._next_event()) is not None:
            yield event

    def collect(self) -> Calls[T]:
        """Read to the end.

        Returns:
            All calls, those that were yielded before too, as ``create()`` without ``stream`` would.

        Raises:
            IncompleteOutputError: The stream was closed before its end.
            Exception: The error that ended it.
        """
        while self._next_event() is not None:
            pass
        return self._whole_result()

    def close(self) -> None:
        """Close the connection; calls that are not yet complete are lost. Later calls do nothing.

        From another thread, while this one waits for the next call: the wait ends with `IncompleteOutputError`.
        """
        self._closed = True
        self._pending.clear()
        chunks = self._chunks
        try:
            if self._is_reading and chunks is not None and hasattr(chunks, "interrupt"):
                chunks.interrupt()  # the reader, which is another thread, closes the stream
            else:
                self._close_chunks()
        finally:
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A stream that was dropped without being read to its end must not keep its connection.
        with suppress(Exception):
            self.close()

    def _open(self) -> None:
        """Begin the next round, if there is one, and open its stream."""
        request = self._begin_round()
        if request is not None:
            self._chunks = chunks = self._hooks.open_stream(request, self._body)
            if chunks is not None:
                self._body, self._iterator = None, iter(chunks)

    def _next_event(self) -> CallEvent[T] | None:
        """Read until an event is there; ``None`` if the result is."""
        pending = self._pending
        if not pending and self._result is None:
            self._raise_if_over()
            self._is_reading = True
            try:
                while not pending:
                    if self._must_open:
                        self._open()
                    if self._request is None:
                        self._end()
                        break
                    if self._iterator is None:
                        self._end_round(self._hooks.send(self._request, self._body))
                    elif self._read_chunks(self._iterator):
                        reply = self._decoded_reply()
                        self._close_chunks()
                        self._end_round(reply)
            except BaseException as error:
                with suppress(Exception):  # the error on its way matters more
                    self._close_chunks()
                raised = self._fail(error)
                if raised is error:
                    raise
                raise raised from error
            finally:
                self._is_reading = False
            if self._closed:  # from another thread, which left it to this one
                self._close_chunks()
        return pending.popleft() if pending else None

    def _read_chunks(self, iterator: Iterator[object]) -> bool:
        """Read chunks until an event is there. True if the reply is over."""
        decoder, pending, take = self._current_decoder(), self._pending, self._take
        feed, may_be_done = decoder.feed, hasattr(decoder, "done")
        try:
            for chunk in iterator:
                try:
                    events = feed(chunk)
                    if type(events) not in LISTS:
                        events = check_events(self._hooks.provider, events)
                    for event in events:
                        take(event)
                except Exception as error:
                    self._hooks.explain(error)
                    raise
                if may_be_done and decoder.done:  # type: ignore[attr-defined]  # an attribute that a decoder may have
                    self._drain_chunks()
                    return True
                if pending:
                    return False
        except Exception as error:
            self._hooks.explain(error, "polycall_open_stream")
            raise
        if self._closed:
            raise self._closed_error()
        return True

    def _drain_chunks(self) -> None:
        """The reply is over before its stream is."""
        chunks = self._chunks
        if chunks is not None and hasattr(chunks, "drain"):
            chunks.drain()

    def _close_chunks(self) -> None:
        chunks, self._chunks, self._iterator = self._chunks, None, None
        if chunks is not None:
            chunks.close()


@public
class AsyncCallStream(AsyncStreamOnly, _StreamBase[T]):
    """Async version of `CallStream`: an async iterator and an async context manager.

    The request is sent when the stream is awaited, entered or first read, whichever is first.
    """

    def __init__(self, hooks: BoundHooks, exchange: Exchange) -> None:
        super().__init__(hooks, exchange)
        self._chunks: AsyncChunkStream[object] | None = None
        self._iterator: AsyncIterator[object] | None = None

    def __await__(self) -> Generator[object, None, Self]:
        return self._open_first().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        if self._result is not None and not self._pending:
            return _kept(self._result)  # it was read to its end: the calls that are kept
        return self

    async def __anext__(self) -> T:
        while (event := await self._next_event()) is not None:
            if isinstance(event, CallReady):
                return event.value
        raise StopAsyncIteration

    def events(self) -> AsyncIterator[CallEvent[T]]:
        """Async version of `CallStream.events`."""
        self._require_events()
        return _Events(self._next_event)

    async def collect(self) -> Calls[T]:
        """Async version of `CallStream.collect`."""
        while await self._next_event() is not None:
            pass
        return self._whole_result()

    async def close(self) -> None:
        """Async version of `CallStream.close`; from another task it ends a wait for the next call."""
        self._closed = True
        self._pending.clear()
        try:
            await self._close_chunks()
        finally:
            self._on_close()

    async def __aenter__(self) -> Self:
        return await self._open_first()

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        # As in `CallStream`, if an event loop runs that can close the connection.
        chunks, asyncio = getattr(self, "_chunks", None), sys.modules.get("asyncio")
        if chunks is not None and asyncio is not None:
            with suppress(Exception):
                task = asyncio.get_running_loop().create_task(chunks.aclose())
                _closing.add(task)
                task.add_done_callback(_closing.discard)
        with suppress(Exception):
            self._on_close()

    async def _open_first(self) -> Self:
        if not self._began:
            self._raise_if_over()
            try:
                await self._open()
            except BaseException as error:
                with suppress(Exception):  # the error on its way matters more
                    await self._close_chunks()
                self._fail(error)
                if isinstance(error, MISTAKES):
                    shorten(error)
                raise
        return self

    async def _open(self) -> None:
        request = self._begin_round()
        if request is not None:
            self._chunks = chunks = await self._hooks.open_stream_async(request, self._body)
            if chunks is not None:
                self._body, self._iterator = None, chunks.__aiter__()
            if self._closed:  # while it was being opened
                raise self._closed_error()

    async def _next_event(self) -> CallEvent[T] | None:
        pending = self._pending
        if not pending and self._result is None:
            self._raise_if_over()
            try:
                while not pending:
                    if self._must_open:
                        await self._open()
                    if self._request is None:
                        self._end()
                        break
                    if self._iterator is None:
                        self._end_round(await self._hooks.send_async(self._request, self._body))
                    elif await self._read_chunks(self._iterator):
                        reply = self._decoded_reply()
                        await self._close_chunks()
                        self._end_round(reply)
            except BaseException as error:
                with suppress(Exception):  # the error on its way matters more
                    await self._close_chunks()
                raised = self._fail(error)
                if raised is error:
                    raise
                raise raised from error
        return pending.popleft() if pending else None

    async def _read_chunks(self, iterator: AsyncIterator[object]) -> bool:
        decoder, pending, take = self._current_decoder(), self._pending, self._take
        feed, may_be_done = decoder.feed, hasattr(decoder, "done")
        try:
            async for chunk in iterator:
                try:
                    events = feed(chunk)
                    if type(events) not in LISTS:
                        events = check_events(self._hooks.provider, events)
                    for event in events:
                        take(event)
                except Exception as error:
                    self._hooks.explain(error)
                    raise
                if may_be_done and decoder.done:  # type: ignore[attr-defined]  # an attribute that a decoder may have
                    await self._drain_chunks()
                    return True
                if pending:
                    return False
        except Exception as error:
            raised = self._hooks.explain_async(error, self._hooks.async_stream_hook)
            if raised is error:
                raise
            raise raised from error
        if self._closed:
            raise self._closed_error()
        return True

    async def _drain_chunks(self) -> None:
        chunks = self._chunks
        if chunks is not None and hasattr(chunks, "drain"):
            await chunks.drain()

    async def _close_chunks(self) -> None:
        chunks, self._chunks, self._iterator = self._chunks, None, None
        if chunks is not None:
            await chunks.aclose()


class _Events(Generic[T]):
    """The events of a stream.

    Not an async generator: an event loop closes those that are left when it ends, while the connection that they read
    from is being closed, and complains.
    """

    def __init__(self, next_event: Callable[[], Awaitable[CallEvent[T] | None]]) -> None:
        self._next_event = next_event

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> CallEvent[T]:
        event = await self._next_event()
        if event is None:
            raise StopAsyncIteration
        return event


_closing: set[object] = set()
"""Tasks that close the connections of streams that were dropped; an event loop holds its tasks weakly."""


async def _kept(calls: Calls[T]) -> AsyncGenerator[T, None]:
    for call in calls:
        yield call
