"""Which of the model's new calls corrects which failed one.

A correction carries no reference to the call it corrects: ids are new, and models re-issue everything, reorder, or
answer with fewer calls. So new calls are matched by what they say, strongest evidence first. A new call is *faithful*
to a failed one if it is of the same tool and keeps all arguments that were not at fault, at least one.

1. Faithful calls that equal no accepted call correct what they are faithful to.
2. Faithful calls that equal an accepted call do so too, unless the reply visibly repeats accepted calls.
3. What equals an accepted call (same tool, same value) repeats it, once for each accepted call.
4. Then calls of the same tool correct each other, the most similar first, then in order.
5. Then calls of another tool, in order: the model chose the wrong tool, or one that does not exist.
6. What is left are further calls; a failed call that is left stays failed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from polycall._types import CallFailure, ToolCall
from polycall._validation import ValidCall

_MAX_COMPARED_PAIRS = 10_000
"""Beyond this many pairs calls are matched by tool and order alone, which costs linear time."""
_MAX_COMPARED_CHARACTERS = 10_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Matching:
    """Where each new call belongs; indices into the sequences that were given."""

    corrections: Mapping[int, int]
    """New call to the failed call that it answers."""
    repeats: frozenset[int]
    """New calls that only repeat an accepted one."""
    additions: tuple[int, ...]
    """New calls that are neither, in order."""


def match_corrections(
    failed: Sequence[CallFailure], accepted: Sequence[ValidCall], new: Sequence[ValidCall | CallFailure]
) -> Matching:
    """Match the calls of a correcting reply to the calls that were to be corrected.

    Args:
        failed: The calls that the model was asked to correct, in order.
        accepted: The good calls so far.
        new: All calls of the correcting reply, in order.
    """
    matcher = _Matcher(failed, accepted, new)
    matcher.pair_faithful()
    matcher.take_repeats()
    matcher.pair_same_tool()
    matcher.pair_in_order()
    return Matching(matcher.corrections, frozenset(matcher.repeats), tuple(matcher.open_calls))


class _Matcher:
    def __init__(
        self, failed: Sequence[CallFailure], accepted: Sequence[ValidCall], new: Sequence[ValidCall | CallFailure]
    ) -> None:
        self.failed = failed
        self.new = [outcome.tool_call for outcome in new]
        self.corrections: dict[int, int] = {}
        self.repeats: set[int] = set()
        self.open_failures = dict.fromkeys(range(len(failed)))
        self.open_calls = dict.fromkeys(range(len(new)))
        self.accepted = Counter(_identity(call) for call in accepted)
        self.identities = [_identity(outcome) if isinstance(outcome, ValidCall) else None for outcome in new]
        self.comparable = len(failed) * len(new) <= _MAX_COMPARED_PAIRS

    def pair(self, failure: int, call: int) -> None:
        self.corrections[call] = failure
        del self.open_failures[failure]
        del self.open_calls[call]

    def equals_accepted(self, call: int) -> bool:
        identity = self.identities[call]
        return identity is not None and identity in self.accepted

    def pair_faithful(self) -> None:
        if not self.comparable:
            return
        old_fields = [_fields(failure.tool_call) for failure in self.failed]
        new_fields = [_fields(call) for call in self.new]
        pairs = [
            (failure, call)
            for failure in self.open_failures
            for call in self.open_calls
            if self.failed[failure].tool_call.name == self.new[call].name
            and _is_faithful(old_fields[failure], new_fields[call], self.failed[failure].fields)
        ]
        faithful_calls = {call for _, call in pairs}
        repeating = any(self.equals_accepted(call) and call not in faithful_calls for call in self.open_calls)
        fresh = [pair for pair in pairs if not self.equals_accepted(pair[1])]
        equal = [] if repeating else [pair for pair in pairs if self.equals_accepted(pair[1])]
        for failure, call in fresh + equal:
            if failure in self.open_failures and call in self.open_calls:
                self.pair(failure, call)

    def take_repeats(self) -> None:
        remaining = Counter(self.accepted)
        for call in tuple(self.open_calls):
            identity = self.identities[call]
            if identity is not None and remaining[identity] > 0:
                remaining[identity] -= 1
                self.repeats.add(call)
                del self.open_calls[call]

    def pair_same_tool(self) -> None:
        if self.comparable:
            old_words = {index: _words(self.failed[index].tool_call) for index in self.open_failures}
            new_words = {index: _words(self.new[index]) for index in self.open_calls}
            scored = [
                (-_overlap(old_words[failure], new_words[call]), failure, call)
                for failure in self.open_failures
                for call in self.open_calls
                if self.failed[failure].tool_call.name == self.new[call].name
            ]
            for score, failure, call in sorted(scored):
                if score < 0 and failure in self.open_failures and call in self.open_calls:
                    self.pair(failure, call)
        waiting: dict[str, list[int]] = {}
        for failure in reversed(self.open_failures):
            waiting.setdefault(self.failed[failure].tool_call.name, []).append(failure)
        for call in tuple(self.open_calls):
            if same_tool := waiting.get(self.new[call].name):
                self.pair(same_tool.pop(), call)

    def pair_in_order(self) -> None:
        for failure, call in zip(tuple(self.open_failures), tuple(self.open_calls), strict=False):
            self.pair(failure, call)


def _identity(call: ValidCall) -> tuple[str, bytes]:
    """What makes two good calls the same: the tool and the object, however its arguments were written."""
    return call.tool_call.name, to_json(call.value, fallback=repr, inf_nan_mode="constants")


def _fields(tool_call: ToolCall) -> Mapping[str, object]:
    arguments = tool_call.arguments if tool_call.normalized_arguments is None else tool_call.normalized_arguments
    if not isinstance(arguments, str):
        return arguments
    try:
        value = from_json(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_faithful(old: Mapping[str, object], new: Mapping[str, object], faulty: frozenset[str]) -> bool:
    kept = [name for name in old if name not in faulty]
    return bool(kept) and all(name in new and new[name] == old[name] for name in kept)


def _words(tool_call: ToolCall) -> frozenset[str]:
    arguments = tool_call.arguments
    text = arguments if isinstance(arguments, str) else to_json(arguments, inf_nan_mode="constants").decode()
    return frozenset(_WORD.findall(text[:_MAX_COMPARED_CHARACTERS].casefold()))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 0.0
