"""Continuing the conversation: the model's turn as it came, and one answer to each of its calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic_core import to_json

from polycall.plugin import CallResult, Reply, ToolCall
from polycall_openai._json import JsonObject
from polycall_openai._reply import Turn

_REPLY_ONLY = frozenset({"annotations", "tool_calls", "function_call"})
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_NAME = 64


def continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn, the results of its calls, and a note.

    Each call is answered by a message of its own, right after the turn: OpenAI refuses anything else.
    """
    turn = reply.turn if isinstance(reply.turn, Turn) else Turn({"role": "assistant", "content": reply.text})
    continued = [*messages, _echo(turn, reply.tool_calls)]
    for result in results:
        if turn.is_legacy:
            name = _sendable_name(result.tool_call.name)
            continued.append({"role": "function", "name": name, "content": result.content})
        else:
            continued.append({"role": "tool", "tool_call_id": result.tool_call.id, "content": result.content})
    if note is not None:
        continued.append({"role": "user", "content": note})
    return continued


def _echo(turn: Turn, calls: Sequence[ToolCall]) -> JsonObject:
    """The assistant's message, with fields that polycall does not know: reasoning, signatures.

    Left out is what requests do not have, and what is null: an empty ``tool_calls`` is refused (openai-node#1341).
    """
    message: JsonObject = {
        key: value for key, value in turn.message.items() if key not in _REPLY_ONLY and value is not None
    }
    message["role"] = "assistant"
    audio = message.get("audio")
    if isinstance(audio, dict):
        message["audio"] = {"id": audio.get("id")}  # a request refers to it
    if not calls:
        message.setdefault("content", "")
        return message
    message.setdefault("content", None)
    if turn.is_legacy:
        message["function_call"] = _function(calls[0], {})
    else:
        message["tool_calls"] = [_entry(call, turn.entries.get(call.id, {})) for call in calls]
    return message


def _entry(call: ToolCall, entry: Mapping[str, object]) -> JsonObject:
    extras = {key: value for key, value in entry.items() if key != "index"}
    if isinstance(entry.get("custom"), dict):
        return {**extras, "id": call.id, "type": "custom"}
    function = entry.get("function")
    extras.pop("custom", None)
    function_extras = function if isinstance(function, dict) else {}
    return {**extras, "id": call.id, "type": "function", "function": _function(call, function_extras)}


def _function(call: ToolCall, extras: Mapping[str, object]) -> JsonObject:
    arguments = call.arguments if isinstance(call.arguments, str) else to_json(call.arguments).decode()
    return {**extras, "name": _sendable_name(call.name), "arguments": arguments}


def _sendable_name(name: str) -> str:
    """A name that OpenAI takes in a request; names that models make up may have dots and slashes, or be empty."""
    return _NOT_IN_A_NAME.sub("_", name)[:_MAX_NAME] or "unknown"
