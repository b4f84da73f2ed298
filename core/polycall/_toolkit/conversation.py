"""Continuing a conversation in polycall's own form, for providers whose protocol needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from polycall._data.contract import CallResult
from polycall._data.types import ToolCall
from polycall._toolkit.json_values import JsonObject, arguments_text
from polycall._toolkit.sendable import without_surrogates


def continue_conversation(
    messages: Sequence[object], turn: Sequence[object], results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn, one result for each of its calls, and a note.

    Args:
        messages: The conversation so far; it stays as it is.
        turn: The messages that the model's turn is; see `assistant_turn`.
        results: The results of its calls, in their order.
        note: What to say to the model after them; ``None`` for nothing.

    Returns:
        A new list. In what was appended, U+FFFD stands for lone surrogates, which no request can carry.
    """
    appended: list[object] = [*turn]
    for result in results:
        message: JsonObject = {"role": "tool", "tool_call_id": result.tool_call.id, "content": result.content}
        if result.is_error:
            message["is_error"] = True
        appended.append(message)
    if note is not None:
        appended.append({"role": "user", "content": note})
    return [*messages, *(without_surrogates(message) for message in appended)]


def assistant_turn(
    text: str | None,
    calls: Sequence[ToolCall],
    *,
    reasoning: str | None = None,
    provider: str | None = None,
    data: Mapping[str, object] | None = None,
) -> JsonObject:
    """The model's turn as a message that every provider reads.

    Args:
        text: What the model wrote in addition to its calls.
        calls: Its calls; their arguments become JSON text.
        reasoning: Its reasoning, for ``reasoning_content``.
        provider: The provider's name, with ``data``.
        data: What only this provider understands, for ``provider_data``: the turn in its own form, say.

    Returns:
        A message of the role ``assistant``. Its content is ``None`` where there are only calls.
    """
    message: JsonObject = {"role": "assistant", "content": text or (None if calls else "")}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
            for call in calls
        ]
    if provider is not None and data is not None:
        message["provider_data"] = {provider: data}
    return message


def _arguments(call: ToolCall) -> str:
    try:
        return arguments_text(call.arguments)
    except ValueError as error:  # the result of the call says that it failed
        return json.dumps({"_invalid_arguments": str(error)})
