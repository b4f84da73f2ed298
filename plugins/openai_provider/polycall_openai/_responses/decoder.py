"""From the typed events of a streamed response to its reply.

Documented: the events (OpenAI API description, ``ResponseStreamEvent``). Servers that are not OpenAI leave out
``output_item.added``, ids, or the final ``output``, and give gaps in ``output_index`` (llama.cpp#24882,
anomalyco/opencode#45081), so the reply is built from whatever events there are; the final response only adds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from polycall.plugin import Reply, Request, TextDelta
from polycall_openai._json import JsonObject, raise_if_error, reported_error, text_or_none
from polycall_openai._request import hidden_limit, reached
from polycall_openai._responses.reply import (
    Ending,
    OutputItem,
    call_id,
    extract_reply,
    finish_reason,
    make_turn,
    raw_call,
    read_ending,
    read_usage,
    refusal_of,
    text_of,
)
from polycall_openai._servers.server import Server
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._streaming.reply_decoder import ReplyDecoder
from polycall_openai._tool_calls import CallFactory, RawCall
from polycall_openai._tools import payload_of

_CALL_TYPES = frozenset({"function_call", "custom_tool_call"})
_VARYING = ("delta", "sequence_number", "obfuscation")
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def create_decoder(server: Server, request: Request) -> ReplyDecoder:
    """Create a decoder for one streamed reply."""
    return ReplyDecoder(server.errors, StreamedResponse(server, request))


def _item_of(call: OpenCall) -> JsonObject:
    field = "input" if call.is_custom else "arguments"
    return {**call.entry, "call_id": call.id, "name": call.name, field: call.arguments()}


def _to_raw(call: OpenCall) -> RawCall:
    item = _item_of(call)
    return raw_call(item) or RawCall(call.id, call.name, call.arguments(), item)


def _is_cut_off(call: OpenCall, truncated: bool, is_last: bool) -> bool:
    return truncated or call.entry.get("status") == "incomplete"


class _OutputItem:
    """One item of the output, as far as it is known."""

    __slots__ = ("call", "call_id", "done", "id", "item", "refusal", "text")

    def __init__(self) -> None:
        self.id: str | None = None
        self.call_id: str | None = None
        self.item: JsonObject | None = None
        """Of ``output_item.added``, then of ``output_item.done``."""
        self.done = False
        self.call: OpenCall | None = None
        self.text: list[str] = []
        self.refusal: list[str] = []

    def is_other_than(self, item: JsonObject) -> bool:
        """Whether an announced item differs from this one."""
        if self.item is None:
            return False
        return any(
            mine and given and mine != given
            for mine, given in ((self.id, item.get("id")), (self.call_id, item.get("call_id")))
        )

    def whole_item(self) -> JsonObject | None:
        """The item for the history; ``None`` if too little of it is known."""
        if self.call is not None:
            return _item_of(self.call)
        if self.item is not None and self.done:
            return self.item
        content = [{"type": "output_text", "text": "".join(self.text), "annotations": []}] if self.text else []
        content += [{"type": "refusal", "refusal": "".join(self.refusal)}] if self.refusal else []
        if not content:
            return None
        made: JsonObject = {"type": "message", "role": "assistant", "status": "completed", "content": content}
        return made if self.id is None else {**made, "id": self.id}


class StreamedResponse:
    """One streamed response.

    A call is complete when its ``output_item.done`` has come without the status ``incomplete``, or when the response
    is complete. The end is ``response.completed`` or ``response.incomplete``, or ``[DONE]`` from servers that borrow
    it from Chat Completions.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        factory = CallFactory(payload_of(request))
        self.calls = OpenCalls(factory, _to_raw, _is_cut_off, report_deltas=request.report_deltas)
        self._slots: list[_OutputItem] = []
        self._by_index: dict[int, _OutputItem] = {}
        self._by_id: dict[str, _OutputItem] = {}
        self._response: JsonObject = {}
        self._ending: Ending | None = None
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
        }

    def handle(self, event: JsonObject, source: object) -> None:
        """Take one event."""
        kind = event.get("type")
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(event)
        elif kind in _ENDS:
            self._on_end(event, str(kind), source)
        elif kind == "error":
            raise reported_error(event, source)
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
        saw_end = saw_done if ending is None else ending.known
        truncated = ending is not None and ending.truncated
        tool_calls, cut_off = self.calls.finish(saw_end=saw_end, truncated=truncated)
        output: list[OutputItem] = []
        for slot in self._slots:
            item = slot.whole_item()
            if item is not None:
                output.append(OutputItem(item, slot.call.made or () if slot.call is not None else ()))
        items = [one.item for one in output]
        response = self._response
        return Reply(
            tool_calls=tool_calls,
            cut_off=cut_off,
            text=text_of(items),
            finish_reason=None if ending is None else finish_reason(ending, tool_calls),
            raw_finish_reason=None if ending is None else ending.raw_finish_reason,
            usage=read_usage(response.get("usage")),
            refusal=refusal_of(items),
            whole=saw_end,
            turn=make_turn(self._request, response, output),
            raw_response=None if ending is None else lambda: _sdk_object(response),
        )

    def whole_reply(self, body: bytes) -> Reply:
        """Read a body that is not a stream."""
        return extract_reply(self._server, self._request, body, None)

    # Which item an event belongs to

    def _slot(self, event: JsonObject, item: JsonObject | None = None, *, begins: bool = False) -> _OutputItem:
        """By ``output_index``, then by the item's id, then the last one."""
        index, id_ = event.get("output_index"), text_or_none(event.get("item_id") or (item or {}).get("id"))
        by_id = None if id_ is None else self._by_id.get(id_)
        slot = self._by_index.get(index) if isinstance(index, int) else by_id
        if slot is not None and by_id is not None and slot.id != id_:
            slot = by_id  # every item has the same index
        if item is not None and slot is not None and slot.is_other_than(item):
            slot = by_id if by_id is not slot else None
        if slot is None and not isinstance(index, int) and id_ is None and self._slots and not begins:
            last = self._slots[-1]
            if item is None or not (last.done or last.is_other_than(item)):
                slot = last
        if slot is None:
            slot = _OutputItem()
            self._slots.append(slot)
        if isinstance(index, int):
            self._by_index[index] = slot
        if id_ is not None:
            slot.id = slot.id or id_
            self._by_id[id_] = slot
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
        item = event.get("item")
        if isinstance(item, dict):
            self._take_item(self._slot(event, item, begins=True), item)

    def _on_done(self, event: JsonObject) -> None:
        item = event.get("item")
        if isinstance(item, dict):
            self._take_done_item(self._slot(event, item), item)

    def _on_piece(self, event: JsonObject) -> None:
        piece, call = event.get("delta"), self._call_of(event)
        if isinstance(piece, str):
            self.calls.grow(call, piece)
        elif isinstance(piece, dict):
            self.calls.set_final_arguments(call, piece)

    def _on_arguments(self, event: JsonObject) -> None:
        call = self._call_of(event)
        self._update(call, event)  # the name is here since 2025; older servers have it in the item only
        self.calls.set_final_arguments(call, event.get("input" if call.is_custom else "arguments"))

    def _on_text(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str) and piece:
            self._slot(event).text.append(piece)
            if self._request.report_deltas:
                self.calls.events.append(TextDelta(piece))

    def _on_refusal(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str):
            self._slot(event).refusal.append(piece)

    def _on_end(self, event: JsonObject, kind: str, source: object) -> None:
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        raise_if_error(response, source)
        self._response = {**response, "status": response.get("status") or kind.removeprefix("response.")}
        limit = hidden_limit(self._server, self._request)
        cut = reached(read_usage(self._response.get("usage")), limit)
        self._ending = read_ending(self._response, source, cut=cut)
        output = response.get("output")
        for at, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                self._attach_item(at, item)

    def _attach_item(self, position: int, item: JsonObject) -> None:
        """Attach an item of the final response, unless an event completed it."""
        ids = {id_ for id_ in (item.get("id"), item.get("call_id")) if id_}
        slot = next((slot for slot in self._slots if ids & {slot.id, slot.call_id}), None)
        if slot is None and position < len(self._slots):
            nameless = self._slots[position]
            slot = nameless if nameless.item is None or not ids or not (nameless.id or nameless.call_id) else None
        if slot is None:
            slot = _OutputItem()
            self._slots.append(slot)
        if not slot.done:
            self._take_done_item(slot, item)

    def _take_item(self, slot: _OutputItem, item: JsonObject) -> None:
        slot.item = item
        slot.id = slot.id or text_or_none(item.get("id"))
        slot.call_id = slot.call_id or text_or_none(item.get("call_id"))
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
        if item.get("status") != "incomplete":
            self.calls.complete(call)

    def _update(self, call: OpenCall, source: Mapping[str, object]) -> None:
        """Take a call's id and name from an item or an event."""
        call.id = call.id or text_or_none(source.get("call_id"))
        name = text_or_none(source.get("name"))
        if name is not None and not call.done:
            call.name = name
        if call.name and call.index is None:
            self.calls.place()
        self.calls.announce(call)


def _sdk_object(response: JsonObject) -> object:
    from openai.types.responses import Response

    return Response.construct(**response)  # type: ignore[arg-type]
