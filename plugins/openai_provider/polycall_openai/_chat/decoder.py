"""From the chunks of a streamed reply to events, and at the end to the whole reply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from polycall import ResponseError
from polycall.plugin import FinishReason, Reply, Request, StreamEvent, TextDelta, Usage
from polycall_openai._assembly import CallAssembler
from polycall_openai._json import JsonObject, NotJsonError, not_the_protocol, parse, raise_if_error, reported_error
from polycall_openai._reply import (
    Turn,
    extract_reply,
    is_cutting,
    message_text,
    read_usage,
    text_or_none,
    unified_finish_reason,
)
from polycall_openai._request import payload_of
from polycall_openai._sse import Event, EventReader
from polycall_openai._tool_calls import CallFactory

if TYPE_CHECKING:
    from polycall.plugin import StreamDecoder

_DONE = b"[DONE]"
_NOT_ECHOED = frozenset({"role", "content", "refusal", "tool_calls", "function_call"})
_LEGACY_INDEX = -1


class ChatDecoder:
    """Decodes one streamed reply; takes bytes, or from a patched client the chunks' plain data.

    The reply is whole if there was a finish reason or ``[DONE]``: some servers never send one of them (Ollama,
    vllm#27572), but one that sends neither has broken off.
    """

    def __init__(self, request: Request) -> None:
        self._payload = payload_of(request)
        self._factory = CallFactory(self._payload)
        self._calls = CallAssembler(self._factory, report_deltas=request.report_deltas)
        self._report_deltas = request.report_deltas
        self._reader = EventReader()
        self._chunks = 0
        self._done = False
        self._raw_finish_reason: str | None = None
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._content: list[str] | None = None
        self._refusal: list[str] = []
        self._extras: dict[str, list[object]] = {}
        self._is_legacy = False
        self._error: ResponseError | None = None

    def feed(self, chunk: bytes | JsonObject) -> Iterable[StreamEvent]:
        """Take a piece of the body, cut anywhere, or one chunk's data."""
        if self._error is not None:
            raise self._error
        try:
            if isinstance(chunk, bytes):
                for event in self._reader.feed(chunk):
                    self._take_event(event)
            else:
                self._take_chunk(chunk, b"")
        except ResponseError as error:
            if not self._calls.events:
                raise
            self._error = error  # the calls that were complete before it go first
        if not self._calls.events:
            return ()
        events = self._calls.events
        self._calls.events = []
        return events

    def finish(self) -> Reply:
        """The body has ended."""
        if self._error is not None:
            raise self._error
        for event in self._reader.finish():
            self._take_last_event(event)
        if not self._chunks and not self._done:
            if self._reader.foreign:
                # A whole reply in place of a stream: an error, HTML, or a server that cannot stream.
                return extract_reply(bytes(self._reader.foreign), self._payload, None)
            if not self._reader.total_bytes:
                raise ResponseError("The server sent an empty stream with status 200. Check base_url.")
        whole = self._done or self._raw_finish_reason is not None
        tool_calls, cut_off = self._calls.finish(whole=whole, truncated=is_cutting(self._finish_reason))
        text = None if self._content is None else "".join(self._content)
        message: JsonObject = {"role": "assistant", "content": text}
        message |= {key: _joined(pieces) for key, pieces in self._extras.items()}
        refusal = "".join(self._refusal) or None
        if refusal:
            message["refusal"] = refusal
        return Reply(
            tool_calls=tool_calls,
            cut_off=cut_off,
            text=text or None,
            finish_reason=self._finish_reason,
            raw_finish_reason=self._raw_finish_reason,
            usage=self._usage,
            refusal=refusal,
            whole=whole,
            turn=Turn(message, self._factory.entries, self._is_legacy),
        )

    def _take_event(self, event: Event) -> None:
        data = event.data
        if data == _DONE or not data or data[0] == 58 or self._done:
            # A comment may come as data, too: ": keepalive" (opencode#50871).
            self._done = self._done or data == _DONE
            return
        try:
            chunk = parse(data)
        except NotJsonError as error:
            stripped = data.strip()
            if stripped == _DONE:
                self._done = True
            elif stripped and not stripped.startswith(b":"):
                raise not_the_protocol(f"An event of the stream is no JSON ({str(error)[:200]})", data) from error
            return
        if event.type == b"error":
            if isinstance(chunk, dict):
                raise_if_error(chunk, data)
            raise reported_error(chunk, data)
        self._take_chunk(chunk, data)

    def _take_last_event(self, event: Event) -> None:
        """One that was not closed: it counts if it came whole."""
        if event.data.strip() == _DONE:
            self._done = True
            return
        try:
            chunk = parse(event.data)
        except NotJsonError:
            return
        if isinstance(chunk, dict):
            self._take_event(event)

    def _take_chunk(self, chunk: object, data: bytes) -> None:
        if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict):
            raise_if_error(chunk[0], data)
        if not isinstance(chunk, dict):
            raise not_the_protocol("A chunk of the stream is no object", data or repr(chunk))
        self._chunks += 1
        if "error" in chunk or "error_type" in chunk or "error_message" in chunk:
            raise_if_error(chunk, data or repr(chunk))
        usage = chunk.get("usage")
        if usage:
            self._usage = read_usage(usage)  # the last counts: some servers send sums with each chunk
        choices = chunk.get("choices")
        if not choices or not isinstance(choices, list):
            return  # the chunk with usage; Azure's first, with the prompt's filter results
        for choice in choices:
            if isinstance(choice, dict) and not choice.get("index"):
                self._take_choice(choice, data)

    def _take_choice(self, choice: JsonObject, data: bytes) -> None:
        delta = choice.get("delta")
        if delta is None and isinstance(choice.get("message"), dict):
            delta = choice["message"]
        if isinstance(delta, dict):
            self._take_delta(delta)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):  # "" in the middle is no end: adolfousier/opencrabs#1499
            if reason == "error":
                raise reported_error(choice, data or repr(choice))
            self._raw_finish_reason = reason
            self._finish_reason = unified_finish_reason(reason)
            if not is_cutting(self._finish_reason):
                self._calls.complete_closed()

    def _take_delta(self, delta: JsonObject) -> None:
        calls = delta.get("tool_calls")
        if calls and isinstance(calls, list):
            for fragment in calls:
                if isinstance(fragment, dict):
                    self._calls.add(fragment)
                elif fragment is not None:
                    raise not_the_protocol("An entry of tool_calls in the stream is no object", repr(fragment))
            if len(delta) == 1:
                return
        content = delta.get("content")
        if content is not None:
            self._take_text(content if isinstance(content, str) else message_text(content) or "")
        refusal = text_or_none(delta.get("refusal"))
        if refusal:
            self._refusal.append(refusal)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._is_legacy = True
            self._calls.add({"index": _LEGACY_INDEX, "function": legacy})
        for key, value in delta.items():
            if key not in _NOT_ECHOED and value is not None:
                self._extras.setdefault(key, []).append(value)

    def _take_text(self, text: str) -> None:
        if self._content is None:
            self._content = []
        if text:
            self._content.append(text)
            if self._report_deltas:
                self._calls.events.append(TextDelta(text))


def _joined(pieces: list[object]) -> object:
    """The value of a field that came in pieces: reasoning text grows, lists too; of anything else the last counts."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(map(str, pieces))
    if all(isinstance(piece, list) for piece in pieces):
        return [item for piece in pieces if isinstance(piece, list) for item in piece]
    return pieces[-1]


if TYPE_CHECKING:
    _decoder_is_one: type[StreamDecoder[bytes | JsonObject]] = ChatDecoder
