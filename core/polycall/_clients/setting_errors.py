"""Errors about settings: each names the file and the key that the setting came from, and none shows a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from polycall._data.errors import ConfigurationError
from polycall._toolkit.hints import did_you_mean

_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where settings come from.

    Attributes:
        source: The config file as it is shown; ``None`` for keyword arguments.
        key: The path of their table in it, e.g. ``"profiles.fast"``.
    """

    source: str | None = None
    key: str | None = None

    def error(self, problem: str, name: str = "") -> ConfigurationError:
        """The error for a setting of that name."""
        path = self.path(name)
        where = f"{self.source}: {path}: " if self.source and path else f"{self.source or path}: "
        return ConfigurationError(f"{where if path or self.source else ''}{problem}", source=self.source, key=path)

    def path(self, name: str) -> str | None:
        """The path of a setting in the file; its name for keyword arguments."""
        return ".".join(part for part in (self.key, name) if part) or None


IN_CODE = Place()
"""Keyword arguments."""


def unknown_key(name: str, known: Iterable[str], *, what: str = "known key") -> str:
    """Say that a key is unknown, and which known one is nearest."""
    return f"{name[:_MAX_SHOWN]!r} is not a {what}.{did_you_mean(name, known) or ' Known: none.'}"


def invalid_value(error: ValidationError, place_of: Callable[[str], Place]) -> ConfigurationError:
    """The first problem that pydantic found, without the value that was given.

    Args:
        error: Its error.
        place_of: The place of a setting, by the first part of its path.
    """
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in detail["loc"])
    place = place_of(str(detail["loc"][0])) if detail["loc"] else place_of("")
    return place.error(f"{detail['msg']}.", name)
