"""One generation as a job on a worker thread, and its chunks as a stream that can be left at any time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from polycall_llamacpp._model.fork import is_forked_with_model, require_own_process

Chunk = object
"""Emitted by a strategy, taken by a decoder."""


class _End(Enum):
    END = 0


_END: Final = _End.END


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


Item = Chunk | _Failure | Literal[_End.END]


class Stopped(Exception):
    """The consumer has left; raised inside a job to end it."""


class Job:
    """Work that emits chunks until it is done or its consumer stops it.

    Args:
        work: Called with the job, on a worker thread. It checks `stopping` often and emits with `emit`.
        deliver: Passes the chunks to the consumer; must not block.
    """

    def __init__(self, work: Callable[[Job], None], deliver: Callable[[Item], None]) -> None:
        self._work = work
        self._deliver = deliver
        self._lock = threading.Lock()
        self._begun = False
        self._stopping = False
        self._done = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the consumer has left."""
        return self._stopping

    def emit(self, chunk: Chunk) -> None:
        """Pass a chunk to the consumer.

        Raises:
            Stopped: The consumer has left.
        """
        if self._stopping:
            raise Stopped
        self._deliver(chunk)

    def run(self) -> None:
        """Do the work; on the worker thread."""
        with self._lock:
            if self._stopping:
                return
            self._begun = True
        try:
            self._work(self)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  # the consumer raises it
            self._deliver(_Failure(error))
        finally:
            self._end()

    def stop(self, reason: BaseException | None = None) -> None:
        """Make the job end within a token; a job that has not begun never will.

        Args:
            reason: The error for the consumer, where somebody else stops the job.
        """
        with self._lock:
            if self._stopping or self._done.is_set():
                return
            self._stopping = True
            if reason is not None:
                self._deliver(_Failure(reason))
            if not self._begun:
                self._end()

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the job has ended."""
        self._done.wait(timeout_s)

    def _end(self) -> None:
        self._done.set()
        self._deliver(_END)


Submit = Callable[[Job], None]


class JobChunks:
    """The chunks of a job for a synchronous consumer. Ctrl-C interrupts the wait for a chunk."""

    def __init__(self, work: Callable[[Job], None], submit: Submit) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._job = Job(work, self._items.put)
        submit(self._job)

    def __iter__(self) -> Iterator[Chunk]:
        require_own_process()
        while (item := self._items.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
            require_own_process()
        self._items.put(_END)  # for whoever else iterates

    def close(self) -> None:
        """Stop generating, and wait until it has stopped."""
        if not is_forked_with_model():
            self._job.stop()
            self._job.wait()


class AsyncJobChunks:
    """The chunks of a job for an async consumer. The event loop is never blocked."""

    def __init__(self, work: Callable[[Job], None], submit: Submit) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._ended = False
        self._job = Job(work, self._deliver)
        submit(self._job)

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while (item := await self._next()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item

    async def aclose(self) -> None:
        """Stop generating, and wait until it has stopped."""
        self._job.stop()
        while not self._ended:
            await self._next()

    async def _next(self) -> Item:
        if self._ended:
            return _END
        item = await self._items.get()
        if item is _END:
            self._ended = True
            self._items.put_nowait(_END)  # for another task that waits
        return item

    def _deliver(self, item: Item) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is no consumer
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
