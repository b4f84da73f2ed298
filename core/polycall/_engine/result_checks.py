"""Cheap checks of what a plugin's hooks return, on every call; `polycall.testing` has the expensive ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from polycall._data.contract import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    ReasoningDelta,
    Reply,
    TextDelta,
)
from polycall._data.errors import PluginError
from polycall._data.types import FinishReason, ToolCall, Usage
from polycall._plugins.registry import Provider

T = TypeVar("T")

_EVENT_TYPES = (CallCompleted, CallStarted, ArgumentsDelta, TextDelta, ReasoningDelta)
_OPTIONAL_MEMBERS = (
    *(("text", str), ("reasoning", str), ("raw_finish_reason", str), ("refusal", str)),
    *(("response_id", str), ("model", str), ("finish_reason", FinishReason), ("usage", Usage)),
)
_LISTS = frozenset({list, tuple})
_TURNS = frozenset({dict, list, type(None)})
_ARGUMENTS = frozenset({str, dict})
_TEXT = frozenset({str, type(None)})
_FINISH_REASON = frozenset({FinishReason, type(None)})
_USAGE = frozenset({Usage, type(None)})


def check_result(provider: Provider, result: Any, type_: type[T], hook: str) -> T:
    """A hook's result, if it has the type that is due.

    Raises:
        PluginError: It has not.
    """
    if isinstance(result, type_):
        return result
    raise wrong_result(provider, result, f"{_article(type_.__name__)} {type_.__name__}", hook)


def wrong_result(provider: Provider, result: object, due: str, hook: str) -> PluginError:
    """The error for a result of a wrong type."""
    if result is None:
        return provider.error(f"returned None from {hook}; {due} is due.", hook)
    hint = ""
    if hasattr(result, "__await__"):
        hint = " Write it without 'async', or implement the hook's '_async' sibling."
        if hasattr(result, "close"):
            result.close()  # else Python warns that it was never awaited
    return provider.error(f"returned {_describe(result)} from {hook}; {due} is due.{hint}", hook)


def check_stream(provider: Provider, stream: object, hook: str, *, asynchronous: bool) -> None:
    """Refuse a stream that cannot be read or closed.

    Raises:
        PluginError: It has no ``__iter__`` or ``close`` (``__aiter__`` or ``aclose``).
    """
    type_ = type(stream)
    for member in ("__aiter__", "aclose") if asynchronous else ("__iter__", "close"):
        if not callable(getattr(stream if member[0] != "_" else type_, member, None)):
            raise wrong_result(provider, stream, f"an open stream with {member}()", hook)


def check_decoder(provider: Provider, decoder: object) -> None:
    """Refuse a decoder without ``feed`` or ``finish``.

    Raises:
        PluginError: A method is missing.
    """
    for member in ("feed", "finish"):
        if not callable(getattr(decoder, member, None)):
            raise wrong_result(provider, decoder, f"a decoder with {member}()", "polycall_create_decoder")


def check_reply(provider: Provider, reply: object, hook: str) -> Reply:
    """A reply, if the core can rely on it.

    Raises:
        PluginError: Another type, a member or a call of a wrong type, calls out of order, or an id or an index twice.
    """
    if isinstance(reply, Reply) and _is_sound(reply):
        return reply
    return _check_carefully(provider, reply, hook)


def _is_sound(reply: Reply) -> bool:
    """A quick look that nearly every reply passes; the careful one finds the words for those that do not."""
    calls = reply.tool_calls
    if reply.cut_off or type(calls) not in _LISTS or type(reply.turn) not in _TURNS:
        return False
    ids: set[str] = set()
    last = -1
    for call in calls:
        if (
            type(call) is not ToolCall
            or type(call.id) is not str
            or type(call.name) is not str
            or type(call.arguments) not in _ARGUMENTS
            or type(call.index) is not int
            or call.index <= last
        ):
            return False
        last = call.index
        ids.add(call.id)
    return (
        len(ids) == len(calls)
        and "" not in ids
        and type(reply.text) in _TEXT
        and type(reply.reasoning) in _TEXT
        and type(reply.refusal) in _TEXT
        and type(reply.raw_finish_reason) in _TEXT
        and type(reply.response_id) in _TEXT
        and type(reply.model) in _TEXT
        and type(reply.finish_reason) in _FINISH_REASON
        and type(reply.usage) in _USAGE
    )


def _check_carefully(provider: Provider, reply: object, hook: str) -> Reply:
    if not isinstance(reply, Reply):
        raise wrong_result(provider, reply, "a Reply", hook)
    for name, type_ in _OPTIONAL_MEMBERS:
        value = getattr(reply, name)
        if value is not None and not isinstance(value, type_):
            raise provider.error(
                f"returned a Reply from {hook} whose {name} is {_describe(value)}, not {type_.__name__} or None.", hook
            )
    if not isinstance(reply.turn, (dict, list, type(None))):
        raise provider.error(
            f"returned a Reply from {hook} whose turn is {_describe(reply.turn)}; a dict of JSON data, or a list of "
            "them, is due.",
            hook,
        )
    _check_calls(provider, reply, hook)
    return reply


def _check_calls(provider: Provider, reply: Reply, hook: str) -> None:
    ids: set[str] = set()
    indexes: set[int] = set()
    for member in (reply.tool_calls, reply.cut_off):
        if not isinstance(member, (list, tuple)):
            raise provider.error(f"returned a Reply from {hook} whose calls are {_describe(member)}, not a list.", hook)
        last = -1
        for call in member:
            _check_call(provider, call, hook)
            if call.index <= last and member is reply.tool_calls and call.index not in indexes:
                raise provider.error(
                    f"returned the call with index {call.index} after the one with {last} from {hook}; calls stand in "
                    "the order of their indexes.",
                    hook,
                )
            if call.index in indexes or call.id in ids:
                what, value = ("index", call.index) if call.index in indexes else ("id", call.id)
                raise provider.error(f"returned two calls with the {what} {value!r} from {hook}.", hook)
            ids.add(call.id)
            indexes.add(call.index)
            last = call.index


def _check_call(provider: Provider, call: object, hook: str) -> None:
    if not isinstance(call, ToolCall):
        raise provider.error(f"returned {_describe(call)} from {hook} where a ToolCall is due.", hook)
    if (
        isinstance(call.id, str)
        and call.id
        and isinstance(call.name, str)
        and isinstance(call.arguments, (str, dict, Mapping))
        and type(call.index) is int
    ):
        return
    for name, due, fits in (
        ("id", "text that is not empty", isinstance(call.id, str) and bool(call.id)),
        ("name", "text", isinstance(call.name, str)),
        ("arguments", "JSON text or a mapping", isinstance(call.arguments, (str, Mapping))),
        ("index", "an integer", type(call.index) is int),
    ):
        if not fits:
            value = getattr(call, name)
            raise provider.error(f"returned a call from {hook} whose {name} is {_describe(value)}; {due} is due.", hook)


def wrong_event(provider: Provider, event: object) -> PluginError:
    """The error for an object that a decoder's ``feed`` yields and that is not an event."""
    names = ", ".join(type_.__name__ for type_ in _EVENT_TYPES)
    return provider.error(
        f"reported {_describe(event)} from its decoder's feed(); an event is one of {names}.", "polycall_create_decoder"
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
        _check_call(self._provider, call, "polycall_create_decoder")
        if call.index in self._indexes:
            raise self._provider.error(
                f"reported the call with index {call.index} as completed twice from its decoder.",
                "polycall_create_decoder",
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
                f"reported the call with index {min(missing)} as completed, and left it out of its decoder's finish().",
                "polycall_create_decoder",
            )


def _describe(value: object) -> str:
    if value is None:
        return "None"
    name = type(value).__qualname__
    return f"{_article(name)} {name}"


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"
