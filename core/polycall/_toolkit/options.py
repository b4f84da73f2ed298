"""The options of a call: neutral names to the provider's own, and refusals that name the option to use instead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import NoReturn, TypeAlias

from pydantic import BaseModel

from polycall._data.contract import NewClientOnly
from polycall._data.errors import ConfigurationError
from polycall._toolkit.hints import did_you_mean, nearest

NEUTRAL_OPTIONS = (
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "timeout",
    "extra_headers",
    "parallel_tool_calls",
)
"""Options that mean the same with every provider that has them."""

Translation: TypeAlias = str | Callable[[object], Mapping[str, object]] | None
"""Of a neutral option: the provider's name, or a function from the value to the provider's options; ``None`` where the
provider has nothing like it."""

PARAMETERS = (
    "messages",
    "response_model",
    "model",
    "stream",
    "max_retries",
    "tool_choice",
    "strict",
    "context",
    "max_calls",
    "deltas",
)
"""The parameters of ``create()`` that are not options."""
_MEANT = {
    "max_attempts": "max_retries",
    "max_retry": "max_retries",
    "retries": "max_retries",
    "streaming": "stream",
    "temp": "temperature",
    "validation_context": "context",
}
"""Names from elsewhere, too far from polycall's to be found by their spelling."""
_SHORTEST_MISSPELT = 7
"""Shorter names are often names of a provider's own: ``top_k``, ``speed``, ``models``."""


def translate_options(
    options: Mapping[str, object],
    *,
    provider: str,
    neutral: Mapping[str, Translation],
    reserved: Mapping[str, str],
    known: Collection[str] | None,
    aliases: Mapping[str, str] | None = None,
    defaults: Collection[str] = (),
) -> dict[str, object]:
    """Translate what the caller passed beyond polycall's own parameters into the provider's options.

    Args:
        options: By name, as the caller passed them.
        provider: The provider's name, for errors.
        neutral: For each of `NEUTRAL_OPTIONS` what it is with this provider.
        reserved: Options that polycall sets itself, and what to use instead: ``{"tools": "the tools come from
            response_model"}``.
        known: The names of the provider's own options. ``None`` if any name may be one: then only names that are
            almost one of polycall's are refused.
        aliases: Names that other providers have for an option, for the hint: ``{"max_completion_tokens":
            "max_output_tokens"}``.
        defaults: ``request.default_options``: the options that yield to others that mean the same.

    Returns:
        A new dict of the provider's options; own names pass unchanged.

    Raises:
        ConfigurationError: An option that is reserved or unknown, that the provider lacks, or that is given under two
            names with different values. ``key`` is its name; the message never shows a value.
    """
    if not options:
        return {}
    translated: dict[str, object] = {}
    named: dict[str, str] = {}  # the provider's names to the caller's
    own_names = {one for one in neutral.values() if isinstance(one, str)}
    for name, value in options.items():
        if name in reserved:
            raise ConfigurationError(f"polycall does not accept the option {name!r}: {reserved[name]}.", key=name)
        if name not in neutral:
            _require_known(name, provider, neutral, own_names, known, aliases or {})
        for own_name, own_value in _translated(name, value, provider, neutral).items():
            earlier = named.get(own_name)
            if earlier is not None and name in defaults and earlier not in defaults:
                continue
            overrides = earlier in defaults and name not in defaults
            if earlier is not None and not overrides and not _is_equal(translated[own_name], own_value):
                raise ConfigurationError(
                    f"{earlier!r} and {name!r} are the same option of provider {provider!r}, with different "
                    "values. Leave one of them out.",
                    key=name,
                )
            translated[own_name] = own_value
            named[own_name] = name
    return translated


def client_settings(settings_type: type[BaseModel]) -> dict[str, str]:
    """Settings of a client that are not options of a call, for ``reserved`` of `translate_options`.

    Passed to ``create()`` they would be sent in the body, a key among them.

    Args:
        settings_type: The provider's settings; those marked `NEW_CLIENT_ONLY` count, without those that are options or
            parameters of ``create()``, too.
    """
    return {
        name: "it is a setting of the client: pass it where the client is made"
        for name, field in settings_type.model_fields.items()
        if any(isinstance(mark, NewClientOnly) for mark in field.metadata)
        and name not in NEUTRAL_OPTIONS
        and name not in PARAMETERS
    }


def check_timeout(value: object) -> None:
    """Refuse a time limit that is not one, which an HTTP library would refuse later and in other words.

    Args:
        value: The option ``timeout``: seconds; ``None``, tuples and objects of the SDK pass.

    Raises:
        ConfigurationError: A number that is not positive and finite, or text and the like.
    """
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf):
        return
    if isinstance(value, (int, float, str, bytes, list, dict, set)):
        raise ConfigurationError(f"timeout must be a positive number of seconds, got {value!r}.", key="timeout")


def _translated(name: str, value: object, provider: str, neutral: Mapping[str, Translation]) -> Mapping[str, object]:
    translation = neutral.get(name, name)
    if isinstance(translation, str):
        return {translation: value}
    if translation is not None:
        return translation(value)
    if value is None:
        return {}
    raise ConfigurationError(f"Provider {provider!r} has no {name!r}. Leave it out.", key=name)


def _require_known(
    name: str,
    provider: str,
    neutral: Mapping[str, Translation],
    own_names: Collection[str],
    known: Collection[str] | None,
    aliases: Mapping[str, str],
) -> None:
    if name in own_names or (known is not None and name in known):
        return
    if known is None:
        meant = aliases.get(name) or almost_polycall_s(name)
        if meant is not None:
            _refuse(name, provider, f" Did you mean {meant!r}?")
        return
    names = {*known, *(one for one, translation in neutral.items() if translation is not None)}
    meant = nearest(name, {*names, *aliases})
    if name in aliases or (meant is not None and meant in aliases):
        meant = aliases[name if name in aliases else str(meant)]
        _refuse(name, provider, f" Did you mean {meant!r}?")
    _refuse(name, provider, did_you_mean(name, names))


def _refuse(name: str, provider: str, hint: str) -> NoReturn:
    raise ConfigurationError(f"{name!r} is not an option of provider {provider!r}.{hint}", key=name)


@lru_cache(maxsize=1024)
def almost_polycall_s(name: str) -> str | None:
    """The parameter of ``create()`` or the neutral option that a name most likely means, if it is not one itself."""
    form = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    for one in (*PARAMETERS, *NEUTRAL_OPTIONS):
        if name == one:
            return None
        if form == one or (min(len(form), len(one)) >= _SHORTEST_MISSPELT and _is_one_edit(form, one)):
            return one
    return _MEANT.get(form)


def _is_one_edit(left: str, right: str) -> bool:
    """Whether one letter is missing, added, or another, or two neighbours are swapped."""
    if len(left) > len(right):
        left, right = right, left
    at = next((at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), len(left))
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    swapped = left[at + 1 : at + 2] + left[at : at + 1] + left[at + 2 :]
    return left[at + 1 :] == right[at + 1 :] or swapped == right[at:]


def _is_equal(left: object, right: object) -> bool:
    try:
        return left is right or bool(left == right)
    except Exception:  # noqa: BLE001  # values are the caller's; arrays refuse to be one truth
        return False
