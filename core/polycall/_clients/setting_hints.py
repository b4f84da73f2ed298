"""What was meant by a setting that does not exist: one with another name, an option, an argument."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from polycall._toolkit.hints import did_you_mean, nearest
from polycall._toolkit.options import NEUTRAL_OPTIONS, PARAMETERS, almost_polycall_s

_MAX_SHOWN = 100
_SYNONYMS = {
    "api_base": ("base_url",),
    "endpoint": ("base_url",),
    "engine": ("model",),
    "extra_headers": ("default_headers", "headers"),
    "headers": ("default_headers",),
    "host": ("base_url",),
    "key": ("api_key",),
    "model_id": ("model",),
    "model_name": ("model",),
    "network_retries": ("max_retries",),
    "proxy": ("http_client",),
    "region": ("location",),
    "retries": ("max_retries",),
    "token": ("api_key",),
    "url": ("base_url",),
}
"""Names from elsewhere, too far from a setting's own to be found by their spelling; the first that exists counts.
A provider's own are said by its settings (`OtherNames`)."""
_ASYNC = frozenset({"is_async", "use_async", "asynchronous", "async_", "aio", "async_mode"})


def unknown_setting(
    name: str, known: Collection[str], other_names: Mapping[str, str], provider: str, *, in_file: bool
) -> str:
    """Say that a setting does not exist, and what to write in its place.

    Args:
        name: The name that was given.
        known: The settings that exist, with the keys of a profile.
        other_names: What else settings are called, to the settings.
        provider: The provider's name.
        in_file: It stands in a config file, not among keyword arguments.
    """
    form = name.lower().replace("-", "_")
    this = f"{name[:_MAX_SHOWN]!r} is not a setting of provider {provider!r}."
    if form in _ASYNC:
        return f"{this} Pass async_client=True to from_config()." if in_file else f"{this} Did you mean 'async_client'?"
    if name in NEUTRAL_OPTIONS or name in PARAMETERS:
        return _of_create(name, this, in_file=in_file)
    meant = other_names.get(form) or next((one for one in _SYNONYMS.get(form, ()) if one in known), None)
    meant = meant or nearest(name, known)
    if meant is not None:
        return f"{this} Did you mean {meant!r}?"
    option = almost_polycall_s(name)
    return _of_create(option, this, in_file=in_file) if option else f"{this}{did_you_mean(name, known)}"


def _of_create(name: str, this: str, *, in_file: bool) -> str:
    """Where an option or another parameter of ``create()`` belongs."""
    if name == "max_retries":
        return f"{this} The corrections asked of the model are max_corrections, or create(max_retries=...)."
    if name not in NEUTRAL_OPTIONS:
        return f"{this} {name!r} is a parameter of create()."
    how = f"options = {{ {name} = ... }}" if in_file else f"options={{{name!r}: ...}}"
    return f"{this} {name!r} is an option of create(); as a default of every call: {how}."
