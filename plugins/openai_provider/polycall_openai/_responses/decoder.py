"""From the typed events of a streamed response to its reply.

Documented: the events (OpenAI API description, ``ResponseStreamEvent``). Servers that are not OpenAI leave out
``output_item.added``, ids, or the final ``output``, and give gaps in ``output_index`` (llama.cpp#24882,
anomalyco/opencode#45081), or a new item id with each event (vercel/ai#18548, mistral.rs#1944, litellm#36375), so the
reply is built from whatever events there are; the final response only adds to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from polycall.plugin import JsonObject, ReasoningDelta, Reply, Request, TextDelta, json_object, json_text
from polycall_openai._options import hidden_limit, reached
from polycall_openai._responses.reply import (
    NOT_AN_ITEM,
    Ending,
    as_documented,
    each_once,
    extract_reply,
    make_reply,
    read_ending,
)
from polycall_openai._responses.turn import OutputItem, call_id
from polycall_openai._servers.reply_errors import raise_if_error, reported_error
from polycall_openai._servers.server import Server
from polycall_openai._servers.usage import read_usage
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._streaming.reply_decoder import ReplyDecoder

_CALL_TYPES = frozenset({"function_call", "custom_tool_call"})
_SAYS_SOMETHING = frozenset({"item", "delta", "arguments", "input", "text", "part"})
_VARYING = ("delta", "sequence_number", "obfuscation")
_TERMINAL = frozenset({"completed", "incomplete", "failed", "cancelled"})
_ENDS = frozenset({f"response.{status}" for status in (*_TERMINAL, "done")})


def create_decoder(server: Server, request: Request) -> ReplyDecoder:
    """Create a decoder for one streamed reply."""
    return ReplyDecoder(server.errors, StreamedResponse(server, request))


def _item_of(call: OpenCall) -> JsonObject:
    field = "input" if call.is_custom else "arguments"
    return {**call.entry, "call_id": call.id, "name": call.name, field: call.arguments()}


def _is_cut_off(call: OpenCall, truncated: bool, is_last: bool) -> bool:
    return truncated or call.entry.get("status") == "incomplete"


class _OutputItem:
    """One item of the output, as far as it is known.

    Attributes:
        id: The item's; the first that was given.
        call_id: The call's.
        index: The first ``output_index`` that was given.
        item: Of ``output_item.added``, then of ``output_item.done``.
        done: ``output_item.done`` has come.
        call: The call that it is.
        text: Pieces of a message.
        refusal: Pieces of a refusal.
        reasoning: Pieces of a summary, or of the reasoning itself.
    """

    __slots__ = ("call", "call_id", "done", "id", "index", "item", "reasoning", "refusal", "text")

    def __init__(self) -> None:
        self.id: str | None = None
        self.call_id: str | None = None
        self.index: int | None = None
        self.item: JsonObject | None = None
        self.done = False
        self.call: OpenCall | None = None
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.reasoning: list[str] = []

    @property
    def type(self) -> str | None:
        """The item's type, as far as it is known."""
        if self.item is not None:
            return json_text(self.item, "type")
        if self.call is not None:
            return "custom_tool_call" if self.call.is_custom else "function_call"
        return "message" if self.text or self.refusal else "reasoning" if self.reasoning else None

    def may_be(self, item: JsonObject, *, begins: bool) -> bool:
        """Whether an item, with an id that is not known, may be this one: by what does not change on the way.

        Args:
            item: The item.
            begins: The item is announced, so it is not one that was announced before.
        """
        type_, given = json_text(item, "type"), json_text(item, "call_id")
        if self.type is not None and type_ is not None and type_ != self.type:
            return False
        if self.call_id and given:
            return self.call_id == given
        return not self.done and not (begins and self.item is not None)

    def whole_item(self) -> JsonObject | None:
        """The item for the history; ``None`` if too little of it is known."""
        if self.call is not None:
            return _item_of(self.call)
        if self.item is not None and self.done:
            return self.item
        if self.reasoning:
            summary = [{"type": "summary_text", "text": "".join(self.reasoning)}]
            made: JsonObject = {"type": "reasoning", "summary": summary}
            return made if self.id is None else {**made, "id": self.id}
        content = [{"type": "output_text", "text": "".join(self.text), "annotations": []}] if self.text else []
        content += [{"type": "refusal", "refusal": "".join(self.refusal)}] if self.refusal else []
        if not content:
            return None
        made = {"type": "message", "role": "assistant", "status": "completed", "content": content}
        return made if self.id is None else {**made, "id": self.id}


class StreamedResponse:
    """One streamed response.

    A call is complete when its ``output_item.done`` has come without the status ``incomplete``, or when the response
    is complete. The end is any event with a response whose status is final (``response.completed``,
    ``response.incomplete``; ``response.done`` of can1357/oh-my-pi#4692), or ``[DONE]`` from servers that borrow it from
    Chat Completions.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self.calls = OpenCalls(server, request, _is_cut_off)
        self.is_over = False
        self._slots: list[_OutputItem] = []
        self._by_index: dict[int, _OutputItem] = {}
        self._shares_index = False  # several items have the same one
        self._by_id: dict[str, _OutputItem] = {}
        self._by_call_id: dict[str, _OutputItem] = {}
        self._response: JsonObject = {}
        self._ending: Ending | None = None
        self._untyped: object = None
        """An event that says something, and not of which type it is; the final response may say it again."""
        self._handlers: dict[object, Callable[[JsonObject], None]] = {
            "response.created": self._on_response,
            "response.in_progress": self._on_response,
            "response.output_item.added": self._on_added,
            "response.output_item.done": self._on_done,
            "response.function_call_arguments.delta": self._on_piece,
            "response.function_call_arguments.done": self._on_arguments,
            "response.custom_tool_call_input.delta": self._on_piece,
            "response.custom_tool_call_input.done": self._on_arguments,
            "response.output_text.delta": self._on_text,
            "response.refusal.delta": self._on_refusal,
            "response.reasoning_summary_text.delta": self._on_reasoning,
            "response.reasoning_text.delta": self._on_reasoning,
        }

    def handle(self, event: JsonObject, source: object) -> None:
        """Take one event."""
        kind = event.get("type")
        if type(kind) is not str and kind is not None:
            raise self._server.errors.not_the_protocol("the type of an event is not a text", source)
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(event)
        elif kind in _ENDS or json_text(event.get("response"), "status") in _TERMINAL:
            self._on_end(event, str(kind), source)
        elif kind == "error":
            raise reported_error(event, source)
        elif not kind and not _SAYS_SOMETHING.isdisjoint(event):
            self._untyped = source
        elif "choices" in event:
            problem = "the stream is of Chat Completions, which api='chat' speaks"
            raise self._server.errors.not_the_protocol(problem, source)

    def extended_call(self, event: JsonObject) -> OpenCall | None:
        """The call whose arguments an event added a piece to."""
        if event.get("type") != "response.function_call_arguments.delta" or not isinstance(event.get("delta"), str):
            return None
        call = self._slot(event).call
        return None if call is None or call.done else call

    @staticmethod
    def varying_values(event: JsonObject) -> Mapping[str, JsonObject]:
        """The values in which such events differ."""
        return {key: event for key in _VARYING if isinstance(event.get(key), (str, int))}

    def reply(self, *, saw_done: bool) -> Reply:
        """Build the reply."""
        ending = self._ending
        if self._untyped is not None and not self._response.get("output"):
            raise self._server.errors.not_the_protocol("an event of the stream has no type", self._untyped)
        saw_end = saw_done if ending is None else True
        truncated = ending is not None and ending.truncated
        for slot in self._slots:
            if slot.call is not None and slot.call.text.is_blank and slot.item is not None:
                self.calls.set_final_arguments(slot.call, slot.item.get("arguments"))  # only when it was announced
        tool_calls, cut_off = self.calls.finish(saw_end=saw_end, truncated=truncated)
        output: list[OutputItem] = []
        by_call: dict[int, _OutputItem] = {id(slot.call): slot for slot in self._slots if slot.call is not None}
        for slot in self._slots:
            item = slot.whole_item()
            if item is not None:
                output.append(OutputItem(item, slot.call.made or () if slot.call is not None else ()))
        # Two values of one item that turned out to be two calls.
        output += [
            OutputItem({"type": "function_call", **_item_of(call)}, call.made or ())
            for call in self.calls.calls
            if id(call) not in by_call and call.made
        ]
        response = self._response
        return make_reply(
            self._server,
            self._request,
            response,
            output,
            tool_calls,
            cut_off,
            ending,
            saw_end=saw_done,
            raw_response=None if ending is None else lambda: _sdk_object(response),
        )

    def whole_reply(self, body: bytes) -> Reply:
        """Read a body that is not a stream."""
        return extract_reply(self._server, self._request, body, None)

    # Which item an event belongs to

    def _slot(self, event: JsonObject, item: JsonObject | None = None, *, begins: bool = False) -> _OutputItem:
        """By a known id of the item, the call's id, ``output_index``; else the last one.

        Ids of items count only if they are known: some servers give a new one with each event, others give every item
        the same ``output_index``.
        """
        index, id_ = event.get("output_index"), event.get("item_id") or (item or {}).get("id")
        id_ = id_ if isinstance(id_, str) else None
        slot = self._known(event if item is None else item, id_, index)
        if slot is not None and item is not None and slot.id != id_ and (slot.done or (begins and slot.item)):
            slot = None  # another call with the same id
        elif slot is None and isinstance(index, int):
            slot = self._by_index.get(index)
            if slot is not None and not (
                self._is_more_of(slot, event, id_) if item is None else slot.may_be(item, begins=begins)
            ):
                slot = None
        elif slot is None and id_ is None and self._slots and not begins:
            last = self._slots[-1]
            if item is None or last.may_be(item, begins=False):
                slot = last
        if slot is None:
            slot = self._add_slot()
        if isinstance(index, int):
            if slot.index is None:
                slot.index = index
            self._shares_index |= self._by_index.get(index, slot) is not slot
            self._by_index[index] = slot
        if id_:
            slot.id = slot.id or id_
            self._by_id[id_] = slot
        return slot

    def _known(self, source: JsonObject, id_: str | None, index: object = None) -> _OutputItem | None:
        """The item with the item's id, unless its call has another id; else the one with the call's id.

        Calls of one reply may have the same id (OpenRouterTeam/ai-sdk-provider#471): then ``output_index`` tells.
        """
        given = json_text(source, "call_id")
        slot = self._by_id.get(id_) if id_ else None
        if slot is not None and not (given and slot.call_id and slot.call_id != given):
            return slot
        slot = self._by_call_id.get(given) if given else None
        if slot is not None and isinstance(index, int) and slot.index is not None and slot.index != index:
            return None
        return slot

    def _is_more_of(self, slot: _OutputItem, event: JsonObject, id_: str | None) -> bool:
        """Whether an event, with an id that is not known, may be about the item that had its ``output_index`` last."""
        if str(event.get("type")).startswith(("response.function_call", "response.custom")):
            return slot.type in (None, *_CALL_TYPES) and not (self._shares_index and slot.done and id_)
        return not (self._shares_index and slot.done and id_)

    def _add_slot(self) -> _OutputItem:
        slot = _OutputItem()
        self._slots.append(slot)
        return slot

    def _call(self, slot: _OutputItem, type_: str) -> OpenCall:
        if slot.call is None:
            slot.call = self.calls.begin()
            slot.call.is_custom = type_ == "custom_tool_call"
            slot.call.entry = {"type": type_} if slot.id is None else {"type": type_, "id": slot.id}
        return slot.call

    def _call_of(self, event: JsonObject) -> OpenCall:
        """The call whose arguments or input an event is about."""
        is_custom = str(event["type"]).startswith("response.custom")
        return self._call(self._slot(event), "custom_tool_call" if is_custom else "function_call")

    # Events

    def _on_response(self, event: JsonObject) -> None:
        response = event.get("response")
        if isinstance(response, dict):
            self._response = response

    def _on_added(self, event: JsonObject) -> None:
        item = self._item(event.get("item"))
        if item is not None:
            self._take_item(self._slot(event, item, begins=True), item)

    def _on_done(self, event: JsonObject) -> None:
        item = self._item(event.get("item"))
        if item is not None:
            self._take_done_item(self._slot(event, item), item)

    def _item(self, given: object) -> JsonObject | None:
        """An item of the output; ``None`` if there is none."""
        if given is None:
            return None
        if not isinstance(given, dict) or not isinstance(given.get("type", ""), str | None):
            raise self._server.errors.not_the_protocol(NOT_AN_ITEM, given)
        return as_documented(given)

    def _on_piece(self, event: JsonObject) -> None:
        piece, call = event.get("delta"), self._call_of(event)
        if isinstance(piece, str):
            self.calls.grow(call, piece)
        elif isinstance(piece, dict):
            self.calls.set_final_arguments(call, piece)
        elif piece is not None:
            raise self._server.errors.not_the_protocol("a piece of arguments is not a text", event)

    def _on_arguments(self, event: JsonObject) -> None:
        call = self._call_of(event)
        self._update(call, event)  # the name is here since 2025; older servers have it in the item only
        self.calls.set_final_arguments(call, event.get("input" if call.is_custom else "arguments"))

    def _on_text(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str) and piece:
            self._slot(event).text.append(piece)
            if self._request.deltas:
                self.calls.events.append(TextDelta(piece))

    def _on_refusal(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str):
            self._slot(event).refusal.append(piece)

    def _on_reasoning(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str) and piece:
            self._slot(event).reasoning.append(piece)
            if self._request.deltas:
                self.calls.events.append(ReasoningDelta(piece))

    def _on_end(self, event: JsonObject, kind: str, source: object) -> None:
        response = json_object(event, "response") or {}
        raise_if_error(response, source)
        status = response.get("status") or kind.removeprefix("response.")
        self._response = {**response, "status": "completed" if status == "done" else status}
        limit = hidden_limit(self._server, self._request)
        cut = reached(read_usage(self._response.get("usage")), limit)
        self._ending = read_ending(self._response, source, cut=cut)
        self.is_over = True
        output = response.get("output")
        if output and not isinstance(output, list):
            raise self._server.errors.not_the_protocol("the output of the response is not a list", source)
        given = map(self._item, output if isinstance(output, list) else ())
        self._attach(each_once([item for item in given if item is not None]))

    def _attach(self, output: list[JsonObject]) -> None:
        """Attach the items of the final response to those that the events told of: by their ids, else in order."""
        unclaimed: dict[str | None, deque[_OutputItem]] = {}
        for slot in self._slots:
            unclaimed.setdefault(slot.type, deque()).append(slot)
        claimed: set[int] = set()
        for item in output:
            id_ = json_text(item, "id")
            found = self._known(item, id_) or self._same(item, id_)
            if found is None or id(found) in claimed:
                found = _next(unclaimed, claimed, item)
            if found is None:
                found = self._add_slot()
            claimed.add(id(found))
            if not found.done:
                self._take_done_item(found, item)

    def _same(self, item: JsonObject, id_: str | None) -> _OutputItem | None:
        """The item of an id that has the same call in it, whatever the call's id is."""
        slot = self._by_id.get(id_) if id_ else None
        call = None if slot is None else slot.call
        if call is None or call.name != json_text(item, "name") or not call.is_repeated_by(item.get("arguments")):
            return None
        return slot

    def _take_item(self, slot: _OutputItem, item: JsonObject) -> None:
        slot.item = item
        slot.id = slot.id or json_text(item, "id") or None
        if not slot.call_id and (given := json_text(item, "call_id")):
            slot.call_id = given
            self._by_call_id.setdefault(given, slot)
        type_ = item.get("type")
        if isinstance(type_, str) and type_ in _CALL_TYPES:
            call = self._call(slot, type_)
            call.is_custom = type_ == "custom_tool_call"
            call.entry.update({key: value for key, value in item.items() if value is not None})
            self._update(call, item)

    def _take_done_item(self, slot: _OutputItem, item: JsonObject) -> None:
        self._take_item(slot, item)
        slot.done = True
        call = slot.call
        if call is None or call.done:
            return
        call.id = call.id or call_id(item)
        self.calls.set_final_arguments(call, item.get("arguments") if "arguments" in item else item.get("input"))
        status = item.get("status")
        # Without a status a done event may also come for a call that was cut off.
        if status == "completed" or (status != "incomplete" and call.holds_object()):
            self.calls.complete(call)

    def _update(self, call: OpenCall, source: Mapping[str, object]) -> None:
        """Take a call's id and name from an item or an event."""
        call.id = call.id or json_text(source, "call_id") or None
        name = json_text(source, "name")
        if name and not call.done:
            call.name = name
        if call.name and call.index is None:
            self.calls.place()
        self.calls.announce(call)


def _next(
    unclaimed: Mapping[str | None, deque[_OutputItem]], claimed: set[int], item: JsonObject
) -> _OutputItem | None:
    """The first item of the same type that no other has claimed, unless the two are known to differ."""
    queue = unclaimed.get(json_text(item, "type"), deque())
    while queue and id(queue[0]) in claimed:
        queue.popleft()
    given = json_text(item, "call_id")
    if not queue or (given and queue[0].call_id and queue[0].call_id != given):
        return None
    return queue.popleft()


def _sdk_object(response: JsonObject) -> object:
    from openai.types.responses import Response

    return Response.construct(**response)  # type: ignore[arg-type]
