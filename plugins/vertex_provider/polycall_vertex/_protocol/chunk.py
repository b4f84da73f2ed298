"""The chunks of a reply, and reading them from decoded REST JSON.

A whole reply is one chunk; a stream is many. `polycall_vertex._generative_model.protobuf` reads the same from protobuf
messages. The classes are not frozen: that would double the cost of making one, and nobody changes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic_core import from_json

from polycall import ResponseError
from polycall.plugin import Usage

T = TypeVar("T")

_UNSPECIFIED = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED")


@dataclass(slots=True)
class PartialArgument:
    """A value, or a piece of a string, for one place of a call's arguments."""

    path: str
    """JSONPath, such as ``$.ops[0].price``."""
    value: object
    will_continue: bool


@dataclass(slots=True)
class FunctionCallPiece:
    """A function call, or a piece of one where the model streams arguments."""

    name: str | None
    """``None`` on the later pieces of a call."""
    id: str | None
    args: object
    """The decoded arguments; ``None`` if absent. Any type but an object is invalid."""
    partial: Sequence[PartialArgument] = ()
    will_continue: bool = False


@dataclass(slots=True)
class Part:
    """One part of the model's content."""

    raw: object
    """The part as received, for the echo: decoded JSON or a protobuf message."""
    text: str | None = None
    """The text; ``None`` for a thought of the model."""
    call: FunctionCallPiece | None = None
    extra: Mapping[str, object] | None = None
    """Further fields of a call's part (``thoughtSignature``), in REST JSON."""


@dataclass(slots=True)
class Chunk:
    """One response message, as far as it concerns the first candidate."""

    parts: Sequence[Part] = ()
    has_candidate: bool = False
    finish_reason: str | None = None
    """By name; the number as text where the SDK does not know its name."""
    finish_message: str | None = None
    block_reason: str | None = None
    block_message: str | None = None
    usage: Callable[[], Usage] | None = None
    """Reads the token counts on demand: every chunk has running totals, and only the last ones count."""


def decode_json(body: str | bytes) -> Mapping[str, object]:
    """Decode a REST reply, or a chunk of one.

    Raises:
        ResponseError: The text is not a JSON object.
    """
    try:
        decoded = _parse(body)
    except (ValueError, RecursionError) as error:
        raise ResponseError("The reply is not JSON.", excerpt=_text(body)) from error
    if not isinstance(decoded, dict):
        raise ResponseError("The reply is JSON, but not an object.", excerpt=_text(body))
    return decoded


def _parse(body: str | bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        # Slower and more lenient, as the SDK is: lone surrogates, deeper nesting, bytes that are not UTF-8.
        return json.loads(_text(body))


def _text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode("utf-8", "replace")


def read_chunk(message: Mapping[str, object]) -> Chunk:
    """Read a ``GenerateContentResponse`` in REST JSON.

    Raises:
        ResponseError: It is an error object, or has another shape.
    """
    if "error" in message:
        raise ResponseError("The reply is an error object inside a success.", excerpt=json.dumps(message["error"]))
    chunk = Chunk()
    feedback = _member(message, "promptFeedback", dict)
    if feedback is not None:
        chunk.block_reason = _enum_name(feedback, "blockReason")
        chunk.block_message = _member(feedback, "blockReasonMessage", str)
    usage = _member(message, "usageMetadata", dict)
    if usage is not None:
        chunk.usage = partial(_read_usage, usage)
    candidates = _member(message, "candidates", list)
    if not candidates:
        return chunk
    candidate = _object(candidates[0], "candidates[0]")
    chunk.has_candidate = True
    chunk.finish_reason = _enum_name(candidate, "finishReason")
    chunk.finish_message = _member(candidate, "finishMessage", str)
    content = _member(candidate, "content", dict)
    parts = None if content is None else _member(content, "parts", list)
    if parts:
        chunk.parts = [_read_part(_object(part, "A part")) for part in parts]
    return chunk


def _read_part(part: Mapping[str, object]) -> Part:
    call = _member(part, "functionCall", dict)
    if call is not None:
        extra = {name: value for name, value in part.items() if name != "functionCall"}
        return Part(part, call=_read_call(call), extra=extra)
    text = _member(part, "text", str)
    return Part(part, text=None if part.get("thought") else text)


def _read_call(call: Mapping[str, object]) -> FunctionCallPiece:
    partial = _member(call, "partialArgs", list) or []
    return FunctionCallPiece(
        name=_member(call, "name", str),
        id=_member(call, "id", str) or None,
        args=call.get("args"),
        partial=[_read_partial(_object(one, "A partial argument")) for one in partial],
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
    """Token counts in the common form; the output is the sum of answer and thoughts."""
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
    raise ResponseError(f"{name!r} in the reply is a {type(value).__name__}, not a {type_.__name__}.")


def _object(value: object, where: str) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise ResponseError(f"{where} in the reply is a {type(value).__name__}, not an object.")
