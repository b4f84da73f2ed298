"""Decodes the chunks of one reply into tool calls; a reply that is not streamed is one chunk.

The protocol has no index: every part with a function call is a call, in every chunk (brainlid/langchain#620). A call
whose arguments come whole is complete with its part. A call whose arguments are streamed continues, in parts without a
name, until a part does not announce another (``willContinue``) or the reply ends regularly.

Arguments are structures, not JSON text, so no `polycall.plugin.ArgumentsDelta` is reported: they are there with their
call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from polycall.plugin import (
    CallCompleted,
    CallIds,
    CallMaker,
    CallStarted,
    FinishReason,
    JsonObject,
    ReasoningDelta,
    RenderedTool,
    RenderedTools,
    Reply,
    Request,
    ResponseError,
    StreamEvent,
    TextDelta,
    ToolCall,
    assistant_turn,
    earlier_call_ids,
)
from polycall_vertex._protocol.chunk import Chunk, FunctionCallPiece, Part
from polycall_vertex._protocol.endings import (
    is_known_end,
    refusal_of,
    stopped_by,
    unified_finish_reason,
    unreadable_call,
)
from polycall_vertex._protocol.numbers import fix_numbers
from polycall_vertex._protocol.partial_arguments import PartialArguments, PartialArgumentsError
from polycall_vertex._protocol.service import VERTEX
from polycall_vertex._protocol.tools import VertexTools
from polycall_vertex._protocol.turn import is_worth_echoing


@dataclass(slots=True)
class _OpenCall:
    """A call that is still incomplete."""

    index: int
    id: str
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

    def is_continued_by(self, piece: FunctionCallPiece) -> bool:
        """Whether a piece with a name belongs to this call: by its id; else by what it goes on with or closes."""
        if piece.id is not None or self.sent_id is not None:
            return piece.id == self.sent_id
        if piece.name != self.sent_name or self.partial is None:
            return False
        if piece.partial:
            return self.partial.continues(piece.partial[0])
        return not piece.will_continue and (piece.args is None or piece.args == self.partial.written)

    def arguments(self) -> object:
        if self.partial is not None:
            try:
                return self.partial.value()
            except (PartialArgumentsError, RecursionError) as error:
                self.problem = self.problem or str(error)
                return {}
        return {} if self.args is None else self.args


class ReplyDecoder:
    """Decodes one reply.

    Args:
        request: Its tools determine how arguments are read.
        from_doubles: Whether the transport carries numbers as doubles.
        provider: The provider's name, under which the model's turn is kept.
    """

    def __init__(self, request: Request, *, from_doubles: bool, provider: str = VERTEX.name) -> None:
        self._provider = provider
        self._is_whole = not request.stream
        self._deltas = request.deltas
        rendered: RenderedTools[VertexTools] = request.tool_payload
        schemas = rendered.payload.schemas
        self._maker = CallMaker(rendered, CallIds(earlier_call_ids(request.messages)), wording=request.wording)
        self._fix_whole = partial(_fix, schemas, from_doubles)
        self._fix_streamed = partial(_fix, schemas, True)
        self._complete: list[ToolCall] = []
        self._cut_off: list[ToolCall] = []
        self._open: _OpenCall | None = None
        self._streams_arguments = False
        self._began = 0
        self._turn: list[JsonObject] = []
        self._ids: dict[int, str] = {}
        """The ids of the calls, by their places in the turn."""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._end = Chunk()
        """What the chunks say of the reply; later ones count."""

    def take(self, chunk: Chunk) -> list[StreamEvent]:
        """Take the next chunk."""
        self._note_end(chunk)
        events: list[StreamEvent] = []
        for part in chunk.parts:
            if part.call is not None:
                self._take_call(part, part.call, events)
                continue
            text = part.text
            if text or is_worth_echoing(part.raw):
                self._turn.append(part.raw)
            if not text:
                continue
            (self._reasoning if part.is_thought else self._text).append(text)
            if self._deltas:
                events.append(ReasoningDelta(text) if part.is_thought else TextDelta(text))
        return events

    def finish(self, build_raw: Callable[[], object]) -> Reply:
        """Return the reply; see `polycall.plugin.StreamDecoder.finish`.

        Args:
            build_raw: Makes `Calls.raw_response`. Given here, since decoders that hold each other would be garbage for
                the collector.
        """
        end = self._end
        refusal = refusal_of(end.finish_reason, end.finish_message, end.block_reason, end.block_message)
        if not end.has_candidate and refusal is None:
            raise ResponseError("The reply has neither a candidate nor a block reason.")
        reason = unified_finish_reason(end.finish_reason)
        self._close_at_end(in_order=reason is FinishReason.STOP)
        problem = unreadable_call(end.finish_reason, end.finish_message, has_calls=self._began > 0)
        if problem is not None:
            # Reported as a call without a name: the attempt is neither dropped nor taken for silence.
            self._complete.append(self._maker.make(self._began, None, "", end.finish_message or "", problem))
        text, reasoning = "".join(self._text) or None, "".join(self._reasoning) or None
        own: JsonObject = {"parts": [part for part in self._turn if part], "ids": list(self._ids.values())}
        return Reply(
            tool_calls=self._complete,
            cut_off=self._cut_off,
            text=text,
            reasoning=reasoning,
            finish_reason=reason,
            raw_finish_reason=end.finish_reason,
            usage=None if end.usage is None else end.usage(),
            refusal=refusal,
            stopped=stopped_by(end.finish_reason, end.finish_message),
            saw_end=refusal is not None or (is_known_end(end.finish_reason) if end.finish_reason else self._is_whole),
            turn=assistant_turn(text, self._complete, reasoning=reasoning, provider=self._provider, data=own),
            response_id=end.response_id if isinstance(end.response_id, str) else None,
            model=end.model if isinstance(end.model, str) else None,
            raw_response=build_raw,
        )

    def _note_end(self, chunk: Chunk) -> None:
        end = self._end
        if chunk.has_candidate:
            end.has_candidate = True
            end.finish_reason = chunk.finish_reason or end.finish_reason
            end.finish_message = chunk.finish_message or end.finish_message
        if chunk.block_reason is not None or chunk.block_message is not None:
            end.block_reason = chunk.block_reason or end.block_reason
            end.block_message = chunk.block_message or end.block_message
        end.usage = chunk.usage or end.usage  # running totals: the last one counts
        end.response_id = chunk.response_id or end.response_id
        end.model = chunk.model or end.model

    def _take_call(self, part: Part, piece: FunctionCallPiece, events: list[StreamEvent]) -> None:
        call = self._open
        is_whole = not piece.partial and not piece.will_continue
        if call is None and is_whole:
            if self._streams_arguments and not piece.name and piece.args is None:
                return  # the closing part of a call that is complete already
            self._take_whole_call(part, piece, events)
            return
        continues = call is not None and (not piece.name or call.is_continued_by(piece))
        if call is None or not continues:
            if call is not None:
                self._close(call, events, complete=call.partial is None or not call.partial.is_open)
            if is_whole:
                self._take_whole_call(part, piece, events)
                return
            call = self._begin(piece, part, events)
        call.take(part, piece)
        if piece.will_continue:
            self._streams_arguments = True
            self._open = call
        else:
            self._close(call, events, complete=True)

    def _take_whole_call(self, part: Part, piece: FunctionCallPiece, events: list[StreamEvent]) -> None:
        # A call of a function without parameters has no arguments at all (vercel/ai#14847).
        arguments = {} if piece.args is None else piece.args
        tool_call = self._maker.make(self._began, piece.id, piece.name or "", arguments, adjust=self._fix_whole)
        self._ids[len(self._turn)] = tool_call.id
        self._turn.append(part.raw)
        self._began += 1
        self._complete.append(tool_call)
        if self._deltas:
            events.append(CallStarted(tool_call.index, tool_call.id, tool_call.name))
        events.append(CallCompleted(tool_call))

    def _begin(self, piece: FunctionCallPiece, part: Part, events: list[StreamEvent]) -> _OpenCall:
        id_ = self._maker.ids.claim(piece.id)
        call = _OpenCall(self._began, id_, piece.name or "", piece.id, len(self._turn))
        self._began += 1
        self._turn.append(part.raw)
        if self._deltas:
            events.append(CallStarted(call.index, call.id, self._maker.resolve(call.sent_name)))
        return call

    def _close(self, call: _OpenCall, events: list[StreamEvent], *, complete: bool) -> None:
        self._open = None
        arguments = call.arguments()
        if not complete:
            self._cut_off.append(self._maker.make_cut_off(call.index, None, call.sent_name, arguments, id=call.id))
            self._turn[call.place] = {}
            return
        adjust = self._fix_whole if call.partial is None else self._fix_streamed
        tool_call = self._maker.make(
            call.index, None, call.sent_name, arguments, call.problem, id=call.id, adjust=adjust
        )
        if call.partial is not None:
            echo: dict[str, object] = {"name": call.sent_name, "args": tool_call.arguments}
            if call.sent_id is not None:
                echo["id"] = call.sent_id
            self._turn[call.place] = {"functionCall": echo, **call.extra}
        self._ids[call.place] = call.id
        self._complete.append(tool_call)
        events.append(CallCompleted(tool_call))

    def _close_at_end(self, *, in_order: bool) -> None:
        call = self._open
        if call is not None:
            # The closing part of a call may be missing at the end of a reply (a recording in vercel/ai's tests).
            closed = call.partial is None or not call.partial.is_open
            self._close(call, [], complete=in_order and closed)


def _fix(
    schemas: Mapping[str, JsonObject], from_doubles: bool, tool: RenderedTool, arguments: Mapping[str, object]
) -> object:
    return fix_numbers(arguments, schemas[tool.name], from_doubles=from_doubles)
