"""From the chunks of a streamed reply to events, and at the end to the whole reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from polycall.plugin import FinishReason, Reply, Request, TextDelta, Usage
from polycall_openai._chat.assembly import CallAssembler
from polycall_openai._chat.reply import (
    Turn,
    extract_reply,
    is_cutting,
    message_text,
    read_usage,
    unified_finish_reason,
)
from polycall_openai._json import JsonObject, reported_error, text_or_none
from polycall_openai._request import hidden_limit, reached
from polycall_openai._servers.server import Server
from polycall_openai._streaming.event_decoder import EventDecoder
from polycall_openai._streaming.open_calls import OpenCall
from polycall_openai._tool_calls import CallFactory
from polycall_openai._tools import payload_of

if TYPE_CHECKING:
    from polycall.plugin import StreamDecoder

_NOT_ECHOED = frozenset({"role", "content", "refusal", "tool_calls", "function_call"})
_NO_TEXTS = frozenset({"role", "tool_calls"})
_TEXTS = frozenset({"content", "refusal"})
_LEGACY_INDEX = -1


def create_decoder(server: Server, request: Request) -> ChatDecoder:
    """Create a decoder for one streamed reply."""
    return ChatDecoder(server, request)


class ChatDecoder(EventDecoder):
    """Decodes one streamed Chat Completion.

    The reply is whole if there was a finish reason or ``[DONE]``: some servers never send one of them (Ollama,
    vllm#27572), but one that sends neither has broken off. Where the server's profile says so, it takes a finish
    reason.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self._factory = CallFactory(payload_of(request))
        self._calls = CallAssembler(self._factory, report_deltas=request.report_deltas)
        super().__init__(server.errors, self._calls)
        self._report_deltas = request.report_deltas
        self._limit = hidden_limit(server, request)
        self._needs_finish_reason = server.profile.finish_reason_required
        self._raw_finish_reason: str | None = None
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._content: list[str] | None = None
        self._refusal: list[str] = []
        self._extras: dict[str, list[object]] = {}
        self._is_legacy = False

    def _whole_reply(self, body: bytes) -> Reply:
        return extract_reply(self._server, self._request, body, None)

    def _reply(self) -> Reply:
        whole = self._raw_finish_reason is not None or (self._done and not self._needs_finish_reason)
        if not is_cutting(self._finish_reason) and reached(self._usage, self._limit):
            self._finish_reason = FinishReason.LENGTH
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

    def _take_object(self, chunk: JsonObject, data: bytes) -> None:
        usage = chunk.get("usage")
        if usage:
            self._usage = read_usage(usage)  # the last counts: some servers send sums with each chunk
        choices = chunk.get("choices")
        if not choices or not isinstance(choices, list):
            return  # the chunk with usage; Azure's first, with the prompt's filter results
        for choice in choices:
            if isinstance(choice, dict) and not choice.get("index"):
                self._take_choice(choice, data)

    def _grown_by(self, value: JsonObject) -> OpenCall | None:
        choices = value.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
            return None
        choice: JsonObject = choices[0]
        delta = choice.get("delta")
        if choice.get("index") or choice.get("finish_reason") or not isinstance(delta, dict):
            return None
        fragments = delta.get("tool_calls")
        if not isinstance(fragments, list) or len(fragments) != 1:
            return None
        if any(more is not None and (more or key not in _TEXTS) for key, more in delta.items() if key not in _NO_TEXTS):
            return None
        return self._calls.grown_by(fragments[0])

    @staticmethod
    def _find_holders(value: JsonObject) -> Mapping[str, JsonObject]:
        piece: Any = value
        holders = {"arguments": piece["choices"][0]["delta"]["tool_calls"][0]["function"]}
        if isinstance(value.get("obfuscation"), str):
            holders["obfuscation"] = value
        return holders

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
            # Where the limit may be hidden, the usage that comes after this decides.
            if self._limit is None and not is_cutting(self._finish_reason):
                self._calls.complete_closed()

    def _take_delta(self, delta: JsonObject) -> None:
        calls = delta.get("tool_calls")
        if calls and isinstance(calls, list):
            for fragment in calls:
                if isinstance(fragment, dict):
                    self._calls.add(fragment)
                elif fragment is not None:
                    raise self._errors.not_the_protocol("an entry of tool_calls is no object", repr(fragment))
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
