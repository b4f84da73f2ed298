"""Continuing the conversation.

Where the server keeps the conversation, because the caller named a ``previous_response_id`` or a ``conversation``, only
the answers are sent, after the response that they answer. Otherwise everything is replayed: the model's turn with all
its items, unchanged and in their order, since a call of a reasoning model is rejected without the reasoning before
it (continuedev/continue#11785).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from polycall.plugin import CallResult, Reply, ToolCall
from polycall_openai._json import JsonObject, sendable
from polycall_openai._responses.items import previous_response
from polycall_openai._responses.reply import OutputItem, Turn, call_id
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._tool_calls import arguments_text, sendable_name

_NULL_IS_ABSENT = frozenset({"function_call", "custom_tool_call", "reasoning", "message"})
"""Items whose fields may be null in a reply, and must not be in a request (OpenAI API description). In other items null
is a value."""


def continue_conversation(
    profile: ServerProfile, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn, the results of its calls, and a note."""
    turn = reply.turn
    if not isinstance(turn, Turn):
        turn = Turn([OutputItem({"role": "assistant", "content": reply.text or ""}, ())], "none", stored=False)
    by_id = {result.tool_call.id: result.content for result in results}
    continued: list[object]
    if turn.memory == "none":
        continued = [*messages, *_replayed(profile, turn)]
        continued += [_answer(output.item, call.id, by_id[call.id]) for output in turn.output for call in output.calls]
    else:
        continued = [previous_response(turn.id)] if turn.memory == "response" and turn.id else []
        continued += [
            _answer(output.item, call_id(output.item) or output.calls[0].id, _one_answer(output.calls, by_id))
            for output in turn.output
            if output.calls
        ]
    if note is not None:
        continued.append({"role": "user", "content": note})
    # Leave the caller's messages alone; the model's turn and the results may hold lone surrogates.
    given = len(messages) if turn.memory == "none" else 0
    return [*continued[:given], *(sendable(item) for item in continued[given:])]


def _answer(item: JsonObject, id_: str, content: str) -> JsonObject:
    kind = "custom_tool_call_output" if item.get("type") == "custom_tool_call" else "function_call_output"
    return {"type": kind, "call_id": id_, "output": content}


def _one_answer(calls: Sequence[ToolCall], contents: Mapping[str, str]) -> str:
    """The answer to a call as the server knows it: a wrapper has one id for all the calls in it."""
    if len(calls) == 1:
        return contents[calls[0].id]
    return json.dumps([{"name": call.name, "result": contents[call.id]} for call in calls], ensure_ascii=False)


def _replayed(profile: ServerProfile, turn: Turn) -> list[JsonObject]:
    """The items of a turn.

    The server cannot look up items that it does not store: reasoning without its encrypted content is left out, and
    with it the ids that refer to it.
    """
    lost = not turn.stored and any(_is_lost_reasoning(output.item) for output in turn.output)
    items: list[JsonObject] = []
    for output in turn.output:
        item = output.item
        if lost and _is_lost_reasoning(item):
            continue
        if item.get("type", "message") in _NULL_IS_ABSENT:
            item = {key: value for key, value in item.items() if value is not None}
        if lost:
            item = {key: value for key, value in item.items() if key != "id"}
        items += [_call_item(profile, item, call, output.calls) for call in output.calls] if output.calls else [item]
    return items


def _is_lost_reasoning(item: JsonObject) -> bool:
    return item.get("type") == "reasoning" and not item.get("encrypted_content")


def _call_item(profile: ServerProfile, item: JsonObject, call: ToolCall, calls: Sequence[ToolCall]) -> JsonObject:
    if item.get("type") == "custom_tool_call":
        return {**item, "call_id": call.id, "name": sendable_name(call.name, profile.max_name_length)}
    # The calls of a wrapper are sent as plain calls; the item's own id stands for the wrapper.
    kept = item if len(calls) == 1 else {"type": "function_call"}
    replayed = {
        **kept,
        "call_id": call.id,
        "name": sendable_name(call.name, profile.max_name_length),
        "arguments": arguments_text(call),
    }
    if not profile.replays_call_status and "status" in replayed:
        replayed["status"] = None
    return replayed
