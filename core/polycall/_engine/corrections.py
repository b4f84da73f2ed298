"""What a model is told about its calls: the answer to each of them, and a note where no answer can carry it."""

from __future__ import annotations

from collections.abc import Sequence

from polycall._data.contract import CallResult
from polycall._data.types import CallFailure, ToolCall
from polycall._data.wording import Wording
from polycall._engine.validation import ValidCall

Outcome = ValidCall | CallFailure


def answer(outcome: Outcome, wording: Wording) -> CallResult:
    """The answer to one call, while others are corrected."""
    if isinstance(outcome, ValidCall):
        return CallResult(outcome.tool_call, wording.accepted)
    template = wording.failed_name if outcome.wrong_name else wording.failed
    return CallResult(outcome.tool_call, template.format(reason=outcome.reason), is_error=True)


def answer_surplus(tool_call: ToolCall, limit: int, wording: Wording) -> CallResult:
    """The answer to a call beyond ``max_calls``."""
    return CallResult(tool_call, wording.too_many.format(limit=limit), is_error=True)


def note(
    wording: Wording, *, silent: bool, unanswered: Sequence[CallFailure], missing: Sequence[str], tools: Sequence[str]
) -> str:
    """The words that no call's answer can carry.

    Args:
        wording: The templates.
        silent: The reply had no call.
        unanswered: Calls of earlier rounds that still fail and were not made again.
        missing: Tools that must be called and were not.
        tools: The names of those that may be called.
    """
    names = ", ".join(tools)
    parts: list[str] = []
    if unanswered:
        failures = "; ".join(f"{failure.tool_call.name}: {failure.reason}" for failure in unanswered)
        parts.append(wording.still_failing.format(failures=failures, tools=names))
    if missing:
        parts.append(wording.still_missing.format(tools=", ".join(missing)))
    if not parts:
        parts.append(wording.only_tools.format(tools=names))
    return (wording.no_call if silent else "") + " ".join(parts)
