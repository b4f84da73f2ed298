"""The calls of a stream that are not all complete yet: their places in the reply, and the events about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from polycall.plugin import ArgumentsDelta, CallCompleted, CallStarted, StreamEvent, ToolCall
from polycall_openai._json import JsonObject, NotJsonError, parse
from polycall_openai._streaming.growing_text import GrowingText
from polycall_openai._tool_calls import CallFactory, RawCall, arguments_text, clean_arguments, without_repetition


class OpenCall:
    """A call that is being put together."""

    __slots__ = (
        "announced",
        "cut_off",
        "done",
        "entry",
        "final",
        "id",
        "index",
        "is_custom",
        "made",
        "name",
        "public_id",
        "text",
    )

    def __init__(self) -> None:
        self.id: str | None = None
        """The provider's."""
        self.name = ""
        self.text = GrowingText()
        """The arguments, piece by piece."""
        self.final: str | Mapping[str, object] | None = None
        """The arguments that the server sent as a whole; they count more than the text."""
        self.entry: JsonObject = {}
        """Other fields of the provider's call, for the echo."""
        self.is_custom = False
        """Of a custom tool, which has an input instead of arguments."""
        self.index: int | None = None
        """Place in the reply; unknown while an earlier call may turn out to be several."""
        self.public_id: str | None = None
        """The id that was announced."""
        self.announced = False
        self.done = False
        self.cut_off = False
        self.made: list[ToolCall] | None = None

    def is_nothing(self) -> bool:
        """Whether nothing is known about it, so that there was no call after all."""
        return not self.name and not self.id and self.final is None and self.text.is_blank

    def is_closed(self) -> bool:
        """Whether the arguments are a value that has ended."""
        return self.final is not None or self.text.is_closed()

    def arguments(self) -> str | Mapping[str, object]:
        """The arguments so far."""
        return without_repetition(self.text.text()) if self.final is None else self.final

    def is_repeated_by(self, piece: object) -> bool:
        """Whether a piece is the value of the closed arguments again, be it encoded twice."""
        value = _value(piece)
        return value is not None and value == _value(self.arguments())


IsCutOff = Callable[[OpenCall, bool, bool], bool]
"""Whether a call that the API did not complete is cut off, at the end of a whole reply. Takes the call, whether the
reply was truncated, and whether the call is the last."""


class OpenCalls:
    """The calls of one reply, in the order in which they began.

    Args:
        factory: Makes the calls.
        to_raw: Gives an open call the form in which the provider writes calls.
        is_cut_off: The rule of completeness.
        report_deltas: Report calls that begin and grow, too.
    """

    def __init__(
        self, factory: CallFactory, to_raw: Callable[[OpenCall], RawCall], is_cut_off: IsCutOff, *, report_deltas: bool
    ) -> None:
        self.events: list[StreamEvent] = []
        """New events, until `take_events`."""
        self._factory = factory
        self._to_raw = to_raw
        self._is_cut_off = is_cut_off
        self._report_deltas = report_deltas
        self._calls: list[OpenCall] = []
        self._placed = 0  # that many of the calls have their index
        self._next_index = 0

    def begin(self) -> OpenCall:
        """Add a call."""
        call = OpenCall()
        self._calls.append(call)
        return call

    def is_newest(self, call: OpenCall) -> bool:
        """Whether no call began after this one."""
        return call is self._calls[-1]

    def take_events(self) -> list[StreamEvent]:
        """The new events."""
        events, self.events = self.events, []
        return events

    def grow(self, call: OpenCall, piece: str) -> None:
        """Add a piece to a call's arguments."""
        if not piece or call.done or call.final:
            return
        if piece[0] in '{"' and call.text.is_closed() and call.is_repeated_by(piece):
            return  # a summary at the end repeats everything: litellm#20480, sglang#23071
        call.final = None
        call.text.append(piece)
        if self._report_deltas:
            if call.announced:
                self.events.append(ArgumentsDelta(call.index or 0, piece))
            else:
                self.announce(call)

    def set_final_arguments(self, call: OpenCall, arguments: object) -> None:
        """Set the arguments that the protocol names at a call's end."""
        final = clean_arguments(arguments)
        if call.done or not final:
            return
        if call.announced and call.text.is_blank and isinstance(final, str):
            self.events.append(ArgumentsDelta(call.index or 0, final))
        call.final = final

    def complete(self, call: OpenCall) -> None:
        """There is a sign that a call is complete."""
        call.done = True
        if call.index is None:
            self.place()
        elif call.made is None:
            self._emit(call)

    def complete_closed(self) -> None:
        """There is a sign that the calls whose value has ended are complete."""
        for call in self._calls:
            if not call.done and call.name and call.is_closed():
                self.complete(call)

    def finish(self, *, saw_end: bool, truncated: bool) -> tuple[list[ToolCall], list[ToolCall]]:
        """The reply has ended.

        Args:
            saw_end: There was a sign that it did.
            truncated: It was cut off, so the last call may be a valid beginning of the one that was meant.

        Returns:
            The complete calls, and those that were cut off.
        """
        self._calls = [call for call in self._calls if call.done or not call.is_nothing()]
        self._placed = sum(call.index is not None for call in self._calls)
        for call in self._calls:
            if not call.done:
                call.cut_off = not saw_end or self._is_cut_off(call, truncated, self.is_newest(call))
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

    def place(self) -> None:
        """Give calls their place in the reply, as far as it is certain.

        A wrapper stands for several calls, so the calls after it have to wait until it is complete; so have those
        after a call whose name is not known.
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
                if not call.cut_off:
                    self.announce(call)

    def announce(self, call: OpenCall) -> None:
        """Report that a call began, if this is asked for and its id and name are certain."""
        if not self._report_deltas or call.announced or call.index is None or not call.name or call.done:
            return
        name = self._factory.resolve(call.name)
        begun = not call.text.is_blank or (call.id is not None and self._factory.is_tool(name))
        if not begun or self._factory.is_wrapper(call.name):
            return
        call.announced = True
        call.public_id = self._factory.unique_id(call.id)
        self.events.append(CallStarted(call.index, call.public_id, name))
        if not call.text.is_blank:
            self.events.append(ArgumentsDelta(call.index, call.text.text()))

    def _emit(self, call: OpenCall) -> list[ToolCall]:
        call.made = self._factory.make(self._to_raw(call), call.index or 0, id=call.public_id)
        if self._report_deltas and not call.announced:
            for made in call.made:
                self.events.append(CallStarted(made.index, made.id, made.name))
                self.events.append(ArgumentsDelta(made.index, arguments_text(made)))
        self.events.extend(CallCompleted(made) for made in call.made)
        return call.made


def _value(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        value = parse(arguments)
        return parse(value) if isinstance(value, str) else value
    except NotJsonError:
        return None
