"""From messages to input items: polycall's messages are converted, the API's own items pass as they are.

Where the server keeps the conversation, because the caller named a ``previous_response_id`` or a ``conversation``, only
what comes after the turn that it knows is sent. Otherwise everything is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from polycall.plugin import (
    AssistantMessage,
    EarlierCall,
    JsonObject,
    MediaPart,
    Message,
    MessageError,
    NativeMessage,
    NativePart,
    Part,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    json_text,
    read_messages,
    refuse_native,
    replayable_arguments,
    sendable,
    sendable_name,
    to_plain_data,
)
from polycall_openai._responses.turn import data_of
from polycall_openai._servers.profile import ServerProfile

_NATIVE_PARTS = frozenset({"input_text", "input_image", "input_file", "output_text", "refusal"})
_PLAIN_ROLES = ("system", "developer", "user")


def input_items(
    messages: Sequence[object], profile: ServerProfile, url: str, conversation: object
) -> tuple[list[object], str | None]:
    """The ``input`` of a request, and the response that it continues, if the server keeps it.

    Args:
        messages: polycall's messages, the API's own items and the SDK's objects.
        profile: The server's.
        url: The endpoint's.
        conversation: The caller's option of that name.

    Raises:
        MessageError: The API cannot carry a message.
    """
    if all(map(_is_plain, messages)):
        items = sendable([dict(message) for message in cast("Sequence[JsonObject]", messages)])
        return cast("list[object]", items), None
    begin, previous, known = _known_to_the_server(messages, url, conversation)
    writer = _Writer(profile, url, known)
    for message in read_messages(messages, provider="openai", native_parts=_NATIVE_PARTS)[begin:]:
        writer.add(message)
    return cast("list[object]", sendable(writer.finish(), where="input")), previous


def _is_plain(message: object) -> bool:
    """Whether a message is a role and a text, which mean the same in both forms."""
    return (
        type(message) is dict
        and len(message) == 2
        and message.get("role") in _PLAIN_ROLES
        and type(message.get("content")) is str
    )


def _known_to_the_server(
    messages: Sequence[object], url: str, conversation: object
) -> tuple[int, str | None, Mapping[str, object]]:
    """Where to begin: after the last turn that the server keeps; with the response's id, and the data of the turn."""
    for at in range(len(messages) - 1, -1, -1):
        data = data_of(messages[at], url)
        if conversation and data.get("conversation") == conversation:
            return at + 1, None, data
        if not conversation and "response" in data:
            return at + 1, json_text(data, "response"), data
    return 0, None, {}


class _Writer:
    """Writes the items of one conversation.

    Args:
        profile: The server's.
        url: The endpoint's.
        known: The data of the last turn that the server keeps.
    """

    def __init__(self, profile: ServerProfile, url: str, known: Mapping[str, object]) -> None:
        self._profile = profile
        self._url = url
        self._items: list[JsonObject] = []
        self._custom_ids: set[str] = set()
        self._wrapper_of: dict[str, str] = {}
        self._answers: dict[str, JsonObject] = {}
        self._note_ids(_output(known))
        wrappers = known.get("wrappers")
        for wrapper, ids in wrappers.items() if isinstance(wrappers, Mapping) else ():
            self._wrapper_of |= dict.fromkeys(ids, wrapper)

    def add(self, message: Message) -> None:
        """Add the items of a message."""
        if isinstance(message, NativeMessage):
            self._items.append(_native(message))
        elif isinstance(message, AssistantMessage):
            self._add_turn(message)
        elif isinstance(message, ToolMessage):
            self._add_answer(message)
        elif _is_item(message.raw):
            self._items.append(cast("JsonObject", to_plain_data(dict(message.raw))))
        else:
            _refuse_name(message)
            role = message.raw.get("role", "user")
            self._items.append({"role": role, "content": _content(message.raw.get("content"), message.parts)})

    def finish(self) -> list[JsonObject]:
        """All items; the answers to the calls of a wrapper, which has one id, as the text of a list."""
        for item in self._answers.values():
            item["output"] = json.dumps(item["output"], ensure_ascii=False)
        return self._items

    def _add_turn(self, message: AssistantMessage) -> None:
        own = _output(message.provider_data) if data_of(message.raw, self._url) else []
        if own:
            self._note_ids(own)
            self._items += [self._own_item(item) for item in own]
            return
        if _is_item(message.raw):
            self._items.append(cast("JsonObject", to_plain_data(dict(message.raw))))
            return
        _refuse_name(message)
        text = "".join(_text(part) for part in message.parts)
        if text:
            # The type is optional, but llama.cpp's server tells an assistant's message by nothing else.
            self._items.append({"type": "message", "role": "assistant", "content": text})
        self._items += [self._call(call) for call in message.calls]

    def _own_item(self, item: JsonObject) -> JsonObject:
        """An item of the server's own, with what it would not take back made good."""
        kind = item.get("type")
        if kind not in ("function_call", "custom_tool_call"):
            return item
        sent = {**item, "name": self._name(item.get("name"))}
        if kind == "function_call":
            arguments = item.get("arguments")
            sent["arguments"] = replayable_arguments(arguments if isinstance(arguments, (str, dict)) else None)
            if not self._profile.replays_call_status and "status" in sent:
                sent["status"] = None
        return sent

    def _call(self, call: EarlierCall) -> JsonObject:
        if call.id is None:
            raise MessageError(f"{call.where}: the call has no id, which the Responses API needs; use tool_calls.")
        if call.kind == "custom":
            self._custom_ids.add(call.id)
            name = self._name(call.name)
            return {"type": "custom_tool_call", "call_id": call.id, "name": name, "input": call.given_arguments}
        try:
            arguments = replayable_arguments(call.given_arguments)
        except ValueError as error:
            raise MessageError(f"{call.where}: {error}") from error
        return {"type": "function_call", "call_id": call.id, "name": self._name(call.name), "arguments": arguments}

    def _add_answer(self, message: ToolMessage) -> None:
        id_ = message.call_id
        if id_ is None:
            raise MessageError(f"{message.where}: the Responses API needs 'tool_call_id', the id of the call.")
        content = _content(message.raw.get("content"), message.parts)
        wrapper = self._wrapper_of.get(id_)
        if wrapper is None:
            kind = "custom_tool_call_output" if id_ in self._custom_ids else "function_call_output"
            self._items.append({"type": kind, "call_id": id_, "output": content})
            return
        if wrapper not in self._answers:
            self._answers[wrapper] = {"type": "function_call_output", "call_id": wrapper, "output": []}
            self._items.append(self._answers[wrapper])
        cast("list[object]", self._answers[wrapper]["output"]).append({"name": message.name, "result": content})

    def _note_ids(self, items: Iterable[JsonObject]) -> None:
        self._custom_ids |= {str(item.get("call_id")) for item in items if item.get("type") == "custom_tool_call"}

    def _name(self, name: object) -> str:
        return sendable_name(name if isinstance(name, str) else "", max_length=self._profile.max_name_length)


def _output(data: Mapping[str, object] | None) -> list[JsonObject]:
    output = (data or {}).get("output")
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []


def _native(message: NativeMessage) -> JsonObject:
    """An input item of the API, or an object of the SDK."""
    item = to_plain_data(message.value)
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        refuse_native(message, "the Responses API")
    return dict(item)


def _is_item(message: Mapping[str, object]) -> bool:
    """Whether a message is the API's own item, with its id and status."""
    return message.get("type") == "message" and isinstance(message.get("content"), list)


def _refuse_name(message: SystemMessage | UserMessage | AssistantMessage) -> None:
    if message.raw.get("name"):
        raise MessageError(f"{message.where}: the Responses API has no name for a participant. Say it in the content.")


def _content(given: object, parts: Sequence[Part]) -> object:
    if isinstance(given, str) or given is None:
        return given or ""
    return [_part(part) for part in parts]


def _text(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    raise MessageError(f"{part.where}: the Responses API takes only text in a turn of the model.")


def _part(part: Part) -> JsonObject:
    if isinstance(part, NativePart):
        if isinstance(part.value, Mapping) and part.value.get("type") in _NATIVE_PARTS:
            return dict(part.value)
        refuse_native(part, "the Responses API")
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        return _source(part, "input_image", "image_url") | {"detail": part.detail or "auto"}
    if part.kind == "file":
        named = {"filename": part.filename} if part.filename else {}
        return _source(part, "input_file", "file_data" if part.data is not None else "file_url") | named
    raise MessageError(f"{part.where}: the Responses API has no content part of type {part.raw.get('type')!r}.")


def _source(part: MediaPart, kind: str, field: str) -> JsonObject:
    return {"type": kind, **({"file_id": part.file_id} if part.file_id is not None else {field: part.url})}
