"""Knows what was meant, and judges what came out: that, or the documented error with exactly the whole calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.genai import errors as genai_errors
from random_servers.asking import Outcome
from random_servers.conversation import Conversation
from random_servers.meant import Call, Meant

import polycall

_ERRORS: dict[str, type[Exception]] = {
    "cut": polycall.IncompleteOutputError,
    "unknown": polycall.IncompleteOutputError,
    "missing": polycall.IncompleteOutputError,
    "refused": polycall.RefusalError,
    "error": polycall.ResponseError,
}


def judge(conversation: Conversation, outcome: Outcome) -> str | None:
    """What is wrong with an outcome; ``None`` if nothing is."""
    return (
        _of_the_error(conversation, outcome)
        or _of_the_calls(conversation.meant, outcome)
        or _of_the_rest(conversation.meant, outcome)
    )


def disagreement(one: Outcome, other: Outcome) -> str | None:
    """In what two ways differ; ``None`` if they agree."""
    if one.summary() == other.summary():
        return None
    return f"{one.way} and {other.way} differ: {one.summary()} and {other.summary()}"


def _of_the_error(conversation: Conversation, outcome: Outcome) -> str | None:
    meant, error = conversation.meant, outcome.ended_with
    wanted: tuple[type[Exception] | None, ...]
    if meant.ending != "whole":
        wanted = (_ERRORS[meant.ending],)
        if meant.ending == "unknown" and conversation.protocol == "gemini" and not (meant.calls or meant.empty_places):
            wanted = (polycall.NoToolCallsError,)  # asking again would not help
        if meant.ending == "error" and conversation.protocol == "gemini" and conversation.streamed:
            wanted += (genai_errors.ServerError,)  # which the SDK documents for exactly this
        if meant.ending == "missing" and meant.says_nothing:
            wanted += (polycall.ResponseError,)  # an empty body, chunks without a candidate
    elif meant.bad or (meant.empty_places and not meant.empty_places_may_be_nothing):
        wanted = (polycall.InvalidCallsError,)
    else:
        wanted = (None if meant.calls else polycall.NoToolCallsError,)
        if meant.empty_places:
            wanted += (polycall.InvalidCallsError,)
    if any(error is None if one is None else type(error) is one for one in wanted):
        return None
    names = " or ".join("success" if one is None else one.__name__ for one in wanted)
    return f"expected {names}, got {'success' if error is None else repr(error)}"


def _of_the_calls(meant: Meant, outcome: Outcome) -> str | None:
    given = outcome.calls
    if outcome.early is not None and not _is_among(outcome.early, given, all_of_them=outcome.ended_with is None):
        return f"the stream yielded {outcome.early}, then the calls are {given}"
    if meant.ending == "error":
        good = [call.object() for call in meant.good]
        return None if _is_part(given, good) else f"calls before the error: {given}"
    allowed = [meant.good]
    if meant.ending != "whole" and meant.last_is_known is not True:
        without_last = [call for call in meant.calls[:-1] if call.fault is None]
        allowed = [without_last] if meant.last_is_known is False else [meant.good, without_last]
    if meant.ending == "missing" and meant.in_turns:
        # What was still open when the stream broke off has no sign of being whole.
        known = [call.object() for call in meant.good]
        return None if _is_part(given, known) else f"calls of a broken stream: {given}"
    for calls in allowed:
        if given == [call.object() for call in calls]:
            return _of_the_ids(calls, outcome)
    return f"meant {[call.object() for call in allowed[0]]}, got {given}"


def _of_the_ids(calls: Sequence[Call], outcome: Outcome) -> str | None:
    if outcome.result is None:
        return None
    ids = [call.id for call in outcome.result.tool_calls]
    if len(set(ids)) < len(ids) or not all(ids):
        return f"ids that are not unique: {ids}"
    wrong = [(call.id, id_) for call, id_ in zip(calls, ids, strict=True) if call.id is not None and call.id != id_]
    return f"ids that were not kept: {wrong}" if wrong else None


def _of_the_rest(meant: Meant, outcome: Outcome) -> str | None:
    error = outcome.ended_with
    if isinstance(error, polycall.InvalidCallsError):
        least = 0 if meant.empty_places_may_be_nothing else meant.empty_places
        count = len(error.failures) - len(meant.bad)
        if not least <= count <= meant.empty_places:
            return f"{len(error.failures)} failures, {len(meant.bad)} bad calls, {meant.empty_places} empty places"
    if outcome.result is None or meant.ending not in ("whole", "cut"):
        return None
    if (outcome.result.text or "") != meant.text:
        return f"the text is {outcome.result.text!r}, meant {meant.text!r}"
    usage = outcome.result.usage
    counted = None if usage is None else (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens)
    if counted != meant.usage and not (meant.usage is None and counted in ((None, None, None), None)):
        return f"the usage is {counted}, meant {meant.usage}"
    return None


def _is_among(early: Sequence[Any], given: Sequence[Any], *, all_of_them: bool) -> bool:
    """Whether a stream yielded calls of the result, in the order in which they became whole."""
    rest = list(given)
    for call in early:
        if call not in rest:
            return False
        rest.remove(call)
    return not (rest and all_of_them)


def _is_part(given: Sequence[Any], of: Sequence[Any]) -> bool:
    rest = iter(of)
    return all(any(one == other for other in rest) for one in given)
