"""Decodes the chunks of a reply into polycall's events: one decoder for each form, and one that picks it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from pydantic_core import from_json

from polycall import FinishReason, ResponseError, ToolCall, Usage
from polycall.plugin import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    Reply,
    StreamEvent,
    TextDelta,
)
from polycall_llamacpp._model.jobs import Chunk
from polycall_llamacpp._reply.array_scanner import ArrayScanner
from polycall_llamacpp._reply.generate import Begun
from polycall_llamacpp._request.messages import Message
from polycall_llamacpp._request.payload import Restore, ToolPayload
from polycall_llamacpp.strategies import ReplyEnd, WholeCall

_FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
}
_ELEMENT_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')


class ReplyDecoder:
    """Decodes a reply of any strategy.

    Args:
        payload: The tools of the request.
        report_deltas: Whether to report calls that begin and grow, and text.
    """

    def __init__(self, payload: ToolPayload, *, report_deltas: bool) -> None:
        self._payload = payload
        self._report_deltas = report_deltas
        self._decoder: _Decoder | None = None

    def feed(self, chunk: Chunk) -> Sequence[StreamEvent]:
        """Take the next chunk."""
        if isinstance(chunk, Begun):
            self._decoder = _DECODERS[chunk.kind](self._payload)
            return ()
        events = self._require().feed(chunk)
        return [event for event in events if self._report_deltas or isinstance(event, CallCompleted)]

    def finish(self) -> Reply:
        """Return the reply, at its end."""
        return self._require().finish()

    def _require(self) -> _Decoder:
        if self._decoder is None:
            raise ResponseError("The reply did not begin.")
        return self._decoder


class _Decoder(Protocol):
    def __init__(self, payload: ToolPayload) -> None: ...

    def feed(self, chunk: Chunk) -> Iterator[StreamEvent]: ...

    def finish(self) -> Reply: ...


@dataclass(slots=True)
class _Call:
    """A call that is still growing."""

    index: int
    id: str = ""
    name: str = ""
    parts: list[str] = field(default_factory=list)

    def tool_call(self, restore: Restore | None = None) -> ToolCall:
        arguments = "".join(self.parts)
        return ToolCall(self.id, self.name, arguments, self.index, _restored(arguments, restore))


class _ChatDecoder:
    """The common part of the decoders of chat completions: everything but the calls."""

    def __init__(self, payload: ToolPayload) -> None:
        self._payload = payload
        self._calls: list[ToolCall] = []
        self._text: list[str] = []
        self._last: Mapping[str, object] = {}
        self._finish_reason: str | None = None
        self._usage: Mapping[str, object] | None = None

    def _delta(self, chunk: Chunk) -> Mapping[str, object]:
        """Return the delta of a chunk; keep the rest of it."""
        if not isinstance(chunk, dict):
            raise ResponseError("A chunk of llama.cpp is not an object.", excerpt=repr(chunk))
        self._last = chunk
        self._usage = chunk.get("usage") or self._usage
        choices = cast("Sequence[Mapping[str, object]]", chunk.get("choices") or ())
        if not choices:
            return {}
        self._finish_reason = cast("str | None", choices[0].get("finish_reason")) or self._finish_reason
        return cast("Mapping[str, object]", choices[0].get("delta") or {})

    def _complete(self, call: _Call, *, native: bool) -> CallCompleted:
        tool_call = call.tool_call(self._payload.restore(call.name, native=native))
        self._calls.append(tool_call)
        return CallCompleted(tool_call)

    def _reply(self, cut_off: Sequence[_Call]) -> Reply:
        text = "".join(self._text) or None
        calls = self._calls
        turn = turn_of(text, calls)
        return Reply(
            tool_calls=tuple(calls),
            cut_off=[call.tool_call() for call in cut_off],
            text=text,
            finish_reason=_FINISH_REASONS.get(self._finish_reason or "", FinishReason.OTHER)
            if self._finish_reason
            else None,
            raw_finish_reason=self._finish_reason,
            usage=_usage(self._usage),
            whole=self._finish_reason is not None,
            turn=turn,
            raw_response=lambda: self._whole(turn),
        )

    def _whole(self, turn: Message) -> dict[str, object]:
        """The reply as llama.cpp returns it when it is not streamed."""
        choice = {"index": 0, "message": turn, "finish_reason": self._finish_reason}
        rest = {key: value for key, value in self._last.items() if key not in ("choices", "object")}
        return {**rest, "object": "chat.completion", "choices": [choice]}


class _ConstrainedDecoder(_ChatDecoder):
    """The output is a JSON list of calls, or text where the choice was free."""

    def __init__(self, payload: ToolPayload) -> None:
        super().__init__(payload)
        self._scanner: ArrayScanner | None = None
        self._current: _Call | None = None
        self._head: str | None = ""  # of the current element, until its arguments begin

    def feed(self, chunk: Chunk) -> Iterator[StreamEvent]:
        content = self._delta(chunk).get("content")
        if not isinstance(content, str) or not content:
            return
        if self._scanner is None and not self._text and content.lstrip().startswith("["):
            self._scanner = ArrayScanner()
        if self._scanner is None:
            self._text.append(content)
            yield TextDelta(content)
            return
        for piece in self._scanner.feed(content):
            if self._current is None:
                self._current, self._head = _Call(piece.index, _new_id()), ""
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
                    raise ResponseError("llama.cpp's output violates the tool-call grammar.", excerpt=self._head)
                self._current = None
                yield self._complete(call, native=False)

    def finish(self) -> Reply:
        if self._text and self._payload.choice != "auto":
            raise ResponseError("llama.cpp's output violates the tool-call grammar.", excerpt="".join(self._text))
        if self._finish_reason == "stop" and self._calls and self._current is None:
            self._finish_reason = "tool_calls"
        return self._reply([self._current] if self._current else [])


class _NativeDecoder(_ChatDecoder):
    """llama.cpp's own tool calling: OpenAI's deltas."""

    def __init__(self, payload: ToolPayload) -> None:
        super().__init__(payload)
        self._current: _Call | None = None

    def feed(self, chunk: Chunk) -> Iterator[StreamEvent]:
        delta = self._delta(chunk)
        content = delta.get("content")
        if isinstance(content, str) and content:
            self._text.append(content)
            yield TextDelta(content)
        for part in cast("Sequence[Mapping[str, object]]", delta.get("tool_calls") or ()):
            index = cast("int", part["index"])
            function = cast("Mapping[str, str | None]", part.get("function") or {})
            if self._current is not None and self._current.index != index:
                yield self._complete(self._current, native=True)
                self._current = None
            if self._current is None:
                self._current = _Call(index, str(part.get("id") or _new_id()), str(function.get("name") or ""))
                yield CallStarted(index, self._current.id, self._current.name)
            arguments = function.get("arguments")
            if arguments:
                self._current.parts.append(arguments)
                yield ArgumentsDelta(index, arguments)

    def finish(self) -> Reply:
        current, self._current = self._current, None
        if current is not None and self._finish_reason in ("stop", "tool_calls"):
            self._complete(current, native=True)
            current = None
        return self._reply([] if current is None else [current])


class _WholeCallsDecoder:
    """The calls of a strategy of another distribution: one by one, whole."""

    def __init__(self, payload: ToolPayload) -> None:
        self._payload = payload
        self._calls: list[ToolCall] = []
        self._end: ReplyEnd | None = None

    def feed(self, chunk: Chunk) -> Iterator[StreamEvent]:
        if isinstance(chunk, ReplyEnd):
            self._end = chunk
        elif isinstance(chunk, WholeCall):
            call = _Call(len(self._calls), _new_id(), chunk.name, [chunk.arguments])
            yield CallStarted(call.index, call.id, call.name)
            yield ArgumentsDelta(call.index, chunk.arguments)
            self._calls.append(call.tool_call(self._payload.restore(call.name, native=False)))
            yield CallCompleted(self._calls[-1])

    def finish(self) -> Reply:
        end = self._end
        if end is None:
            raise ResponseError("The reply did not end.")
        cut_off = end.cut_off
        return Reply(
            tool_calls=tuple(self._calls),
            cut_off=[_Call(len(self._calls), _new_id(), cut_off.name, [cut_off.arguments]).tool_call()]
            if cut_off
            else (),
            finish_reason=_FINISH_REASONS[end.finish_reason],
            raw_finish_reason=end.finish_reason,
            usage=_usage(end.usage),
            turn=turn_of(None, self._calls),
            raw_response=lambda: end.raw_response,
        )


_DECODERS: Mapping[str, type[_Decoder]] = {
    "native": _NativeDecoder,
    "constrained": _ConstrainedDecoder,
    "whole calls": _WholeCallsDecoder,
}


def turn_of(text: str | None, calls: Sequence[ToolCall]) -> Message:
    """The model's turn as a message."""
    turn: Message = {"role": "assistant", "content": text}
    if calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return turn


def _restored(arguments: str, restore: Restore | None) -> Mapping[str, object] | None:
    if restore is None:
        return None
    try:
        value = restore(from_json(arguments))
    except ValueError:
        return None  # the core reports invalid arguments
    return value if isinstance(value, dict) else None


def _usage(usage: Mapping[str, object] | None) -> Usage | None:
    if usage is None:
        return None
    details = cast("Mapping[str, int]", usage.get("prompt_tokens_details") or {})
    return Usage(
        input_tokens=cast("int | None", usage.get("prompt_tokens")),
        output_tokens=cast("int | None", usage.get("completion_tokens")),
        total_tokens=cast("int | None", usage.get("total_tokens")),
        cached_input_tokens=details.get("cached_tokens"),
    )


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex[:16]}"
