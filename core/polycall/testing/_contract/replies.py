"""What a whole reply must be, of `polycall_extract_reply` and of a decoder alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from polycall._data.contract import Reply, Request
from polycall._data.types import ToolCall
from polycall._engine.result_checks import check_reply
from polycall._toolkit.calls import earlier_call_ids
from polycall.testing._contract.data import not_json
from polycall.testing._contract.plugins import CheckedPlugin


def check_whole_reply(plugin: CheckedPlugin, reply: object, hook: str, request: Request, used: set[str]) -> Reply:
    """Check a reply in depth.

    Args:
        plugin: Whose it is.
        reply: The reply.
        hook: The hook that made it.
        request: Its request.
        used: The ids of the calls of earlier rounds; those of this one are added.
    """
    if isinstance(reply, Reply):
        _check_ids_and_indexes(plugin, reply, hook, used | earlier_call_ids(request.messages))
    checked = plugin.typed(hook, check_reply, reply)
    used.update(call.id for call in (*checked.tool_calls, *checked.cut_off))
    plugin.check(
        "json-turn",
        hook,
        not_json(checked.turn, "turn"),
        "dicts with text as keys, lists, text, finite numbers, booleans and None",
    )
    if checked.raw_response is not None:
        checked.raw_response = _checked_raw_response(plugin, checked.raw_response, hook)
    return checked


def _check_ids_and_indexes(plugin: CheckedPlugin, reply: Reply, hook: str, used: set[str]) -> None:
    members = (reply.tool_calls, reply.cut_off)
    if not all(isinstance(member, (list, tuple)) for member in members):
        return  # the check of types says so
    calls = [call for member in members for call in member if isinstance(call, ToolCall)]
    ids = set(used)
    for call in calls:
        if isinstance(call.id, str) and call.id in ids:
            plugin.fail(
                "unique-ids",
                hook,
                f"a second call with the id {call.id!r}, of {call.name}",
                "an id that no other call has, of this reply and of request.messages; see polycall.plugin.CallIds",
            )
        ids.add(call.id)
    if all(type(call.index) is int for call in calls):
        indexes = sorted(call.index for call in calls)
        if indexes != list(range(len(indexes))):
            plugin.fail(
                "whole-indexes",
                hook,
                f"the indexes {', '.join(map(str, indexes))}",
                f"{', '.join(map(str, range(len(indexes))))}, in the order in which the calls began",
            )


def _checked_raw_response(plugin: CheckedPlugin, make: Callable[[], object], hook: str) -> Callable[[], object]:
    """Build the response now, and give out what was built: the function is called at most once."""
    try:
        response = make()
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises
        module = type(error).__module__.partition(".")[0]
        if (module == "builtins" or module in sys.stdlib_module_names) and not isinstance(error, OSError):
            plugin.fail(
                "raw-response",
                hook,
                f"raw_response() raises {type(error).__name__}: {error}",
                "a response, or the exception that the SDK raises for one that it cannot read",
            )
        return _raise_again(error)
    if response is None or hasattr(response, "__await__"):
        came = "None" if response is None else "something to await"
        if hasattr(response, "close"):
            response.close()  # else Python warns that it was never awaited
        plugin.fail(
            "raw-response",
            hook,
            f"raw_response() returns {came}",
            "a response; leave raw_response None where there is none",
        )
    return lambda: response


def _raise_again(error: Exception) -> Callable[[], object]:
    def raise_again() -> NoReturn:
        raise error

    return raise_again
