"""A plugin's decoder with its law checked: each event, and the events against the whole reply."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from polycall._data.contract import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    ReasoningDelta,
    Reply,
    Request,
    StreamDecoder,
    StreamEvent,
    TextDelta,
)
from polycall._data.types import ToolCall
from polycall._engine.decoder_checks import check_display_event, check_events
from polycall._engine.result_checks import check_call
from polycall.testing._contract.data import difference
from polycall.testing._contract.plugins import CheckedPlugin

HOOK = "polycall_create_decoder"


class ContractDecoder:
    """A decoder around a plugin's own.

    Args:
        plugin: Whose it is.
        decoder: The plugin's.
        request: Its request.
        check_reply: Checks the whole reply.
    """

    def __init__(
        self,
        plugin: CheckedPlugin,
        decoder: StreamDecoder[Any],
        request: Request,
        check_reply: Callable[[Reply], Reply],
    ) -> None:
        self._plugin = plugin
        self._decoder = decoder
        self._request = request
        self._check_reply = check_reply
        self._completed: dict[int, ToolCall] = {}
        self._started: dict[int, CallStarted] = {}
        self._arguments: defaultdict[int, list[str]] = defaultdict(list)
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def feed(self, chunk: object) -> Iterable[StreamEvent]:
        """Check the events of a chunk, each when its turn comes: what follows it may be an exception."""
        events = self._decoder.feed(chunk)
        return self._checked(self._plugin.typed(HOOK, lambda provider, given, _: check_events(provider, given), events))

    def _checked(self, events: Iterable[StreamEvent]) -> Iterator[StreamEvent]:
        for event in events:
            if isinstance(event, CallCompleted):
                self._check_completed(event)
            else:
                self._plugin.typed(HOOK, lambda provider, given, _: check_display_event(provider, given), event)
                self._check_display(event)
            yield event

    def _check_completed(self, event: CallCompleted) -> None:
        call = event.tool_call
        self._plugin.typed(HOOK, check_call, call)
        if call.index in self._completed:
            self._plugin.fail(
                "completed-once", HOOK, f"CallCompleted for the index {call.index} again", "one for each index"
            )
        self._completed[call.index] = call
        started = self._started.get(call.index)
        if started is not None and (started.id, started.name) != (call.id, call.name):
            self._plugin.fail(
                "started-agrees",
                HOOK,
                f"CallStarted with {started.id!r}, {started.name!r}, completed as {call.id!r}, {call.name!r}",
                "the same id and name; wait with CallStarted until both are known",
            )

    def _check_display(self, event: StreamEvent) -> None:
        if self._request.stream and not self._request.deltas:
            self._plugin.fail(
                "deltas-when-asked",
                HOOK,
                f"{type(event).__name__} though request.deltas is False",
                "CallCompleted alone",
            )
        if isinstance(event, CallStarted):
            if event.index in self._started or event.index in self._completed:
                self._plugin.fail(
                    "started-agrees", HOOK, f"CallStarted for the index {event.index} again", "one, before all else"
                )
            self._started[event.index] = event
        elif isinstance(event, ArgumentsDelta):
            if event.index not in self._started or event.index in self._completed:
                when = "after its CallCompleted" if event.index in self._completed else "before its CallStarted"
                self._plugin.fail(
                    "started-agrees", HOOK, f"ArgumentsDelta for the index {event.index} {when}", "between the two"
                )
            self._arguments[event.index].append(event.text)
        elif isinstance(event, TextDelta):
            self._text.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self._reasoning.append(event.text)

    def finish(self) -> Reply:
        """Check the whole reply against what was reported."""
        plugin = self._plugin
        if not hasattr(self, "done") and hasattr(self._decoder, "done"):
            plugin.fail("done-from-start", HOOK, "'done' that appeared later", "done = False when the decoder is made")
        reply = self._check_reply(self._decoder.finish())
        whole = {call.index: call for call in reply.tool_calls}
        for index, call in self._completed.items():
            if index not in whole:
                plugin.fail(
                    "completed-agrees",
                    HOOK,
                    f"the completed call {index} of {call.name} is missing in finish()",
                    "Reply.tool_calls with every completed call",
                )
            plugin.check(
                "completed-agrees",
                HOOK,
                difference(call, whole[index], f"tool_calls[{index}]"),
                "the call that CallCompleted reported",
            )
        if self._request.deltas:
            self._check_joined(reply)
        return reply

    def _check_joined(self, reply: Reply) -> None:
        for call in (*reply.tool_calls, *reply.cut_off):
            pieces = self._arguments.get(call.index)
            if pieces is not None and (joined := "".join(pieces)) != call.arguments:
                self._plugin.fail(
                    "deltas-join",
                    HOOK,
                    f"pieces that make {joined!r:.200} for the call {call.index}, whose arguments are "
                    f"{call.arguments!r:.200}",
                    "the same text; no ArgumentsDelta at all where the arguments are not JSON text",
                )
        for name, pieces, whole in (
            ("text", self._text, reply.text),
            ("reasoning", self._reasoning, reply.reasoning),
        ):
            if (joined := "".join(pieces)) != (whole or ""):
                self._plugin.fail(
                    "text-joins",
                    HOOK,
                    f"pieces that make {joined!r:.200}; Reply.{name} is {whole!r:.200}",
                    "the same text",
                )


class ContractDecoderWithEnd(ContractDecoder):
    """A decoder around one that can be done."""

    @property
    def done(self) -> bool:
        """Whether the reply is over."""
        done: object = self._decoder.done  # type: ignore[attr-defined]  # an attribute that a decoder may have
        if type(done) is not bool:
            self._plugin.fail("result-type", HOOK, f"a decoder whose done is {done!r}", "True or False")
        return done
