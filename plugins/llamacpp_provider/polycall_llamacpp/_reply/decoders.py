"""Decodes the chunks of a reply into polycall's events.

llama.cpp's chunks are trusted to have OpenAI's form: they come from the same process, one for each token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from pydantic_core import from_json

from polycall import FinishReason, ResponseError, ToolCall, Usage
from polycall.plugin import (
    ArgumentsDelta,
    CallCompleted,
    CallIds,
    CallMaker,
    CallStarted,
    JsonObject,
    ReasoningDelta,
    RenderedTools,
    Reply,
    Request,
    StreamEvent,
    TextDelta,
    assistant_turn,
    earlier_call_ids,
    json_int,
    json_object,
    json_text,
)
from polycall_llamacpp._model.jobs import Chunk
from polycall_llamacpp._reply.array_scanner import ArrayScanner
from polycall_llamacpp._request.tools import LlamaTools
from polycall_llamacpp.strategies import ReplyEnd, WholeCall

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
}
_ELEMENT_NAME = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")')
_ELEMENT_HEAD = re.compile(_ELEMENT_NAME.pattern + r'\s*,\s*"arguments"\s*:\s*')
_VIOLATION = "llama.cpp's output violates the tool-call grammar."


class ReplyDecoder:
    """Decodes a reply of any strategy."""

    def __init__(self, request: Request) -> None:
        rendered = cast("RenderedTools[LlamaTools]", request.tool_payload)
        tools = rendered.payload
        self._maker = CallMaker(rendered, CallIds(earlier_call_ids(request.messages)), wording=request.wording)
        self._output: _Output = (
            _NativeOutput(self._maker)
            if tools.strategy == "native"
            else _ListOutput(self._maker, may_be_text=tools.choice == "auto")
        )
        self._deltas = request.deltas
        self._calls: list[ToolCall] = []
        self._cut_off: list[ToolCall] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._last: Mapping[str, object] = {}
        self._finish_reason: str | None = None
        self._usage: Mapping[str, object] | None = None
        self._strategy_response: Mapping[str, object] | None = None

    def feed(self, chunk: Chunk) -> Sequence[StreamEvent]:
        """Take the next chunk."""
        events: list[StreamEvent] = []
        for event in self._events(chunk):
            if isinstance(event, ArgumentsDelta) and not self._deltas:  # as nearly all are
                continue
            if isinstance(event, CallCompleted):
                self._calls.append(event.tool_call)
            elif isinstance(event, TextDelta):
                self._text.append(event.text)
            elif isinstance(event, ReasoningDelta):
                self._reasoning.append(event.text)
            if self._deltas or isinstance(event, CallCompleted):
                events.append(event)
        return events

    def finish(self) -> Reply:
        """Return the reply, at its end."""
        last = self._output.finish(self._finish_reason)
        self._calls += last.completed
        self._cut_off += last.cut_off
        text, reasoning = "".join(self._text) or None, "".join(self._reasoning) or None
        turn = assistant_turn(text, self._calls, reasoning=reasoning)
        reason = last.finish_reason
        return Reply(
            tool_calls=self._calls,
            cut_off=self._cut_off,
            text=text,
            reasoning=reasoning,
            finish_reason=_FINISH_REASONS.get(reason, FinishReason.OTHER) if reason else None,
            raw_finish_reason=reason,
            usage=_usage(self._usage),
            saw_end=reason is not None,
            turn=turn,
            response_id=json_text(self._last, "id"),
            model=json_text(self._last, "model"),
            raw_response=lambda: self._strategy_response or self._whole(turn, reason),
        )

    def _events(self, chunk: Chunk) -> Iterator[StreamEvent]:
        if isinstance(chunk, WholeCall):
            call = self._maker.make(len(self._calls), None, chunk.name, chunk.arguments)
            yield CallStarted(call.index, call.id, call.name)
            yield ArgumentsDelta(call.index, chunk.arguments)
            yield CallCompleted(call)
        elif isinstance(chunk, ReplyEnd):
            self._finish_reason, self._usage, self._last = chunk.finish_reason, chunk.usage, {"model": chunk.model}
            self._strategy_response = chunk.raw_response
            if chunk.cut_off is not None:
                cut_off = chunk.cut_off
                self._cut_off = [self._maker.make_cut_off(len(self._calls), None, cut_off.name, cut_off.arguments)]
        elif isinstance(chunk, dict):
            self._last = chunk
            self._usage = chunk.get("usage") or self._usage
            for choice in chunk.get("choices") or ():
                self._finish_reason = choice.get("finish_reason") or self._finish_reason
                delta: JsonObject = choice.get("delta") or {}
                if reasoning := delta.get("reasoning_content"):
                    yield ReasoningDelta(cast("str", reasoning))
                yield from self._output.feed(delta)
        else:
            raise ResponseError("A chunk of llama.cpp is not an object.", excerpt=repr(chunk))

    def _whole(self, turn: JsonObject, finish_reason: str | None) -> JsonObject:
        """The reply as llama.cpp returns it when it is not streamed."""
        choice = {"index": 0, "message": turn, "finish_reason": finish_reason}
        rest = {key: value for key, value in self._last.items() if key not in ("choices", "object")}
        return {**rest, "object": "chat.completion", "choices": [choice]}


@dataclass(slots=True)
class _Call:
    """A call that is still growing."""

    index: int
    id: str
    name: str = ""
    parts: list[str] = field(default_factory=list)

    def complete(self, maker: CallMaker) -> ToolCall:
        return maker.make(self.index, None, self.name, "".join(self.parts), id=self.id)

    def cut_off(self, maker: CallMaker) -> ToolCall:
        return maker.make_cut_off(self.index, None, self.name, "".join(self.parts), id=self.id)


@dataclass(slots=True)
class _Last:
    """The end of an output: the finish reason, and the call that was open."""

    finish_reason: str | None
    completed: Sequence[ToolCall] = ()
    cut_off: Sequence[ToolCall] = ()


class _Output(Protocol):
    """Finds the calls in the deltas of a chat completion."""

    def feed(self, delta: Mapping[str, object]) -> Iterator[StreamEvent]: ...

    def finish(self, finish_reason: str | None) -> _Last: ...


class _ListOutput:
    """The output is a JSON list of calls, or text where the choice is free."""

    def __init__(self, maker: CallMaker, *, may_be_text: bool) -> None:
        self._maker = maker
        self._may_be_text = may_be_text
        self._scanner: ArrayScanner | None = None
        self._text = ""
        self._current: _Call | None = None
        self._head: str | None = ""  # of the current element, until its arguments begin
        self._has_calls = False

    def feed(self, delta: Mapping[str, object]) -> Iterator[StreamEvent]:
        content = delta.get("content")
        if not isinstance(content, str) or not content:
            return
        if self._scanner is None and not self._text and content.lstrip().startswith("["):
            self._scanner = ArrayScanner()
        if self._scanner is None:
            self._text = self._text or content
            yield TextDelta(content)
            return
        for piece in self._scanner.feed(content):
            if self._current is None:
                self._current, self._head = _Call(piece.index, self._maker.ids.claim(None)), ""
            call = self._current
            text = piece.text
            if self._head is not None:
                self._head += text
                head = _ELEMENT_HEAD.match(self._head)
                if head is not None:
                    call.name = str(from_json(head[1]))
                    text, self._head = self._head[head.end() :], None
                    yield CallStarted(call.index, call.id, call.name)
            if self._head is None:
                text = text[:-1] if piece.complete else text  # the brace that closes the element, not the arguments
                if text:
                    call.parts.append(text)
                    yield ArgumentsDelta(call.index, text)
            if piece.complete:
                if self._head is not None:
                    raise ResponseError(_VIOLATION, excerpt=self._head)
                self._current, self._has_calls = None, True
                yield CallCompleted(call.complete(self._maker))

    def finish(self, finish_reason: str | None) -> _Last:
        if self._text and not self._may_be_text:
            raise ResponseError(_VIOLATION, excerpt=self._text)
        if self._current is not None:
            name = _ELEMENT_NAME.match(self._head or "")
            if name is not None:
                self._current.name = str(from_json(name[1]))
            return _Last(finish_reason, cut_off=[self._current.cut_off(self._maker)])
        return _Last("tool_calls" if finish_reason == "stop" and self._has_calls else finish_reason)


class _NativeOutput:
    """llama.cpp's own tool calling: OpenAI's deltas."""

    def __init__(self, maker: CallMaker) -> None:
        self._maker = maker
        self._current: _Call | None = None

    def feed(self, delta: Mapping[str, object]) -> Iterator[StreamEvent]:
        if content := delta.get("content"):
            yield TextDelta(cast("str", content))
        for part in cast("Sequence[Mapping[str, object]]", delta.get("tool_calls") or ()):
            index, function = cast("int", part["index"]), cast("Mapping[str, str | None]", part.get("function") or {})
            if self._current is not None and self._current.index != index:
                yield CallCompleted(self._current.complete(self._maker))
                self._current = None
            if self._current is None:
                id_ = self._maker.ids.claim(part.get("id"))
                self._current = _Call(index, id_, function.get("name") or "")
                yield CallStarted(index, id_, self._current.name)
            if arguments := function.get("arguments"):
                self._current.parts.append(arguments)
                yield ArgumentsDelta(index, arguments)

    def finish(self, finish_reason: str | None) -> _Last:
        if self._current is None:
            return _Last(finish_reason)
        if finish_reason in ("stop", "tool_calls"):
            return _Last(finish_reason, completed=[self._current.complete(self._maker)])
        return _Last(finish_reason, cut_off=[self._current.cut_off(self._maker)])


def _usage(usage: Mapping[str, object] | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        input_tokens=json_int(usage, "prompt_tokens"),
        output_tokens=json_int(usage, "completion_tokens"),
        total_tokens=json_int(usage, "total_tokens"),
        cached_input_tokens=json_int(json_object(usage, "prompt_tokens_details"), "cached_tokens"),
    )
