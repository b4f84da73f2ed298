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

from polycall.plugin import JsonObject, ResponseError, Usage, kind_of_report

T = TypeVar("T")

_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""How protobuf's JSON writes the doubles that JSON lacks."""
_NAMES_BY_NUMBER = dict(
    enumerate(
        (
            *("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
            *("MALFORMED_FUNCTION_CALL", "MODEL_ARMOR"),
        ),
        1,
    )
)
"""``Candidate.FinishReason`` of the service's protobuf messages, for gateways that write numbers."""
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

    raw: JsonObject
    """The part as received, for the echo, in REST JSON."""
    text: str | None = None
    is_thought: bool = False
    """``text`` is the model's reasoning."""
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
    response_id: object = None
    model: object = None


def read_chunk(message: JsonObject) -> Chunk:
    """Read a ``GenerateContentResponse`` in REST JSON.

    Raises:
        ResponseError: It is an error object, or has another shape.
    """
    if "error" in message:
        raise error_inside_success(message["error"])
    chunk = Chunk()
    chunk.response_id, chunk.model = message.get("responseId"), message.get("modelVersion")
    feedback = _member(message, "promptFeedback", dict)
    if feedback is not None:
        chunk.block_reason = _enum_name(feedback, "blockReason")
        chunk.block_message = _member(feedback, "blockReasonMessage", str)
    usage = _member(message, "usageMetadata", dict)
    if usage is not None:
        chunk.usage = partial(_read_usage, usage)
    candidate = _first_candidate(_member(message, "candidates", list) or ())
    if candidate is None:
        return chunk
    chunk.has_candidate = True
    chunk.finish_reason = _finish_reason(candidate)
    chunk.finish_message = _member(candidate, "finishMessage", str)
    content = _member(candidate, "content", dict)
    parts = None if content is None else _member(content, "parts", list)
    if parts:
        chunk.parts = [_read_part(part) for part in parts]
    return chunk


def error_inside_success(error: object) -> ResponseError:
    """The error for an error object of the service in a reply whose status was 200, with the service's words."""
    text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
    return ResponseError(
        "The service reported an error inside a reply of status 200.", excerpt=text, kind=kind_of_report(error)
    )


def _first_candidate(candidates: Sequence[object]) -> JsonObject | None:
    """The candidate of index 0: a stream may bring those of others in between (ai-dial-adapter-vertexai#157)."""
    for one in candidates:
        candidate = one if isinstance(one, dict) else _object(one, "A candidate")
        index = candidate["index"] if "index" in candidate else None  # noqa: SIM401 - for speed
        if not index:
            return candidate
        if index.__class__ is not int:
            raise _wrong_type("index", index, int)
    return None


def _read_part(part: object) -> Part:
    if not isinstance(part, dict):
        raise ResponseError(f"A part in the reply is a {type(part).__name__}, not an object.")
    call = part["functionCall"] if "functionCall" in part else None  # noqa: SIM401 - for speed, here and below
    if call is None and "function_call" in part:  # a gateway that writes the names of the Python SDK
        call = part["function_call"]
        part = {"functionCall" if name == "function_call" else name: value for name, value in part.items()}
    if call is not None:
        if not isinstance(call, dict):
            raise _wrong_type("functionCall", call, dict)
        # Most parts hold nothing else.
        extra = None if len(part) == 1 else {name: value for name, value in part.items() if name != "functionCall"}
        return Part(part, call=_read_call(call), extra=extra)
    return Part(part, _member(part, "text", str), "thought" in part and bool(part["thought"]))


def _read_call(call: JsonObject) -> FunctionCallPiece:
    name = call["name"] if "name" in call else None  # noqa: SIM401
    if name is not None and type(name) is not str:
        raise _wrong_type("name", name, str)
    piece = FunctionCallPiece(
        name=name,
        id=_member(call, "id", str) or None if "id" in call else None,
        args=call["args"] if "args" in call else None,  # noqa: SIM401
    )
    if "partialArgs" in call or "willContinue" in call:
        pieces = _member(call, "partialArgs", list) or []
        piece.partial = [_read_partial(_object(one, "A partial argument")) for one in pieces]
        piece.will_continue = bool(call.get("willContinue"))
    return piece


def _read_partial(partial: Mapping[str, object]) -> PartialArgument:
    value: object = _member(partial, "stringValue", str)
    if value is None and "numberValue" in partial:
        value = _number(partial["numberValue"])
    elif value is None:
        value = _member(partial, "boolValue", bool)
    return PartialArgument(_member(partial, "jsonPath", str) or "", value, bool(partial.get("willContinue")))


def _number(value: object) -> float | None:
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    raise ResponseError(f"'numberValue' in the reply is a {type(value).__name__}, not a number.")


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
    return count if type(count) is int else None


def _finish_reason(candidate: Mapping[str, object]) -> str | None:
    """The name as the service writes it; gateways write it in other ways, too."""
    name = _enum_name(candidate, "finishReason" if "finishReason" in candidate else "finish_reason")
    if name is None or name in ("STOP", "MAX_TOKENS"):
        return name
    if type(candidate.get("finishReason")) is int:
        return _NAMES_BY_NUMBER.get(int(name), name)
    return name.rpartition(".")[2].upper()


def _enum_name(container: Mapping[str, object], name: str) -> str | None:
    value = container.get(name)
    if value is None or value == 0 or (isinstance(value, str) and value in _UNSPECIFIED):
        return None
    return str(value)


def _member(container: Mapping[str, object], name: str, type_: type[T]) -> T | None:
    value = container.get(name)
    if value is None or value.__class__ is type_:  # there may be 100,000 parts
        return value
    raise _wrong_type(name, value, type_)


def _wrong_type(name: str, value: object, due: type) -> ResponseError:
    return ResponseError(f"{name!r} in the reply is a {type(value).__name__}, not a {due.__name__}.")


def _object(value: object, where: str) -> JsonObject:
    if isinstance(value, dict):
        return value
    raise ResponseError(f"{where} in the reply is a {type(value).__name__}, not an object.")
