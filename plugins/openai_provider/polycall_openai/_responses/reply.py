"""From a whole response to provider-neutral calls, text, finish reason and usage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from polycall.plugin import (
    CallIds,
    CallMaker,
    FinishReason,
    JsonObject,
    Reply,
    Request,
    ResponseError,
    ToolCall,
    json_text,
)
from polycall_openai._options import hidden_limit, reached
from polycall_openai._responses.turn import OutputItem, call_id, make_turn
from polycall_openai._servers.endings import finish_reason_of, is_whole
from polycall_openai._servers.reply_errors import ReplyErrors, reported_error
from polycall_openai._servers.server import Server
from polycall_openai._servers.usage import read_usage
from polycall_openai._streaming.open_calls import CUSTOM_PROBLEM
from polycall_openai._tools import payload_of

_TYPES_OF_CALLS = ("function", "tool_call")
_NOT_FINISHED = frozenset({"queued", "in_progress"})
NOT_AN_ITEM = "an item of the output is not an object with a type"
_EMPTY_ITEM = "this item of output is empty; call a tool by its name"


class Ending(NamedTuple):
    """How a response ended.

    ``truncated``: before the model was done; ``known``: for a reason that is known.
    """

    finish_reason: FinishReason | None
    raw_finish_reason: str | None
    truncated: bool
    known: bool = True


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
    maker = CallMaker(payload_of(request), call_ids(server, request), lenient=True, wording=request.wording)
    usage = read_usage(response.get("usage"))
    ending = read_ending(response, body, cut=reached(usage, hidden_limit(server, request)))
    calls: list[ToolCall] = []
    cut_off: list[ToolCall] = []
    output: list[OutputItem] = []
    for at, item in enumerate(items):
        made = make_calls(item, maker, len(calls) + len(cut_off))
        output.append(OutputItem(item, made))
        last = at == len(items) - 1
        (cut_off if is_cut_off(item, truncated=ending.truncated and last) else calls).extend(made)
    return make_reply(server, request, response, output, calls, cut_off, ending, raw_response=raw_response)


def make_reply(
    server: Server,
    request: Request,
    response: JsonObject,
    output: Sequence[OutputItem],
    calls: Sequence[ToolCall],
    cut_off: Sequence[ToolCall],
    ending: Ending | None,
    *,
    saw_end: bool | None = None,
    raw_response: Callable[[], object] | None,
) -> Reply:
    """The reply, whole or streamed.

    Args:
        server: The one that replied.
        request: The request that was sent.
        response: The response, as far as it is known.
        output: Its items.
        calls: The complete ones.
        cut_off: The others.
        ending: How it ended; ``None`` if that is not known.
        saw_end: Whether it ended, where ``ending`` does not say so.
        raw_response: Builds the SDK's own object.
    """
    items = [one.item for one in output]
    text, refusal = text_of(items), _joined(items, "refusal", "refusal")
    return Reply(
        tool_calls=calls,
        cut_off=cut_off,
        text=text,
        reasoning=_reasoning_of(items),
        finish_reason=None if ending is None else _finish_reason(ending, calls),
        raw_finish_reason=None if ending is None else ending.raw_finish_reason,
        usage=read_usage(response.get("usage")),
        refusal=refusal,
        saw_end=ending.known if ending is not None else bool(saw_end),
        turn=make_turn(request, response, output, text or refusal, server.errors.url),
        response_id=json_text(response, "id") or None,
        model=json_text(response, "model") or None,
        raw_response=raw_response,
    )


def call_ids(server: Server, request: Request) -> CallIds:
    """The ids of a reply's calls, unique in a conversation that may hold items of the API."""
    ids = server.call_ids(request)
    ids.used |= {
        id_
        for message in request.messages
        if type(message) is dict and "role" not in message and type(id_ := message.get("call_id")) is str
    }
    return ids


def _output(response: JsonObject, errors: ReplyErrors, body: object) -> list[JsonObject]:
    output = response.get("output")
    if not isinstance(output, list):
        hint = ": it is a Chat Completion, which api='chat' speaks" if response.get("choices") else ""
        raise errors.not_the_protocol(f"the reply has no output{hint}", body)
    if not all(isinstance(item.get("type", ""), str | None) for item in output if isinstance(item, dict)):
        raise errors.not_the_protocol(NOT_AN_ITEM, body)
    return each_once([as_documented(item) if isinstance(item, dict) else {} for item in output])


def each_once(items: list[JsonObject]) -> list[JsonObject]:
    """The items of an output without calls that are listed twice: with the same ids of both kinds, and all the rest."""
    first: dict[str, JsonObject] = {}
    for item in items:
        if item.get("call_id") and isinstance(id_ := item.get("id"), str):
            first.setdefault(id_, item)
    if len(first) == len(items):
        return items
    return [item for item in items if (one := first.get(str(item.get("id")), item)) is item or one != item]


def as_documented(item: JsonObject) -> JsonObject:
    """An item; one with a call's arguments is a call where its type is missing, or that of Chat Completions."""
    kind = item.get("type")
    if (kind is None and "arguments" in item) or kind in _TYPES_OF_CALLS:
        item = {**item, "type": "function_call"}
    if isinstance(function := item.get("function"), dict) and item.get("name") is None:
        item = {**item, "name": function.get("name"), "arguments": function.get("arguments")}
    return item


def make_calls(item: JsonObject, maker: CallMaker, index: int) -> list[ToolCall]:
    """The calls that an output item stands for; none for reasoning, messages and tools of the server."""
    kind = item.get("type")
    if kind == "function_call":
        return maker.make_all(index, call_id(item), json_text(item, "name") or "", item.get("arguments"))
    if kind == "custom_tool_call":
        name = json_text(item, "name") or ""
        return [maker.make(index, call_id(item), name, json_text(item, "input"), CUSTOM_PROBLEM)]
    return [] if item else [maker.make(index, None, "", "", _EMPTY_ITEM)]


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
    status = json_text(response, "status") or None
    if status in ("failed", "cancelled"):
        raise reported_error(response.get("error") or f"the response's status is {status!r}", source)
    if status in _NOT_FINISHED:
        raise ResponseError(f"The response is not finished: its status is {status!r}. Leave background out.")
    word = status
    if status == "incomplete":
        details = response.get("incomplete_details")
        word = json_text(details, "reason") or status
    reason = finish_reason_of(word)
    if status != "incomplete" and is_whole(reason):
        return Ending(FinishReason.LENGTH if cut else None, word, truncated=cut)
    if reason is None or is_whole(reason):
        reason = FinishReason.OTHER  # incomplete for a reason that is a natural end elsewhere
    return Ending(reason, word, truncated=True, known=reason is not FinishReason.OTHER)


def _finish_reason(ending: Ending, calls: Sequence[ToolCall]) -> FinishReason:
    if ending.finish_reason is not None:
        return ending.finish_reason
    return FinishReason.TOOL_CALLS if calls else FinishReason.STOP


def text_of(items: Sequence[JsonObject]) -> str | None:
    """The text of the messages."""
    return _joined(items, "output_text", "text")


def _reasoning_of(items: Sequence[JsonObject]) -> str | None:
    """The summaries of the reasoning; of open models, which show it, the reasoning itself."""
    texts: list[str] = []
    for item in items:
        if item.get("type") == "reasoning":
            parts = item.get("summary") or item.get("content")
            found = (json_text(part, "text") for part in parts) if isinstance(parts, list) else ()
            texts += [text for text in found if text]
    return "".join(texts) or None


def _joined(items: Sequence[JsonObject], kind: str, field: str) -> str | None:
    texts: list[str] = []
    for item in items:
        content = item.get("content") if item and item.get("type", "message") == "message" else None
        if isinstance(content, str) and kind == "output_text":
            texts.append(content)
        elif isinstance(content, list):
            parts = (part for part in content if isinstance(part, dict) and part.get("type") == kind)
            texts += [text for part in parts if isinstance(text := part.get(field), str)]
    return "".join(texts) or None
