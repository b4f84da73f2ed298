"""A scripted reply that is being read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from polycall.testing._doubles.gates import Gate
from polycall.testing._doubles.steps import Step


class ScriptedStream:
    """Gives the steps of a reply, sync and async; stops at gates, raises errors."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._is_closed = False

    def __iter__(self) -> Iterator[Step]:
        for step in self._steps:
            if isinstance(step, Gate):
                step.hold(lambda: self._is_closed)
            elif isinstance(step, BaseException):
                raise step
            else:
                yield step
            if self._is_closed:
                return

    async def __aiter__(self) -> AsyncIterator[Step]:
        for step in self._steps:
            if isinstance(step, Gate):
                await step.hold_async(lambda: self._is_closed)
            elif isinstance(step, BaseException):
                raise step
            else:
                yield step
            if self._is_closed:
                return

    def close(self) -> None:
        """End the reply, and a wait at one of its gates."""
        self._is_closed = True
        for step in self._steps:
            if isinstance(step, Gate):
                step.wake()

    async def aclose(self) -> None:
        """Async version of `close`."""
        self.close()
