"""Checks and converts the options of a call, for both SDKs, before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from enum import Enum

from polycall.plugin import (
    NEUTRAL_OPTIONS,
    ConfigurationError,
    JsonObject,
    Translation,
    client_settings,
    did_you_mean,
    sendable,
    translate_options,
)
from polycall_vertex._protocol.service import VERTEX, Service
from polycall_vertex._sdk_objects import to_rest
from polycall_vertex._settings import VertexSettings

_OBJECTS = ("config", "generation_config")
_RESERVED = {
    **client_settings(VertexSettings),
    "contents": "the contents come from messages",
    "stream": "use client.stream()",
}
_NEUTRAL: Mapping[str, Translation] = {
    **dict.fromkeys(NEUTRAL_OPTIONS),
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": lambda value: {"stop_sequences": [value] if isinstance(value, str) else value},
    "seed": "seed",
    "timeout": "timeout",
    "extra_headers": "extra_headers",
    # parallel_tool_calls: no switch exists (docker-agent#2959), so neither value has a meaning here
}
_ALIASES = {
    "max_completion_tokens": "max_output_tokens",
    "max_new_tokens": "max_output_tokens",
    "stop_strings": "stop_sequences",
}


def own_options(
    options: Mapping[str, object],
    known: Collection[str],
    service: Service = VERTEX,
    defaults: Collection[str] = (),
) -> dict[str, object]:
    """Translate the options of a call into those of the SDK.

    Args:
        options: By name.
        known: The SDK's options.
        service: The service that the request is for.
        defaults: Names of those that are defaults of the client: they yield to the call's, also to fields of the SDK's
            objects of options that the call gives.

    Raises:
        ConfigurationError: An option is reserved or unknown.
    """

    def translated(given: Mapping[str, object]) -> dict[str, object]:
        return translate_options(
            given,
            provider=service.name,
            neutral=_NEUTRAL,
            reserved={name: hint for name, hint in _RESERVED.items() if name not in known},
            known=known,
            aliases=_ALIASES,
            defaults=defaults,
        )

    own = translated(options)
    if not defaults:
        return own
    explicit = translated({name: value for name, value in options.items() if name not in defaults})
    inside = {field for name in _OBJECTS for field in _fields_in(explicit.get(name), name)}
    return {name: value for name, value in own.items() if name in explicit or name not in inside}


def _fields_in(value: object, option: str) -> Collection[str]:
    """The fields that one of the SDK's objects of options sets."""
    fields: Collection[str] | None = getattr(value, "model_fields_set", None)
    return as_dict(value, option).keys() if fields is None else fields


def reject_unknown_fields(fields: Mapping[str, object], known: Collection[str], option: str) -> None:
    """Reject fields inside an option that the SDK does not know.

    Raises:
        ConfigurationError: Names the field and the nearest known one.
    """
    for name in fields:
        if name in _RESERVED and name not in known:
            raise ConfigurationError(f"polycall does not accept {name!r} in {option}: {_RESERVED[name]}.", key=name)
        if name not in known:
            raise ConfigurationError(f"{name!r} is not a field of {option}.{did_you_mean(name, known)}", key=name)


def as_dict(value: object, option: str) -> dict[str, object]:
    """Convert an option, a dict or one of the SDKs' own objects, to a dict with snake_case keys.

    Raises:
        ConfigurationError: The option has another type.
    """
    if value is None:
        return {}
    given = value if isinstance(value, Mapping) else to_rest(value)
    if given is None:
        raise ConfigurationError(
            f"{option} must be a dict or the SDK's own object, got a {type(value).__name__}.", key=option
        )
    return {_snake_case(str(name)): one for name, one in given.items()}


def seconds(value: object) -> float:
    """Check the option ``timeout``, in seconds.

    Raises:
        ConfigurationError: It is not a positive number.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise ConfigurationError(f"timeout must be a positive number of seconds, got {value!r}.", key="timeout")


def reject_non_finite(value: object, path: str = "") -> None:
    """Reject NaN and infinity among the options, which JSON lacks.

    Raises:
        ConfigurationError: Names the option.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{path}={value} is not a number that can be sent.", key=path)
    if isinstance(value, Mapping):
        for name, one in value.items():
            reject_non_finite(one, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)):
        for one in value:
            reject_non_finite(one, path)


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
        raise ConfigurationError(
            f"safety_settings must be a dict or a list, got a {type(value).__name__}.", key="safety_settings"
        )
    return [
        {_camel_case(name): _enum_name(one) for name, one in as_dict(setting, "safety_settings").items()}
        for setting in value
    ]


def system_parts(given: object, option: str = "system_instruction") -> list[object]:
    """The parts of a system instruction: text, parts, a content, or a list of these.

    Raises:
        ConfigurationError: It has another type.
    """
    if given is None:
        return []
    if isinstance(given, str):
        return [{"text": sendable(given)}]
    if isinstance(given, list | tuple):
        return [part for one in given for part in system_parts(one, option)]
    rest = sendable(given) if isinstance(given, Mapping) else to_rest(given)
    if not isinstance(rest, Mapping):
        raise ConfigurationError(
            f"{option} must be text, parts or a content, got a {type(given).__name__}.", key=option
        )
    return [rest] if "parts" not in rest else system_parts(rest["parts"], option)


def builtin_tools(given: object, option: str = "tools") -> list[JsonObject]:
    """The tools that the service runs by itself, in REST JSON, which are sent next to the functions.

    Raises:
        ConfigurationError: One of them is a function, or another kind of object.
    """
    if given is None:
        return []
    tools: list[JsonObject] = []
    for one in given if isinstance(given, (list, tuple)) else ():
        rest = camel_keys(one) if isinstance(one, Mapping) else to_rest(one)
        if not isinstance(rest, dict) or not rest or rest.get("functionDeclarations"):
            break
        tools.append(rest)
    else:
        if tools:
            return tools
    raise ConfigurationError(
        f"{option}: the tools come from response_model; this option takes a list of tools that the service runs by "
        "itself, such as {'google_search': {}}.",
        key=option,
    )


def tool_config(given: object, option: str = "tool_config") -> JsonObject:
    """The option ``tool_config`` in REST JSON.

    Raises:
        ConfigurationError: It has another type.
    """
    converted = camel_keys(as_dict(given, option))
    return converted if isinstance(converted, dict) else {}


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
