"""Registering an extension of this package for a while."""

from __future__ import annotations

import polycall
from polycall._plugins.discovery import EXTENSION_GROUP, is_allowed, variable_of


def register(name: str, plugin: object) -> None:
    """Register an extension; it serves the clients that are made afterwards.

    Args:
        name: Extensions run in the order of their names: one that begins with ``~`` comes last, so it is next to the
            provider, with the user's own extensions around it.
        plugin: Its hooks.

    Raises:
        ConfigurationError: The environment leaves the extension out, so that it would do nothing, in silence.
    """
    if not is_allowed(name, EXTENSION_GROUP):
        variable = variable_of(EXTENSION_GROUP)
        raise polycall.ConfigurationError(
            f"{variable} does not list {name!r}, which would not be loaded. Add it to {variable}, or unset the "
            "variable for the tests.",
            key=variable,
        )
    polycall.register_extension(name, plugin)
