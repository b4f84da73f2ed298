"""Replies of the Responses API as OpenAI sends them, whole and as typed events; the sibling of ``openai_replies``.

Documented: ``Response`` and ``ResponseStreamEvent`` of the OpenAI API description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from types import EllipsisType

from support.openai_replies import CREATED, MODEL, Call, JsonObject, call_ids

RESPONSE_ID = "resp_0123456789abcdef0123456789abcdef"

RESPONSES_USAGE: JsonObject = {
    "input_tokens": 82,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 34,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 116,
}

REASONING: JsonObject = {
    "id": "rs_01",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Two things are asked."}],
    "encrypted_content": "gAAAAA==",
}
WEB_SEARCH: JsonObject = {
    "id": "ws_01",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "super bowl", "sources": []},
}

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def function_call(
    name: str, arguments: Mapping[str, object] | str, call_id: str, *, status: str = "completed", id: str | None = None
) -> JsonObject:
    """An output item; its id is made of the call's."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": id or f"fc_{call_id}",
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": text,
    }


def message(text: str | None = None, refusal: str | None = None) -> JsonObject:
    """An output item with what the model says."""
    part: JsonObject = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if refusal is not None:
        part = {"type": "refusal", "refusal": refusal}
    return {"id": "msg_01", "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def output_items(
    calls: Sequence[Call] = (),
    *,
    text: str | None = None,
    refusal: str | None = None,
    finish_reason: str | EllipsisType | None = ...,
    ids: Sequence[str] | None = None,
) -> list[JsonObject]:
    """The ``output`` of a reply; cut off, its last call is incomplete."""
    items = [message(text)] if text is not None else []
    items += [message(refusal=refusal)] if refusal is not None else []
    made = call_ids(len(calls)) if ids is None else ids
    items += [
        function_call(*call, id, id=f"fc_{at}{id}") for at, (call, id) in enumerate(zip(calls, made, strict=True))
    ]
    if finish_reason in _INCOMPLETE and calls:
        items[-1]["status"] = "incomplete"
    return items


def response(
    output: Sequence[JsonObject] = (),
    *,
    finish_reason: str | EllipsisType | None = ...,
    usage: Mapping[str, object] | None = RESPONSES_USAGE,
    id: str = RESPONSE_ID,
    status: str | None = None,
    **fields: object,
) -> JsonObject:
    """A whole ``response``; ``finish_reason`` in the words of Chat Completions."""
    reason = _INCOMPLETE.get(finish_reason) if isinstance(finish_reason, str) else None
    return {
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": status or ("incomplete" if reason else "completed"),
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": MODEL,
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": True,
        "tool_choice": "required",
        "tools": [],
        "usage": None if usage is None else dict(usage),
        **fields,
    }


def events(
    output: Sequence[JsonObject] = (),
    *,
    finish_reason: str | EllipsisType | None = ...,
    usage: Mapping[str, object] | None = RESPONSES_USAGE,
    piece_chars: int = 8,
    id: str = RESPONSE_ID,
    **fields: object,
) -> list[JsonObject]:
    """The same reply as typed events; ``finish_reason=None`` leaves the last one out."""
    whole = {**response(output, finish_reason=finish_reason, usage=usage, id=id), **fields}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    made: list[JsonObject] = [{"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")]
    for at, item in enumerate(output):
        made += item_events(item, at, piece_chars)
    if finish_reason is not None:
        made.append({"type": f"response.{whole['status']}", "response": whole})
    numbers = count()
    return [{**event, "sequence_number": next(numbers)} for event in made]


def item_events(item: JsonObject, at: int, piece_chars: int = 8) -> Iterator[JsonObject]:
    """The events of one output item."""
    where = {"output_index": at, "item_id": item.get("id")}
    begun = {**item, "status": "in_progress"} if "status" in item else item
    if item["type"] == "function_call":
        yield {"type": "response.output_item.added", "output_index": at, "item": {**begun, "arguments": ""}}
        for piece in _pieces(item["arguments"], piece_chars):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece, "obfuscation": "x7"}
        whole = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **where, **whole}
    elif item["type"] == "message":
        (part,) = item["content"]
        field = "text" if part["type"] == "output_text" else "refusal"
        place = {**where, "content_index": 0}
        yield {"type": "response.output_item.added", "output_index": at, "item": {**begun, "content": []}}
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        kind = "output_text" if field == "text" else "refusal"
        for piece in _pieces(part[field], piece_chars):
            yield {"type": f"response.{kind}.delta", **place, "delta": piece}
        yield {"type": f"response.{kind}.done", **place, field: part[field]}
        yield {"type": "response.content_part.done", **place, "part": part}
    else:
        yield {"type": "response.output_item.added", "output_index": at, "item": begun}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


def typed_sse(stream: Iterable[JsonObject]) -> list[bytes]:
    """Events as server-sent events: each with its type, and without ``[DONE]`` at the end."""
    return [
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n".encode(
            errors="backslashreplace"
        )
        for event in stream
    ]


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))
