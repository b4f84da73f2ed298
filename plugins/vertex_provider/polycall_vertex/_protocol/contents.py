"""Converts messages to contents: OpenAI-style dicts, Vertex AI's own (``{"role": ..., "parts": [...]}``), SDK objects.

Vertex AI knows two roles, "user" and "model", and rejects a content without one. So system messages become the system
instruction, and OpenAI-style neighbours of one role are joined. Contents in Vertex AI's own form are not changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from polycall.plugin import MessageError
from polycall_vertex._protocol.media import media_part
from polycall_vertex._sdk_objects import is_message, to_rest


@dataclass(slots=True)
class Contents:
    """A conversation in REST JSON. Parts of an echoed turn may be protobuf messages."""

    contents: list[dict[str, object]] = field(default_factory=list)
    system: list[object] = field(default_factory=list)
    """Parts of the system instruction."""


def to_contents(messages: Iterable[object]) -> Contents:
    """Convert a conversation to Vertex AI's form.

    Raises:
        MessageError: Vertex AI cannot carry a message or a part of one, or there are only system messages.
    """
    builder = _Builder()
    for place, message in enumerate(messages):
        try:
            builder.add(message)
        except ValueError as error:
            raise MessageError(f"messages[{place}]: {error}") from error
    builder.end_run()
    if not builder.result.contents:
        raise MessageError("messages contain nothing for the model to answer: add a message with role 'user'.")
    return builder.result


class _Builder:
    """Collects neighbours of one kind, and makes one content of them."""

    def __init__(self) -> None:
        self.result = Contents()
        self.kind = ""
        self.parts: list[object] = []
        self.responses: dict[int, object] = {}
        self.calls: list[tuple[object, str]] = []
        """Id and name of each call of the last assistant run, in order."""

    def add(self, message: object) -> None:
        if isinstance(message, Mapping) and "parts" in message:
            self.add_content(dict(message))
        elif isinstance(message, Mapping):
            self.add_message(message)
        elif isinstance(message, str):
            self.add_parts("user", [{"text": message}])
        else:
            rest = to_rest(message)
            if rest is None:
                raise ValueError(f"an object of type {type(message).__qualname__} is not a message.")
            if "parts" in rest or "role" in rest:
                self.add_content(rest)
            else:
                self.add_parts("user", [rest])

    def add_content(self, content: dict[str, object]) -> None:
        self.end_run()
        self.calls = []
        parts = content.get("parts")
        if isinstance(parts, str) or not isinstance(parts, Sequence):
            parts = [parts]
        parts = [_native_part(part) for part in parts]
        if content.get("role") == "system":
            self.result.system.extend(parts)
        else:
            self.result.contents.append({**content, "role": content.get("role") or "user", "parts": parts})

    def add_message(self, message: Mapping[str, object]) -> None:
        role = message.get("role")
        content = message.get("content")
        if role in ("system", "developer"):
            self.result.system.extend(_parts(content))
        elif role == "user":
            self.add_parts("user", _parts(content))
        elif role in ("assistant", "model"):
            self.add_assistant(message, content)
        elif role in ("tool", "function"):
            self.add_result(message, content)
        else:
            raise ValueError(f"the role {role!r} is unknown; use 'system', 'user', 'assistant' or 'tool'.")

    def add_assistant(self, message: Mapping[str, object], content: object) -> None:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence):
            raise ValueError("'tool_calls' must be a list.")
        if self.kind != "model":
            self.end_run()
            self.calls = []
        parts = _parts(content)
        for call in calls:
            name, part = _function_call(call)
            self.calls.append((call.get("id"), name))
            parts.append(part)
        self.add_parts("model", parts)

    def add_result(self, message: Mapping[str, object], content: object) -> None:
        self.begin_run("result")
        place = self._place_of(message)
        name = message.get("name") or (self.calls[place][1] if place < len(self.calls) else None)
        if not isinstance(name, str):
            raise ValueError(
                f"no call in the preceding assistant message has the id {message.get('tool_call_id')!r}, and the "
                "result does not name a function."
            )
        text = "".join(str(part.get("text", "")) for part in _parts(content) if isinstance(part, Mapping))
        # There must be one response per call, so each takes its call's place.
        self.responses[place] = {"functionResponse": {"name": name, "response": {"output": text}}}

    def _place_of(self, message: Mapping[str, object]) -> int:
        id_ = message.get("tool_call_id")
        for place, (call_id, name) in enumerate(self.calls):
            is_it = call_id == id_ if id_ is not None else name == message.get("name")
            if is_it and place not in self.responses:
                return place
        return len(self.calls) + len(self.responses)

    def add_parts(self, kind: str, parts: list[object]) -> None:
        self.begin_run(kind)
        self.parts.extend(parts)

    def begin_run(self, kind: str) -> None:
        if kind != self.kind:
            self.end_run()
            self.kind = kind

    def end_run(self) -> None:
        parts = [self.responses[place] for place in sorted(self.responses)] if self.kind == "result" else self.parts
        if parts:
            role = "model" if self.kind == "model" else "user"
            self.result.contents.append({"role": role, "parts": parts})
        self.kind, self.parts, self.responses = "", [], {}


def _native_part(part: object) -> object:
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, Mapping) or is_message(part):
        return part
    rest = to_rest(part)
    if rest is None:
        raise ValueError(f"an object of type {type(part).__qualname__} is not a content part.")
    return rest


def _parts(content: object) -> list[object]:
    """The parts of an OpenAI-style message's content, without empty texts: the service rejects them."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"text": content}] if content else []
    if not isinstance(content, Sequence):
        raise ValueError(f"'content' must be text or a list of parts, got {type(content).__name__}.")
    return [part for item in content if (part := _part(item)) != {"text": ""}]


def _part(item: object) -> object:
    if not isinstance(item, Mapping):
        return _native_part(item)
    kind = item.get("type")
    if kind is None:
        return item  # a part in Vertex AI's own form
    make = _PARTS.get(str(kind))
    if make is None:
        raise ValueError(f"a part of type {kind!r} cannot be sent to Vertex AI; known: {', '.join(sorted(_PARTS))}.")
    return make(item)


def _text(item: Mapping[str, object]) -> object:
    text = item.get("text", item.get("refusal"))
    if not isinstance(text, str):
        raise ValueError("a text part must hold 'text'.")
    return {"text": text}


_PARTS: dict[str, Callable[[Mapping[str, object]], object]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _text,
    "image_url": media_part,
    "input_audio": media_part,
    "file": media_part,
}


def _function_call(call: object) -> tuple[str, object]:
    """An earlier call as a part, without its id, which is another provider's or made up (vercel/ai#15664)."""
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(name, str):
        raise ValueError("each of 'tool_calls' must hold 'function' with 'name' and 'arguments'.")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except ValueError as error:
            raise ValueError(f"the arguments of the call of {name!r} are not JSON: {error}.") from error
    if not isinstance(arguments, Mapping | None):
        raise ValueError(f"the arguments of the call of {name!r} are not an object.")
    part: dict[str, object] = {"functionCall": {"name": name, "args": dict(arguments or {})}}
    signature = _google_extra(call).get("thought_signature")
    if isinstance(signature, str):
        part["thoughtSignature"] = signature
    return name, part


def _google_extra(call: Mapping[str, object]) -> Mapping[str, object]:
    """Where Google's OpenAI-compatible endpoint puts the signature: ``extra_content.google.thought_signature``."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return google if isinstance(google, Mapping) else {}
