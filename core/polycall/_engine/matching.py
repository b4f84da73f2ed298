"""Which of the model's new calls corrects which failed one.

A correction carries no reference to the call it corrects: ids are new, and models re-issue everything, reorder, or
answer with fewer calls. So new calls are matched by what they say, strongest evidence first. A new call is *faithful*
to a failed one if it keeps all arguments that were not at fault, at least one.

1. Calls that are faithful to a failed call of the same tool, and equal no accepted call, correct it; where a call
   could correct several, the one of which it keeps most.
2. Faithful calls that equal an accepted call do so too, unless the reply visibly repeats accepted calls.
3. What equals an accepted call (same tool, same value) repeats it, once for each accepted call.
4. Then calls of the same tool correct each other, the most similar first, then in order.
5. Then calls of another tool: faithful ones; then, in order, for a name that is no tool's; then, if there are just as
   many calls as failed ones, in order too: the model was asked for so many, and chose another tool.
6. What is left are further calls; a failed call that is left stays failed.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from polycall._data.types import CallFailure, ToolCall
from polycall._engine.validation import ValidCall

_MAX_COMPARED_PAIRS = 10_000
"""Beyond this many pairs similarity is left out and calls are matched in order, which costs linear time."""
_MAX_COMPARED_CHARACTERS = 10_000
_MAX_SHAPES = 32
"""Sets of kept arguments that are looked up; each costs one pass over the new calls."""
_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    """Where each new call belongs; indices into the sequences that were given."""

    corrections: Mapping[int, int]
    """New call to the failed call that it answers."""
    repeats: frozenset[int]
    """New calls that only repeat an accepted one."""
    additions: tuple[int, ...]
    """New calls that are neither, in order."""


def match_corrections(
    failed: Sequence[CallFailure],
    accepted: Sequence[ValidCall],
    new: Sequence[ValidCall | CallFailure],
    *,
    known_tools: Container[str],
) -> Matching:
    """Match the calls of a correcting reply to the calls that were to be corrected.

    Args:
        failed: The calls that the model was asked to correct, in order.
        accepted: The good calls so far.
        new: All calls of the correcting reply, in order.
        known_tools: The names of the request's tools.
    """
    matcher = _Matcher(failed, accepted, new)
    equal = {call for call, identity in enumerate(matcher.identities) if identity in matcher.accepted}
    matcher.pair_faithful(matcher.open_calls.keys() - equal)
    if not matcher.repeats_without_cause(equal):
        matcher.pair_faithful(equal)
    matcher.take_repeats()
    matcher.pair_similar()
    matcher.pair_in_order(matcher.open_failures, by_tool=True)
    matcher.pair_faithful(matcher.open_calls.keys(), by_tool=False)
    matcher.pair_in_order([index for index in matcher.open_failures if matcher.failed[index].name not in known_tools])
    if len(matcher.open_failures) == len(matcher.open_calls):
        matcher.pair_in_order(matcher.open_failures)
    return Matching(matcher.corrections, frozenset(matcher.repeats), tuple(matcher.open_calls))


class _Matcher:
    def __init__(
        self, failed: Sequence[CallFailure], accepted: Sequence[ValidCall], new: Sequence[ValidCall | CallFailure]
    ) -> None:
        self.failed = [failure.tool_call for failure in failed]
        self.new = [outcome.tool_call for outcome in new]
        self.corrections: dict[int, int] = {}
        self.repeats: set[int] = set()
        self.open_failures = dict.fromkeys(range(len(failed)))
        self.open_calls = dict.fromkeys(range(len(new)))
        self.accepted = Counter(_identity(call) for call in accepted)
        self.identities = [_identity(outcome) if isinstance(outcome, ValidCall) else None for outcome in new]
        self.kept = [
            {name: value for name, value in _fields(failure.tool_call).items() if name not in failure.fields}
            for failure in failed
        ]
        self.fields = [_fields(call) for call in self.new]

    def pair(self, failure: int, call: int) -> None:
        self.corrections[call] = failure
        del self.open_failures[failure]
        del self.open_calls[call]

    def pair_faithful(self, calls: Container[int], *, by_tool: bool = True) -> None:
        """Pair what is faithful, looked up and not compared: each set of kept arguments costs one pass."""
        waiting: dict[frozenset[str], dict[object, list[int]]] = {}
        for failure in reversed(self.open_failures):
            if kept := self.kept[failure]:
                key = self._key(self.failed[failure], kept, kept, by_tool=by_tool)
                waiting.setdefault(frozenset(kept), {}).setdefault(key, []).append(failure)
        for names in sorted(waiting, key=lambda names: (-len(names), sorted(names)))[:_MAX_SHAPES]:
            for call in [call for call in self.open_calls if call in calls and names <= self.fields[call].keys()]:
                if failures := waiting[names].get(self._key(self.new[call], names, self.fields[call], by_tool=by_tool)):
                    self.pair(failures.pop(), call)

    def repeats_without_cause(self, equal: Iterable[int]) -> bool:
        """Whether a call equals an accepted one and is faithful to no failed one: a plain repetition."""
        shapes: dict[frozenset[str], set[object]] = {}
        for tool_call, kept in zip(self.failed, self.kept, strict=True):
            if kept and (len(shapes) < _MAX_SHAPES or frozenset(kept) in shapes):
                shapes.setdefault(frozenset(kept), set()).add(self._key(tool_call, kept, kept, by_tool=True))
        return any(
            not any(
                names <= self.fields[call].keys()
                and self._key(self.new[call], names, self.fields[call], by_tool=True) in keys
                for names, keys in shapes.items()
            )
            for call in equal
        )

    def take_repeats(self) -> None:
        remaining = Counter(self.accepted)
        for call in tuple(self.open_calls):
            identity = self.identities[call]
            if identity is not None and remaining[identity] > 0:
                remaining[identity] -= 1
                self.repeats.add(call)
                del self.open_calls[call]

    def pair_similar(self) -> None:
        if len(self.open_failures) * len(self.open_calls) > _MAX_COMPARED_PAIRS:
            return
        old_words = {index: _words(self.failed[index]) for index in self.open_failures}
        new_words = {index: _words(self.new[index]) for index in self.open_calls}
        scored = [
            (-_overlap(old_words[failure], new_words[call]), failure, call)
            for failure in self.open_failures
            for call in self.open_calls
            if self.failed[failure].name == self.new[call].name
        ]
        for score, failure, call in sorted(scored):
            if score < 0 and failure in self.open_failures and call in self.open_calls:
                self.pair(failure, call)

    def pair_in_order(self, failures: Collection[int], *, by_tool: bool = False) -> None:
        waiting: dict[str | None, list[int]] = {}
        for failure in reversed(tuple(failures)):
            waiting.setdefault(self.failed[failure].name if by_tool else None, []).append(failure)
        for call in tuple(self.open_calls):
            if candidates := waiting.get(self.new[call].name if by_tool else None):
                self.pair(candidates.pop(), call)

    @staticmethod
    def _key(tool_call: ToolCall, names: Iterable[str], fields: Mapping[str, object], *, by_tool: bool) -> object:
        return tool_call.name if by_tool else None, _frozen({name: fields[name] for name in names})


def _identity(call: ValidCall) -> tuple[str, object]:
    """What makes two good calls the same: the tool and the object, however its arguments were written."""
    return call.tool_call.name, _frozen(call.value)


def _frozen(value: object) -> object:
    """A hashable stand-in that is equal for equal values; by attributes, for serializers may leave fields out."""
    if isinstance(value, BaseModel):
        return type(value), _frozen({**vars(value), **(value.__pydantic_extra__ or {})})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), _frozen(
            {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        )
    if isinstance(value, Mapping):
        return dict, frozenset((_frozen(key), _frozen(part)) for key, part in value.items())
    if isinstance(value, (set, frozenset)):
        return set, frozenset(map(_frozen, value))
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_frozen, value))
    try:
        hash(value)
    except TypeError:
        return type(value), repr(value)
    return type(value), value


def _fields(tool_call: ToolCall) -> Mapping[str, object]:
    arguments = tool_call.arguments if tool_call.normalized_arguments is None else tool_call.normalized_arguments
    try:
        value = from_json(arguments if isinstance(arguments, str) else to_json(arguments))
    except (ValueError, TypeError):  # TypeError: text with a lone surrogate is no text for it
        return {}
    return value if isinstance(value, dict) else {}


def _words(tool_call: ToolCall) -> frozenset[str]:
    text = tool_call.arguments if isinstance(tool_call.arguments, str) else str(_fields(tool_call))
    return frozenset(_WORD.findall(text[:_MAX_COMPARED_CHARACTERS].casefold()))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 0.0
