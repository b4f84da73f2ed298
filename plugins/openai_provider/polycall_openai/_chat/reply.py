"""From a whole reply to provider-neutral calls, text, finish reason and usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from polycall import ResponseError
from polycall.plugin import FinishReason, Reply, ToolCall, Usage
from polycall_openai._json import (
    JsonObject,
    NotJsonError,
    excerpt,
    not_the_protocol,
    parse,
    raise_if_error,
    reported_error,
)
from polycall_openai._request import ToolPayload
from polycall_openai._tool_calls import CallFactory, raw_call

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the context is full
    "content_filter": FinishReason.REFUSAL,
}
_CUTTING = (FinishReason.LENGTH, FinishReason.REFUSAL)


@dataclass(slots=True)
class Turn:
    """The model's turn as it came, for the echo."""

    message: JsonObject
    """Without its calls."""
    entries: Mapping[str, JsonObject] = field(default_factory=dict)
    """By ``ToolCall.id``: the entry of ``tool_calls``."""
    is_legacy: bool = False
    """The one call came as ``function_call``, and is answered in the same old form."""


def extract_reply(body: object, payload: ToolPayload, raw_response: Callable[[], object] | None) -> Reply:
    """Extract a whole reply.

    Args:
        body: Bytes, or the plain data that an SDK object held.
        payload: The tools of the request.
        raw_response: Builds the SDK's own object.

    Raises:
        ResponseError: HTML, broken JSON, an error object, or JSON that is no Chat Completion.
    """
    data = body if isinstance(body, (bytes, str)) else b""
    value = parse_body(data) if isinstance(body, (bytes, str)) else body
    completion = _completion(value, data or repr(value))
    choices = completion["choices"]
    choice = choices[0] if isinstance(choices, list) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise not_the_protocol("The reply's first choice has no message", data or repr(value))
    raw_finish_reason = text_or_none(choice.get("finish_reason"))
    if raw_finish_reason == "error":
        raise reported_error(choice, data or repr(value))

    factory = CallFactory(payload)
    entries = message.get("tool_calls")
    calls = factory.make_all(entries) if isinstance(entries, list) else []
    legacy = message.get("function_call")
    is_legacy = not calls and isinstance(legacy, dict)
    if is_legacy:
        calls = factory.make(raw_call({"function": legacy}), 0)

    finish_reason = unified_finish_reason(raw_finish_reason)
    cut_off: Sequence[ToolCall] = ()
    if finish_reason in _CUTTING:
        calls, cut_off = calls[:-1], calls[-1:]
    return Reply(
        tool_calls=calls,
        cut_off=cut_off,
        text=message_text(message.get("content")),
        finish_reason=finish_reason,
        raw_finish_reason=raw_finish_reason,
        usage=read_usage(completion.get("usage")),
        refusal=text_or_none(message.get("refusal")),
        turn=Turn(message, factory.entries, is_legacy),
        raw_response=raw_response,
    )


def parse_body(data: bytes | str) -> object:
    """The JSON of a whole body.

    Raises:
        ResponseError: It is none.
    """
    if not data.strip():
        raise ResponseError("The server sent an empty reply with status 200. Check base_url.")
    try:
        return parse(data)
    except NotJsonError as error:
        html = excerpt(data).lstrip().startswith("<")
        what = "The reply is HTML" if html else f"The reply is no JSON ({str(error)[:200]})"
        raise not_the_protocol(what, data) from error


def _completion(value: object, data: bytes | str) -> JsonObject:
    """The completion inside a body: itself, or nested under ``provider`` (pydantic-ai#6900)."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        raise_if_error(value[0], data)  # Gemini's endpoint wraps errors in an array (jackmpcollins/magentic#382)
    if not isinstance(value, dict):
        raise not_the_protocol(f"The reply is {_kind(value)}, no Chat Completion", data)
    raise_if_error(value, data)
    nested = value.get("provider")
    if not value.get("choices") and isinstance(nested, dict) and nested.get("choices"):
        value = nested
    if not value.get("choices"):
        raise not_the_protocol("The reply has no choices", data)
    return value


def _kind(value: object) -> str:
    return {list: "a JSON array", str: "a text", type(None): "null"}.get(type(value), f"a {type(value).__name__}")


def unified_finish_reason(raw: str | None) -> FinishReason | None:
    """The finish reason in polycall's vocabulary; ``None`` where there was none."""
    if not raw:
        return None
    return _FINISH_REASONS.get(raw) or _FINISH_REASONS.get(raw.lower(), FinishReason.OTHER)


def is_cutting(finish_reason: FinishReason | None) -> bool:
    """Whether the reply ended in the middle of what the model was about to say."""
    return finish_reason in _CUTTING


def message_text(content: object) -> str | None:
    """The text of a message whose content is a text, or a list of parts (Mistral)."""
    if isinstance(content, str):
        return content or None
    if not isinstance(content, list):
        return None
    texts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "".join(text for text in texts if isinstance(text, str)) or None


def text_or_none(value: object) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def read_usage(value: object) -> Usage | None:
    """Token counts; what is missing or no whole number is unknown."""
    if not isinstance(value, dict):
        return None
    return Usage(
        input_tokens=_count(value, "prompt_tokens"),
        output_tokens=_count(value, "completion_tokens"),
        total_tokens=_count(value, "total_tokens"),
        cached_input_tokens=_count(value.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(value.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: object, name: str) -> int | None:
    count = counts.get(name) if isinstance(counts, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None
