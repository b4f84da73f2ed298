"""TEMP"""

from __future__ import annotations

from collections.abc import Sequence

from polycall._data.contract import CallResult
from polycall._data.types import JsonObject, ToolCall


def continue_conversation(
    messages: Sequence[object],
    turn: JsonObject | Sequence[JsonObject],
    results: Sequence[CallResult],
    note: str | None,
) -> list[object]:
    continued: list[object] = [*messages, *([turn] if isinstance(turn, dict) else turn)]
    for result in results:
        message: JsonObject = {"role": "tool", "tool_call_id": result.tool_call.id, "content": result.content}
        if result.is_error:
            message["is_error"] = True
        continued.append(message)
    if note is not None:
        continued.append({"role": "user", "content": note})
    return continued


def assistant_turn(text: str | None, calls: Sequence[ToolCall]) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments_text}}
            for call in calls
        ]
    return message
