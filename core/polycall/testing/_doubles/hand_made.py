"""Calls that no model made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from polycall._data.calls import Calls
from polycall._data.contract import Reply
from polycall._data.types import FinishReason, ToolCall, Usage
from polycall._data.wording import DEFAULT_WORDING
from polycall._engine.conversation import Conversation, Round
from polycall._engine.validation import ValidCall
from polycall.testing._doubles.typed_objects import arguments_of, own_tool

T = TypeVar("T")


def make_calls(
    values: Iterable[T],
    *,
    messages: Sequence[object] = (),
    text: str | None = None,
    usage: Usage | None = None,
    finish_reason: FinishReason | None = FinishReason.TOOL_CALLS,
    provider: str | None = None,
    model: str | None = None,
) -> Calls[T]:
    """Make `polycall.Calls` by hand, to test what takes them; they can ``continue_with`` results.

    Args:
        values: The typed objects, or `polycall.ToolCall` for tools that are only a schema.
        messages: The conversation that led to them, which ``continue_with`` continues.
        text: The model's words next to its calls.
        usage: The token counts.
        finish_reason: Why the model stopped.
        provider: The provider's name; if it is installed, ``continue_with`` asks its plugin.
        model: The model as served.

    Raises:
        ScriptError: An object cannot be a call.
    """
    made = list(values)
    tool_calls = [_tool_call(value, index) for index, value in enumerate(made)]
    valid = [ValidCall(call, value) for call, value in zip(tool_calls, made, strict=True)]
    reply = Reply(tool_calls=tool_calls, text=text, usage=usage, finish_reason=finish_reason)
    conversation = Conversation(
        provider or "",
        DEFAULT_WORDING,
        None,
        (Round(list(messages), reply, valid),),
        tool_calls,
        [0] * len(tool_calls),
    )
    return Calls(
        made,
        tool_calls=tool_calls,
        text=text,
        usage=usage,
        finish_reason=finish_reason,
        raw_finish_reason=None if finish_reason is None else finish_reason.value,
        provider=provider,
        model=model,
        conversation=conversation,
    )


def _tool_call(value: object, index: int) -> ToolCall:
    if isinstance(value, ToolCall):
        return ToolCall(value.id, value.name, value.arguments, index)
    return ToolCall(f"call_{index + 1}", own_tool(value).name, arguments_of(value), index)
