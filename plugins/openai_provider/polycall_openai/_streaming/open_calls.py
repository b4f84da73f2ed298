"""The calls of a stream that are not all complete yet: their places in the reply, and the events about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from polycall.plugin import (
    ArgumentsDelta,
    CallCompleted,
    CallMaker,
    CallStarted,
    JsonObject,
    NotJsonError,
    Request,
    StreamEvent,
    ToolCall,
    parse_json,
)
from polycall_openai._servers.server import Server
from polycall_openai._streaming.growing_text import GrowingText
from polycall_openai._tools import payload_of

CUSTOM_PROBLEM = "this is a call of a custom tool; only function tools were offered"


class OpenCall:
    """A call that is being put together.

    Attributes:
        id: The provider's.
        name: The name so far.
        text: The arguments, piece by piece.
        earlier: A closed value that came before ``text``: a placeholder, a snapshot, or another call's.
        shows_earlier: ``earlier`` was reported as it grew.
        final: The arguments that the server sent as a whole; they count more than the text.
        entry: Other fields of the provider's call, for the echo.
        is_custom: Of a custom tool, which has an input instead of arguments.
        problem: Why it cannot be used.
        position: Place among the calls that began.
        index: Place in the reply; unknown while an earlier call may turn out to be several.
        public_id: The id that was announced.
        announced: It was reported that the call began.
        withheld: Its text is a placeholder so far, and was not reported.
        done: There was a sign that it is complete.
        cut_off: It is known not to be complete.
        made: The calls that it stands for.
        seams: Places in the text at which another call of the same name begins, unless the text closes after all.
            From the first of them on it is not reported.
        seams_in_strings: Those of them that are in a string, unless the model did not close it.
    """

    __slots__ = (
        "announced",
        "cut_off",
        "done",
        "earlier",
        "entry",
        "final",
        "id",
        "index",
        "is_custom",
        "made",
        "name",
        "position",
        "problem",
        "public_id",
        "seams",
        "seams_in_strings",
        "shows_earlier",
        "text",
        "withheld",
    )

    def __init__(self, position: int) -> None:
        self.id: str | None = None
        self.name = ""
        self.text = GrowingText()
        self.earlier: GrowingText | None = None
        self.shows_earlier = False
        self.final: str | Mapping[str, object] | None = None
        self.entry: JsonObject = {}
        self.is_custom = False
        self.problem: str | None = None
        self.position = position
        self.index: int | None = None
        self.public_id: str | None = None
        self.announced = False
        self.withheld = False
        self.done = False
        self.cut_off = False
        self.made: list[ToolCall] | None = None
        self.seams: list[int] = []
        self.seams_in_strings: set[int] = set()

    def note_seam(self, piece: str) -> None:
        """The next piece begins a value: an inner one, or where none can be, the arguments of another call.

        So it is if the model did not close the arguments, and the server gives each call the same index or none.
        """
        if self.text.may_continue_with_value():
            return
        place, in_string = self.text.length(), self.text.is_in_string()
        if in_string and piece.lstrip()[:1] == '"':
            return  # its end
        self.seams.append(place)
        if in_string:
            self.seams_in_strings.add(place)

    def is_nothing(self) -> bool:
        """Whether nothing is known about it, so that there was no call after all."""
        return not self.name and not self.id and self.final is None and self.text.is_blank and self.problem is None

    def is_closed(self) -> bool:
        """Whether the arguments are a value that has ended."""
        return self.final is not None or self.text.is_closed()

    def holds_object(self) -> bool:
        """Whether the arguments are a whole object, be it encoded twice."""
        return isinstance(_value(self.arguments()), dict)

    def is_placeholder(self) -> bool:
        """Whether the arguments are an empty object so far, which some servers send before the real ones."""
        return self.final is None and self.earlier is None and self.text.is_empty_object()

    def arguments(self) -> str | Mapping[str, object]:
        """The arguments so far."""
        return self.text.value_text() if self.final is None else self.final

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
        server: The one that replies.
        request: The request that was sent.
        is_cut_off: The rule of completeness.

    Attributes:
        events: New events, until `take_events`.
        calls: All calls so far.
        maker: Makes the calls.
    """

    def __init__(self, server: Server, request: Request, is_cut_off: IsCutOff) -> None:
        self.events: list[StreamEvent] = []
        self.calls: list[OpenCall] = []
        self._payload = payload = payload_of(request)
        self.maker = CallMaker(payload, server.call_ids(request), lenient=True, wording=request.wording)
        self._is_cut_off = is_cut_off
        self._deltas = request.deltas
        self._newest: OpenCall | None = None
        self._placed = 0  # that many of the calls have their index
        self._next_index = 0

    def begin(self) -> OpenCall:
        """Add a call."""
        call = self._newest = OpenCall(len(self.calls))
        self.calls.append(call)
        return call

    def add_unusable(self, problem: str) -> None:
        """Add a place that holds no call. It is not a sign that the call before it is complete."""
        call = OpenCall(len(self.calls))
        call.problem = problem
        self.calls.append(call)
        self.place()

    def is_newest(self, call: OpenCall) -> bool:
        """Whether no call began after this one."""
        return call is self._newest

    def is_beginning_of_name(self, name: str) -> bool:
        """Whether a name is not a tool's, and may become one's by more pieces."""
        return not self.maker.is_tool(name) and self.maker.may_continue(name, "")

    def may_be_placeholder(self, call: OpenCall) -> bool:
        """Whether a closed call may still get its real arguments: it has none, and its tool takes some."""
        if not call.is_placeholder():
            return False
        tool = self._payload.tools.get(self.maker.resolve(call.name))
        return tool is not None and bool(tool.schema.get("properties"))

    def take_events(self) -> list[StreamEvent]:
        """The new events."""
        events, self.events = self.events, []
        return events

    def grow(self, call: OpenCall, piece: str) -> None:
        """Add a piece to a call's arguments. A value that is closed is never continued by another value."""
        if not piece or call.done or call.final:
            return
        if (
            piece[0] in '{"[ \n\r\t'
            and piece.lstrip()[:1] in ("{", '"')
            and (call.text.is_closed() or call.text.is_null())
            and not call.text.comes_in_snapshots(piece)  # such a text may seem to be closed
        ):
            if call.is_repeated_by(piece):
                return  # a summary at the end repeats everything: litellm#20480, sglang#23071
            self._begin_again(call)
        call.final = None
        call.text.append(piece)
        if self._deltas:
            if not call.announced:
                self.announce(call)
            elif not call.shows_earlier and not call.seams:
                self._report_piece(call, piece)

    def set_final_arguments(self, call: OpenCall, arguments: object) -> None:
        """Set the arguments that the protocol names at a call's end."""
        if call.done or not arguments or not isinstance(arguments, (str, dict)):
            return
        if call.text.is_closed() and not call.text.is_empty_object() and _value(arguments) == {}:
            return  # a placeholder does not replace the arguments
        if call.announced and call.text.is_blank and isinstance(arguments, str):
            self.events.append(ArgumentsDelta(call.index or 0, arguments))
        call.earlier = None
        call.final = arguments

    def complete(self, call: OpenCall) -> None:
        """There is a sign that a call is complete."""
        if call.earlier is not None:
            self._settle(call)
        call.done = True
        if call.index is None:
            self.place()
        elif call.made is None:
            self._emit(call)
            if call.seams:
                self.place()  # those after it, which waited

    def complete_closed(self) -> None:
        """There is a sign that the calls whose value has ended are complete, and that no others follow."""
        self._split_at_seams(is_natural=True)
        for call in self.calls.copy():
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
        for call in self.calls.copy():
            if call.earlier is not None:
                self._settle(call)
        self._split_at_seams(is_natural=saw_end and not truncated)
        self.calls = [call for call in self.calls if call.done or not call.is_nothing()]
        self._placed = sum(call.index is not None for call in self.calls)
        last = next((call for call in reversed(self.calls) if call.problem is None), None)  # not an empty entry
        for call in self.calls:
            if not call.done:
                call.cut_off = not saw_end or self._is_cut_off(call, truncated, call is last)
                if call.cut_off:
                    self.place()
                else:
                    self.complete(call)
        complete = [made for call in self.calls for made in call.made or ()]
        cut_off = [
            self.maker.make_cut_off(call.index or 0, call.id, call.name, call.arguments(), id=call.public_id)
            for call in self.calls
            if call.cut_off
        ]
        return complete, cut_off

    def place(self) -> None:
        """Give calls their place in the reply, as far as it is certain.

        A wrapper stands for several calls, so the calls after it have to wait until it is complete; so have those
        after a call whose name is not known, or that may turn out to be several.
        """
        while self._placed < len(self.calls):
            call = self.calls[self._placed]
            may_be_several = not call.name or self.maker.is_wrapper(call.name)
            if may_be_several and not call.done and not call.cut_off:
                return
            before = self.calls[self._placed - 1] if self._placed else call
            if before.seams and not before.done and not before.cut_off:
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
        if not self._deltas or call.announced or call.index is None or not call.name or call.done:
            return
        name = self.maker.resolve(call.name)
        begun = not call.text.is_blank or (call.id is not None and self.maker.is_tool(name))
        if not begun or self.maker.is_wrapper(call.name) or self.is_beginning_of_name(call.name):
            return
        call.announced = True
        call.public_id = self.maker.ids.claim(call.id)
        self.events.append(CallStarted(call.index, call.public_id, name))
        if not call.text.is_blank:
            self._report_piece(call, call.text.text())

    # A value after a closed value

    def _begin_again(self, call: OpenCall) -> None:
        """Another value begins where one is closed: which of them counts is decided when both are known."""
        if call.earlier is not None:
            self._settle(call)
        # After a settlement the value that was kept is in `text`, and closed.
        call.earlier, call.text = call.text, GrowingText()
        call.shows_earlier = call.announced and not call.withheld
        call.withheld = False

    def _settle(self, call: OpenCall) -> None:
        """Decide between two values of one call: a repetition, a replacement, or the next call.

        The one that holds everything of the other counts: so do placeholders (openai/openai-agents-js#712, ogx#5462),
        summaries and snapshots. Neither does where the server left out the beginning of another call.
        """
        earlier, later = call.earlier, call.text
        call.earlier = None
        if earlier is None:
            return
        old, new = _value(earlier.text()), _value(later.text())
        if new is not None and _holds(old, new):
            call.text = earlier
        elif _is_placeholder(earlier, old) or (new is not None and (old is None or _holds(new, old, may_grow=True))):
            pass
        elif new is None and earlier.text().startswith(later.text().strip()):
            call.text = earlier  # the beginning of a repetition
        else:
            self._split(call, earlier)
            return
        call.shows_earlier = False

    def _split(self, call: OpenCall, earlier: GrowingText) -> None:
        """The two values are two calls: the earlier one keeps place and id, and is complete."""
        first = OpenCall(call.position)
        first.id, first.name, first.text, first.entry = call.id, call.name, earlier, call.entry
        first.is_custom, first.index, first.public_id = call.is_custom, call.index, call.public_id
        first.announced, first.problem = call.announced, call.problem
        self.calls[call.position] = first
        call.position = len(self.calls)
        call.id = call.index = call.public_id = None
        call.entry, call.announced, call.shows_earlier, call.problem = {}, False, False, None
        self.calls.append(call)
        self._newest = call
        self.complete(first)
        self.place()

    def _split_at_seams(self, *, is_natural: bool) -> None:
        """Split calls that were never closed, and in whose text others of their name begin: the whole objects there.

        Args:
            is_natural: The reply ended by itself, so that a string that is open is the model's fault.
        """
        for call in [call for call in self.calls if call.seams and not call.done and not call.is_closed()]:
            whole = call.text.text()
            seams = [place for place in call.seams if is_natural or place not in call.seams_in_strings]
            first, *pieces = (whole[a:b] for a, b in zip([0, *seams], [*seams, len(whole)], strict=True))
            texts, last_is_whole = [first], False
            for piece in pieces:
                is_whole = isinstance(_value(piece), dict)
                if is_whole or last_is_whole:
                    texts.append(piece)
                else:
                    texts[-1] += piece
                last_is_whole = is_whole
            if len(texts) > 1:
                self._split_into(call, texts)
                if is_natural:
                    self.complete(call)

    def _split_into(self, call: OpenCall, texts: Sequence[str]) -> None:
        """The first text is the call's; each of the others is a call of its name. All have ended but the newest."""
        call.text = GrowingText()
        call.text.append(texts[0])
        others = []
        for text in texts[1:]:
            others.append(OpenCall(call.position))
            others[-1].name = call.name
            others[-1].text.append(text)
        at = self.calls.index(call) + 1
        self.calls[at:at] = others
        ended = others[:-1] if self.is_newest(call) else others
        for one in ended:
            if one.holds_object():
                self.complete(one)

    # Events

    def _report_piece(self, call: OpenCall, piece: str) -> None:
        if call.is_placeholder():
            call.withheld = True
            return
        if call.withheld:
            call.withheld = False
            piece = call.text.text()
        self.events.append(ArgumentsDelta(call.index or 0, piece))

    def _emit(self, call: OpenCall) -> list[ToolCall]:
        problem = call.problem or (CUSTOM_PROBLEM if call.is_custom else None)
        index, arguments = call.index or 0, call.arguments()
        if problem is None:
            call.made = self.maker.make_all(index, call.id, call.name, arguments, id=call.public_id)
        else:
            call.made = [self.maker.make(index, call.id, call.name, arguments, problem, id=call.public_id)]
        if self._deltas and not call.announced:
            for made in call.made:
                self.events.append(CallStarted(made.index, made.id, made.name))
                self.events.append(ArgumentsDelta(made.index, made.arguments_text))
        elif call.withheld:
            self.events.append(ArgumentsDelta(index, call.text.text()))
        elif self._deltas and call.seams and (rest := call.text.text()[call.seams[0] :]):
            self.events.append(ArgumentsDelta(index, rest))
        self.events.extend(CallCompleted(made) for made in call.made)
        return call.made


def _is_placeholder(text: GrowingText, value: object) -> bool:
    """Whether arguments say nothing: ``{}``, ``null``, and ``[]``, which PHP makes of an empty object."""
    return text.is_empty_object() or text.is_null() or (value is not None and not value)


def _holds(whole: object, part: object, *, may_grow: bool = False) -> bool:
    """Whether a value says all that another says; if it may have grown, also with longer texts and lists in it."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(
            key in whole and (whole[key] == value or (may_grow and _holds(whole[key], value, may_grow=True)))
            for key, value in part.items()
        )
    if may_grow and isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    if may_grow and isinstance(whole, list) and isinstance(part, list) and len(part) <= len(whole):
        return all(map(partial(_holds, may_grow=True), whole, part))
    return whole == part


def _value(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        value = parse_json(arguments)
        return parse_json(value) if isinstance(value, str) else value
    except NotJsonError:
        return None
