"""From a whole Chat Completion to provider-neutral calls, text, finish reason and usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from polycall.plugin import FinishReason, Reply, Request, ToolCall, Usage
from polycall_openai._json import JsonObject, count, reported_error, text_or_none
from polycall_openai._request import hidden_limit, reached
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._servers.server import Server
from polycall_openai._tool_calls import CallFactory, raw_call
from polycall_openai._tools import payload_of

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the context is full
    "content_filter": FinishReason.REFUSAL,
}
_CUTS_OFF = (FinishReason.LENGTH, FinishReason.REFUSAL)


@dataclass(slots=True)
class Turn:
    """The model's turn as the server sent it, for the echo."""

    message: JsonObject
    """The message, without its calls."""
    entries: Mapping[str, JsonObject] = field(default_factory=dict)
    """By ``ToolCall.id``: the entry of ``tool_calls``."""
    is_legacy: bool = False
    """Its one call has the legacy form ``function_call``, and is answered in that form."""


def extract_reply(server: Server, request: Request, body: object, raw_response: Callable[[], object] | None) -> Reply:
    """Extract a whole reply.

    Args:
        server: The one that replied.
        request: The request that was sent.
        body: Bytes, or the plain data of an SDK object.
        raw_response: Builds the SDK's own object.

    Raises:
        ResponseError: HTML, broken JSON, an error object, or JSON that is not a Chat Completion.
    """
    completion = _completion(server.errors.read(body), server.errors, body)
    choices = completion["choices"]
    choice = choices[0] if isinstance(choices, list) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise server.errors.not_the_protocol("the reply's first choice has no message", body)
    raw_finish_reason = text_or_none(choice.get("finish_reason"))
    if raw_finish_reason == "error":
        raise reported_error(choice, body)

    factory = CallFactory(payload_of(request))
    entries = message.get("tool_calls")
    calls = factory.make_all(entries) if isinstance(entries, list) else []
    legacy = message.get("function_call")
    is_legacy = not calls and isinstance(legacy, dict)
    if is_legacy:
        calls = factory.make(raw_call({"function": legacy}), 0)

    usage = read_usage(completion.get("usage"))
    finish_reason = unify_finish_reason(raw_finish_reason)
    if finish_reason not in _CUTS_OFF and reached(usage, hidden_limit(server, request)):
        finish_reason = FinishReason.LENGTH
    cut_off: Sequence[ToolCall] = ()
    if finish_reason in _CUTS_OFF:
        calls, cut_off = calls[:-1], calls[-1:]
    return Reply(
        tool_calls=calls,
        cut_off=cut_off,
        text=message_text(message.get("content")),
        finish_reason=finish_reason,
        raw_finish_reason=raw_finish_reason,
        usage=usage,
        refusal=text_or_none(message.get("refusal")),
        turn=Turn(message, factory.entries, is_legacy),
        raw_response=raw_response,
    )


def _completion(value: JsonObject, errors: ReplyErrors, body: object) -> JsonObject:
    """The completion inside a body: itself, or nested under ``provider`` (pydantic-ai#6900)."""
    nested = value.get("provider")
    if not value.get("choices") and isinstance(nested, dict):
        value = nested
    if not value.get("choices"):
        responses = value.get("object") == "response"
        hint = ": it is of the Responses API, which api='responses' speaks" if responses else ""
        raise errors.not_the_protocol(f"the reply has no choices{hint}", body)
    return value


def unify_finish_reason(raw: str | None) -> FinishReason | None:
    """The finish reason in polycall's vocabulary; ``None`` where it is missing."""
    if not raw:
        return None
    return _FINISH_REASONS.get(raw) or _FINISH_REASONS.get(raw.lower(), FinishReason.OTHER)


def cuts_off(finish_reason: FinishReason | None) -> bool:
    """Whether the reply ended before the model was done."""
    return finish_reason in _CUTS_OFF


def message_text(content: object) -> str | None:
    """The text of a message whose content is a text, or a list of parts (Mistral)."""
    if isinstance(content, str):
        return content or None
    if not isinstance(content, list):
        return None
    texts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "".join(text for text in texts if isinstance(text, str)) or None


def read_usage(value: object) -> Usage | None:
    """Token counts; ``None`` where a count is missing or not an integer."""
    if not isinstance(value, dict):
        return None
    return Usage(
        input_tokens=count(value, "prompt_tokens"),
        output_tokens=count(value, "completion_tokens"),
        total_tokens=count(value, "total_tokens"),
        cached_input_tokens=count(value.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=count(value.get("completion_tokens_details"), "reasoning_tokens"),
    )
