"""The model's turn as the assistant's message that it was, for the conversation to continue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polycall.plugin import JsonObject, ToolCall, arguments_text

LEGACY = "function_call"
"""In polycall's data of a turn: its one call came in the legacy form, and is answered in that form."""

_REPLY_ONLY = frozenset({"annotations", "tool_calls", "function_call"})
_TEXTS = ("text", "summary", "data")


def make_turn(message: Mapping[str, object], entries: Sequence[JsonObject], *, is_legacy: bool) -> JsonObject:
    """The turn with everything that the server sent, known or not: reasoning, signatures.

    Fields that requests do not have are left out, and nulls: an empty ``tool_calls`` is rejected (openai-node#1341).

    Args:
        message: The message.
        entries: Its calls, by `call_entry`.
        is_legacy: The one call came as ``function_call``.
    """
    turn: JsonObject = {"role": "assistant", "content": None}
    for key, value in message.items():
        if value is not None and key not in _REPLY_ONLY:
            turn[key] = value
    turn["role"] = "assistant"
    audio = turn.get("audio")
    if isinstance(audio, dict):
        turn["audio"] = {"id": audio.get("id")}  # a request refers to it
    if entries:
        turn["tool_calls"] = entries
        if is_legacy:
            turn["provider_data"] = {"openai": {LEGACY: True}}
    elif turn["content"] is None:
        turn["content"] = ""
    return turn


def call_entry(entry: object, call: ToolCall) -> JsonObject:
    """One call of the turn, with all fields that the server gave it."""
    given = entry if isinstance(entry, dict) else {}
    function, custom = given.get("function"), given.get("custom")
    kept = {key: value for key, value in given.items() if key not in ("index", "function", "custom")}
    if isinstance(custom, dict) and not isinstance(function, dict):
        return {**kept, "id": call.id, "type": "custom", "custom": custom}
    if function is None:  # name and arguments stood here
        kept = {key: value for key, value in kept.items() if key not in ("name", "arguments", "parameters")}
    extras = function if isinstance(function, dict) else {}
    if "parameters" in extras:
        extras = {key: value for key, value in extras.items() if key != "parameters"}
    made = {**extras, "name": call.name, "arguments": _text(call)}
    return {**kept, "id": call.id, "type": "function", "function": made}


def _text(call: ToolCall) -> str:
    try:
        return arguments_text(call.arguments)
    except ValueError:  # the result of the call says that it failed
        return "{}"


def joined(pieces: Sequence[object]) -> object:
    """The pieces of one field of a streamed message: texts and lists are joined, of anything else the last counts."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(map(str, pieces))
    if not all(isinstance(piece, list) for piece in pieces):
        return pieces[-1]
    blocks: list[object] = []
    by_place: dict[tuple[object, object], JsonObject] = {}
    for block in (block for piece in pieces if isinstance(piece, list) for block in piece):
        index = block.get("index") if isinstance(block, dict) else None
        if not isinstance(block, dict) or not isinstance(index, int):
            blocks.append(block)
            continue
        place = (index, str(block.get("type")))
        if place in by_place:
            _merge(by_place[place], block)
        else:
            by_place[place] = dict(block)
            blocks.append(by_place[place])
    return blocks


def _merge(block: JsonObject, piece: JsonObject) -> None:
    """Add a piece to a block of one index and type, of which the server wants one back (agno#8794)."""
    for key, value in piece.items():
        before = block.get(key)
        if key in _TEXTS and isinstance(value, str) and isinstance(before, str):
            block[key] = before + value
        elif value is not None or before is None:
            block[key] = value
