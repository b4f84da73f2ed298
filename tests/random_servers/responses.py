"""A server of the Responses API: documented freedoms, and the liberties that servers were seen to take.

A call is told by several events and once more by the final response: a random server leaves out whichever of them the
others make up for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from random_servers.chat import cut_off, encoded, sent_name
from random_servers.framing import MARK, Stream
from random_servers.liberties import Liberties
from random_servers.meant import Call, Ending, JsonObject, Meant, arguments_text

from support.openai_replies import ERROR_MESSAGE, error_body
from support.openai_responses import REASONING, WEB_SEARCH, message, response

WHOLE_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "refused", "error")
STREAM_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "missing", "refused", "error")

_UNKNOWN = ["network_error", "max_tool_calls", "word of tomorrow"]


def whole(meant: Meant, liberties: Liberties) -> object:
    """A reply that is not streamed."""
    if meant.ending == "error":
        return _ERROR_BODIES[liberties.pick("error body", list(_ERROR_BODIES), 2)]
    items = _Items(meant, liberties).items
    return _response(meant, liberties, items)


def streamed(meant: Meant, liberties: Liberties) -> Stream:
    """A streamed reply."""
    reply = _StreamedReply(meant, liberties)
    events = reply.events()
    return Stream(events, typed=True, done=reply.says_done)


_ERROR_BODIES: dict[str, object] = {
    "error object": error_body(ERROR_MESSAGE, type="server_error"),
    "error text": {"error": ERROR_MESSAGE},
    "failed": {**response(), "status": "failed", "error": {"code": "server_error", "message": ERROR_MESSAGE}},
    "cancelled": {**response(), "status": "cancelled"},
    "in an array": [{"error": {"code": 503, "message": ERROR_MESSAGE}}],
    "no output": {"id": "resp_1", "object": "response"},
    "null": None,
    "text": ERROR_MESSAGE,
}
_ERROR_EVENTS: dict[str, JsonObject] = {
    "error": {"type": "error", "code": "server_error", "message": ERROR_MESSAGE, "param": None},
    "error inside": {"type": "error", "error": {"type": "server_error", "message": ERROR_MESSAGE}},
    "failed": {
        "type": "response.failed",
        "response": {**response(), "status": "failed", "error": {"code": "server_error", "message": ERROR_MESSAGE}},
    },
    "cancelled": {"type": "response.cancelled", "response": {**response(), "status": "cancelled"}},
    "error object": error_body(ERROR_MESSAGE, type="server_error"),
}


class _Items:
    """The output items of a reply."""

    def __init__(self, meant: Meant, liberties: Liberties) -> None:
        self.meant = meant
        self.liberties = liberties
        self.ids = liberties.pick("item ids", ["given", "missing", "null", "changing"])
        self.call_ids = liberties.pick("call ids", ["given", "missing", "empty", "all the same", "odd"], 0.4)
        if self.ids == "changing" and self.call_ids != "given":
            self.ids = "given"
        self.items: list[JsonObject] = []
        self.calls: list[JsonObject] = []
        """Those of them that are calls."""
        self._make()

    def _make(self) -> None:
        meant, liberties = self.meant, self.liberties
        if meant.reasoning:
            self.items.append({**REASONING, "summary": [{"type": "summary_text", "text": meant.reasoning}]})
        after = bool(meant.text) and liberties.takes("text after the calls", 0.3) and meant.ending != "cut"
        if meant.text and not after:
            self.items.append(message(meant.text))
        for number, call in enumerate(meant.sent(liberties)):
            item = self._item(number, call)
            self.calls.append(item)
            self.items.append(item)
            if meant.ending == "cut" and call is meant.calls[-1]:
                break  # nothing comes after a call that is cut off
            if liberties.takes("tools of the server", 0.1):
                self.items.append({**WEB_SEARCH, "id": f"ws_{number}"})
            if liberties.takes("items of unknown types", 0.1):
                self.items.append({"type": "item_of_tomorrow", "id": f"it_{number}", "payload": [1]})
        if after:
            self.items.append(message(meant.text))
        if meant.ending == "refused" and liberties.takes("a refusal in words", 1):
            self.items.append({**message(refusal="I will not."), "id": "msg_02"})
        for number, item in enumerate(self.items):
            self._identify(number, item)

    def _identify(self, number: int, item: JsonObject) -> None:
        if self.ids == "missing":
            item.pop("id", None)
        elif self.ids == "null":
            item["id"] = None
        else:
            item["id"] = f"{item['type'][:2]}_{number}"

    def _item(self, number: int, call: Call) -> JsonObject:
        liberties, meant = self.liberties, self.meant
        last = number == len(meant.calls) - 1
        cut = last and meant.ending in ("cut", "missing")
        text = arguments_text(call, liberties)
        made: JsonObject = {
            MARK: number,
            "id": "",
            "type": "function_call",
            "status": "incomplete" if cut else "completed",
            "call_id": f"call_{number:024d}",
            "name": sent_name(call, liberties),
            "arguments": cut_off(text, liberties) if cut else encoded(call, text, liberties),
        }
        if not call.arguments and not call.fault and not cut:
            made["arguments"] = liberties.pick("no arguments as", ["{}", "", " ", None, "absent"])
            if made["arguments"] == "absent":
                del made["arguments"]
        if self.call_ids == "missing":
            del made["call_id"]
        elif self.call_ids == "empty":
            made["call_id"] = ""
        elif self.call_ids == "all the same":
            made["call_id"] = "call_0"
        elif self.call_ids == "odd":
            call.id = made["call_id"] = ["functions.read:{}", "c {}", "x" * 64 + "{}"][number % 3].format(number)
        else:
            call.id = made["call_id"]
        if liberties.takes("no status of items", 0.2):
            del made["status"]
            if meant.ending != "whole" and not cut and not call.arguments:
                made["arguments"] = "{}"  # without a status, nothing at all may be a call that was cut off
            if cut:
                meant.last_is_known = None  # a done event may come all the same
        if liberties.takes("unknown fields", 0.2):
            made |= {"namespace": None, "caller": {"type": "model"}}
        return made


def _response(meant: Meant, liberties: Liberties, items: Sequence[JsonObject]) -> JsonObject:
    """The whole response."""
    reasons = {"cut": ["max_output_tokens", "max_tokens", "length"], "refused": ["content_filter"], "unknown": _UNKNOWN}
    made = response(items, usage=_usage(meant, liberties))
    if meant.ending in reasons:
        says_refusal = any("refusal" in str(item.get("content")) for item in items)
        if not says_refusal:
            reason = liberties.pick("reason", reasons[meant.ending])
            made |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
        meant.last_is_known = None if meant.ending != "cut" else meant.last_is_known
    elif liberties.takes("no status of the response", 0.15):
        del made["status"]
    if liberties.takes("bare response", 0.1):
        kept = ("id", "object", "status", "output", "usage", "incomplete_details")
        made = {name: made[name] for name in kept if name in made}
    return made


def _usage(meant: Meant, liberties: Liberties) -> JsonObject | None:
    if meant.usage is None:
        return None
    given, made, cached = meant.usage
    usage: JsonObject = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    if cached is not None:
        usage["input_tokens_details"] = {"cached_tokens": cached}
    if liberties.takes("null details of the usage", 0.2):
        usage["output_tokens_details"] = None
    return usage


class _StreamedReply:
    """One streamed reply."""

    def __init__(self, meant: Meant, liberties: Liberties) -> None:
        self._meant = meant
        self._liberties = liberties
        self._made = _Items(meant, liberties)
        self.says_done = False
        self._choose()

    def _choose(self) -> None:
        liberties, made = self._liberties, self._made
        indexes = ["as documented", "with gaps"]
        if made.ids == "given":
            indexes += ["all 0", "missing", "null"]
        elif made.ids in ("missing", "null") and made.call_ids in ("given", "odd"):
            indexes += ["all 0", "missing"]
        # llama.cpp#24882, opencode#45081; new ids in each event: vercel/ai#18548, mistral.rs#1944, litellm#36375
        self._index = liberties.pick("output_index", indexes)
        self._is_certain = self._index in ("as documented", "with gaps") or made.ids == "given"
        named = made.call_ids in ("given", "odd")
        # Which events are left out; what is left must have the name, the id and the arguments of each call.
        leave_out: list[tuple[str, ...]] = [(), ("arguments.done",), ("delta",)]
        if self._is_certain:
            leave_out += [("item.done",), ("added",), ("arguments.done", "item.done"), ("arguments.done", "delta")]
            leave_out += [("added", "delta"), ("added", "arguments.done", "delta")]
        if named and self._index == "as documented":
            leave_out += [("added", "arguments.done", "delta", "item.done")]
        if self._meant.ending in ("missing", "error"):
            leave_out = [(), ("arguments.done",)]
        if self._meant.ending != "whole":  # without a done event there is no sign that a call is whole
            leave_out = [kinds for kinds in leave_out if "item.done" not in kinds]
        self._leave_out = liberties.pick("left out", leave_out)
        finals = ["full"]
        if "item.done" not in self._leave_out or not {"added", "arguments.done"} & set(self._leave_out):
            finals += ["empty", "absent", "null"]
        if "added" in self._leave_out and "item.done" in self._leave_out:
            finals = ["full"]
        self._final = liberties.pick("output of the final response", finals)

    def events(self) -> list[JsonObject | bytes]:
        meant, liberties = self._meant, self._liberties
        begun = {**response(), "status": "in_progress", "output": [], "usage": None}
        events: list[JsonObject] = []
        if not liberties.takes("no opening events", 0.2):
            events += [{"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")]
        each = [list(self._item_events(at, item)) for at, item in enumerate(self._made.items)]
        has_index = self._index in ("as documented", "with gaps")
        begins = has_index or "added" not in self._leave_out
        may_be = len(each) > 1 and begins and self._is_certain and self._made.ids != "changing"
        in_turns = may_be and liberties.takes("items in turns", 0.3)
        meant.in_turns = in_turns
        if in_turns and any(each):
            first, *rest = zip_longest(*each)
            events += [event for event in first if event is not None]
            events += [event for group in rest for event in group if event is not None]
        else:
            events += [event for group in each for event in group]
        if meant.ending == "error":
            at = liberties.dice("place of the error").randint(0, len(events))
            events = [*events[:at], _ERROR_EVENTS[liberties.pick("error event", list(_ERROR_EVENTS), 2)]]
        elif meant.ending != "missing":
            self._end(events)
        self._add_noise(events)
        numbered = not liberties.takes("no sequence numbers", 0.2)
        return [{**event, "sequence_number": number} if numbered else event for number, event in enumerate(events)]

    def _end(self, events: list[JsonObject]) -> None:
        meant, liberties = self._meant, self._liberties
        whole = _response(meant, liberties, self._made.items)
        incomplete = whole.get("status") == "incomplete"
        if self._final != "full":
            whole["output"] = [] if self._final == "empty" else None
            if self._final == "absent":
                del whole["output"]
        elif self._made.ids == "changing":
            whole["output"] = [{**item, "id": f"{item['id']}_end"} for item in self._made.items]
        if incomplete:
            name = liberties.pick("last event", ["response.incomplete", "response.done", "response.completed"], 0.3)
        else:
            endings = ["response.completed", "response.done"]  # oh-my-pi#4692
            if self._final != "full" or not self._leave_out:
                endings.append("[DONE] alone")
            name = liberties.pick("last event", endings, 0.4)
        if name == "[DONE] alone":
            self.says_done = True
            meant.usage = None
            return
        events.append({"type": name, "response": whole})
        self.says_done = liberties.takes("[DONE] too", 0.2)

    def _add_noise(self, events: list[JsonObject]) -> None:
        liberties = self._liberties
        noise: list[JsonObject] = [
            {"type": "response.new_of_tomorrow", "item_id": "x", "value": [1]},
            {"type": "keepalive"},
            {"type": "response.queued", "response": {"id": "r", "status": "queued"}},
            {"type": "response.rate_limits.updated", "rate_limits": []},
        ]
        if liberties.takes("unknown events", 0.3):
            dice = liberties.dice("unknown events")
            for _ in range(dice.randint(1, 3)):
                events.insert(dice.randint(0, max(0, len(events) - 1)), dict(dice.choice(noise)))

    def _where(self, at: int, item: JsonObject, event_number: int) -> JsonObject:
        where: JsonObject = {"output_index": {"with gaps": 3 * at + 2, "all 0": 0, "null": None}.get(self._index, at)}
        if self._index == "missing":
            del where["output_index"]
        if self._made.ids == "changing":
            where["item_id"] = f"{item['id']}_{event_number}"
        elif "id" in item:
            where["item_id"] = item["id"]
        return where

    def _item_events(self, at: int, item: JsonObject) -> Iterator[JsonObject]:
        kind = item["type"]
        if kind == "function_call":
            events = self._call_events(at, item)
        elif kind == "message":
            events = self._message_events(at, item)
        else:
            events = iter([self._item_event("added", at, item, 0), self._item_event("done", at, item, 1)])
        for event in events:
            name = event["type"].removeprefix("response.")
            if (
                kind == "function_call"
                and {
                    "output_item.added": "added",
                    "output_item.done": "item.done",
                    "function_call_arguments.done": "arguments.done",
                    "function_call_arguments.delta": "delta",
                }.get(name)
                in self._leave_out
            ):
                continue
            yield event

    def _item_event(self, kind: str, at: int, item: JsonObject, number: int, **changes: Any) -> JsonObject:
        where = self._where(at, item, number)
        item_id = where.pop("item_id", None)
        shown = {**item, **changes}
        if item_id is not None:
            shown["id"] = item_id
        return {"type": f"response.output_item.{kind}", **where, "item": shown}

    def _call_events(self, at: int, item: JsonObject) -> Iterator[JsonObject]:
        liberties = self._liberties
        arguments = item.get("arguments")
        begun: dict[str, Any] = {"status": "in_progress", "arguments": ""}
        begun["arguments"] = liberties.pick("arguments of an item that begins", ["", None, "{}"], 0.2)
        yield self._item_event("added", at, item, 0, **begun)
        number = 1
        if isinstance(arguments, str):
            pieces: list[Any] = list(liberties.cuts("pieces of the arguments", arguments))
        else:
            pieces = []
        for piece in pieces:
            where = self._where(at, item, number)
            yield {MARK: item[MARK], "type": "response.function_call_arguments.delta", **where, "delta": piece}
            number += 1
        cut = item.get("status") == "incomplete" or (
            self._meant.ending in ("cut", "missing") and item is self._made.calls[-1]
        )
        if cut and (self._meant.ending == "missing" or liberties.takes("no done events of a call that is cut off", 1)):
            return
        where = self._where(at, item, number)
        done: JsonObject = {"type": "response.function_call_arguments.done", **where, "arguments": arguments}
        done[MARK] = item[MARK]
        if not liberties.takes("no name in arguments.done", 0.4):
            done["name"] = item["name"]
        yield done
        yield self._item_event("done", at, item, number + 1)

    def _message_events(self, at: int, item: JsonObject) -> Iterator[JsonObject]:
        [part] = item["content"]
        field = "text" if part["type"] == "output_text" else "refusal"
        kind = "output_text" if field == "text" else "refusal"
        yield self._item_event("added", at, item, 0, status="in_progress", content=[])
        place = {**self._where(at, item, 1), "content_index": 0}
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        for piece in self._liberties.cuts("pieces of the text", part[field]):
            yield {"type": f"response.{kind}.delta", **place, "delta": piece}
        yield {"type": f"response.{kind}.done", **place, field: part[field]}
        yield self._item_event("done", at, item, 2)
