"""Which plugins are installed, from entry-point metadata alone: nothing of a plugin is imported here."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

PROVIDER_GROUP = "polycall.providers"
EXTENSION_GROUP = "polycall.extensions"
ALLOWED_PLUGINS_VARIABLE = "POLYCALL_PLUGINS"


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """An entry point of one of polycall's groups, not imported.

    `polycall.providers` returns these.
    """

    name: str
    """The entry point's name: for a provider, the name to select it by."""
    distribution: str | None
    """Name of the distribution that offers it."""
    version: str | None
    """Version of that distribution."""
    target: str
    """The module or object that the entry point names."""

    @property
    def distribution_text(self) -> str:
        """``"name version"``, for messages."""
        return f"{self.distribution or 'an unnamed distribution'} {self.version or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """An installed plugin together with the way to import it."""

    description: InstalledPlugin
    entry_point: EntryPoint


def find_plugins(group: str) -> Mapping[str, tuple[FoundPlugin, ...]]:
    """Find the plugins of a group, by name; more than one where several distributions claim a name.

    What the environment variable ``POLYCALL_PLUGINS`` (names with commas between) does not list is left out.
    The metadata are read once per process; call `forget_plugins` after installing something.
    """
    return _restrict(_read_group(group), os.environ.get(ALLOWED_PLUGINS_VARIABLE))


def forget_plugins() -> None:
    """Read the metadata anew at the next question."""
    _read_group.cache_clear()


@cache
def _read_group(group: str) -> Mapping[str, tuple[FoundPlugin, ...]]:
    found: defaultdict[str, list[FoundPlugin]] = defaultdict(list)
    seen: set[tuple[str, str, str | None]] = set()
    for entry_point in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        distribution = entry_point.dist
        name = distribution.name if distribution is not None else None
        # A distribution can be met twice on sys.path (an editable install beside its own build); it is one claim.
        identity = (entry_point.name, entry_point.value, name)
        if identity in seen:
            continue
        seen.add(identity)
        description = InstalledPlugin(
            entry_point.name, name, distribution.version if distribution is not None else None, entry_point.value
        )
        found[entry_point.name].append(FoundPlugin(description, entry_point))
    return {name: tuple(plugins) for name, plugins in found.items()}


def _restrict(
    plugins: Mapping[str, tuple[FoundPlugin, ...]], allowed: str | None
) -> Mapping[str, tuple[FoundPlugin, ...]]:
    if allowed is None:
        return plugins
    names = {name.strip() for name in allowed.split(",")}
    return {name: found for name, found in plugins.items() if name in names}


def is_allowed(name: str) -> bool:
    """Whether ``POLYCALL_PLUGINS`` lets a plugin of this name load; without the variable every one may."""
    allowed = os.environ.get(ALLOWED_PLUGINS_VARIABLE)
    return allowed is None or name in {entry.strip() for entry in allowed.split(",")}
