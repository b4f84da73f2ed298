"""From a whole response to provider-neutral calls, text, finish reason and usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from polycall import ResponseError
from polycall.plugin import FinishReason, Reply, Request, ToolCall, Usage
from polycall_openai._json import JsonObject, count, reported_error, text_or_none
from polycall_openai._request import hidden_limit, reached
from polycall_openai._responses.items import PREVIOUS_RESPONSE
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._servers.server import Server
from polycall_openai._tool_calls import CallFactory, RawCall, clean_arguments, custom_problem
from polycall_openai._tools import payload_of

_INCOMPLETE_REASONS = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.REFUSAL,
}
_NOT_FINISHED = frozenset({"queued", "in_progress"})


class OutputItem(NamedTuple):
    """One item of ``output``."""

    item: JsonObject
    calls: Sequence[ToolCall]
    """The calls that it stands for: none, one, or those in a wrapper."""


@dataclass(slots=True)
class Turn:
    """The model's turn as the server sent it, for a correction."""

    output: Sequence[OutputItem]
    memory: Literal["none", "response", "conversation"]
    """The part of the conversation that the server keeps, where a correction can continue: nothing, so that everything
    is sent again; everything up to this response; or the ``conversation`` that the caller named."""
    stored: bool
    """The server remembers the items by their ids."""
    id: str | None = None
    """The response's id."""


class Ending(NamedTuple):
    """How a response ended."""

    finish_reason: FinishReason | None
    raw_finish_reason: str | None
    truncated: bool
    """The response ended before the model was done."""
    known: bool = True
    """False if it is incomplete for an unknown reason."""


def extract_reply(server: Server, request: Request, body: object, raw_response: Callable[[], object] | None) -> Reply:
    """Extract a whole reply.

    Args:
        server: The one that replied.
        request: The request that was sent.
        body: Bytes, or the plain data of an SDK object.
        raw_response: Builds the SDK's own object.

    Raises:
        ResponseError: HTML, broken JSON, an error object, a failed response, or JSON that is not a response.
    """
    response = server.errors.read(body)
    items = _output(response, server.errors, body)
    factory = CallFactory(payload_of(request))
    usage = read_usage(response.get("usage"))
    ending = read_ending(response, body, cut=reached(usage, hidden_limit(server, request)))
    calls: list[ToolCall] = []
    cut_off: list[ToolCall] = []
    output: list[OutputItem] = []
    for at, item in enumerate(items):
        raw = raw_call(item)
        made = [] if raw is None else factory.make(raw, len(calls))
        output.append(OutputItem(item, made))
        last = at == len(items) - 1
        (cut_off if is_cut_off(item, truncated=ending.truncated and last) else calls).extend(made)
    return Reply(
        tool_calls=calls,
        cut_off=cut_off,
        text=text_of(items),
        finish_reason=finish_reason(ending, calls),
        raw_finish_reason=ending.raw_finish_reason,
        usage=usage,
        refusal=refusal_of(items),
        whole=ending.known,
        turn=make_turn(request, response, output),
        raw_response=raw_response,
    )


def _output(response: JsonObject, errors: ReplyErrors, body: object) -> list[JsonObject]:
    output = response.get("output")
    if not isinstance(output, list):
        hint = ": it is a Chat Completion, which api='chat' speaks" if response.get("choices") else ""
        raise errors.not_the_protocol(f"the reply has no output{hint}", body)
    return [item for item in output if isinstance(item, dict)]


def raw_call(item: JsonObject) -> RawCall | None:
    """The call in an output item; ``None`` for reasoning, messages and tools of the server."""
    kind = item.get("type")
    if kind == "function_call":
        return RawCall(call_id(item), _text(item.get("name")), clean_arguments(item.get("arguments")), item)
    if kind == "custom_tool_call":
        return RawCall(call_id(item), _text(item.get("name")), _text(item.get("input")), item, custom_problem())
    return None


def call_id(item: JsonObject) -> str | None:
    """The id that an answer names: ``call_id``, which is not the item's ``id``."""
    return text_or_none(item.get("call_id")) or text_or_none(item.get("id"))


def is_cut_off(item: JsonObject, *, truncated: bool) -> bool:
    """Whether an item has begun and is not complete.

    Args:
        item: The item of a call.
        truncated: The response ended with this item, before the model was done.
    """
    status = item.get("status")
    return status == "incomplete" or (truncated and status != "completed")


def read_ending(response: JsonObject, source: object, *, cut: bool) -> Ending:
    """How a response ended.

    Args:
        response: The response, with its ``status``.
        source: Its text or object, for errors.
        cut: The response is known to be cut off, whatever its status is.

    Raises:
        ResponseError: It failed, was cancelled, or is not finished yet.
    """
    status = text_or_none(response.get("status"))
    if status in ("failed", "cancelled"):
        raise reported_error(response.get("error") or f"the response's status is {status!r}", source)
    if status in _NOT_FINISHED:
        raise ResponseError(f"The response is not finished: its status is {status!r}. Leave background out.")
    if status != "incomplete" and cut:
        return Ending(FinishReason.LENGTH, status, truncated=True)
    if status != "incomplete":
        return Ending(None, status, truncated=False)
    details = response.get("incomplete_details")
    reason = text_or_none(details.get("reason")) if isinstance(details, dict) else None
    unified = _INCOMPLETE_REASONS.get(reason or "")
    return Ending(unified or FinishReason.OTHER, reason or status, truncated=True, known=unified is not None)


def finish_reason(ending: Ending, calls: Sequence[ToolCall]) -> FinishReason | None:
    """The finish reason in polycall's vocabulary."""
    if ending.finish_reason is not None:
        return ending.finish_reason
    return FinishReason.TOOL_CALLS if calls else FinishReason.STOP


def text_of(items: Sequence[JsonObject]) -> str | None:
    """The text of the messages."""
    return _joined(items, "output_text", "text")


def refusal_of(items: Sequence[JsonObject]) -> str | None:
    """The model's refusal, in its own words."""
    return _joined(items, "refusal", "refusal")


def _joined(items: Sequence[JsonObject], kind: str, field: str) -> str | None:
    texts: list[str] = []
    for item in items:
        content = item.get("content") if item.get("type", "message") == "message" else None
        if isinstance(content, str) and kind == "output_text":
            texts.append(content)
        elif isinstance(content, list):
            parts = (part for part in content if isinstance(part, dict) and part.get("type") == kind)
            texts += [text for part in parts if isinstance(text := part.get(field), str)]
    return "".join(texts) or None


def read_usage(value: object) -> Usage | None:
    """Token counts; ``None`` where a count is missing or not an integer."""
    if not isinstance(value, dict):
        return None
    return Usage(
        input_tokens=count(value, "input_tokens"),
        output_tokens=count(value, "output_tokens"),
        total_tokens=count(value, "total_tokens"),
        cached_input_tokens=count(value.get("input_tokens_details"), "cached_tokens"),
        reasoning_tokens=count(value.get("output_tokens_details"), "reasoning_tokens"),
    )


def make_turn(request: Request, response: Mapping[str, object], output: Sequence[OutputItem]) -> Turn:
    """The turn, and how much of the conversation the server keeps, by the request and the response.

    Only the first round of a ``create()`` hands over to the server's memory: the messages of a correction are sent
    again with the next one, because the caller may still replace the answers in it (``Calls.continue_with``).
    """
    options = request.options
    id_ = text_or_none(response.get("id"))
    stored = options.get("store") is not False and response.get("store") is not False
    memory: Literal["none", "response", "conversation"] = "none"
    if options.get("conversation"):
        memory = "conversation"
    elif stored and id_ and request.round == 0 and (options.get("previous_response_id") or _continues(request)):
        memory = "response"
    return Turn(output, memory, stored, id_)


def _continues(request: Request) -> bool:
    return any(isinstance(one, Mapping) and one.get("type") == PREVIOUS_RESPONSE for one in request.messages)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
