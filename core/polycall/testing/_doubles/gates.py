"""A place in a scripted reply where it waits for the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from polycall.testing._doubles.errors import ScriptError

if TYPE_CHECKING:
    import asyncio

_PATIENCE_S = 10.0


class Gate:
    """Holds a reply until the test opens it, in place of a delay: ``[Weather(...), gate, Weather(...)]``.

    Can be opened before it is reached; stays open then. Safe for threads and event loops.

    Args:
        patience_s: A reply that waits longer fails with a `ScriptError`, in seconds: a test must not hang.
    """

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._is_open = False
        self._is_reached = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def __repr__(self) -> str:
        return f"Gate({'open' if self._is_open else 'closed'})"

    def open(self) -> None:
        """Let the reply go on."""
        with self._changed:
            self._is_open = True
        self.wake()

    def wait_until_reached(self) -> None:
        """Wait until a reply waits here, or has come by; from another thread than the reply's.

        Raises:
            ScriptError: None did in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_reached, self._patience_s):
                raise self._impatience("No reply came to a gate")

    async def reached(self) -> None:
        """Async version of `wait_until_reached`, for another task."""
        await self._wait_async(lambda: self._is_reached, "No reply came to a gate")

    # -- for the reply

    def hold(self, is_closed: Callable[[], bool]) -> None:
        """Wait for the gate; until the stream is closed, if that comes first."""
        self._note_reached()
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_open or is_closed(), self._patience_s):
                raise self._impatience("A reply waited at a gate that nobody opened")

    async def hold_async(self, is_closed: Callable[[], bool]) -> None:
        """Async version of `hold`."""
        self._note_reached()
        await self._wait_async(lambda: self._is_open or is_closed(), "A reply waited at a gate that nobody opened")

    def wake(self) -> None:
        """Let all that wait look again."""
        with self._changed:
            self._changed.notify_all()
            waiters, self._waiters = self._waiters, []
        for loop, waiter in waiters:
            loop.call_soon_threadsafe(_finish, waiter)

    def _note_reached(self) -> None:
        with self._changed:
            self._is_reached = True
        self.wake()

    async def _wait_async(self, is_over: Callable[[], bool], problem: str) -> None:
        import asyncio

        try:
            async with asyncio.timeout(self._patience_s):
                while not is_over():
                    loop = asyncio.get_running_loop()
                    waiter = loop.create_future()
                    with self._changed:
                        if is_over():
                            return
                        self._waiters.append((loop, waiter))
                    await waiter
        except TimeoutError:
            raise self._impatience(problem) from None

    def _impatience(self, problem: str) -> ScriptError:
        return ScriptError(
            f"{problem}, for {self._patience_s:g} s. Open it from another thread or task than the one that waits for "
            "the reply."
        )


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
