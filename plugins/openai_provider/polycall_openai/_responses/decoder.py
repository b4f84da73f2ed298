"""From the typed events of a streamed response to calls, and at the end to the whole reply.

Documented: the events (OpenAI API description, ``ResponseStreamEvent``). Servers that are not OpenAI leave out
``output_item.added``, ids, or the final ``output``, and give gaps in ``output_index`` (llama.cpp#24882,
anomalyco/opencode#45081), so the reply is built of whatever events there are; the final response only fills in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from polycall.plugin import ArgumentsDelta, Reply, Request, TextDelta
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
from polycall_openai._streaming.event_decoder import EventDecoder
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._tool_calls import CallFactory, RawCall, clean_arguments
from polycall_openai._tools import payload_of

if TYPE_CHECKING:
    from polycall.plugin import StreamDecoder

_CALL_TYPES = frozenset({"function_call", "custom_tool_call"})


class _ItemCall(OpenCall):
    """A call, from the item that it is."""

    __slots__ = ("final", "incomplete", "item")

    def __init__(self, type_: str) -> None:
        super().__init__()
        self.item: JsonObject = {"type": type_}
        self.final: str | Mapping[str, object] = ""
        """What a done event said, which counts more than the deltas."""
        self.incomplete = False

    def is_nothing(self) -> bool:
        return not self.name and not self.id and not self.final and self.text.is_blank

    def arguments(self) -> str | Mapping[str, object]:
        return self.final or clean_arguments(self.text.text())

    def whole_item(self) -> JsonObject:
        field = "arguments" if self.item["type"] == "function_call" else "input"
        return {**self.item, "call_id": self.id, "name": self.name, field: self.arguments()}

    def raw(self) -> RawCall:
        item = self.whole_item()
        return raw_call(item) or RawCall(self.id, self.name, self.arguments(), item)


class _ItemCalls(OpenCalls[_ItemCall]):
    """The calls of a response."""

    def begin(self, type_: str) -> _ItemCall:
        call = _ItemCall(type_)
        self._calls.append(call)
        return call

    def know(self, call: _ItemCall, item: Mapping[str, object]) -> None:
        """Take from an item or a done event what it says of the call itself."""
        call.id = call.id or text_or_none(item.get("call_id"))
        name = text_or_none(item.get("name"))
        if name is not None and not call.done:
            call.name = name
        if call.name and call.index is None:
            self.place()
        if self._report_deltas and not call.announced:
            self.announce(call)

    def grow(self, call: _ItemCall, piece: str) -> None:
        call.text.append(piece)
        if not self._report_deltas:
            return
        if call.announced:
            self.events.append(ArgumentsDelta(call.index or 0, piece))
        else:
            self.announce(call)

    def settle(self, call: _ItemCall, arguments: object) -> None:
        """The protocol's own done event names the arguments."""
        final = clean_arguments(arguments)
        if call.done or not final:
            return
        if call.announced and call.text.is_blank and isinstance(final, str):
            self.events.append(ArgumentsDelta(call.index or 0, final))
        call.final = final

    def is_cut_off(self, call: _ItemCall, *, whole: bool, truncated: bool) -> bool:
        return not whole or truncated or call.incomplete


class _Slot:
    """One output item, as far as it is known."""

    __slots__ = ("call", "call_id", "done", "id", "item", "refusal", "text")

    def __init__(self) -> None:
        self.id: str | None = None
        self.call_id: str | None = None
        self.item: JsonObject | None = None
        """As ``output_item.added`` had it, then as ``output_item.done`` has it."""
        self.done = False
        self.call: _ItemCall | None = None
        self.text: list[str] = []
        self.refusal: list[str] = []

    def is_other_than(self, item: JsonObject) -> bool:
        """Whether an item that is announced is another than the one that is here."""
        if self.item is None:
            return False
        return any(
            mine and given and mine != given
            for mine, given in ((self.id, item.get("id")), (self.call_id, item.get("call_id")))
        )

    def whole_item(self) -> JsonObject | None:
        """The item for the history; ``None`` if too little of it came."""
        if self.call is not None:
            return self.call.whole_item()
        if self.item is not None and self.done:
            return self.item
        content = [{"type": "output_text", "text": "".join(self.text), "annotations": []}] if self.text else []
        content += [{"type": "refusal", "refusal": "".join(self.refusal)}] if self.refusal else []
        if not content:
            return None
        made: JsonObject = {"type": "message", "role": "assistant", "status": "completed", "content": content}
        return made if self.id is None else {**made, "id": self.id}


def create_decoder(server: Server, request: Request) -> ResponsesDecoder:
    """Create a decoder for one streamed reply."""
    return ResponsesDecoder(server, request)


class ResponsesDecoder(EventDecoder):
    """Decodes one streamed response.

    A call is complete when its ``output_item.done`` has come without the status ``incomplete``, or when the response
    is complete. The end is ``response.completed`` or ``response.incomplete``, or ``[DONE]`` from servers that borrow
    it from Chat Completions.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self._calls = _ItemCalls(CallFactory(payload_of(request)), report_deltas=request.report_deltas)
        super().__init__(server.errors, self._calls)
        self._report_deltas = request.report_deltas
        self._slots: list[_Slot] = []
        self._by_index: dict[int, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}
        self._response: JsonObject = {}
        self._ending: Ending | None = None
        self._handlers: dict[object, Callable[[JsonObject], None]] = {
            "response.created": self._on_response,
            "response.in_progress": self._on_response,
            "response.output_item.added": self._on_added,
            "response.output_item.done": self._on_done,
            "response.function_call_arguments.delta": self._on_arguments,
            "response.function_call_arguments.done": self._on_arguments_done,
            "response.custom_tool_call_input.delta": self._on_input,
            "response.custom_tool_call_input.done": self._on_input_done,
            "response.output_text.delta": self._on_text,
            "response.refusal.delta": self._on_refusal,
        }

    def _whole_reply(self, body: bytes) -> Reply:
        return extract_reply(self._server, self._request, body, None)

    def _take_object(self, event: JsonObject, data: bytes) -> None:
        kind = event.get("type")
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(event)
        elif kind in ("response.completed", "response.incomplete", "response.failed", "response.cancelled"):
            self._on_end(event, str(kind), data or repr(event))
        elif kind == "error":
            raise reported_error(event, data or repr(event))
        elif "choices" in event:
            what = "the stream is of Chat Completions, which api='chat' speaks"
            raise self._errors.not_the_protocol(what, data or repr(event))

    def _grown_by(self, value: JsonObject) -> OpenCall | None:
        if value.get("type") != "response.function_call_arguments.delta" or not isinstance(value.get("delta"), str):
            return None
        call = self._slot(value).call
        return None if call is None or call.done else call

    @staticmethod
    def _find_holders(value: JsonObject) -> Mapping[str, JsonObject]:
        keys = [key for key in ("delta", "sequence_number", "obfuscation") if isinstance(value.get(key), (str, int))]
        return dict.fromkeys(keys, value)

    # Which item an event belongs to

    def _slot(self, event: JsonObject, item: JsonObject | None = None, *, begins: bool = False) -> _Slot:
        """By ``output_index``, then by the item's id, then by what came last."""
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
            slot = _Slot()
            self._slots.append(slot)
        if isinstance(index, int):
            self._by_index[index] = slot
        if id_ is not None:
            slot.id = slot.id or id_
            self._by_id[id_] = slot
        return slot

    def _call(self, slot: _Slot, type_: str) -> _ItemCall:
        if slot.call is None:
            slot.call = self._calls.begin(type_)
            if slot.id is not None:
                slot.call.item["id"] = slot.id
        return slot.call

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

    def _on_arguments(self, event: JsonObject) -> None:
        call = self._call(self._slot(event), "function_call")
        piece = event.get("delta")
        if isinstance(piece, str) and piece and not call.done:
            self._calls.grow(call, piece)
        elif isinstance(piece, dict):
            self._calls.settle(call, piece)

    def _on_arguments_done(self, event: JsonObject) -> None:
        call = self._call(self._slot(event), "function_call")
        self._calls.know(call, event)  # the name is here since 2025; older servers have it in the item only
        self._calls.settle(call, event.get("arguments"))

    def _on_input(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str) and piece:
            self._calls.grow(self._call(self._slot(event), "custom_tool_call"), piece)

    def _on_input_done(self, event: JsonObject) -> None:
        self._calls.settle(self._call(self._slot(event), "custom_tool_call"), event.get("input"))

    def _on_text(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str) and piece:
            self._slot(event).text.append(piece)
            if self._report_deltas:
                self._calls.events.append(TextDelta(piece))

    def _on_refusal(self, event: JsonObject) -> None:
        piece = event.get("delta")
        if isinstance(piece, str):
            self._slot(event).refusal.append(piece)

    def _on_end(self, event: JsonObject, kind: str, data: bytes | str) -> None:
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        raise_if_error(response, data)
        self._response = {**response, "status": response.get("status") or kind.removeprefix("response.")}
        limit = hidden_limit(self._server, self._request)
        cut = reached(read_usage(self._response.get("usage")), limit)
        self._ending = read_ending(self._response, data, cut=cut)
        output = response.get("output")
        for at, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                self._fill_in(at, item)

    def _fill_in(self, position: int, item: JsonObject) -> None:
        """Take from the final response what no event has said."""
        ids = {id_ for id_ in (item.get("id"), item.get("call_id")) if id_}
        slot = next((slot for slot in self._slots if ids & {slot.id, slot.call_id}), None)
        if slot is None and position < len(self._slots):
            nameless = self._slots[position]
            slot = nameless if nameless.item is None or not ids or not (nameless.id or nameless.call_id) else None
        if slot is None:
            slot = _Slot()
            self._slots.append(slot)
        if not slot.done:
            self._take_done_item(slot, item)

    def _take_item(self, slot: _Slot, item: JsonObject) -> None:
        slot.item = item
        slot.id = slot.id or text_or_none(item.get("id"))
        slot.call_id = slot.call_id or text_or_none(item.get("call_id"))
        type_ = item.get("type")
        if isinstance(type_, str) and type_ in _CALL_TYPES:
            call = self._call(slot, type_)
            call.item.update({key: value for key, value in item.items() if value is not None})
            self._calls.know(call, item)

    def _take_done_item(self, slot: _Slot, item: JsonObject) -> None:
        self._take_item(slot, item)
        slot.done = True
        call = slot.call
        if call is None or call.done:
            return
        call.id = call.id or call_id(item)
        self._calls.settle(call, item.get("arguments") if "arguments" in item else item.get("input"))
        if item.get("status") == "incomplete":
            call.incomplete = True
        else:
            self._calls.complete(call)

    def _reply(self) -> Reply:
        ending = self._ending
        whole = (ending is not None and ending.known) or (ending is None and self._done)
        truncated = ending is not None and ending.truncated
        tool_calls, cut_off = self._calls.finish(whole=whole, truncated=truncated)
        output = []
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
            whole=whole,
            turn=make_turn(self._request, response, output),
            raw_response=None if ending is None else lambda: _sdk_object(response),
        )


def _sdk_object(response: JsonObject) -> object:
    from openai.types.responses import Response

    return Response.construct(**response)  # type: ignore[arg-type]


if TYPE_CHECKING:
    _decoder_is_one: type[StreamDecoder[bytes | JsonObject]] = ResponsesDecoder
