"""From a whole Chat Completion to provider-neutral calls, text, finish reason and usage."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from polycall.plugin import CallMaker, FinishReason, JsonObject, Reply, Request, ToolCall
from polycall_openai._chat.turn import call_entry, make_turn
from polycall_openai._options import hidden_limit, reached
from polycall_openai._servers.endings import finish_reason_of, is_whole, strictest
from polycall_openai._servers.reply_errors import ReplyErrors, reported_error
from polycall_openai._servers.server import Server
from polycall_openai._servers.usage import find_usage, read_usage
from polycall_openai._streaming.open_calls import CUSTOM_PROBLEM
from polycall_openai._tools import payload_of

_REASONING_FIELDS = ("reasoning_content", "reasoning")
"""DeepSeek, vLLM, llama.cpp; OpenRouter, Groq, newer vLLM. Servers that send both say the same in them."""


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
    choices, message = _choices(completion["choices"], server.errors, body)
    words = [word for choice in choices if (word := word_for_the_end(choice, body))]
    raw_finish_reason = strictest(words) if len(words) > 1 else words[0] if words else None

    payload = payload_of(request)
    maker = CallMaker(payload, server.call_ids(request), lenient=True, wording=request.wording)
    given, legacy = message.get("tool_calls"), message.get("function_call")
    if isinstance(given, dict) and "function" in given:
        given = [given]
    if given and not isinstance(given, list):
        raise server.errors.not_the_protocol("tool_calls is not a list", body)
    calls, entries = _read_calls(given if isinstance(given, list) else (), maker, payload.plain_names)
    is_legacy = not calls and isinstance(legacy, dict)
    if is_legacy:
        calls, entries = _read_calls([{"function": legacy}], maker, frozenset())

    usage = read_usage(find_usage(completion))
    finish_reason = finish_reason_of(raw_finish_reason)
    whole = is_whole(finish_reason)
    if whole and reached(usage, hidden_limit(server, request)):
        finish_reason, whole = FinishReason.LENGTH, False
    cut_off: Sequence[ToolCall] = ()
    if not whole:
        calls, cut_off = calls[:-1], calls[-1:]
    return Reply(
        tool_calls=calls,
        cut_off=cut_off,
        text=message_text(message.get("content")),
        reasoning=reasoning_of(message),
        finish_reason=finish_reason,
        raw_finish_reason=raw_finish_reason,
        usage=usage,
        refusal=text_or_none(message.get("refusal")) or refusal_in(message.get("content")),
        saw_end=finish_reason is not FinishReason.OTHER,
        turn=make_turn(message, entries, is_legacy=is_legacy and len(entries) == 1),
        response_id=text_or_none(completion.get("id")),
        model=text_or_none(completion.get("model")),
        raw_response=raw_response,
    )


def _completion(value: JsonObject, errors: ReplyErrors, body: object) -> JsonObject:
    """The completion inside a body: itself, or nested under ``provider`` (pydantic-ai#6900)."""
    if value.get("choices"):
        return value
    nested = value.get("provider")
    if isinstance(nested, dict):
        value = nested
    if not value.get("choices"):
        responses = value.get("object") == "response"
        hint = ": it is of the Responses API, which api='responses' speaks" if responses else ""
        raise errors.not_the_protocol(f"the reply has no choices{hint}", body)
    return value


def _choices(given: Any, errors: ReplyErrors, body: object) -> tuple[list[JsonObject], JsonObject]:
    """The choices, and the one message that they are.

    One choice is asked for. Where there are more, the server has spread the reply over them: the text in one, calls in
    others (HKUDS/nanobot#1555, BerriAI/litellm#35444).
    """
    match given:
        case [{"message": dict(only)} as choice]:  # as nearly always
            return [choice], only
    choices = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    messages = [message for choice in choices if isinstance(message := choice.get("message"), dict)]
    if len(messages) > 1 and len(messages) < len(given):
        raise errors.not_the_protocol("a choice of the reply has no message", body)
    if not messages or not isinstance(choices[0].get("message"), dict):
        raise errors.not_the_protocol("the reply's first choice has no message", body)
    if len(messages) == 1:
        return choices, messages[0]
    joined: JsonObject = {}
    calls: list[object] = []
    for message in messages:
        joined.update({key: value for key, value in message.items() if not joined.get(key)})
        entries = message.get("tool_calls")
        calls += entries if isinstance(entries, list) else []
    return choices, {**joined, "tool_calls": calls}


def _read_calls(
    given: Sequence[object], maker: CallMaker, plain_names: Container[str]
) -> tuple[list[ToolCall], list[JsonObject]]:
    """The calls of ``tool_calls``, each entry of which is at least one, and the entries for the echo."""
    calls: list[ToolCall] = []
    entries: list[JsonObject] = []
    for entry in given:
        # Nearly every entry is as documented, and there may be many: no detours for those.
        try:
            id_, function = entry["id"], entry["function"]  # type: ignore[index]
            name, arguments = function["name"], function["arguments"]
            is_plain = name in plain_names and entry["type"] == "function" and "index" not in entry  # type: ignore[index, operator]
        except (KeyError, TypeError, IndexError):
            is_plain = False
        if is_plain:
            call = maker.make(len(calls), id_, name, arguments)
            calls.append(call)
            is_same = call.id is id_ and call.arguments is arguments and arguments.__class__ is str
            entries.append(entry if is_same else call_entry(entry, call))  # type: ignore[arg-type]
        else:
            made = _made_carefully(entry, maker, len(calls))
            calls += made
            entries += [call_entry(entry if len(made) == 1 else None, call) for call in made]
    return calls, entries


def _made_carefully(entry: object, maker: CallMaker, index: int) -> list[ToolCall]:
    """The calls of an entry that is not as documented; what cannot be used is a call with a ``problem``."""
    if not isinstance(entry, dict):
        problem = "this entry of tool_calls is not an object; call a tool by its name"
        return [maker.make(index, None, "", "" if entry is None else str(entry)[:400], problem)]
    id_, function, custom = entry.get("id"), function_of(entry), entry.get("custom")
    if isinstance(function, dict) and isinstance(function.get("name"), str) and function["name"]:
        return maker.make_all(index, id_, function["name"], arguments_of(function))
    if isinstance(custom, dict):
        return [maker.make(index, id_, str(custom.get("name") or ""), custom.get("input"), CUSTOM_PROBLEM)]
    arguments = function.get("arguments") if isinstance(function, dict) else None
    problem = (
        f"a call of type {str(entry['type'])[:100]!r} is not supported; call one of the tools by its name"
        if entry.get("type") not in (None, "function")
        else "this call does not name a tool; call one of the tools by its name"
    )
    return [maker.make(index, id_, "", arguments, problem)]


def function_of(entry: Mapping[str, object]) -> object:
    """The function of an entry of ``tool_calls``; where there is none, the entry, whose name may stand in it."""
    function = entry.get("function")
    return entry if function is None and "name" in entry and "custom" not in entry else function


def arguments_of(function: Mapping[str, object]) -> object:
    """The arguments of a function: under the name that the model learnt for their schema, too."""
    arguments = function.get("arguments")
    return function.get("parameters") if arguments is None else arguments


def word_for_the_end(choice: JsonObject, source: object) -> str | None:
    """A choice's word for its end; ``None`` if there is none.

    OpenRouter gives an upstream server's word, too: where that one tells of a limit or a filter, it counts.

    Raises:
        ResponseError: The choice reports an error.
    """
    word = choice.get("finish_reason")
    if word == "error" or choice.get("error"):
        raise reported_error(choice.get("error") or choice, source)
    if "native_finish_reason" in choice:
        native = text_or_none(choice["native_finish_reason"])
        if finish_reason_of(native) in (FinishReason.LENGTH, FinishReason.REFUSAL):
            return native
    return text_or_none(word)


def refusal_in(content: object) -> str | None:
    """The words of a refusal among the parts of a message's content."""
    if not isinstance(content, list):
        return None
    texts = (part.get("refusal") for part in content if isinstance(part, dict) and part.get("type") == "refusal")
    return "".join(text for text in texts if isinstance(text, str)) or None


def text_or_none(value: object) -> str | None:
    """A text that is not empty; ``None`` for anything else."""
    return value if isinstance(value, str) and value else None


def message_text(content: object) -> str | None:
    """The text of a message whose content is a text, or a list of parts (Mistral)."""
    if isinstance(content, str):
        return content or None
    if not isinstance(content, list):
        return None
    texts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "".join(text for text in texts if isinstance(text, str)) or None


def reasoning_of(message: Mapping[str, object]) -> str | None:
    """The visible reasoning of a message or a delta: a field of its own, or parts of the content (Mistral)."""
    for field in _REASONING_FIELDS:
        reasoning = message.get(field)
        if reasoning and isinstance(reasoning, str):
            return reasoning
    content = message.get("content")
    if not isinstance(content, list):
        return None
    thoughts = (part.get("thinking") for part in content if isinstance(part, dict) and part.get("type") == "thinking")
    return "".join(message_text(thought) or "" for thought in thoughts) or None
