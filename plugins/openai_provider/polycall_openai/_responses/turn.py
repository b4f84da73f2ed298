"""The model's turn as a message that every provider reads, with the API's own items for the next request.

The items are under ``provider_data["openai"]``, with the URL of the endpoint that gave them: another one knows neither
their ids nor the response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from polycall.plugin import JsonObject, Request, ToolCall, arguments_text, assistant_turn, json_text

_NULL_IS_ABSENT = frozenset({"function_call", "custom_tool_call", "reasoning", "message"})
"""Items whose fields may be null in a reply, and must not be in a request (OpenAI API description). In other items null
is a value."""


class OutputItem(NamedTuple):
    """One item of ``output``, and the calls that it stands for: none, one, or those in a wrapper."""

    item: JsonObject
    calls: Sequence[ToolCall]


def call_id(item: Mapping[str, object]) -> str | None:
    """The id that an answer names: ``call_id``, which is not the item's ``id``."""
    return json_text(item, "call_id") or json_text(item, "id") or None


def make_turn(
    request: Request, response: Mapping[str, object], output: Sequence[OutputItem], text: str | None, url: str
) -> JsonObject:
    """The turn.

    Args:
        request: The request that was sent.
        response: The response, for its id and whether it is stored.
        output: Its items.
        text: What the model wrote.
        url: The endpoint's.
    """
    stored = request.options.get("store") is not False and response.get("store") is not False
    calls = [call for one in output for call in one.calls]
    data: JsonObject = {"url": url, "output": _replayable(output, stored=stored)}
    data |= _memory(request, response, output, url, stored=stored)
    turn = assistant_turn(text, calls, provider="openai", data=data)
    custom = {call.id: one.item for one in output if one.item.get("type") == "custom_tool_call" for call in one.calls}
    entries = turn.get("tool_calls")
    if custom and isinstance(entries, list):
        for entry in entries:
            item = custom.get(entry["id"])
            if item is not None:
                del entry["function"]
                entry |= {"type": "custom", "custom": {"name": item.get("name"), "input": item.get("input")}}
    return turn


def _memory(
    request: Request, response: Mapping[str, object], output: Sequence[OutputItem], url: str, *, stored: bool
) -> JsonObject:
    """What the server keeps, so that a request can continue there: nothing; everything up to this response; or the
    ``conversation`` that the caller named.

    Only the first round of a ``create()`` hands over to the server's memory: the messages of a correction are sent
    again with the next one, because the caller may still replace the answers in it (``Calls.continue_with``).
    """
    options = request.options
    memory: JsonObject = {}
    if options.get("conversation"):
        memory = {"conversation": options["conversation"]}
    elif stored and request.round == 0 and (options.get("previous_response_id") or remembered(request, url)):
        id_ = json_text(response, "id")
        memory = {"response": id_} if id_ else {}
    wrappers = {call_id(one.item): [call.id for call in one.calls] for one in output if len(one.calls) > 1}
    if memory and wrappers:
        memory["wrappers"] = wrappers
    return memory


def remembered(request: Request, url: str) -> bool:
    """Whether the conversation continues after a response that the server keeps."""
    return any("response" in data_of(message, url) for message in request.messages)


def data_of(message: object, url: str) -> Mapping[str, object]:
    """The data of a turn that this endpoint gave; empty for other messages."""
    by_provider = message.get("provider_data") if isinstance(message, Mapping) else None
    data = by_provider.get("openai") if isinstance(by_provider, Mapping) else None
    return data if isinstance(data, Mapping) and data.get("url") == url else {}


def _replayable(output: Sequence[OutputItem], *, stored: bool) -> list[JsonObject]:
    """The items of a turn as a request takes them, in their order: a call of a reasoning model is rejected without the
    reasoning before it (continuedev/continue#11785).

    The server cannot look up items that it does not store: reasoning without its encrypted content is left out, and
    with it the ids that refer to it.
    """
    lost = not stored and any(_is_lost_reasoning(one.item) for one in output)
    items: list[JsonObject] = []
    for item, calls in output:
        if lost and _is_lost_reasoning(item):
            continue
        kept = item
        if item.get("type", "message") in _NULL_IS_ABSENT:
            kept = {key: value for key, value in item.items() if value is not None}
        if lost:
            kept = {key: value for key, value in kept.items() if key != "id"}
        items += [_call_item(kept, call, calls) for call in calls] if calls else [kept]
    return items


def _is_lost_reasoning(item: JsonObject) -> bool:
    return item.get("type") == "reasoning" and not item.get("encrypted_content")


def _call_item(item: JsonObject, call: ToolCall, calls: Sequence[ToolCall]) -> JsonObject:
    if item.get("type") == "custom_tool_call":
        return {**item, "call_id": call.id, "name": call.name}
    # The calls of a wrapper are sent as plain calls; the item's own id stands for the wrapper.
    kept = item if len(calls) == 1 and item.get("type") == "function_call" else {"type": "function_call"}
    return {**kept, "call_id": call.id, "name": call.name, "arguments": _text(call)}


def _text(call: ToolCall) -> str:
    try:
        return arguments_text(call.arguments)
    except ValueError:  # the result of the call says that it failed
        return "{}"
