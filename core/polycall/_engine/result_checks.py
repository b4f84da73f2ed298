"""Cheap checks of what a plugin's hooks return, on every call; `polycall.testing` has the expensive ones."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import CoroutineType
from typing import Any, TypeVar

from polycall._data.contract import ClientTraits, Reply
from polycall._data.errors import PluginError
from polycall._data.types import Adaptation, FinishReason, ToolCall, Usage
from polycall._data.wording import DEFAULT_WORDING, Wording
from polycall._plugins.registry import Provider

T = TypeVar("T")

_OPTIONAL_MEMBERS = (
    *(("text", str), ("reasoning", str), ("raw_finish_reason", str), ("refusal", str), ("stopped", str)),
    *(("response_id", str), ("model", str), ("finish_reason", FinishReason), ("usage", Usage)),
)
_LISTS = frozenset({list, tuple})
_TURNS = frozenset({dict, list, type(None)})
_ARGUMENTS = frozenset({str, dict})
_TEXT = frozenset({str, type(None)})
_FINISH_REASON = frozenset({FinishReason, type(None)})
_COUNT = frozenset({int, type(None)})
_COUNTS = tuple(field.name for field in fields(Usage))


def check_result(provider: Provider, result: Any, type_: type[T], hook: str) -> T:
    """A hook's result, if it has the type that is due.

    Raises:
        PluginError: It has not.
    """
    if isinstance(result, type_):
        return result
    raise wrong_result(provider, result, f"{_article(type_.__name__)} {type_.__name__}", hook)


def check_owed(provider: Provider, result: Any, due: str, hook: str) -> Any:
    """A result that may be anything but nothing.

    Raises:
        PluginError: It is ``None``, or a coroutine, which nothing awaits.
    """
    if result is None or type(result) is CoroutineType:
        raise wrong_result(provider, result, due, hook)
    return result


def check_not_awaitable(provider: Provider, result: object, hook: str) -> None:
    """Refuse a coroutine as a result that is not used: the hook has done nothing.

    Raises:
        PluginError: It is one.
    """
    if type(result) is CoroutineType:
        raise wrong_result(provider, result, "None", hook)


def wrong_result(provider: Provider, result: object, due: str, hook: str) -> PluginError:
    """The error for a result of a wrong type."""
    hint = ""
    if hasattr(result, "__await__") and not isinstance(result, type):
        hint = " Await it." if hook.endswith("_async") else " Nothing awaits it here."
        if hasattr(result, "close"):
            result.close()  # else Python warns that it was never awaited
    described = describe(result)
    if described == due:  # of another library
        described = f"a {type(result).__module__}.{type(result).__qualname__}"
    return provider.error(f"returned {described} from {hook}; {due} is due.{hint}", hook)


def check_traits(provider: Provider, traits: object, hook: str) -> ClientTraits:
    """What a plugin says of a client that it recognises.

    Raises:
        PluginError: It is of another type, or a member is.
    """
    checked = check_result(provider, traits, ClientTraits, hook)
    for name, due, fits in (
        ("modes", "a frozenset of modes", isinstance(checked.modes, (frozenset, set))),
        ("model", "text or None", type(checked.model) in _TEXT),
    ):
        if not fits:
            value = describe(getattr(checked, name))
            raise provider.error(f"returned ClientTraits from {hook} whose {name} is {value}; {due} is due.", hook)
    return checked


def check_wording(provider: Provider, wording: object, hook: str) -> Wording:
    """Words for the model, if they can be filled in.

    Raises:
        PluginError: They are of another type, or a template has a placeholder that nothing fills.
    """
    checked = check_result(provider, wording, Wording, hook)
    for field in fields(Wording):
        template = getattr(checked, field.name)
        if not isinstance(template, str):
            raise provider.error(f"returned a Wording from {hook} whose {field.name} is {describe(template)}.", hook)
        if not (known := _placeholders(getattr(DEFAULT_WORDING, field.name))):
            continue
        try:
            unknown = _placeholders(template) - known
        except ValueError as error:
            raise provider.error(
                f"returned a Wording from {hook} whose {field.name} is malformed: {error}.", hook
            ) from error
        if unknown:
            raise provider.error(
                f"returned a Wording from {hook} whose {field.name} has the placeholder {min(unknown)!r}; it has: "
                f"{', '.join(sorted(known))}.",
                hook,
            )
    return checked


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def check_adaptations(provider: Provider, adaptations: Iterable[object], hook: str) -> None:
    """Refuse adaptations of another type.

    Raises:
        PluginError: One is.
    """
    for one in adaptations:
        if not isinstance(one, Adaptation):
            raise provider.error(f"recorded {describe(one)} in {hook} where an Adaptation is due.", hook)


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
    turn = reply.turn
    if reply.cut_off or type(calls) not in _LISTS or type(turn) not in _TURNS:
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
            or call.problem is not None
            or call.normalized_arguments is not None
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
        and type(reply.stopped) in _TEXT
        and type(reply.raw_finish_reason) in _TEXT
        and type(reply.response_id) in _TEXT
        and type(reply.model) in _TEXT
        and type(reply.finish_reason) in _FINISH_REASON
        and type(reply.saw_end) is bool
        and (reply.raw_response is None or callable(reply.raw_response))
        and (reply.usage is None or _are_counts(reply.usage))
        and (type(turn) is not list or all(type(message) is dict for message in turn))
    )


def _are_counts(usage: object) -> bool:
    return (
        type(usage) is Usage
        and type(usage.input_tokens) in _COUNT
        and type(usage.output_tokens) in _COUNT
        and type(usage.total_tokens) in _COUNT
        and type(usage.cached_input_tokens) in _COUNT
        and type(usage.cache_write_input_tokens) in _COUNT
        and type(usage.reasoning_tokens) in _COUNT
    )


def _check_carefully(provider: Provider, reply: object, hook: str) -> Reply:
    if not isinstance(reply, Reply):
        raise wrong_result(provider, reply, "a Reply", hook)

    def error(name: str, value: object, due: str) -> PluginError:
        return provider.error(f"returned a Reply from {hook} whose {name} is {describe(value)}; {due} is due.", hook)

    for name, type_ in _OPTIONAL_MEMBERS:
        value = getattr(reply, name)
        if value is not None and not isinstance(value, type_):
            raise error(name, value, f"{_article(type_.__name__)} {type_.__name__} or None")
    for name in _COUNTS if reply.usage is not None else ():
        count = getattr(reply.usage, name)
        if type(count) not in _COUNT:
            raise error(f"usage.{name}", count, "an int or None")
    if type(reply.saw_end) is not bool:
        raise error("saw_end", reply.saw_end, "a bool")
    if reply.raw_response is not None and not callable(reply.raw_response):
        raise error("raw_response", reply.raw_response, "a function that makes the SDK's response")
    if not isinstance(reply.turn, (dict, list, type(None))):
        raise error("turn", reply.turn, "a dict of JSON data, or a list of them,")
    for message in reply.turn if isinstance(reply.turn, list) else ():
        if not isinstance(message, dict):
            raise error("turn", message, "a list of dicts of JSON data")
    _check_calls(provider, reply, hook)
    return reply


def _check_calls(provider: Provider, reply: Reply, hook: str) -> None:
    ids: set[str] = set()
    indexes: set[int] = set()
    for member in (reply.tool_calls, reply.cut_off):
        if not isinstance(member, (list, tuple)):
            raise provider.error(
                f"returned a Reply from {hook} whose calls are {describe(member)}; a list is due.", hook
            )
        last = -1
        for call in member:
            check_call(provider, call, hook)
            if call.index in indexes or call.id in ids:
                what, value = ("index", call.index) if call.index in indexes else ("id", call.id)
                raise provider.error(f"returned two calls with the {what} {value!r} from {hook}.", hook)
            if call.index < last and member is reply.tool_calls:
                raise provider.error(
                    f"returned the call with index {call.index} after the one with {last} from {hook}; calls stand in "
                    "the order of their indexes.",
                    hook,
                )
            ids.add(call.id)
            indexes.add(call.index)
            last = call.index


def check_call(provider: Provider, call: object, hook: str) -> None:
    """Refuse a call that the core cannot rely on.

    Raises:
        PluginError: It is of another type, or a member is.
    """
    if not isinstance(call, ToolCall):
        raise provider.error(f"returned {describe(call)} from {hook} where a ToolCall is due.", hook)
    if (
        type(call.id) is str
        and call.id
        and type(call.name) is str
        and type(call.arguments) in _ARGUMENTS
        and type(call.index) is int
        and call.index >= 0
        and call.problem is None
        and call.normalized_arguments is None
    ):
        return
    normalized, problem = call.normalized_arguments, call.problem
    for name, due, fits in (
        ("id", "text that is not empty", isinstance(call.id, str) and bool(call.id)),
        ("name", "text", isinstance(call.name, str)),
        ("arguments", "JSON text or a mapping", isinstance(call.arguments, (str, Mapping))),
        ("index", "an integer >= 0", type(call.index) is int and call.index >= 0),
        ("normalized_arguments", "JSON text, a mapping or None", isinstance(normalized, (str, Mapping, type(None)))),
        ("problem", "text or None", isinstance(problem, (str, type(None)))),
    ):
        if not fits:
            value = getattr(call, name)
            shown = describe(value) if value or not isinstance(value, str) else "empty"
            raise provider.error(f"returned a call from {hook} whose {name} is {shown}; {due} is due.", hook)


def describe(value: object) -> str:
    """Name a value's type for a message."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    name = type(value).__qualname__
    return f"{_article(name)} {name}"


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"
