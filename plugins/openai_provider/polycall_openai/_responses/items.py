"""From messages to input items: Chat Completions' dicts are converted, the API's own items pass as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polycall import MessageError
from polycall_openai._json import JsonObject, text_or_none
from polycall_openai._request import to_plain_data

PREVIOUS_RESPONSE = "previous_response"
"""The ``type`` of polycall's own entry in a conversation: the server has everything before it, as the response with
this ``id``."""

_NATIVE_PARTS = frozenset({"input_text", "input_image", "input_file", "output_text", "refusal"})


def previous_response(id_: str) -> JsonObject:
    """The entry for everything up to a response that the server keeps."""
    return {"type": PREVIOUS_RESPONSE, "id": id_}


def input_items(messages: Sequence[object]) -> tuple[list[object], str | None]:
    """The ``input`` of a request, and the ``previous_response_id`` that the messages themselves name, if any.

    Raises:
        MessageError: The API cannot carry a message.
    """
    items: list[object] = []
    previous: str | None = None
    custom_ids: set[object] = set()
    for at, message in enumerate(messages):
        value = to_plain_data(message)
        if not isinstance(value, dict):
            raise MessageError(f"messages[{at}]: {str(message)[:100]!r} is neither a message nor an input item.")
        kind = value.get("type")
        if kind == PREVIOUS_RESPONSE:
            items, previous = [], text_or_none(value.get("id"))
        elif isinstance(kind, str) and kind != "message":
            items.append(value)
        elif kind == "message" and isinstance(value.get("content"), list):
            items.append(value)  # an item of the API, with its id and status
        else:
            items += _converted(value, at, custom_ids)
    return items, previous


def _converted(message: JsonObject, at: int, custom_ids: set[object]) -> list[JsonObject]:
    """The items of one message of Chat Completions; a turn with calls is several."""
    role = message.get("role")
    where = f"messages[{at}]"
    if message.get("name"):
        raise MessageError(f"{where}: the Responses API has no name for a participant. Say it in the content.")
    if role in ("system", "developer", "user"):
        return [{"role": role, "content": _content(message.get("content"), where)}]
    if role == "assistant":
        return _assistant(message, where, custom_ids)
    if role == "tool":
        id_ = message.get("tool_call_id")
        kind = "custom_tool_call_output" if id_ in custom_ids else "function_call_output"
        return [{"type": kind, "call_id": id_, "output": _content(message.get("content"), where)}]
    raise MessageError(
        f"{where}: the Responses API has no role {role!r}. It takes system, developer, user, assistant (with "
        "tool_calls), tool, and its own input items."
    )


def _assistant(message: JsonObject, where: str, custom_ids: set[object]) -> list[JsonObject]:
    if message.get("function_call"):
        raise MessageError(f"{where}: function_call has no id, which the Responses API needs; use tool_calls.")
    items: list[JsonObject] = []
    text = _text(message.get("content")) or text_or_none(message.get("refusal"))
    if text:
        # The type is optional, but llama.cpp's server tells an assistant's message by nothing else.
        items.append({"type": "message", "role": "assistant", "content": text})
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function, custom = call.get("function"), call.get("custom")
        if isinstance(function, Mapping):
            items.append(
                {
                    "type": "function_call",
                    "call_id": call.get("id"),
                    "name": function.get("name"),
                    "arguments": function.get("arguments"),
                }
            )
        elif isinstance(custom, Mapping):
            custom_ids.add(call.get("id"))
            items.append(
                {
                    "type": "custom_tool_call",
                    "call_id": call.get("id"),
                    "name": custom.get("name"),
                    "input": custom.get("input"),
                }
            )
        else:
            raise MessageError(f"{where}: a call of type {call.get('type')!r} cannot be sent.")
    return items


def _text(content: object) -> str | None:
    if not isinstance(content, list):
        return text_or_none(content)
    parts = [part for part in content if isinstance(part, dict)]
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts) or None


def _content(content: Any, where: str) -> object:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise MessageError(f"{where}: content is neither a text nor a list of parts.")
    return [_part(part, where) for part in content]


def _part(part: Any, where: str) -> JsonObject:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in _NATIVE_PARTS:
        return dict(part)
    if kind == "text":
        return {"type": "input_text", "text": part.get("text")}
    if kind == "image_url":
        image = part.get("image_url")
        image = image if isinstance(image, dict) else {"url": image}
        return {"type": "input_image", "image_url": image.get("url"), "detail": image.get("detail") or "auto"}
    if kind == "file" and isinstance(part.get("file"), dict):
        return {"type": "input_file", **part["file"]}
    raise MessageError(f"{where}: the Responses API has no content part of type {kind!r}.")
