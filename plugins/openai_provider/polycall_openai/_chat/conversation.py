"""Continuing the conversation: the model's turn unchanged, and one answer to each of its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polycall.plugin import CallResult, Reply, ToolCall
from polycall_openai._chat.reply import Turn
from polycall_openai._json import JsonObject, sendable
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._tool_calls import arguments_text, sendable_name

_REPLY_ONLY = frozenset({"annotations", "tool_calls", "function_call"})
_KNOWN = frozenset({"role", "content", "refusal", "audio", "name"})


def continue_conversation(
    profile: ServerProfile, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn, the results of its calls, and a note.

    Each call is answered by a message of its own, right after the turn: OpenAI rejects anything else.
    """
    turn = reply.turn if isinstance(reply.turn, Turn) else Turn({"role": "assistant", "content": reply.text})
    continued = [*messages, sendable(_echo(profile, turn, reply.tool_calls))]
    for result in results:
        if turn.is_legacy:
            name = sendable_name(result.tool_call.name, profile.max_name_length)
            continued.append({"role": "function", "name": name, "content": sendable(result.content)})
        else:
            continued.append(
                {"role": "tool", "tool_call_id": sendable(result.tool_call.id), "content": sendable(result.content)}
            )
    if note is not None:
        continued.append({"role": "user", "content": sendable(note)})
    return continued


def _echo(profile: ServerProfile, turn: Turn, calls: Sequence[ToolCall]) -> JsonObject:
    """The assistant's message, with fields that polycall does not know: reasoning, signatures.

    Fields that requests do not have are left out, and nulls: an empty ``tool_calls`` is rejected (openai-node#1341).
    """
    message: JsonObject = {
        key: value
        for key, value in turn.message.items()
        if key not in _REPLY_ONLY and value is not None and (profile.echoes_unknown_fields or key in _KNOWN)
    }
    message["role"] = "assistant"
    audio = message.get("audio")
    if isinstance(audio, dict):
        message["audio"] = {"id": audio.get("id")}  # a request refers to it
    if not calls:
        message.setdefault("content", "")
        return message
    if not message.get("content"):
        message["content"] = profile.empty_content if profile.empty_content is not None else message.get("content")
    if turn.is_legacy:
        message["function_call"] = _function(profile, calls[0], {})
    else:
        message["tool_calls"] = [_entry(profile, call, turn.entries.get(call.id, {})) for call in calls]
    return message


def _entry(profile: ServerProfile, call: ToolCall, entry: Mapping[str, object]) -> JsonObject:
    extras = {key: value for key, value in entry.items() if key != "index"}
    if isinstance(entry.get("custom"), dict):
        return {**extras, "id": call.id, "type": "custom"}
    function = entry.get("function")
    extras.pop("custom", None)
    function_extras = function if isinstance(function, dict) else {}
    return {**extras, "id": call.id, "type": "function", "function": _function(profile, call, function_extras)}


def _function(profile: ServerProfile, call: ToolCall, extras: Mapping[str, object]) -> JsonObject:
    return {**extras, "name": sendable_name(call.name, profile.max_name_length), "arguments": arguments_text(call)}
