"""Tool calls of a stream, from fragments as servers really send them.

OpenAI documents that each fragment has an ``index``, and the first of a call its id and name
(``ChatCompletionMessageToolCallChunk``). Other servers give every call the same index, none at all, new ids on
each fragment, names late or in pieces, arguments as an object, or repeat themselves. The rules stand where they
are applied, each with a public source.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from polycall.plugin import JsonObject, arguments_object
from polycall_openai._chat.reply import arguments_of, function_of
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls

_FRAGMENT_FIELDS = frozenset({"index", "id", "type", "function", "custom"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_MAX_DIGITS = 9
_NOTHING: JsonObject = {}
_ENOUGH_TO_TELL_APART = 2
"""Indices or ids: a server that gives each call the same one does not tell them apart by it."""
_NOT_A_FUNCTION = "the function of this call is not an object; call a tool by its name"
_NOT_TEXT = "a piece of the arguments is not a text"
EMPTY_ENTRY = "this entry of tool_calls is empty; call a tool by its name"


def is_cut_off(call: OpenCall, truncated: bool, is_last: bool) -> bool:
    """A call is complete when its value is closed; the last one may be a valid beginning (vllm#58228)."""
    return truncated and (is_last or not call.is_closed())


class CallAssembler:
    """Puts fragments together.

    A call is complete when the next one has begun and this one's JSON value is closed, or when the reply has ended.

    Args:
        calls: Gets the calls.

    Attributes:
        last: The call that the last fragment belonged to.
    """

    def __init__(self, calls: OpenCalls) -> None:
        self.last: OpenCall | None = None
        self._calls = calls
        self._maker = calls.maker
        self._by_index: dict[int, OpenCall] = {}
        self._by_id: dict[str, OpenCall] = {}
        self._with_index: set[int] = set()
        """The positions of the calls that have an index."""

    def add(self, fragment: Mapping[str, object]) -> None:
        """Take one entry of ``delta.tool_calls``."""
        function = fragment.get("function")
        if type(function) is dict and len(function) == 1 and len(fragment) == 2:
            # An index and a piece of text for the last one's call, as nearly every fragment is.
            index, piece, call = fragment.get("index"), function.get("arguments"), self.last
            if type(index) is int and type(piece) is str and call is not None and self._by_index.get(index) is call:
                self._calls.grow(call, piece)
                return
        custom, problem = _NOTHING, None
        if not isinstance(function, dict):
            problem = _NOT_A_FUNCTION if function else None
            custom = _dict(fragment.get("custom"))
            flat = function_of(fragment)
            if custom:
                function = {"name": custom.get("name"), "arguments": custom.get("input")}
            else:
                function = flat if isinstance(flat, dict) else _NOTHING
        index, id_ = fragment.get("index"), fragment.get("id")
        name, piece = function.get("name"), function.get("arguments")
        if piece is None and "parameters" in function:
            piece = arguments_of(function)
        # "" and null mean the same everywhere: sglang#4700, vercel/ai#16507.
        if type(index) is not int:
            index = _number(index)
        id_ = id_ if isinstance(id_, str) and id_ else None
        name = name if isinstance(name, str) and name else None

        call = self._find(index, id_, name, piece) or self._calls.begin()
        if index is not None:
            self._by_index[index] = call
            self._with_index.add(call.position)
        if call is not self.last:
            self._turn_to(call)
        if id_ is not None:
            self._by_id[id_] = call
            call.id = call.id or id_
        if name is not None and name != call.name and not call.done:
            self._add_name(call, name)
        if custom:
            call.is_custom = True
        if problem is not None:
            call.problem = problem
        if len(fragment) > 2:
            _keep_extras(call, fragment, function)
        if piece is not None and not call.done:
            self._add_arguments(call, piece)
        self._calls.announce(call)

    def add_empty(self) -> None:
        """An entry that says nothing, not even which call it continues: a call that cannot be used."""
        self._calls.add_unusable(EMPTY_ENTRY)

    # Which call a fragment belongs to

    def _find(self, index: int | None, id_: str | None, name: str | None, piece: object) -> OpenCall | None:
        """The call that a fragment continues; ``None`` if it begins another."""
        last = self.last
        if index is not None:
            call = self._by_index.get(index)
            if call is None:
                # Also where indices begin at 1 (Anthropic's compatible endpoint): they are keys, not positions.
                known = None if id_ is None else self._by_id.get(id_)
                if name is not None:
                    # The same call under another index: mudler/LocalAI#9722.
                    is_same = known is not None and known.name == name and known.is_repeated_by(piece)
                    return known if is_same and piece else None
                if id_ is not None:
                    # The same id with another index is another call: OpenRouterTeam/ai-sdk-provider#471.
                    return None if known is not None and known.position in self._with_index else known
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
        if id_ is not None and name is not None and id_ != call.id:
            known = self._by_id.get(id_)
            if known is not None and known.name == name and known.is_repeated_by(piece):
                return known  # a summary (litellm#20480) of calls that all have index 0
        return call if self._continues(call, id_, name, piece) else None

    def _continues(self, call: OpenCall, id_: str | None, name: str | None, piece: object) -> bool:
        if id_ is not None and call.id is not None and id_ != call.id:
            if name is not None:
                return False  # every call has index 0: ollama#15457, ai-dynamo/dynamo#4723
            # A new id on each fragment of one call: litellm#40040.
            return not (call.is_closed() and _begins_value(piece))
        if name is None:
            return True
        if call.name and name != call.name and not self._maker.may_continue(call.name, name):
            begins = _begins_object(piece) or self._maker.is_tool(self._maker.resolve(name))
            return not (begins or call.is_closed() or (call.text.is_blank and call.final is None))
        # Id and name repeated in each fragment (llama.cpp#13774), or one after another with the same or no id.
        if call.is_closed():
            return not _begins_value(piece) or call.is_repeated_by(piece)
        if max(len(self._by_index), len(self._by_id)) >= _ENOUGH_TO_TELL_APART:
            return True
        if isinstance(piece, dict):
            return call.text.is_blank  # a whole value beside one that the model did not close
        if isinstance(piece, str) and _begins_value(piece):
            call.note_seam(piece)
        return True

    def _turn_to(self, call: OpenCall) -> None:
        """Another call than the last gets a fragment: the last may be complete, if it is not the newest."""
        last, self.last = self.last, call
        if (
            last is not None
            and not last.done
            and not self._calls.is_newest(last)
            and last.name
            and not self._calls.is_beginning_of_name(last.name)
            and last.is_closed()
            and not self._calls.may_be_placeholder(last)
        ):
            self._calls.complete(last)

    # What a fragment adds

    def _add_name(self, call: OpenCall, name: str) -> None:
        if not call.name:
            call.name = name  # may come after the arguments: vercel/ai#14722
            self._calls.place()
        elif self._maker.may_continue(call.name, name):
            call.name += name  # in pieces: NVIDIA-NeMo/Switchyard#785
            self._calls.place()

    def _add_arguments(self, call: OpenCall, piece: object) -> None:
        if isinstance(piece, str):
            self._calls.grow(call, piece)
        elif not isinstance(piece, dict):
            call.problem = call.problem if call.text.is_blank else _NOT_TEXT
            self._calls.grow(call, to_json(piece).decode())
        elif call.text.is_blank or call.text.is_empty_object() or arguments_object(call.text.text()) is None:
            # An object is the final value, unless the text before it is one: llama.cpp#20198. Another adds to it.
            call.final = {**call.final, **piece} if isinstance(call.final, dict) else piece or call.final or piece


def _keep_extras(call: OpenCall, fragment: Mapping[str, object], function: Mapping[str, object]) -> None:
    """Fields beyond the protocol, for the echo: signatures (langroid#969), which may have a delta of their own."""
    for key, value in fragment.items():
        if key not in _FRAGMENT_FIELDS and value is not None:
            call.entry[key] = value
    extras = {key: value for key, value in function.items() if key not in _FUNCTION_FIELDS and value is not None}
    if extras:
        call.entry["function"] = {**_dict(call.entry.get("function")), **extras}


def _begins_value(piece: object) -> bool:
    return isinstance(piece, dict) or (isinstance(piece, str) and piece.lstrip()[:1] in ("{", '"'))


def _begins_object(piece: object) -> bool:
    return isinstance(piece, str) and piece.lstrip()[:1] == "{"


def _number(index: object) -> int | None:
    """An index that is written as a text or with a decimal point."""
    if isinstance(index, float) and index.is_integer():
        return int(index)
    if isinstance(index, str) and index.isascii() and index.isdecimal() and len(index) < _MAX_DIGITS:
        return int(index)
    return None


def _dict(value: object) -> JsonObject:
    return value if isinstance(value, dict) else _NOTHING
