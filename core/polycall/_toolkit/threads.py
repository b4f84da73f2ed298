"""Threads for SDKs that can only block, so that an event loop can use them.

`asyncio.to_thread` shares the program's executor, which has a few threads (6 on a machine with 2 cores): requests that
only wait for a server stand in line, and a handful of hung ones starve everybody.
"""

from __future__ import annotations

import contextvars
import logging
import os
import queue
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar, TypeVarTuple, cast

from polycall._data.contract import ChunkStream

if TYPE_CHECKING:
    import asyncio  # imported where it is used: it costs 20 ms, which sync users need not pay

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
ChunkT = TypeVar("ChunkT")

_log = logging.getLogger("polycall.threads")

_IDLE_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0
_POLL_S = 1.0
_BUFFERED_CHUNKS = 16


class ElasticThreads:
    """Daemon threads that are started on demand and reused while idle; their number has no upper bound.

    Safe to use from several threads and event loops. A forked child starts with none.

    Args:
        name: Prefix of the threads' names.
        idle_timeout_s: An idle thread ends after this many seconds.
    """

    def __init__(self, name: str = "polycall", *, idle_timeout_s: float = _IDLE_TIMEOUT_S) -> None:
        self._name = name
        self._idle_timeout_s = idle_timeout_s
        self._started = 0
        self._closed = False
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._idle = 0
        """Threads that wait for a job, less the jobs that are on their way to one."""
        _instances.add(self)

    def start(self, job: Callable[[], object]) -> None:
        """Run a job on a thread, at once, and forget it. An exception of the job is logged.

        Raises:
            RuntimeError: The system cannot start another thread.
        """
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._jobs.put(job)
                return
            self._started += 1
            number = self._started
        threading.Thread(target=self._work, args=(job,), name=f"{self._name}-{number}", daemon=True).start()

    async def run(
        self, function: Callable[[*Ts], T], *args: *Ts, on_abandoned: Callable[[T], object] | None = None
    ) -> T:
        """Call a blocking function on a thread, with a copy of the context variables.

        A task that is cancelled ends at once. A function that has not begun is never called then; one that runs is
        left alone, and its result goes to ``on_abandoned``.

        Args:
            function: Called once.
            args: Its positional arguments.
            on_abandoned: Takes a result that nobody waits for any more, on a thread: to close a connection that was
                opened too late, for example.

        Raises:
            BaseException: Whatever the function raises.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        call = _BlockingCall(partial(function, *args), on_abandoned, loop, waiter)
        self.start(call.run)
        try:
            await waiter
        except BaseException:  # cancelled, or the coroutine is closed
            if call.abandon():
                with suppress(RuntimeError):  # no thread can be started; the cancellation must go on
                    self.start(call.drop)
            raise
        return call.result()

    async def stream(
        self, open_stream: Callable[[*Ts], ChunkStream[ChunkT]], *args: *Ts, buffer: int = _BUFFERED_CHUNKS
    ) -> ThreadedStream[ChunkT]:
        """Open a blocking stream on a thread and read it there.

        Opening, iterating and closing happen on one thread, in one copy of the context variables; only a close that
        must end a read comes from another. A task that is cancelled while the stream opens ends at once, and the stream
        is closed as soon as it is open.

        Args:
            open_stream: Returns the open stream. Its ``close()`` may be called from another thread while a chunk is
                awaited, and must end that wait, unless the stream has ``interrupt()``, which is called for that.
            args: Its positional arguments.
            buffer: Read this many chunks ahead, at least 1, then wait for the consumer.

        Raises:
            BaseException: Whatever ``open_stream`` raises.
        """
        import asyncio

        pump = _Pump(partial(open_stream, *args), buffer, asyncio.get_running_loop(), self.start)
        self.start(pump.run)
        try:
            await pump.wait_until_open()
        except BaseException:
            pump.stop()
            raise
        return ThreadedStream(pump)

    def close(self) -> None:
        """End the idle threads now and the others after their job. A job that is started later still runs."""
        with self._lock:
            self._closed = True
            for _ in range(self._idle):
                self._jobs.put(None)
            self._idle = 0

    def _work(self, job: Callable[[], object] | None) -> None:
        while job is not None:
            try:
                job()
            except BaseException:  # noqa: BLE001
                _log.exception("A job of the thread %s failed.", threading.current_thread().name)
            job = None  # an idle thread holds nothing of its last job
            job = self._next_job()

    def _next_job(self) -> Callable[[], object] | None:
        with self._lock:
            if self._closed:
                return None
            self._idle += 1
            jobs = self._jobs
        while True:
            try:
                return jobs.get(timeout=self._idle_timeout_s)
            except queue.Empty:
                with self._lock:
                    if self._idle:  # else a job for this thread is on its way
                        self._idle -= 1
                        return None

    def _forget_threads(self) -> None:
        self._lock = threading.Lock()
        self._jobs = queue.SimpleQueue()
        self._idle = 0


_instances: weakref.WeakSet[ElasticThreads] = weakref.WeakSet()


def _forget_threads_of_parent() -> None:
    for threads in list(_instances):
        threads._forget_threads()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads_of_parent)


class ThreadedStream(AsyncIterator[ChunkT]):
    """A blocking stream that a thread reads, for one consumer in an event loop; see `ElasticThreads.stream`.

    Chunks arrive as soon as the thread has them. Once the stream is closed, iterating ends, in another task too.
    """

    def __init__(self, pump: _Pump[ChunkT]) -> None:
        self._pump = pump

    async def __anext__(self) -> ChunkT:
        pump = self._pump
        while True:
            with pump.changed:
                if pump.chunks:
                    return pump.take()
                if pump.ended:
                    break
                waiter = pump.new_waiter()
            await waiter
        pump.raise_error()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the stream without blocking the event loop. Later calls do nothing.

        Waits until the stream is closed, but at most one second; a close that takes longer goes on in its thread.

        Raises:
            Exception: Whatever the stream's ``close()`` raises in that time.
        """
        import asyncio

        pump = self._pump
        pump.stop()
        if not pump.closed:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await pump.closing.wait()
            except TimeoutError:
                _log.debug("The stream was not closed within %s s; its thread goes on.", _CLOSE_TIMEOUT_S)
        pump.raise_close_error()

    def __del__(self) -> None:
        self._pump.dropped = True  # no more than that: a lock may be held where the garbage collector runs


class _BlockingCall(Generic[T]):
    """One call on a thread, and its result on the way to the event loop."""

    def __init__(
        self,
        function: Callable[[], T],
        on_abandoned: Callable[[T], object] | None,
        loop: asyncio.AbstractEventLoop,
        waiter: asyncio.Future[None],
    ) -> None:
        self._waiter: asyncio.Future[None] | None = waiter
        """Becomes done with the call; ``None`` once nobody waits any more."""
        self._function = function
        self._on_abandoned = on_abandoned
        self._loop = loop
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._delivered = False
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call the function, unless it was abandoned before; on the thread."""
        if self._waiter is None:
            return
        try:
            self._result = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001  # the waiting task raises it, whatever it is
            self._error = error
        with self._lock:
            self._delivered = self._waiter is not None and _wake(self._loop, self._waiter)
        if not self._delivered:
            self.drop()

    def abandon(self) -> bool:
        """Nobody waits any more. True if the caller has to `drop` the result, on a thread."""
        with self._lock:
            self._waiter = None
            return self._delivered

    def drop(self) -> None:
        """Hand a result that nobody waits for to ``on_abandoned``; on a thread, once."""
        if self._on_abandoned is not None and self._error is None:
            try:
                self._context.run(self._on_abandoned, cast("T", self._result))
            except Exception:  # noqa: BLE001
                _log.debug("An abandoned result could not be cleaned up.", exc_info=True)

    def result(self) -> T:
        """The function's result, or its exception, once the waiter is done."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # else the exception and its own traceback would keep each other alive
        return cast("T", self._result)


class _Pump(Generic[ChunkT]):
    """Reads a blocking stream on a thread into a bounded buffer."""

    def __init__(
        self,
        open_stream: Callable[[], ChunkStream[ChunkT]],
        limit: int,
        loop: asyncio.AbstractEventLoop,
        start: Callable[[Callable[[], object]], None],
    ) -> None:
        import asyncio

        self.changed = threading.Condition(threading.Lock())
        """Guards what follows; notified when there is room again, or the thread is to stop."""
        self.chunks: deque[ChunkT] = deque()
        self.ended = False
        """No more chunks will come."""
        self.closed = False
        self.closing = asyncio.Event()
        """Set in the event loop once the stream is closed."""
        self.dropped = False
        """The consumer is gone without closing the stream."""
        self._open_stream = open_stream
        self._limit = max(limit, 1)
        self._loop = loop
        self._start = start
        self._context = contextvars.copy_context()
        self._waiter: asyncio.Future[None] | None = None
        self._stream: ChunkStream[ChunkT] | None = None
        self._is_reading = False
        self._stopping = False
        self._error: BaseException | None = None
        self._close_error: BaseException | None = None
        self._close_lock = threading.Lock()

    # In the event loop

    async def wait_until_open(self) -> None:
        """Wait for the stream, or raise what opening it raised."""
        while True:
            with self.changed:
                if self._stream is not None or self.ended:
                    break
                waiter = self.new_waiter()
            await waiter
        if self._stream is None:
            self.raise_error()

    def new_waiter(self) -> asyncio.Future[None]:
        """A future that is done when something has changed; to be called with the lock held."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("The stream is already being read by another task.")
        self._waiter = self._loop.create_future()
        return self._waiter

    def take(self) -> ChunkT:
        """The next chunk; to be called with the lock held."""
        chunk = self.chunks.popleft()
        if len(self.chunks) == self._limit // 2:  # not for each chunk: waking a thread costs more than a chunk
            self.changed.notify()
        return chunk

    def raise_error(self) -> None:
        """Raise what ended the stream, once."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error

    def raise_close_error(self) -> None:
        """Raise what the stream's ``close()`` raised, once."""
        error, self._close_error = self._close_error, None
        if error is not None:
            try:
                raise error
            finally:
                del error

    def stop(self) -> None:
        """Nobody wants more chunks: end the thread's work, and the read that it waits for."""
        with self.changed:
            if self._stopping:
                return
            self._stopping = self.ended = True
            self._error = None
            self.chunks.clear()
            self._wake_consumer()
            self.changed.notify()
            read = self._stream if self._is_reading else None
        if read is not None:
            with suppress(RuntimeError):  # no thread can be started; the read ends by itself
                self._start(partial(self._interrupt, read))

    # On the thread

    def run(self) -> None:
        """Open the stream, read it to its end or until told to stop, close it."""
        if not self._stopping:
            self._context.run(self._run)

    def _run(self) -> None:
        try:
            stream = self._open_stream()
            with self.changed:
                self._stream = stream
                self._is_reading = not self._stopping
                self._wake_consumer()
            if self._is_reading:
                self._read(stream)
        except BaseException as error:  # noqa: BLE001  # the consumer raises it, whatever it is
            self._end(error)
        else:
            self._end(None)
        if self._stream is not None:
            try:
                self._close(self._stream)
            except BaseException as error:  # noqa: BLE001  # `aclose` raises it
                self._close_error = error
        self._note_closed()

    def _read(self, stream: ChunkStream[ChunkT]) -> None:
        for chunk in stream:
            with self.changed:
                if self._is_unwanted():
                    return
                self.chunks.append(chunk)
                self._wake_consumer()
                while len(self.chunks) >= self._limit:
                    self._is_reading = False
                    self.changed.wait(_POLL_S)
                    if self._is_unwanted():
                        return
                self._is_reading = True

    def _is_unwanted(self) -> bool:
        return self._stopping or self.dropped or self._loop.is_closed()

    def _end(self, error: BaseException | None) -> None:
        with self.changed:
            self._is_reading = False
            if not self._stopping:
                self._error = error
            self.ended = True
            self._wake_consumer()

    def _close(self, stream: ChunkStream[ChunkT]) -> None:
        """Close the stream; once, unless it raises: the read that was in the way may be over the next time."""
        with self._close_lock:
            if not self.closed:
                stream.close()
                self._note_closed()

    def _note_closed(self) -> None:
        self.closed = True
        _call_in(self._loop, self.closing.set)

    def _wake_consumer(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            _wake(self._loop, waiter)

    # On another thread

    def _interrupt(self, stream: ChunkStream[ChunkT]) -> None:
        interrupt = getattr(stream, "interrupt", None)
        try:
            if interrupt is not None:
                self._context.copy().run(interrupt)
            else:
                self._context.copy().run(self._close, stream)
        except Exception:  # noqa: BLE001
            _log.debug("The stream could not be closed while it was being read.", exc_info=True)


def _wake(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> bool:
    return _call_in(loop, partial(_finish, waiter))


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _call_in(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> bool:
    """Call something in an event loop; False if the loop is closed."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return False
    return True
