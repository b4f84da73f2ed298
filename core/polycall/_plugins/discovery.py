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
ALLOWED_PROVIDERS_VARIABLE = "POLYCALL_PLUGINS"
ALLOWED_EXTENSIONS_VARIABLE = "POLYCALL_EXTENSIONS"
_VARIABLES = {PROVIDER_GROUP: ALLOWED_PROVIDERS_VARIABLE, EXTENSION_GROUP: ALLOWED_EXTENSIONS_VARIABLE}


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """An entry point of one of polycall's groups, not imported.

    `polycall.providers` and `polycall.extensions` return these.

    Attributes:
        name: The entry point's name: for a provider, the name to select it by.
        distribution: Name of the distribution that offers it, ``None`` if it was registered in code.
        version: Version of that distribution.
        target: The module or object that the entry point names.
    """

    name: str
    distribution: str | None
    version: str | None
    target: str

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

    Left out are those that the group's environment variable does not list: ``POLYCALL_PLUGINS`` for providers,
    ``POLYCALL_EXTENSIONS`` for extensions (names separated by commas). The metadata are read once per process; call
    `forget_plugins` after installing something.
    """
    plugins = _read_group(group)
    allowed = _allowed_names(group)
    return plugins if allowed is None else {name: found for name, found in plugins.items() if name in allowed}


def left_out(group: str) -> list[InstalledPlugin]:
    """Installed plugins of a group that its environment variable keeps from loading."""
    allowed = _allowed_names(group)
    if allowed is None:
        return []
    return [one.description for name, found in _read_group(group).items() if name not in allowed for one in found]


def forget_plugins() -> None:
    """Read the metadata again when next asked."""
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


def is_allowed(name: str, group: str) -> bool:
    """Whether the group's environment variable lets a plugin of this name load; without the variable every one may."""
    allowed = _allowed_names(group)
    return allowed is None or name in allowed


def variable_of(group: str) -> str:
    """The environment variable that says which plugins of a group may load."""
    return _VARIABLES[group]


def _allowed_names(group: str) -> frozenset[str] | None:
    listed = os.environ.get(_VARIABLES[group])
    return None if listed is None else frozenset(name.strip() for name in listed.split(","))
