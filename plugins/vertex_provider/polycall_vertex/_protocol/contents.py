"""Converts messages to contents: polycall's, the service's own (``{"role": ..., "parts": [...]}``), the SDKs' objects.

The service knows two roles, "user" and "model", and rejects a content without one. So system messages become the system
instruction, and neighbours of one role are joined. Contents in its own form are not changed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from polycall.plugin import (
    AssistantMessage,
    EarlierCall,
    JsonObject,
    MediaPart,
    MessageError,
    NativeMessage,
    NativePart,
    Part,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    name_of,
    read_messages,
    refuse_native,
    required_media_type,
    sendable,
    sendable_name,
)
from polycall_vertex._protocol.service import VERTEX, Service
from polycall_vertex._protocol.turn import object_of, read_own_turn
from polycall_vertex._sdk_objects import to_rest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_URI = re.compile(r"(?:gs|https?)://", re.IGNORECASE)


@dataclass(slots=True)
class Contents:
    """A conversation in REST JSON."""

    contents: list[JsonObject] = field(default_factory=list)
    system: list[object] = field(default_factory=list)
    """Parts of the system instruction."""


def to_contents(messages: Iterable[object], service: Service = VERTEX) -> Contents:
    """Convert a conversation to the service's form.

    Raises:
        MessageError: The service cannot carry a message or a part of one, or there are only system messages.
    """
    builder = _Builder(service)
    for message in read_messages(messages, provider=service.name):
        builder.add(message)
    builder.end()
    if not builder.result.contents:
        raise MessageError("messages contain nothing for the model to answer: add a message with role 'user'.")
    return builder.result


@dataclass(slots=True)
class _Expected:
    """A call that waits for its function response.

    Attributes:
        place: Among the calls of its turn; ``None`` for a call without a part, whose result is told in words.
        name: The name by which the response must refer to the call.
        id: The service's own id; ``None`` if it sent none, because some models reject ids (vercel/ai#15664).
    """

    place: int | None
    name: str = ""
    id: object = None


class _Builder:
    """Collects neighbours of one kind, and makes one content of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.result = Contents()
        self.kind = ""
        self.parts: list[object] = []
        self.responses: dict[int, object] = {}
        self.words: list[object] = []
        self.expected: dict[int, _Expected] = {}
        """The calls of the last turn of the model, by the ``id()`` of the message's call."""

    def add(self, message: object) -> None:
        if isinstance(message, UserMessage):
            self.add_parts("user", _parts(message.parts, self.service))
        elif isinstance(message, SystemMessage):
            self.result.system.extend(_parts(message.parts, self.service))
        elif isinstance(message, AssistantMessage):
            self.add_turn(message)
        elif isinstance(message, ToolMessage):
            self.add_result(message)
        elif isinstance(message, NativeMessage):
            self.add_native(message)

    def add_native(self, message: NativeMessage) -> None:
        value = message.value
        rest = dict(value) if isinstance(value, Mapping) else to_rest(value)
        if rest is None or (isinstance(value, Mapping) and "parts" not in value):
            refuse_native(message, self.service.label)
        if "parts" not in rest and "role" not in rest:
            self.add_parts("user", [sendable(rest, where=message.where)])
            return
        self.end()
        self.expected = {}
        parts = rest.get("parts")
        if isinstance(parts, str) or not isinstance(parts, Sequence):
            parts = [parts]
        parts = [
            _native_part(NativePart(value=part, where=f"{message.where}.parts[{n}]"), self.service)
            for n, part in enumerate(parts)
        ]
        role = rest.get("role") or "user"
        if not isinstance(role, str):
            raise MessageError(f"{message.where}: the role must be 'user', 'model' or 'system'.")
        if role == "system":
            self.result.system.extend(parts)
        else:
            self.result.contents.append({**rest, "role": role, "parts": parts})

    def add_turn(self, message: AssistantMessage) -> None:
        own = read_own_turn(message, self.service.name)
        if own is not None or self.kind != "model":
            self.end()
            self.expected = {}
        if own is not None:
            if own.parts:
                self.result.contents.append({"role": "model", "parts": list(own.parts)})
            native = {id_: (place, call) for place, (id_, call) in enumerate(own.calls())}
            for call in message.calls:
                place, function = native.get(call.id or "", (None, {}))
                self.expected[id(call)] = _Expected(place, str(function.get("name", "")), function.get("id"))
            return
        parts = _parts(message.parts, self.service)
        for call in message.calls:
            name = sendable_name(call.name, pattern=_NAME)
            self.expected[id(call)] = _Expected(len(self.expected), name)
            parts.append(_function_call(call, name))
        self.add_parts("model", parts)

    def add_result(self, result: ToolMessage) -> None:
        self.begin("result")
        expected = self.expected.get(id(result.call))
        if expected is None:
            expected = _Expected(
                len(self.expected) + len(self.responses), sendable_name(name_of(result), pattern=_NAME)
            )
        if expected.place is None:
            self.words += _parts(result.parts, self.service)
            return
        texts = [part.text for part in result.parts if isinstance(part, TextPart)]
        others = [_response_part(part, self.service) for part in result.parts if not isinstance(part, TextPart)]
        # "output" and "error" are the two keys that the API gives a meaning (FunctionResponse.response).
        response: JsonObject = {
            "name": expected.name,
            "response": {"error" if result.is_error else "output": _sendable_text("".join(texts))},
        }
        if others:
            response["parts"] = others
        if expected.id is not None:
            response["id"] = expected.id
        # There must be one response per call, so each takes its call's place.
        self.responses[expected.place] = {"functionResponse": response}

    def add_parts(self, kind: str, parts: list[object]) -> None:
        self.begin(kind)
        self.parts.extend(parts)

    def begin(self, kind: str) -> None:
        while self.kind not in ("", kind):
            self._end_run()
        self.kind = kind

    def end(self) -> None:
        while self.kind:
            self._end_run()

    def _end_run(self) -> None:
        parts = [self.responses[place] for place in sorted(self.responses)] if self.kind == "result" else self.parts
        if parts:
            self.result.contents.append({"role": "model" if self.kind == "model" else "user", "parts": parts})
        # What had no call to answer is told after the responses, where nothing else may stand.
        self.kind, self.parts = ("user" if self.words else ""), self.words
        self.responses, self.words = {}, []


def _parts(parts: Iterable[Part], service: Service) -> list[object]:
    """Parts of a message in REST JSON."""
    return [
        {"text": _sendable_text(part.text)}
        if isinstance(part, TextPart)
        else _media_part(part, service)
        if isinstance(part, MediaPart)
        else _native_part(part, service)
        for part in parts
    ]


def _media_part(part: MediaPart, service: Service) -> JsonObject:
    """``inlineData`` or ``fileData``."""
    if part.data is not None:
        return {"inlineData": {"mimeType": required_media_type(part, service.label), "data": part.data}}
    if part.uri is None:
        raise MessageError(f"{part.where}: {service.label} has no files with ids; use {service.file_advice}.")
    if not _URI.match(part.uri):
        raise MessageError(
            f"{part.where}: {service.label} cannot read the URL {part.uri[:80]!r}; use {service.file_advice}."
        )
    if not service.needs_file_type and part.media_type is None:
        return {"fileData": {"fileUri": part.uri}}
    return {"fileData": {"mimeType": required_media_type(part, service.label), "fileUri": part.uri}}


def _response_part(part: MediaPart | NativePart, service: Service) -> object:
    """A part of a function response, which may hold data or a file."""
    made = _media_part(part, service) if isinstance(part, MediaPart) else _native_part(part, service)
    if isinstance(part, NativePart) and not (isinstance(made, Mapping) and made.keys() & {"inlineData", "fileData"}):
        refuse_native(part, f"{service.label}, in a result,")
    return made


def _native_part(part: NativePart, service: Service) -> object:
    value = part.value
    if isinstance(value, str):
        return {"text": _sendable_text(value)}
    rest = value if isinstance(value, Mapping) else to_rest(value)
    if rest is None:
        refuse_native(part, service.label)
    return sendable(_without_bytes(rest), where=part.where)


def _without_bytes(value: object) -> object:
    """The same with bytes as base64, as REST JSON has them: the SDKs' own dicts hold bytes."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _without_bytes(one) for name, one in value.items()}
    return [_without_bytes(one) for one in value] if isinstance(value, (list, tuple)) else value


def _function_call(call: EarlierCall, name: str) -> JsonObject:
    """An earlier call as a part, without its id, which is another provider's or made up (vercel/ai#15664)."""
    args = {"input": call.given_arguments or ""} if call.kind == "custom" else object_of(call.arguments_text)
    part: JsonObject = {"functionCall": {"name": name, "args": sendable(args, where=call.where)}}
    extra = call.extra.get("extra_content")
    # Where Google's OpenAI-compatible endpoint puts the signature.
    google = extra.get("google") if isinstance(extra, Mapping) else None
    signature = google.get("thought_signature") if isinstance(google, Mapping) else None
    if isinstance(signature, str):
        part["thoughtSignature"] = signature
    return part


def _sendable_text(text: str) -> str:
    return text if text.isascii() else str(sendable(text))
