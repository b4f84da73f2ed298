"""From the chunks of a streamed Chat Completion to its reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycall.plugin import FinishReason, Reply, Request, TextDelta, Usage
from polycall_openai._chat.assembly import CallAssembler, is_cut_off, to_raw
from polycall_openai._chat.reply import (
    Turn,
    cuts_off,
    extract_reply,
    message_text,
    read_usage,
    unify_finish_reason,
)
from polycall_openai._json import JsonObject, reported_error, text_or_none
from polycall_openai._request import hidden_limit, reached
from polycall_openai._servers.server import Server
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._streaming.reply_decoder import ReplyDecoder
from polycall_openai._tool_calls import CallFactory
from polycall_openai._tools import payload_of

_NOT_ECHOED = frozenset({"role", "content", "refusal", "tool_calls", "function_call"})
_TEXT_FIELDS = frozenset({"content", "refusal"})
_LEGACY_INDEX = -1


def create_decoder(server: Server, request: Request) -> ReplyDecoder:
    """Create a decoder for one streamed reply."""
    return ReplyDecoder(server.errors, StreamedCompletion(server, request))


class StreamedCompletion:
    """One streamed Chat Completion.

    The reply is whole if there was a finish reason or ``[DONE]``: some servers never send one of them (Ollama,
    vllm#27572), but one that sends neither broke off. Where the server's profile says so, a finish reason is needed.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self._factory = CallFactory(payload_of(request))
        self.calls = OpenCalls(self._factory, to_raw, is_cut_off, report_deltas=request.report_deltas)
        self._assembler = CallAssembler(self._factory, self.calls)
        self._limit = hidden_limit(server, request)
        self._raw_finish_reason: str | None = None
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._content: list[str] | None = None
        self._refusal: list[str] = []
        self._extras: dict[str, list[object]] = {}
        self._is_legacy = False

    def handle(self, event: JsonObject, source: object) -> None:
        """Take one chunk."""
        usage = event.get("usage")
        if usage:
            self._usage = read_usage(usage)  # the last counts: some servers send sums with each chunk
        # The chunk with usage has no choices; nor has Azure's first, with the prompt's filter results.
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                self._take_choice(choice, source)

    def extended_call(self, event: JsonObject) -> OpenCall | None:
        """The call whose arguments a chunk added a piece to, if it did nothing else."""
        match event:
            case {"choices": [dict(choice)]} if not (choice.get("index") or choice.get("finish_reason")):
                return self._extended_by(choice.get("delta"))
        return None

    def _extended_by(self, delta: object) -> OpenCall | None:
        match delta:
            case {"tool_calls": [{"function": {"arguments": str()} as function} as fragment], **others}:
                # With an id or a name it depends on the piece whether another call begins.
                is_more = (
                    fragment.get("id")
                    or function.get("name")
                    or any(_adds(key, value) for key, value in others.items())
                )
                return None if is_more else self._assembler.last
        return None

    @staticmethod
    def varying_values(event: JsonObject) -> Mapping[str, JsonObject]:
        """The values in which such chunks differ."""
        chunk: Any = event
        holders = {"arguments": chunk["choices"][0]["delta"]["tool_calls"][0]["function"]}
        if isinstance(event.get("obfuscation"), str):
            holders["obfuscation"] = event
        return holders

    def reply(self, *, saw_done: bool) -> Reply:
        """Build the reply."""
        saw_end = self._raw_finish_reason is not None or (saw_done and not self._server.profile.finish_reason_required)
        if not cuts_off(self._finish_reason) and reached(self._usage, self._limit):
            self._finish_reason = FinishReason.LENGTH
        tool_calls, cut_off = self.calls.finish(saw_end=saw_end, truncated=cuts_off(self._finish_reason))
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
            whole=saw_end,
            turn=Turn(message, self._factory.entries, self._is_legacy),
        )

    def whole_reply(self, body: bytes) -> Reply:
        """Read a body that is not a stream."""
        return extract_reply(self._server, self._request, body, None)

    def _take_choice(self, choice: JsonObject, source: object) -> None:
        delta = choice.get("delta")
        if delta is None:
            delta = choice.get("message")
        if isinstance(delta, dict):
            self._take_delta(delta)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):  # "" in the middle is not an end: adolfousier/opencrabs#1499
            if reason == "error":
                raise reported_error(choice, source)
            self._raw_finish_reason = reason
            self._finish_reason = unify_finish_reason(reason)
            # Where the limit may be hidden, the usage that comes after this decides.
            if self._limit is None and not cuts_off(self._finish_reason):
                self.calls.complete_closed()

    def _take_delta(self, delta: JsonObject) -> None:
        fragments = delta.get("tool_calls")
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict):
                self._assembler.add(fragment)
            elif fragment is not None:
                raise self._server.errors.not_the_protocol("an entry of tool_calls is not an object", fragment)
        if len(delta) > 1 or not fragments:
            self._take_message(delta)

    def _take_message(self, delta: JsonObject) -> None:
        content = delta.get("content")
        if content is not None:
            self._take_text(content if isinstance(content, str) else message_text(content) or "")
        refusal = text_or_none(delta.get("refusal"))
        if refusal:
            self._refusal.append(refusal)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._is_legacy = True
            self._assembler.add({"index": _LEGACY_INDEX, "function": legacy})
        for key, value in delta.items():
            if key not in _NOT_ECHOED and value is not None:
                self._extras.setdefault(key, []).append(value)

    def _take_text(self, text: str) -> None:
        if self._content is None:
            self._content = []
        if text:
            self._content.append(text)
            if self._request.report_deltas:
                self.calls.events.append(TextDelta(text))


def _adds(key: object, value: object) -> bool:
    """Whether a field next to a delta's calls adds anything."""
    return key != "role" and value is not None and bool(value or key not in _TEXT_FIELDS)


def _joined(pieces: list[object]) -> object:
    """Join the pieces of a field: texts and lists; of anything else the last piece counts."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(map(str, pieces))
    if all(isinstance(piece, list) for piece in pieces):
        return [item for piece in pieces if isinstance(piece, list) for item in piece]
    return pieces[-1]
