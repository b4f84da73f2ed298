"""One chunk of a reply as the plugin sees it, and how it is read from decoded REST JSON.

A whole reply is one chunk; a stream is many. `polycall_vertex._protobuf` reads the same from messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from polycall import ResponseError
from polycall.plugin import Usage

T = TypeVar("T")

_UNSPECIFIED = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED")


@dataclass(frozen=True, slots=True)
class PartialArgument:
    """A value, or a piece of a string, for one place of a call's arguments."""

    path: str
    """JSONPath, such as ``$.ops[0].price``."""
    value: object
    will_continue: bool


@dataclass(frozen=True, slots=True)
class FunctionCallPiece:
    """A function call, or a piece of one where the model streams arguments."""

    name: str | None
    """``None`` on the later pieces of a call."""
    id: str | None
    args: object
    """The decoded arguments; ``None`` if absent. Anything but an object is broken."""
    partial: Sequence[PartialArgument] = ()
    will_continue: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the model's content."""

    raw: object
    """The part as it came, for the echo: decoded JSON or a protobuf message."""
    text: str | None = None
    """Without the model's thoughts."""
    call: FunctionCallPiece | None = None
    beside: Mapping[str, object] = field(default_factory=dict)
    """What a call's part holds beside the call (``thoughtSignature``), in REST JSON."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one response message says of the first candidate."""

    parts: Sequence[Part] = ()
    has_candidate: bool = False
    finish_reason: str | None = None
    """By name; the number as text where the SDK does not know its name."""
    finish_message: str | None = None
    block_reason: str | None = None
    block_message: str | None = None
    usage: Usage | None = None


def decode_json(body: str) -> Mapping[str, object]:
    """Decode a whole REST reply.

    Raises:
        ResponseError: It is no JSON object.
    """
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ResponseError("The reply is not JSON.", excerpt=body) from error
    if not isinstance(decoded, dict):
        raise ResponseError("The reply is JSON, but no object.", excerpt=body)
    return decoded


def read_chunk(message: Mapping[str, object]) -> Chunk:
    """Read a ``GenerateContentResponse`` in REST JSON.

    Raises:
        ResponseError: It is an error object, or its shape is another.
    """
    if "error" in message:
        raise ResponseError("The reply is an error object inside a success.", excerpt=json.dumps(message["error"]))
    feedback = _member(message, "promptFeedback", dict) or {}
    block_reason = _enum_name(feedback, "blockReason")
    usage = _member(message, "usageMetadata", dict)
    candidates = _member(message, "candidates", list) or []
    chunk = {
        "block_reason": block_reason,
        "block_message": _member(feedback, "blockReasonMessage", str),
        "usage": None if usage is None else _read_usage(usage),
    }
    if not candidates:
        return Chunk(**chunk)  # type: ignore[arg-type]
    candidate = _object(candidates[0], "candidates[0]")
    content = _member(candidate, "content", dict) or {}
    parts = _member(content, "parts", list) or []
    return Chunk(
        parts=[_read_part(_object(part, "a part")) for part in parts],
        has_candidate=True,
        finish_reason=_enum_name(candidate, "finishReason"),
        finish_message=_member(candidate, "finishMessage", str),
        **chunk,  # type: ignore[arg-type]
    )


def _read_part(part: Mapping[str, object]) -> Part:
    call = _member(part, "functionCall", dict)
    if call is not None:
        beside = {name: value for name, value in part.items() if name != "functionCall"}
        return Part(part, call=_read_call(call), beside=beside)
    text = _member(part, "text", str)
    return Part(part, text=None if part.get("thought") else text)


def _read_call(call: Mapping[str, object]) -> FunctionCallPiece:
    partial = _member(call, "partialArgs", list) or []
    return FunctionCallPiece(
        name=_member(call, "name", str),
        id=_member(call, "id", str) or None,
        args=call.get("args"),
        partial=[_read_partial(_object(one, "a partial argument")) for one in partial],
        will_continue=bool(call.get("willContinue")),
    )


def _read_partial(partial: Mapping[str, object]) -> PartialArgument:
    value: object = None
    for name in ("stringValue", "numberValue", "boolValue"):
        if name in partial:
            value = partial[name]
    return PartialArgument(_member(partial, "jsonPath", str) or "", value, bool(partial.get("willContinue")))


def _read_usage(usage: Mapping[str, object]) -> Usage:
    answer = _count(usage, "candidatesTokenCount")
    thoughts = _count(usage, "thoughtsTokenCount")
    return make_usage(
        prompt=_count(usage, "promptTokenCount"),
        answer=answer,
        thoughts=thoughts,
        total=_count(usage, "totalTokenCount"),
        cached=_count(usage, "cachedContentTokenCount"),
    )


def make_usage(
    *, prompt: int | None, answer: int | None, thoughts: int | None, total: int | None, cached: int | None
) -> Usage:
    """Token counts in the common form: the model's output is its answer and its thoughts together."""
    output = None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0)
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        total_tokens=total,
        cached_input_tokens=cached,
        reasoning_tokens=thoughts,
    )


def _count(usage: Mapping[str, object], name: str) -> int | None:
    count = usage.get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _enum_name(container: Mapping[str, object], name: str) -> str | None:
    value = container.get(name)
    if value is None or value == 0 or value in _UNSPECIFIED:
        return None
    return str(value)


def _member(container: Mapping[str, object], name: str, type_: type[T]) -> T | None:
    value = container.get(name)
    if value is None or isinstance(value, type_):
        return value
    raise ResponseError(f"In the reply {name!r} is a {type(value).__name__}, not a {type_.__name__}.")


def _object(value: object, where: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise ResponseError(f"In the reply {where} is a {type(value).__name__}, not an object.")
