"""Calls of a stream that are not all complete yet: their places in the reply, and what is reported of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic_core import to_json

from polycall.plugin import ArgumentsDelta, CallCompleted, CallStarted, StreamEvent, ToolCall
from polycall_openai._streaming.growing_text import GrowingText
from polycall_openai._tool_calls import CallFactory, RawCall


class OpenCall(ABC):
    """A call that is being put together."""

    __slots__ = ("announced", "cut_off", "done", "id", "index", "made", "name", "public_id", "text")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.text = GrowingText()
        self.index: int | None = None
        """Place in the reply; unknown while an earlier call may turn out to be several."""
        self.public_id: str | None = None
        self.announced = False
        self.done = False
        self.cut_off = False
        self.made: list[ToolCall] | None = None

    @abstractmethod
    def is_nothing(self) -> bool:
        """Whether nothing is known of it, so that there was no call after all."""

    @abstractmethod
    def arguments(self) -> str | Mapping[str, object]:
        """What came of them."""

    @abstractmethod
    def raw(self) -> RawCall:
        """The call as the provider made it."""


CallT = TypeVar("CallT", bound=OpenCall)


class OpenCalls(ABC, Generic[CallT]):
    """The calls of one reply, in the order in which they began.

    Args:
        factory: Makes the calls.
        report_deltas: Report calls that begin and grow, too.
    """

    def __init__(self, factory: CallFactory, *, report_deltas: bool) -> None:
        self.events: list[StreamEvent] = []
        """What is new, until `take_events`."""
        self._factory = factory
        self._report_deltas = report_deltas
        self._calls: list[CallT] = []
        self._placed = 0  # so many of the calls have their index
        self._next_index = 0

    @abstractmethod
    def grow(self, call: CallT, piece: str) -> None:
        """A piece of a call's arguments has come; not empty."""

    def take_events(self) -> list[StreamEvent]:
        """What is new."""
        events, self.events = self.events, []
        return events

    @abstractmethod
    def is_cut_off(self, call: CallT, *, whole: bool, truncated: bool) -> bool:
        """Whether a call without a sign of its own, at the end of the reply, is not complete."""

    def finish(self, *, whole: bool, truncated: bool) -> tuple[list[ToolCall], list[ToolCall]]:
        """The reply has ended.

        Args:
            whole: There was a sign that it did.
            truncated: It was cut off, so the last call may be a valid beginning of what was meant.

        Returns:
            The complete calls, and those that were cut off.
        """
        self._calls = [call for call in self._calls if call.done or not call.is_nothing()]
        self._placed = sum(call.index is not None for call in self._calls)
        for call in self._calls:
            if not call.done:
                call.cut_off = self.is_cut_off(call, whole=whole, truncated=truncated)
                if call.cut_off:
                    self.place()
                else:
                    self.complete(call)
        complete = [made for call in self._calls for made in call.made or ()]
        cut_off = [
            ToolCall(
                id=call.public_id or self._factory.unique_id(call.id),
                name=self._factory.resolve(call.name),
                arguments=call.arguments(),
                index=call.index or 0,
            )
            for call in self._calls
            if call.cut_off
        ]
        return complete, cut_off

    def complete(self, call: CallT) -> None:
        """There is a sign that a call is complete."""
        call.done = True
        if call.index is None:
            self.place()
        elif call.made is None:
            self._emit(call)

    def place(self) -> None:
        """Give calls their place in the reply, as far as it is certain.

        A wrapper stands for several calls, so what comes after it has to wait until it is complete; so has what
        comes after a call whose name is not known.
        """
        while self._placed < len(self._calls):
            call = self._calls[self._placed]
            may_be_several = not call.name or self._factory.is_wrapper(call.name)
            if may_be_several and not call.done and not call.cut_off:
                return
            call.index = self._next_index
            self._placed += 1
            if call.done:
                self._next_index += len(self._emit(call))
            else:
                self._next_index += 1
                if self._report_deltas and not call.cut_off:
                    self.announce(call)

    def announce(self, call: CallT) -> None:
        """Report that a call began, once it is sure what to say of it."""
        name = self._factory.resolve(call.name)
        begun = not call.text.is_blank or (call.id is not None and self._factory.is_tool(name))
        if call.index is None or not call.name or call.done or not begun or self._factory.is_wrapper(call.name):
            return
        call.announced = True
        call.public_id = self._factory.unique_id(call.id)
        self.events.append(CallStarted(call.index, call.public_id, name))
        if not call.text.is_blank:
            self.events.append(ArgumentsDelta(call.index, call.text.text()))

    def _emit(self, call: CallT) -> list[ToolCall]:
        call.made = self._factory.make(call.raw(), call.index or 0, id=call.public_id)
        if self._report_deltas and not call.announced:
            for made in call.made:
                self.events.append(CallStarted(made.index, made.id, made.name))
                self.events.append(ArgumentsDelta(made.index, _as_text(made.arguments)))
        self.events.extend(CallCompleted(made) for made in call.made)
        return call.made


def _as_text(arguments: str | Mapping[str, object]) -> str:
    return arguments if isinstance(arguments, str) else to_json(arguments).decode()
