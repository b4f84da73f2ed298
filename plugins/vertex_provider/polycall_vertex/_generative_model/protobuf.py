"""Reads chunks from protobuf messages, field by field: the SDK's own conversions cost ten times as much.

Observed with google-cloud-aiplatform 2.7: ``FunctionCall.args`` of the ``vertexai`` wrappers fails on a call without
arguments and strips the underscore from names that end in one, so this never uses the wrappers.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any

from google.protobuf import json_format

from polycall.plugin import JsonObject, Usage
from polycall_vertex._protocol.chunk import Chunk, FunctionCallPiece, Part, PartialArgument, make_usage
from polycall_vertex._protocol.endings import NAMES_BY_NUMBER

# The generated classes of both API versions have the same fields, and `Message` as their only common base, which has
# none of them: `Any` stands for such a message.


def read_chunk(message: Any) -> Chunk:
    """Read a ``GenerateContentResponse`` of ``google.cloud.aiplatform_v1beta1`` (the protobuf message itself)."""
    feedback = message.prompt_feedback
    blocked = message.HasField("prompt_feedback") and feedback.block_reason
    block_reason = _enum_name(feedback, "block_reason") if blocked else None
    block_message = (feedback.block_reason_message or None) if blocked else None
    usage = partial(_read_usage, message.usage_metadata) if message.HasField("usage_metadata") else None
    chunk = Chunk(
        block_reason=block_reason,
        block_message=block_message,
        usage=usage,
        response_id=message.response_id or None,
        model=message.model_version or None,
    )
    candidate = next((one for one in message.candidates if one.index == 0), None)
    if candidate is not None:
        chunk.has_candidate = True
        chunk.parts = [_read_part(part) for part in candidate.content.parts]
        chunk.finish_reason = _finish_reason(candidate)
        chunk.finish_message = candidate.finish_message or None
    return chunk


def _read_part(part: Any) -> Part:
    fields = {field.name for field, _ in part.ListFields()}
    if fields == {"text"}:
        return Part({"text": part.text}, part.text)
    if "function_call" not in fields:
        return Part(_as_json(part), part.text if "text" in fields else None, part.thought)
    call = _read_call(part.function_call)
    signature = part.thought_signature
    extra = {"thoughtSignature": base64.b64encode(signature).decode()} if signature else {}
    if call.partial or not fields <= {"function_call", "thought_signature"}:
        return Part(_as_json(part), call=call, extra=extra)
    echo: JsonObject = {"name": call.name or ""}
    if call.args is not None:
        echo["args"] = call.args
    if call.id is not None:
        echo["id"] = call.id
    return Part({"functionCall": echo, **extra}, call=call, extra=extra)


def _as_json(message: Any) -> JsonObject:
    dumped: JsonObject = json_format.MessageToDict(message)
    return dumped


def _read_call(call: Any) -> FunctionCallPiece:
    return FunctionCallPiece(
        name=call.name or None,
        id=call.id or None,
        args=_read_struct(call.args) if call.HasField("args") else None,
        partial=[_read_partial(one) for one in call.partial_args],
        will_continue=call.will_continue,
    )


def _read_partial(partial: Any) -> PartialArgument:
    kind = partial.WhichOneof("delta")
    value = getattr(partial, kind) if kind in ("string_value", "number_value", "bool_value") else None
    return PartialArgument(partial.json_path, value, partial.will_continue)


def _read_struct(struct: Any) -> dict[str, object]:
    return {name: _read_value(value) for name, value in struct.fields.items()}


def _read_value(value: Any) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _read_struct(value.struct_value)
    if kind == "list_value":
        return [_read_value(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _read_usage(usage: Any) -> Usage:
    # Protobuf does not send a zero: it looks like a missing count.
    return make_usage(
        prompt=usage.prompt_token_count or None,
        answer=usage.candidates_token_count or None,
        thoughts=usage.thoughts_token_count or None,
        total=usage.total_token_count or None,
        cached=usage.cached_content_token_count or None,
    )


def _finish_reason(candidate: Any) -> str | None:
    name = _enum_name(candidate, "finish_reason")
    return NAMES_BY_NUMBER.get(int(name), name) if name is not None and name.lstrip("-").isdecimal() else name


def _enum_name(message: Any, field: str) -> str | None:
    number: int = getattr(message, field)
    if number == 0:
        return None
    names: Mapping[int, Any] = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[number].name) if number in names else str(number)
