"""Checks and converts the options of a call, for both SDKs, before anything is sent."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import Enum

from polycall import ConfigurationError
from polycall_vertex._sdk_objects import to_rest

_RESERVED = {
    "tools": "the tools come from response_model",
    "contents": "the contents come from messages",
    "stream": "use client.stream()",
}


def reject_unknown_options(options: Iterable[str], known: Iterable[str], sdk: str) -> None:
    """Reject options that polycall sets itself, and those that the SDK does not know.

    Raises:
        ConfigurationError: Names the option and the nearest known one.
    """
    known = sorted(known)
    for name in options:
        if name in _RESERVED:
            raise ConfigurationError(f"polycall sets the option {name!r} itself: {_RESERVED[name]}.", key=name)
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1) or [one for one in known if name in one][:1]
            hint = f" Did you mean {nearest[0]!r}?" if nearest else f" Known: {', '.join(known)}."
            raise ConfigurationError(f"{name!r} is not an option of {sdk}.{hint}", key=name)


def as_dict(value: object, option: str) -> dict[str, object]:
    """Convert an option, a dict or one of the SDKs' own objects, to a dict with snake_case keys.

    Raises:
        ConfigurationError: The option has another type.
    """
    if value is None:
        return {}
    given = value if isinstance(value, Mapping) else to_rest(value)
    if given is None:
        raise ConfigurationError(f"{option} must be a dict or the SDK's own object, got {value!r}.", key=option)
    return {_snake_case(str(name)): one for name, one in given.items()}


def seconds(value: object) -> float:
    """Check the option ``timeout``, in seconds.

    Raises:
        ConfigurationError: It is not a positive number.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise ConfigurationError(f"timeout must be a positive number of seconds, got {value!r}.", key="timeout")


def hashable(value: object) -> Hashable:
    """Convert plain JSON to a dictionary key; two keys are equal if the JSON is sent alike.

    Raises:
        TypeError: It contains another object, which may be changed later.
    """
    if value is None or type(value) in (str, int, float, bool):
        return (type(value), value)
    if type(value) is dict:
        return (dict, *((name, hashable(one)) for name, one in value.items()))
    if type(value) is list:
        return (list, *(hashable(one) for one in value))
    raise TypeError(f"{type(value).__name__} is not plain JSON.")


def safety_settings(value: object) -> list[dict[str, object]]:
    """Convert the option ``safety_settings``, a mapping of categories to thresholds or a list, to a list in REST JSON.

    Raises:
        ConfigurationError: It has another type.
    """
    if isinstance(value, Mapping):
        return [{"category": _enum_name(category), "threshold": _enum_name(level)} for category, level in value.items()]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigurationError(f"safety_settings must be a dict or a list, got {value!r}.", key="safety_settings")
    return [
        {_camel_case(name): _enum_name(one) for name, one in as_dict(setting, "safety_settings").items()}
        for setting in value
    ]


def camel_keys(value: object) -> object:
    """The same JSON with camelCase keys at every depth; for structures whose keys are all field names."""
    if isinstance(value, Mapping):
        return {_camel_case(str(name)): camel_keys(one) for name, one in value.items()}
    return [camel_keys(one) for one in value] if isinstance(value, list) else _enum_name(value)


def _enum_name(value: object) -> object:
    return value.name if isinstance(value, Enum) else value


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), name)
