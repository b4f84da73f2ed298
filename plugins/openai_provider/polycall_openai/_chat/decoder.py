"""From the chunks of a streamed Chat Completion to its reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycall.plugin import FinishReason, JsonObject, ReasoningDelta, Reply, Request, TextDelta, Usage, json_text
from polycall_openai._chat.assembly import CallAssembler, is_cut_off
from polycall_openai._chat.reply import extract_reply, message_text, reasoning_of, refusal_in, word_for_the_end
from polycall_openai._chat.turn import call_entry, joined, make_turn
from polycall_openai._options import hidden_limit, reached
from polycall_openai._servers.endings import finish_reason_of, is_whole, strictest
from polycall_openai._servers.server import Server
from polycall_openai._servers.usage import find_usage, read_usage
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls
from polycall_openai._streaming.reply_decoder import ReplyDecoder

_NOT_ECHOED = frozenset({"role", "content", "refusal", "tool_calls", "function_call"})
_TEXT_FIELDS = frozenset({"content", "refusal"})
_LEGACY_INDEX = -1


def create_decoder(server: Server, request: Request) -> ReplyDecoder:
    """Create a decoder for one streamed reply."""
    return ReplyDecoder(server.errors, StreamedCompletion(server, request))


class _Choice:
    """One choice of the reply; nearly always the only one."""

    def __init__(self, calls: OpenCalls) -> None:
        self.assembler = CallAssembler(calls)
        self.content: list[str] | None = None
        self.has_calls = False
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.extras: dict[str, list[object]] = {}
        self.finish_reason: str | None = None


class StreamedCompletion:
    """One streamed Chat Completion.

    The reply is whole if there was a finish reason or ``[DONE]``: some servers never send one of them (Ollama,
    vllm#27572), but one that sends neither broke off. Where the server's profile says so, a finish reason is needed.
    One choice is asked for; a server that spreads a reply over several means all of them (HKUDS/nanobot#1555).
    """

    is_over = False
    """Usage comes after the finish reason, so only ``[DONE]`` is the end."""

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self.calls = OpenCalls(server, request, is_cut_off)
        self._first = _Choice(self.calls)
        self._choices: dict[int, _Choice] = {}
        self._limit = hidden_limit(server, request)
        self._usage: Usage | None = None
        self._response_id: str | None = None
        self._model: str | None = None
        self._is_legacy = False
        self._saw_choices = False
        self._without_choices: object = None
        """The first event that is not a chunk."""

    def handle(self, event: JsonObject, source: object) -> None:
        """Take one chunk."""
        usage = find_usage(event)
        if usage:
            self._usage = read_usage(usage)  # the last counts: some servers send sums with each chunk
        if not self._response_id:
            self._response_id = json_text(event, "id")
        if not self._model:  # Azure's first chunk has none
            self._model = json_text(event, "model")
        # The chunk with usage has no choices; nor has Azure's first, with the prompt's filter results.
        if "choices" in event:
            self._saw_choices = True
        elif self._without_choices is None:
            self._without_choices = source
        choices = event.get("choices")
        if isinstance(choices, list):
            for given in choices:
                if isinstance(given, dict):
                    self._take_choice(given, self._choice(given.get("index"), source), source)
                elif given is not None:
                    raise self._server.errors.not_the_protocol("a choice of the stream is not an object", source)
        elif choices is not None:
            raise self._server.errors.not_the_protocol("the choices of an event are not a list", source)

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
                return None if is_more else self._first.assembler.last
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
        if saw_done and not self._saw_choices and self._without_choices is not None:
            raise self._server.errors.not_the_protocol("no event of the stream has choices", self._without_choices)
        choices = [self._first, *self._choices.values()]
        words = [choice.finish_reason for choice in choices if choice.finish_reason is not None]
        raw_finish_reason = strictest(words)
        finish_reason = finish_reason_of(raw_finish_reason)
        saw_end = raw_finish_reason is not None or (saw_done and not self._server.profile.finish_reason_required)
        if is_whole(finish_reason) and reached(self._usage, self._limit):
            finish_reason = FinishReason.LENGTH
        tool_calls, cut_off = self.calls.finish(saw_end=saw_end, truncated=not is_whole(finish_reason))
        text = next((choice.content for choice in choices if choice.content), self._first.content)
        reasoning = "".join(piece for choice in choices for piece in choice.reasoning)
        refusal = "".join(piece for choice in choices for piece in choice.refusal) or None
        message: JsonObject = {"role": "assistant", "content": None if text is None else "".join(text)}
        for choice in choices:
            message |= {key: joined(pieces) for key, pieces in choice.extras.items() if key not in message}
        if refusal:
            message["refusal"] = refusal
        entries = [
            call_entry(_entry(call) if len(call.made) == 1 else None, made)
            for call in self.calls.calls
            if call.made is not None
            for made in call.made
        ]
        return Reply(
            tool_calls=tool_calls,
            cut_off=cut_off,
            text="".join(text or ()) or None,
            reasoning=reasoning or None,
            finish_reason=finish_reason,
            raw_finish_reason=raw_finish_reason,
            usage=self._usage,
            refusal=refusal,
            saw_end=saw_end and finish_reason is not FinishReason.OTHER,
            turn=make_turn(message, entries, is_legacy=self._is_legacy and len(entries) == 1),
            response_id=self._response_id or None,
            model=self._model or None,
        )

    def whole_reply(self, body: bytes) -> Reply:
        """Read a body that is not a stream."""
        return extract_reply(self._server, self._request, body, None)

    def _choice(self, index: object, source: object) -> _Choice:
        if not index:
            return self._first
        if type(index) is not int:
            raise self._server.errors.not_the_protocol("the index of a choice is not a number", source)
        if index not in self._choices:
            self._choices[index] = _Choice(self.calls)
        return self._choices[index]

    def _take_choice(self, given: JsonObject, choice: _Choice, source: object) -> None:
        delta, message = given.get("delta"), given.get("message")
        if isinstance(delta, dict) and not (isinstance(message, dict) and not any(delta.values())):
            self._take_delta(delta, choice)
        elif isinstance(message, dict):
            # The whole message instead of a delta; what was streamed of it comes again.
            choice.content, choice.reasoning, choice.refusal = None, [], []
            self._take_delta(message, choice)
        elif delta or message:
            raise self._server.errors.not_the_protocol("the delta of a choice is not an object", source)
        said = given.get("finish_reason")
        reason = word_for_the_end(given, source) if said or "error" in given else None
        if reason and reason != "null":  # "" in the middle is not an end: adolfousier/opencrabs#1499
            choice.finish_reason = reason
            # Where the limit may be hidden, the usage that comes after this decides; likewise the other choices.
            if self._limit is None and not self._choices and is_whole(finish_reason_of(reason)):
                self.calls.complete_closed()

    def _take_delta(self, delta: JsonObject, choice: _Choice) -> None:
        fragments = delta.get("tool_calls")
        if isinstance(fragments, dict) and "function" in fragments:
            fragments = [fragments]
        if fragments:
            choice.has_calls = True
        if fragments and not isinstance(fragments, list):
            raise self._server.errors.not_the_protocol("tool_calls is not a list", fragments)
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict) and fragment:
                choice.assembler.add(fragment)
            elif not fragment:
                choice.assembler.add_empty()
            else:
                raise self._server.errors.not_the_protocol("an entry of tool_calls is not an object", fragment)
        if len(delta) > 1 or not fragments:
            self._take_message(delta, choice)

    def _take_message(self, delta: JsonObject, choice: _Choice) -> None:
        reasoning = reasoning_of(delta)
        if reasoning:
            choice.reasoning.append(reasoning)
            if self._request.deltas:
                self.calls.events.append(ReasoningDelta(reasoning))
        content = delta.get("content")
        if content is not None:
            self._take_text(content if isinstance(content, str) else message_text(content) or "", choice)
        refusal = delta.get("refusal") or refusal_in(content)
        if refusal and isinstance(refusal, str):
            choice.refusal.append(refusal)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict) and not choice.has_calls:  # some servers say the same in both fields
            self._is_legacy = True
            choice.assembler.add({"index": _LEGACY_INDEX, "function": legacy})
        for key, value in delta.items():
            if key not in _NOT_ECHOED and value is not None:
                choice.extras.setdefault(key, []).append(value)

    def _take_text(self, text: str, choice: _Choice) -> None:
        if choice.content is None:
            choice.content = []
        if text:
            choice.content.append(text)
            if self._request.deltas and not any(
                other.content for other in (self._first, *self._choices.values()) if other is not choice
            ):
                self.calls.events.append(TextDelta(text))


def _entry(call: OpenCall) -> JsonObject:
    """A call with the fields beyond the protocol, for the echo."""
    if not call.is_custom:
        return call.entry
    return {**call.entry, "custom": {"name": call.name, "input": call.arguments()}}


def _adds(key: object, value: object) -> bool:
    """Whether a field next to a delta's calls adds anything."""
    return key != "role" and value is not None and bool(value or key not in _TEXT_FIELDS)
