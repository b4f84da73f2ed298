"""What a client does unless a call says otherwise: options of ``create()`` and the number of corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from polycall._data.errors import ConfigurationError

CORRECTIONS = 2
"""Corrections that are asked of the model, at most, if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """Defaults of every ``create()`` of one client.

    Attributes:
        options: By name, neutral names or the provider's own. Not in the ``repr``: headers hold secrets.
        max_corrections: Corrections to ask of the model, at most.
        source: The config file that options come from, as it is shown.
        paths: The path in that file of each option that is written there.
    """

    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    max_corrections: int = CORRECTIONS
    source: str | None = None
    paths: Mapping[str, str] = field(default_factory=dict)

    def join(self, options: Mapping[str, object]) -> dict[str, object]:
        """The options of a call: its own, and the defaults for those that it does not give.

        Dicts of further headers, parameters and fields (``extra_headers``, ``extra_query``, ``extra_body``) are joined.
        """
        joined = {**self.options, **options}
        for name in self.options.keys() & options.keys():
            default, own = self.options[name], options[name]
            if name.startswith("extra_") and isinstance(default, Mapping) and isinstance(own, Mapping):
                joined[name] = {**_without(default, own), **own}
        return joined

    def named(self, options: Mapping[str, object]) -> frozenset[str]:
        """The names of those options of a call that are defaults, as the call does not give them."""
        return frozenset(self.options.keys() - options.keys())

    def located(self, error: ConfigurationError, names: frozenset[str]) -> ConfigurationError:
        """The same error with file and key, if it is about an option that stands in a file.

        Args:
            error: From rendering a request.
            names: The options of that request that are defaults.
        """
        first, dot, rest = (error.key or "").partition(".")
        if error.source is not None or first not in names or first not in self.paths:
            return error
        key = f"{self.paths[first]}{dot}{rest}"
        located = ConfigurationError(f"{self.source}: {key}: {error}", source=self.source, key=key)
        located.__cause__ = error.__cause__
        return located


NO_DEFAULTS = Defaults()


def _without(default: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """The entries that a call does not give; in headers case does not count."""
    given = {str(name).lower() for name in own}
    return {name: value for name, value in default.items() if str(name).lower() not in given}
