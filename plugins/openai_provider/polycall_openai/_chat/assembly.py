"""Tool calls of a stream, from fragments as servers really send them.

OpenAI documents that each fragment has an ``index``, and the first of a call its id and name
(``ChatCompletionMessageToolCallChunk``). Other servers give every call the same index, none at all, new ids on
each fragment, names late or in pieces, arguments as an object, or repeat what was said. The rules stand where they
are applied, each with a public source.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from polycall.plugin import ArgumentsDelta
from polycall_openai._json import JsonObject, NotJsonError, parse, parse_object
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._tool_calls import CallFactory, RawCall, custom_problem, without_repetition

_FRAGMENT_FIELDS = frozenset({"index", "id", "type", "function", "custom"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_NOTHING: JsonObject = {}


class _OpenCall(OpenCall):
    """A call that is being put together."""

    __slots__ = ("entry", "is_custom", "object")

    def __init__(self) -> None:
        super().__init__()
        self.object: Mapping[str, object] | None = None
        self.entry: JsonObject = {}
        self.is_custom = False

    def is_closed(self) -> bool:
        return self.object is not None or self.text.is_closed()

    def is_nothing(self) -> bool:
        return not self.name and not self.id and self.object is None and self.text.is_blank

    def arguments(self) -> str | Mapping[str, object]:
        return self.object if self.object is not None else without_repetition(self.text.text())

    def raw(self) -> RawCall:
        function: JsonObject = self.entry.pop("function", None) or {}  # type: ignore[assignment]
        arguments = self.arguments()
        entry = {**self.entry, "function": {**function, "name": self.name, "arguments": arguments}}
        if self.is_custom:
            entry = {**self.entry, "type": "custom", "custom": {"name": self.name, "input": arguments}}
        return RawCall(self.id, self.name, arguments, entry, custom_problem() if self.is_custom else None)


class CallAssembler(OpenCalls[_OpenCall]):
    """Takes fragments, and says which calls are complete and how far the others are.

    A call is complete when the next one has begun and this one's JSON value is closed, or when the reply has ended.

    Args:
        factory: Makes the calls.
        report_deltas: Report calls that begin and grow, too.
    """

    def __init__(self, factory: CallFactory, *, report_deltas: bool) -> None:
        super().__init__(factory, report_deltas=report_deltas)
        self._by_index: dict[int, _OpenCall] = {}
        self._by_id: dict[str, _OpenCall] = {}
        self._last: _OpenCall | None = None  # the one that the last fragment belonged to

    def add(self, fragment: Mapping[str, object]) -> None:
        """Take one entry of ``delta.tool_calls``."""
        function = fragment.get("function")
        if type(function) is dict and len(function) == 1 and len(fragment) == 2 and self._goes_on(fragment, function):
            return
        is_custom = False
        if not isinstance(function, dict):
            custom = fragment.get("custom")
            is_custom = isinstance(custom, dict)
            function = (
                {"name": custom.get("name"), "arguments": custom.get("input")} if isinstance(custom, dict) else _NOTHING
            )
        index, id_, name, piece = (
            fragment.get("index"),
            fragment.get("id"),
            function.get("name"),
            function.get("arguments"),
        )
        # "" and null mean the same everywhere: sglang#4700, vercel/ai#16507.
        if not isinstance(index, int):
            index = None
        id_ = id_ if isinstance(id_, str) and id_ else None
        name = name if isinstance(name, str) and name else None

        call = self._find(index, id_, name, piece)
        if call is None:
            call = self._begin()
        if index is not None:
            self._by_index[index] = call
        if call is not self._last:
            self._turn_to(call)
        if id_ is not None:
            self._by_id[id_] = call
            call.id = call.id or id_
        if name is not None and name != call.name:
            self._take_name(call, name)
        if is_custom:
            call.is_custom = True
        if len(fragment) > 2:
            _keep_extras(call, fragment, function)
        if piece is not None and not call.done:
            self._take_arguments(call, piece)
        if self._report_deltas and not call.announced:
            self.announce(call)

    def _goes_on(self, fragment: Mapping[str, object], function: Mapping[str, object]) -> bool:
        """Take a fragment with an index and a piece of text for the last one's call, as nearly every fragment is."""
        index, piece, call = fragment.get("index"), function.get("arguments"), self._last
        if type(index) is not int or type(piece) is not str or call is None or self._by_index.get(index) is not call:
            return False
        self.grow(call, piece)
        return True

    def grow(self, call: _OpenCall, piece: str) -> None:
        if not call.done:
            self._take_arguments(call, piece)
        if self._report_deltas and not call.announced:
            self.announce(call)

    def grown_by(self, fragment: object) -> _OpenCall | None:
        """The call to whose arguments a fragment like this one, that has been taken, adds, if it does nothing else."""
        if not isinstance(fragment, dict) or not isinstance(fragment.get("function"), dict):
            return None
        function = fragment["function"]
        if not isinstance(function.get("arguments"), str):
            return None
        # With an id or a name it depends on the piece whether another call begins.
        return None if fragment.get("id") or function.get("name") else self._last

    def complete_closed(self) -> None:
        """The reply's finish reason has come: what is closed is complete."""
        for call in self._calls:
            if not call.done and call.name and call.is_closed():
                self.complete(call)

    def is_cut_off(self, call: _OpenCall, *, whole: bool, truncated: bool) -> bool:
        # The last may be a valid beginning of what was meant (vllm#58228).
        return not whole or (truncated and (call is self._calls[-1] or not call.is_closed()))

    # Which call a fragment belongs to

    def _find(self, index: int | None, id_: str | None, name: str | None, piece: object) -> _OpenCall | None:
        """The call that a fragment goes on with; ``None`` if it begins another."""
        last = self._last
        if index is not None:
            call = self._by_index.get(index)
            if call is None:
                # Also where indices begin at 1 (Anthropic's compatible endpoint): they are keys, not positions.
                if name is not None:
                    return None
                if id_ is not None:
                    return self._by_id.get(id_)
                return None if self._by_index else last
        elif id_ is not None:
            # No index: Gemini's endpoint, Ollama before 0.4.7, Mistral (openai-python#2806, ollama#7881).
            call = self._by_id.get(id_)
            if call is None:
                if name is not None or last is None:
                    return None
                call = last
        elif name is not None:
            return None
        else:
            return last
        if id_ is None and name is None:
            return call
        return call if self._continues(call, id_, name, piece) else None

    def _continues(self, call: _OpenCall, id_: str | None, name: str | None, piece: object) -> bool:
        if id_ is not None and call.id is not None and id_ != call.id:
            if name is not None:
                return False  # every call has index 0: ollama#15457, ai-dynamo/dynamo#4723
            # A new id on each fragment of one call: litellm#40040.
            return not (call.is_closed() and _begins_value(piece))
        if name is None:
            return True
        if call.name and name != call.name and not self._factory.may_continue(call.name, name):
            return not (call.is_closed() or (call.text.is_blank and call.object is None))
        # Id and name repeated in each fragment (llama.cpp#13774), or one after another with the same or no id.
        return not (_begins_value(piece) and call.is_closed() and not _repeats(call, piece))

    def _begin(self) -> _OpenCall:
        call = _OpenCall()
        self._calls.append(call)
        return call

    def _turn_to(self, call: _OpenCall) -> None:
        """Another call than the last gets a fragment: the last may be complete, if it is not the newest."""
        last, self._last = self._last, call
        if last is not None and not last.done and last is not self._calls[-1] and last.name and last.is_closed():
            self.complete(last)

    # What a fragment adds

    def _take_name(self, call: _OpenCall, name: str) -> None:
        if call.done:
            return
        if not call.name:
            call.name = name  # may come after the arguments: vercel/ai#14722
        elif self._factory.may_continue(call.name, name):
            call.name += name  # in pieces: NVIDIA-NeMo/Switchyard#785
        else:
            return
        self.place()

    def _take_arguments(self, call: _OpenCall, piece: object) -> None:
        if isinstance(piece, str):
            if not piece or call.object:
                return
            call.object = None
            if piece[0] in '{"' and call.text.is_closed() and _repeats(call, piece):
                return  # a summary at the end says it all again: litellm#20480, sglang#23071
            call.text.append(piece)
            if self._report_deltas and call.announced:
                self.events.append(ArgumentsDelta(call.index or 0, piece))
        elif isinstance(piece, dict):
            # An object is the final value, unless the text that came before it is one: llama.cpp#20198.
            if call.text.is_blank or parse_object(call.text.text()) is None:
                call.object = piece
        else:
            call.text.append(to_json(piece).decode())


def _keep_extras(call: _OpenCall, fragment: Mapping[str, object], function: Mapping[str, object]) -> None:
    """Fields beyond the protocol, for the echo: signatures (langroid#969), which may have a delta of their own."""
    for key, value in fragment.items():
        if key not in _FRAGMENT_FIELDS and value is not None:
            call.entry[key] = value
    extras = {key: value for key, value in function.items() if key not in _FUNCTION_FIELDS and value is not None}
    if extras:
        call.entry["function"] = {**(call.entry.get("function") or {}), **extras}  # type: ignore[dict-item]


def _begins_value(piece: object) -> bool:
    return isinstance(piece, dict) or (isinstance(piece, str) and piece.lstrip()[:1] in ("{", '"'))


def _repeats(call: _OpenCall, piece: object) -> bool:
    """Whether a piece says the value of a closed call again, be it encoded twice."""
    said = _value(piece)
    return said is not None and said == _value(call.arguments())


def _value(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        value = parse(arguments)
        return parse(value) if isinstance(value, str) else value
    except NotJsonError:
        return None
