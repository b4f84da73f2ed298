"""Cheap checks of a provider's decoder and of its events, for whole and streamed replies alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polycall._data.contract import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    ReasoningDelta,
    Reply,
    StreamEvent,
    TextDelta,
)
from polycall._data.types import ToolCall
from polycall._engine.result_checks import check_call, describe, wrong_result
from polycall._plugins.registry import Provider

_HOOK = "polycall_create_decoder"
_DISPLAY_EVENTS = (CallStarted, ArgumentsDelta, TextDelta, ReasoningDelta)
LISTS = frozenset({list, tuple})
"""Types of results of ``feed`` that need no check, for the speed of streams."""
_EVENTS = ", ".join(type_.__name__ for type_ in (CallCompleted, *_DISPLAY_EVENTS))


def check_decoder(provider: Provider, decoder: object) -> None:
    """Refuse a decoder without ``feed`` or ``finish``, or with a ``done`` that is always true.

    Raises:
        PluginError: It is one.
    """
    for member in ("feed", "finish"):
        if isinstance(decoder, type) or not callable(getattr(decoder, member, None)):
            raise wrong_result(provider, decoder, f"a decoder with {member}()", _HOOK)
    if callable(getattr(decoder, "done", None)):
        raise provider.error(
            f"returned a decoder from {_HOOK} whose 'done' is a method; write it as a property.", _HOOK
        )


def check_events(provider: Provider, events: Any) -> Iterable[StreamEvent]:
    """The result of ``feed``, if it can be iterated over.

    Raises:
        PluginError: It cannot.
    """
    if hasattr(type(events), "__iter__") and not isinstance(events, (str, bytes, dict)):
        return events  # type: ignore[no-any-return]  # each event is checked when its turn comes
    if hasattr(events, "__await__") and not isinstance(events, type):
        events.close()  # else Python warns that it was never awaited
    raise provider.error(
        f"returned {describe(events)} from the feed() of its decoder ({_HOOK}); a list of events is due, empty where "
        "nothing is new.",
        _HOOK,
    )


def check_display_event(provider: Provider, event: object) -> None:
    """Refuse what is not an event.

    Raises:
        PluginError: It is of another type, or a member is.
    """
    # Exact types first: there may be an event for each word of a reply.
    if type(event) is ArgumentsDelta:
        sound = type(event.text) is str and type(event.index) is int
    elif type(event) is TextDelta or type(event) is ReasoningDelta:
        sound = type(event.text) is str
    elif type(event) is CallStarted:
        sound = type(event.index) is int and type(event.id) is str and type(event.name) is str
    else:
        sound = False
    if not sound:
        _check_carefully(provider, event)


def _check_carefully(provider: Provider, event: object) -> None:
    if not isinstance(event, _DISPLAY_EVENTS):
        raise provider.error(
            f"reported {describe(event)} from the feed() of its decoder ({_HOOK}); an event is one of {_EVENTS}.", _HOOK
        )
    for name, type_ in (("index", int), ("id", str), ("name", str), ("text", str)):
        value = getattr(event, name, type_())
        if not isinstance(value, type_) or isinstance(value, bool):
            raise provider.error(
                f"reported {describe(event)} from the feed() of its decoder ({_HOOK}) whose {name} is "
                f"{describe(value)}.",
                _HOOK,
            )


class CompletedCalls:
    """Holds a decoder to its word: each index completes once, and the reply holds every completed call."""

    __slots__ = ("_indexes", "_provider")

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._indexes: set[int] = set()

    def add(self, event: CallCompleted) -> ToolCall:
        """The call of a `CallCompleted`.

        Raises:
            PluginError: It is not a `ToolCall`, or its index was completed before.
        """
        call = event.tool_call
        check_call(self._provider, call, _HOOK)
        if call.index in self._indexes:
            raise self._provider.error(
                f"reported the call with index {call.index} as completed twice from its decoder ({_HOOK}).", _HOOK
            )
        self._indexes.add(call.index)
        return call

    def check(self, reply: Reply) -> None:
        """Check the whole reply against the calls that were completed.

        Raises:
            PluginError: One is missing.
        """
        if self._indexes and (missing := self._indexes.difference(call.index for call in reply.tool_calls)):
            raise self._provider.error(
                f"reported the call with index {min(missing)} as completed, and left it out of the finish() of its "
                f"decoder ({_HOOK}).",
                _HOOK,
            )
