"""Decodes the chunks of one reply into tool calls; a reply that is not streamed is one chunk.

The protocol has no index: every part with a function call is a call, in every chunk (brainlid/langchain#620). A call
whose arguments come whole is complete with its part. A call whose arguments are streamed continues, in parts without a
name, until a part does not announce another (``willContinue``) or the reply ends regularly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from polycall import ResponseError
from polycall.plugin import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    FinishReason,
    Reply,
    Request,
    StreamEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from polycall_vertex._protocol.chunk import Chunk, FunctionCallPiece, Part
from polycall_vertex._protocol.conversation import EchoedCall, ModelTurn
from polycall_vertex._protocol.endings import refusal_of, unified_finish_reason, unreadable_call
from polycall_vertex._protocol.numbers import InexactNumberError, fix_numbers
from polycall_vertex._protocol.partial_arguments import PartialArguments, PartialArgumentsError
from polycall_vertex._protocol.tools import ToolPayload

RawT = TypeVar("RawT")

_NAME_PREFIXES = ("default_api.", "default_api:")
"""Namespaces that models put before a function's name (Gitlawb/openclaude#67)."""


@dataclass(slots=True)
class _OpenCall:
    """A call that is still incomplete."""

    index: int
    id: str
    name: str
    sent_name: str
    sent_id: str | None
    place: int
    """The index of its part in the model's turn."""
    args: object = None
    partial: PartialArguments | None = None
    extra: dict[str, object] = field(default_factory=dict)
    problem: str | None = None

    def take(self, part: Part, piece: FunctionCallPiece) -> None:
        if part.extra:
            self.extra.update(part.extra)
        if piece.args is not None:
            self.args = piece.args
        try:
            for one in piece.partial:
                if self.partial is None:
                    self.partial = PartialArguments(self.args if isinstance(self.args, dict) else None)
                self.partial.write(one)
        except PartialArgumentsError as error:
            self.problem = self.problem or str(error)

    def arguments(self) -> object:
        if self.partial is not None:
            try:
                return self.partial.value()
            except (PartialArgumentsError, RecursionError) as error:
                self.problem = self.problem or str(error)
                return {}
        # A call of a function without parameters has no arguments at all (vercel/ai#14847).
        return {} if self.args is None else self.args


class ReplyDecoder(Generic[RawT]):
    """Decodes one reply.

    Args:
        request: Its tools determine how arguments are read.
        read_chunk: Reads one of the SDK's own response objects.
        from_doubles: Whether the transport carries numbers as doubles.
        build_raw: Makes `Calls.raw_response` from all chunks.
    """

    def __init__(
        self,
        request: Request,
        read_chunk: Callable[[RawT], Chunk],
        *,
        from_doubles: bool,
        build_raw: Callable[[list[RawT]], object],
    ) -> None:
        self._read_chunk = read_chunk
        self._from_doubles = from_doubles
        self._build_raw = build_raw
        self._report_deltas = request.report_deltas
        self._schemas = {tool.name: tool.schema for tool in request.tools}
        payload = request.tool_payload
        self._restore = payload.restore if isinstance(payload, ToolPayload) else {}
        self._raw: list[RawT] = []
        self._complete: list[ToolCall] = []
        self._cut_off: list[ToolCall] = []
        self._open: _OpenCall | None = None
        self._began = 0
        self._ids: set[str] = set()
        self._turn: list[object] = []
        self._echoed: dict[int, EchoedCall] = {}
        self._dropped: set[int] = set()
        self._text: list[str] = []
        self._has_candidate = False
        self._finish_reason: str | None = None
        self._finish_message: str | None = None
        self._block_reason: str | None = None
        self._block_message: str | None = None
        self._usage: Callable[[], Usage] | None = None

    def feed(self, chunk: RawT) -> Iterable[StreamEvent]:
        """Take the next chunk; see `polycall.plugin.StreamDecoder.feed`."""
        self._raw.append(chunk)
        read = self._read_chunk(chunk)
        self._note_end(read)
        events: list[StreamEvent] = []
        for part in read.parts:
            if part.call is not None:
                self._take_call(part, part.call, events)
                continue
            self._turn.append(part.raw)
            if part.text:
                self._text.append(part.text)
                if self._report_deltas:
                    events.append(TextDelta(part.text))
        return events

    def finish(self, *, whole: bool = False) -> Reply:
        """Return the reply; see `polycall.plugin.StreamDecoder.finish`.

        Args:
            whole: The reply is known to be complete, even without a finish reason.
        """
        refusal = refusal_of(self._finish_reason, self._finish_message, self._block_reason, self._block_message)
        if not self._has_candidate and refusal is None:
            raise ResponseError("The reply has neither a candidate nor a block reason.")
        reason = unified_finish_reason(self._finish_reason)
        self._close_at_end(in_order=reason is FinishReason.STOP)
        problem = unreadable_call(self._finish_reason, self._finish_message, has_calls=self._began > 0)
        if problem is not None:
            # Reported as a call without a name: the attempt is neither dropped nor taken for silence.
            self._complete.append(
                ToolCall(self._make_id(None), "", self._finish_message or "", self._began, problem=problem)
            )
        return Reply(
            tool_calls=tuple(self._complete),
            cut_off=tuple(self._cut_off),
            text="".join(self._text) or None,
            finish_reason=reason,
            raw_finish_reason=self._finish_reason,
            usage=None if self._usage is None else self._usage(),
            refusal=refusal,
            whole=whole or self._finish_reason is not None or refusal is not None,
            turn=ModelTurn(
                tuple(part for place, part in enumerate(self._turn) if place not in self._dropped), self._echoed
            ),
            raw_response=lambda: self._build_raw(self._raw),
        )

    def _note_end(self, chunk: Chunk) -> None:
        if chunk.has_candidate:
            self._has_candidate = True
            self._finish_reason = chunk.finish_reason or self._finish_reason
            self._finish_message = chunk.finish_message or self._finish_message
        if chunk.block_reason is not None or chunk.block_message is not None:
            self._block_reason = chunk.block_reason or self._block_reason
            self._block_message = chunk.block_message or self._block_message
        self._usage = chunk.usage or self._usage  # running totals: the last one counts

    def _take_call(self, part: Part, piece: FunctionCallPiece, events: list[StreamEvent]) -> None:
        call = self._open
        continues = call is not None and (not piece.name or (piece.id is not None and piece.id == call.sent_id))
        if call is None or not continues:
            if call is not None:
                self._close(call, events, complete=call.partial is None or not call.partial.is_open)
            elif not piece.name and piece.args is None and not piece.partial:
                return  # the closing part of a call that is complete already
            call = self._begin(piece, part, events)
        call.take(part, piece)
        if piece.will_continue:
            self._open = call
        else:
            self._close(call, events, complete=True)

    def _begin(self, piece: FunctionCallPiece, part: Part, events: list[StreamEvent]) -> _OpenCall:
        id_ = self._make_id(piece.id)
        sent_name = piece.name or ""
        call = _OpenCall(self._began, id_, self._resolve(sent_name), sent_name, piece.id, len(self._turn))
        self._began += 1
        self._turn.append(part.raw)
        if self._report_deltas:
            events.append(CallStarted(call.index, call.id, call.name))
        return call

    def _close(self, call: _OpenCall, events: list[StreamEvent], *, complete: bool) -> None:
        self._open = None
        tool_call = self._tool_call(call)
        if not complete:
            self._cut_off.append(tool_call)
            self._dropped.add(call.place)
            return
        if call.partial is not None:
            echo: dict[str, object] = {"name": call.sent_name, "args": tool_call.arguments}
            if call.sent_id is not None:
                echo["id"] = call.sent_id
            self._turn[call.place] = {"functionCall": echo, **call.extra}
        self._echoed[call.index] = EchoedCall(call.sent_name, call.sent_id)
        self._complete.append(tool_call)
        if self._report_deltas:
            events.append(ArgumentsDelta(call.index, _as_text(tool_call.arguments)))
        events.append(CallCompleted(tool_call))

    def _close_at_end(self, *, in_order: bool) -> None:
        call = self._open
        if call is not None:
            # The closing part of a call may be missing at the end of a reply (a recording in vercel/ai's tests).
            closed = call.partial is None or not call.partial.is_open
            self._close(call, [], complete=in_order and closed)

    def _tool_call(self, call: _OpenCall) -> ToolCall:
        arguments = call.arguments()
        if call.problem is not None or not isinstance(arguments, Mapping):
            given = arguments if isinstance(arguments, Mapping) else _as_text(arguments)
            return ToolCall(call.id, call.name, given, call.index, problem=call.problem)
        try:
            fixed = self._fix(call, arguments)
        except InexactNumberError as error:
            return ToolCall(call.id, call.name, arguments, call.index, problem=str(error))
        except RecursionError:
            return ToolCall(call.id, call.name, {}, call.index, problem="the arguments are nested too deeply")
        normalized = fixed if isinstance(fixed, Mapping) and fixed is not arguments else None
        return ToolCall(call.id, call.name, arguments, call.index, normalized)

    def _fix(self, call: _OpenCall, arguments: Mapping[str, object]) -> object:
        restore = self._restore.get(call.name)
        restored = arguments if restore is None else restore(arguments)
        schema = self._schemas.get(call.name)
        if schema is None:
            return restored
        from_doubles = self._from_doubles or call.partial is not None
        return fix_numbers(restored, schema, from_doubles=from_doubles)

    def _resolve(self, name: str) -> str:
        """The tool's name without a namespace that the model put before it; unknown names are returned unchanged."""
        if name not in self._schemas:
            for prefix in _NAME_PREFIXES:
                if name.startswith(prefix) and name[len(prefix) :] in self._schemas:
                    return name[len(prefix) :]
        return name

    def _make_id(self, sent: str | None) -> str:
        id_ = sent
        number = self._began
        while not id_ or id_ in self._ids:
            id_ = f"call_{number}"
            number += 1
        self._ids.add(id_)
        return id_


def _as_text(arguments: object) -> str:
    return json.dumps(arguments, ensure_ascii=False)
