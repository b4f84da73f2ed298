"""Chat Completions replies as OpenAI sends them: whole, in chunks, and in the shapes in which they go wrong.

Pure functions: they return dicts, or bytes of an event stream, for ``wire_server`` or any fake transport to send.

    calls = [("Weather", {"location": "Toronto"}), ("Weather", {"location": "Dallas"})]
    reply_json(completion(calls))
    reply_stream(sse(chunks(calls)))

Documented: ``CreateChatCompletionResponse``, ``CreateChatCompletionStreamResponse`` and
``ChatCompletionMessageToolCallChunk`` of the OpenAI API description.
Observed only: a stream begins with a delta of its own for the role, and each tool call with a delta of its own
that has ``arguments: ""``; with ``include_usage`` each chunk but the last has ``usage: null``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from types import EllipsisType
from typing import Any

JsonObject = dict[str, Any]

Call = tuple[str, Mapping[str, object] | str]
"""A function's name and its arguments; a ``str`` is sent as it is, so it can be any malformed JSON text."""

MODEL = "gpt-4o-mini-2024-07-18"
CREATED = 1_735_689_600
COMPLETION_ID = "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012"

USAGE: JsonObject = {
    "prompt_tokens": 82,
    "completion_tokens": 34,
    "total_tokens": 116,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}

DONE = b"data: [DONE]\n\n"


def call_ids(count: int, first: int = 1) -> list[str]:
    """Ids of the length that OpenAI gives: ``call_000000000000000000000001`` and so on."""
    return [f"call_{number:024d}" for number in range(first, first + count)]


def tool_call(name: str, arguments: Mapping[str, object] | str, id: str) -> JsonObject:
    """One entry of ``message.tool_calls``."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": _arguments_text(arguments)}}


def completion(
    calls: Sequence[Call] = (),
    *,
    text: str | None = None,
    refusal: str | None = None,
    finish_reason: str | EllipsisType | None = ...,
    usage: Mapping[str, object] | None = USAGE,
    ids: Sequence[str] | None = None,
    model: str = MODEL,
    id: str = COMPLETION_ID,
) -> JsonObject:
    """A whole ``chat.completion``.

    Args:
        calls: In order; none leaves ``tool_calls`` out, as OpenAI does.
        finish_reason: By default ``"tool_calls"`` with calls and ``"stop"`` without.
        ids: One per call; by default ``call_ids``. Give them in a second round, or it repeats those of the first.
    """
    message: JsonObject = {"role": "assistant", "content": text, "refusal": refusal, "annotations": []}
    if calls:
        message["tool_calls"] = [tool_call(*call, id) for call, id in _with_ids(calls, ids)]
    return {
        "id": id,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(finish_reason, calls)}
        ],
        "usage": None if usage is None else dict(usage),
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
    }


def chunks(
    calls: Sequence[Call] = (),
    *,
    text: str | None = None,
    refusal: str | None = None,
    finish_reason: str | EllipsisType | None = ...,
    usage: Mapping[str, object] | None = None,
    ids: Sequence[str] | None = None,
    piece_chars: int = 8,
    interleaved: bool = False,
    model: str = MODEL,
    id: str = COMPLETION_ID,
) -> list[JsonObject]:
    """The same reply as a list of ``chat.completion.chunk``.

    Args:
        finish_reason: As in ``completion``; ``None`` leaves the final chunk out.
        usage: Adds the last chunk, which has it and no choices: what ``include_usage`` asks for.
        piece_chars: How many characters of text or arguments a delta carries.
        interleaved: Take the calls' deltas in turns: the first of each, the second of each, ...
    """
    deltas: list[JsonObject] = [{"role": "assistant", "content": None if calls else "", "refusal": None}]
    deltas += [{"content": piece} for piece in _pieces(text or "", piece_chars)]
    deltas += [{"refusal": piece} for piece in _pieces(refusal or "", piece_chars)]
    deltas += _call_deltas(calls, ids, piece_chars, interleaved)
    made = [chunk(delta, model=model, id=id) for delta in deltas]
    reason = _finish_reason(finish_reason, calls)
    if reason is not None:
        made.append(chunk({}, finish_reason=reason, model=model, id=id))
    if usage is not None:
        made = [{**each, "usage": None} for each in made]
        made.append({**chunk({}, model=model, id=id), "choices": [], "usage": dict(usage)})
    return made


def chunk(
    delta: JsonObject | None, *, finish_reason: str | None = None, model: str = MODEL, id: str = COMPLETION_ID
) -> JsonObject:
    """One chunk around ``delta``, to build streams that ``chunks`` does not."""
    return {
        "id": id,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }


def call_chunk(*fragments: JsonObject) -> JsonObject:
    """One chunk with these entries of ``delta.tool_calls``, whatever they are."""
    return chunk({"tool_calls": list(fragments)})


def sse(stream: Iterable[JsonObject], *, done: bool = True, newline: str = "\n", space: bool = True) -> list[bytes]:
    """The events of a stream, one ``bytes`` each.

    Args:
        done: End with ``[DONE]``. A server that has failed, and some gateways, leave it out.
        newline: ``"\\r\\n"`` comes from Gemini's gateway, for one.
        space: False leaves out the space after ``data:``, which the SSE standard allows.
    """
    texts = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in stream]
    prefix = "data: " if space else "data:"
    return [
        f"{prefix}{text}{newline}{newline}".encode(errors="backslashreplace")
        for text in [*texts, *(["[DONE]"] if done else [])]
    ]


def cut_off(calls: Sequence[Call], keep_chars: int) -> list[Call]:
    """``calls`` with the last one's arguments cut after ``keep_chars``; use with ``finish_reason="length"``."""
    *whole, (name, arguments) = calls
    return [*whole, (name, _arguments_text(arguments)[:keep_chars])]


def error_body(
    message: str, *, type: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> JsonObject:
    """The documented body of an error status."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def _call_deltas(
    calls: Sequence[Call], ids: Sequence[str] | None, piece_chars: int, interleaved: bool
) -> Iterator[JsonObject]:
    each_call = [
        list(_fragments(index, name, arguments, id, piece_chars))
        for index, ((name, arguments), id) in enumerate(_with_ids(calls, ids))
    ]
    groups = zip_longest(*each_call) if interleaved else each_call
    for group in groups:
        for fragment in group:
            if fragment is not None:
                yield {"tool_calls": [fragment]}


def _fragments(
    index: int, name: str, arguments: Mapping[str, object] | str, id: str, piece_chars: int
) -> Iterator[JsonObject]:
    yield {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    for piece in _pieces(_arguments_text(arguments), piece_chars):
        yield {"index": index, "function": {"arguments": piece}}


def _arguments_text(arguments: Mapping[str, object] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _with_ids(calls: Sequence[Call], ids: Sequence[str] | None) -> Iterator[tuple[Call, str]]:
    return zip(calls, call_ids(len(calls)) if ids is None else ids, strict=True)


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def _finish_reason(given: str | EllipsisType | None, calls: Sequence[Call]) -> str | None:
    if isinstance(given, EllipsisType):
        return "tool_calls" if calls else "stop"
    return given


ERROR_MESSAGE = "The upstream model is overloaded"

ERROR_BODIES: Mapping[str, object] = {
    "error object": error_body(ERROR_MESSAGE, type="server_error"),
    "error text": {"error": ERROR_MESSAGE},
    "null fields and error": {
        **dict.fromkeys(("id", "object", "created", "model", "choices", "usage")),
        "error": {"message": ERROR_MESSAGE, "code": 502},
    },
    "null choices": {**completion(), "choices": None},
    "no choices": {**completion(), "choices": []},
    "error in an array": [{"error": {"code": 503, "message": ERROR_MESSAGE, "status": "UNAVAILABLE"}}],
    "string": ERROR_MESSAGE,
    "null": None,
}
"""JSON bodies that come with status 200 and are no completion, by name (wire quirk 2.6)."""

ERROR_EVENTS: Mapping[str, bytes] = {
    "error object": sse([error_body(ERROR_MESSAGE, type="server_error")], done=False)[0],
    "error text": sse([{"error": ERROR_MESSAGE}], done=False)[0],
    "no choices and error": sse([{**chunk({}), "choices": [], "error": {"message": ERROR_MESSAGE}}], done=False)[0],
    "finish reason error": sse(
        [{**chunk({}, finish_reason="error"), "error": {"message": ERROR_MESSAGE, "code": 502}}], done=False
    )[0],
    "null choices and error type": sse(
        [{**chunk({}), "choices": None, "error_type": "overloaded", "error_message": ERROR_MESSAGE}], done=False
    )[0],
    "event error": b"event: error\n" + sse([{"message": ERROR_MESSAGE}], done=False)[0],
}
"""Events that report an error inside a stream with status 200, by name (wire quirk 1.23)."""
