"""Options that a call states twice: at the top level, which wins, and inside an object of the SDK's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from polycall.plugin import Adaptation, to_plain_data
from polycall_vertex._protocol.options import safety_settings

TOP_LEVEL = ""
"""The place of the options that stand in no object."""
_OTHER_NAMES: Mapping[str, Collection[str]] = {
    "max_output_tokens": ("max_tokens", "max_completion_tokens", "max_new_tokens"),
    "stop_sequences": ("stop", "stop_strings"),
}
_WITH_HEADERS = "http_options"
"""They may hold secrets: the values are not told."""
_MERGED = frozenset({"system_instruction", "tools", "tool_config"})


def contradictions(stated: Mapping[str, Mapping[str, object]], defaults: Collection[str] = ()) -> Iterator[Adaptation]:
    """The fields that lose, because a place that wins states something else.

    Args:
        stated: Fields by place: the option that holds them, or `TOP_LEVEL`. A later place wins.
        defaults: Names of the options that are defaults of the client. They yield to the call without a word.
    """
    places = list(stated)
    for at, place in enumerate(places):
        for name, given in stated[place].items():
            winner = next((one for one in reversed(places[at + 1 :]) if name in stated[one]), None)
            if winner is None or given is None or name in _MERGED:
                continue
            if place in defaults and not _is_default(winner, name, defaults):
                continue
            lost, sent = _plain(name, given), _plain(name, stated[winner][name])
            if lost != sent:
                is_secret = name == _WITH_HEADERS
                yield Adaptation(
                    setting=f"options.{place}.{name}",
                    kind="dropped",
                    given=None if is_secret else lost,
                    sent=None if is_secret else sent,
                    reason=f"{winner or 'an option of the call'} states {name}, too, and wins.",
                )


def _is_default(place: str, name: str, defaults: Collection[str]) -> bool:
    names = (name, *_OTHER_NAMES.get(name, ())) if place == TOP_LEVEL else (place,)
    return any(one in defaults for one in names)


def _plain(name: str, value: object) -> object:
    return safety_settings(value) if name == "safety_settings" and value is not None else to_plain_data(value)
