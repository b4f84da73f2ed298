"""Streams of the Responses API as servers really send them, each with the calls in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.openai_replies import DONE, Call, JsonObject
from support.openai_responses import REASONING, WEB_SEARCH, events, message, output_items, typed_sse

A = '{"query": "a"}'
B = '{"query": "b"}'
_CALLS: list[Call] = [("Search", A), ("Search", B)]
_BOTH = output_items(_CALLS)


@dataclass(frozen=True)
class ResponsesStream:
    """A body, and the calls in it: names and arguments."""

    source: str
    body: bytes
    calls: Sequence[tuple[str, Any]] = (("Search", A), ("Search", B))


def stream(items: Iterable[JsonObject] = _BOTH, change: Callable[[JsonObject], Any] = lambda event: event) -> bytes:
    """The events of a reply, each changed, or left out where ``change`` gives nothing."""
    changed = (change(event) for event in events(list(items)))
    return b"".join(typed_sse(event for event in changed if event is not None))


def without(*kinds: str) -> Callable[[JsonObject], JsonObject | None]:
    return lambda event: None if event["type"].removeprefix("response.") in kinds else event


def without_fields(*names: str) -> Callable[[JsonObject], JsonObject]:
    """Leave fields out of the events and of the items in them."""

    def change(event: JsonObject) -> JsonObject:
        item = event.get("item")
        changed = {key: value for key, value in event.items() if key not in names}
        if isinstance(item, dict):
            changed["item"] = {key: value for key, value in item.items() if key not in names}
        return changed

    return change


def at_index(place: Callable[[int], int]) -> Callable[[JsonObject], JsonObject]:
    return lambda event: {**event, "output_index": place(event["output_index"])} if "output_index" in event else event


def no_final_output(event: JsonObject) -> JsonObject:
    if event["type"] != "response.completed":
        return event
    return {**event, "response": {**event["response"], "output": []}}


def one_call_id(event: JsonObject) -> JsonObject:
    return {**event, "item": {**event["item"], "call_id": "x"}} if "item" in event else event


def ends_with_done(event: JsonObject) -> JsonObject:
    if event["type"] != "response.completed":
        return event
    response = {key: value for key, value in event["response"].items() if key != "status"}
    return {**event, "type": "response.done", "response": response}


def in_turns(change: Callable[[JsonObject], JsonObject | None]) -> Iterator[JsonObject]:
    """Two calls whose events come in turns."""
    opening, following, *rest, end = events(_BOTH)
    half = len(rest) // 2
    for event in (opening, following, *(one for pair in zip(rest[:half], rest[half:], strict=True) for one in pair)):
        changed = change(event)
        if changed is not None:
            yield changed
    yield no_final_output(end)


def only_the_end(event: JsonObject) -> JsonObject | None:
    return event if event["type"] == "response.completed" else None


def as_object(event: JsonObject) -> JsonObject:
    changed = dict(event)
    if isinstance(changed.get("arguments"), str):
        changed["arguments"] = {"query": changed["arguments"][11]}
    if isinstance(changed.get("item"), dict) and changed["item"].get("arguments"):
        changed["item"] = {**changed["item"], "arguments": {"query": changed["item"]["arguments"][11]}}
    return changed


def chained(*changes: Callable[[Any], JsonObject | None]) -> Callable[[JsonObject], JsonObject | None]:
    def change(event: JsonObject) -> JsonObject | None:
        changed: JsonObject | None = event
        for one in changes:
            changed = None if changed is None else one(changed)
        return changed

    return change


def _without_type(event: bytes) -> bytes:
    line, data, *_ = event.split(b"\n")
    return line + b"\n" + data.replace(b'"type":"response.', b'"kind":"response.', 1) + b"\n\n"


_WRAPPER: Call = (
    "multi_tool_use.parallel",
    {"tool_uses": [{"recipient_name": "functions.Search", "parameters": {"query": "a"}}]},
)

RESPONSES_STREAMS: Mapping[str, ResponsesStream] = {
    "as documented": ResponsesStream("OpenAI API description", stream()),
    "between reasoning, text and a search of the server": ResponsesStream(
        "OpenAI API description", stream([REASONING, message("Hm."), _BOTH[0], WEB_SEARCH, _BOTH[1]])
    ),
    "no output_item.added": ResponsesStream(
        "openai-python, stream helper", stream(change=without("output_item.added"))
    ),
    "no output_item.done": ResponsesStream("servers of others", stream(change=without("output_item.done"))),
    "no name in arguments.done": ResponsesStream(
        "servers before 2025",
        stream(change=lambda event: without_fields("name")(event) if "item" not in event else event),
    ),
    "deltas only": ResponsesStream(
        "servers of others",
        stream(change=without("function_call_arguments.done", "output_item.done")),
    ),
    "done events only": ResponsesStream(
        "servers of others", stream(change=without("output_item.added", "function_call_arguments.delta"))
    ),
    "item.done only, and no final output": ResponsesStream(
        "servers of others",
        stream(
            change=chained(
                without("output_item.added", "function_call_arguments.delta", "function_call_arguments.done"),
                no_final_output,
            )
        ),
    ),
    "the final response only": ResponsesStream("servers that cannot stream", stream(change=only_the_end)),
    "an empty final output": ResponsesStream("openai-python, stream helper", stream(change=no_final_output)),
    "a sparse output_index": ResponsesStream(
        "openai-python, stream helper", stream(change=at_index(lambda index: 3 * index + 2))
    ),
    "every output_index is 0": ResponsesStream("as ollama#15457 for chat", stream(change=at_index(lambda index: 0))),
    "every output_index is 0, no item ids": ResponsesStream(
        "as ollama#15457 for chat", stream(change=chained(without_fields("id", "item_id"), at_index(lambda index: 0)))
    ),
    "every output_index is 0, after a message, and no output_item.added": ResponsesStream(
        "as ollama#15457 for chat",
        stream(
            [message("Hm."), *_BOTH],
            lambda event: (
                None
                if event.get("item", {}).get("status") == "in_progress" and "arguments" in event["item"]
                else at_index(lambda index: 0)(event)
            ),
        ),
    ),
    "one call id for all, and no final output": ResponsesStream(
        "as OpenRouterTeam/ai-sdk-provider#471 for chat", stream(change=chained(one_call_id, no_final_output))
    ),
    "one call id for all, no output_index, and no final output": ResponsesStream(
        "as OpenRouterTeam/ai-sdk-provider#471 for chat",
        stream(change=chained(one_call_id, no_final_output, without_fields("output_index"))),
    ),
    "one call id for all, every output_index is 0, in turns": ResponsesStream(
        "as OpenRouterTeam/ai-sdk-provider#471 and ollama#15457 for chat",
        b"".join(typed_sse(in_turns(chained(one_call_id, at_index(lambda index: 0))))),
    ),
    "response.done, without a status": ResponsesStream("can1357/oh-my-pi#4692", stream(change=ends_with_done)),
    "no output_index": ResponsesStream("servers of others", stream(change=without_fields("output_index"))),
    "no item ids": ResponsesStream("llama.cpp#24882, opencode#45081", stream(change=without_fields("id", "item_id"))),
    "no item ids and no output_index": ResponsesStream(
        "llama.cpp#24882", stream(change=without_fields("id", "item_id", "output_index"))
    ),
    "no status": ResponsesStream("servers of others", stream(change=without_fields("status"))),
    "items without a type": ResponsesStream(
        "our random servers, number 187002583833566",
        stream(
            change=lambda event: (
                {**event, "item": {key: value for key, value in event["item"].items() if key != "type"}}
                if "item" in event
                else event
            )
        ),
    ),
    "arguments as an object": ResponsesStream(
        "as llama.cpp#20198 for chat",
        stream(change=chained(without("function_call_arguments.delta"), as_object)),
        [("Search", {"query": "a"}), ("Search", {"query": "b"})],
    ),
    "no arguments": ResponsesStream(
        "as vercel/ai#14722 for chat", stream(output_items([("Ping", "")])), [("Ping", "")]
    ),
    "a wrapper for parallel calls": ResponsesStream(
        "OpenAI community, thread 490653",
        stream(output_items([_WRAPPER, ("Search", B)])),
        [("Search", {"query": "a"}), ("Search", B)],
    ),
    "an unknown event and unknown fields": ResponsesStream(
        "new versions of the API",
        b'event: response.new\ndata: {"type": "response.new", "x": [1]}\n\n' + stream(),
    ),
    "the type only in the event line": ResponsesStream(
        "servers of others", b"".join(map(_without_type, typed_sse(events(_BOTH))))
    ),
    "[DONE] at the end": ResponsesStream("servers of others", stream() + DONE),
    "[DONE] in place of response.completed": ResponsesStream(
        "servers of others", stream(change=without("completed")) + DONE
    ),
    "keep-alives": ResponsesStream("opencode#50871", b"data: : keepalive\n\n: ping\n\n" + stream()),
    "CRLF": ResponsesStream("the SSE standard", stream().replace(b"\n", b"\r\n")),
    "no blank line at the end": ResponsesStream("routstr-core#543", stream().rstrip()),
}
