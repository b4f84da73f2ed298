"""Which plugins are installed, from entry-point metadata alone: nothing of a plugin is imported here."""
# Annotations are objects here and not texts: pydantic and `typing.get_type_hints` look up the names of texts in the
# module that a class names as its own, which for public ones is `polycall`.

import os
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from polycall._data.public import public

PROVIDER_GROUP = "polycall.providers"
SERVER_GROUP = "polycall.servers"
"""Further names of a provider: the entry's name is a server's, its value the module of the provider's plugin."""
EXTENSION_GROUP = "polycall.extensions"
ALLOWED_PROVIDERS_VARIABLE = "POLYCALL_PLUGINS"
ALLOWED_EXTENSIONS_VARIABLE = "POLYCALL_EXTENSIONS"
_VARIABLES = {
    PROVIDER_GROUP: ALLOWED_PROVIDERS_VARIABLE,
    SERVER_GROUP: ALLOWED_PROVIDERS_VARIABLE,
    EXTENSION_GROUP: ALLOWED_EXTENSIONS_VARIABLE,
}


@public
@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """An entry point of one of polycall's groups, not imported.

    `polycall.providers` and `polycall.extensions` return these.

    Attributes:
        name: The entry point's name: for a provider, the name to select it by.
        distribution: Name of the distribution that offers it, ``None`` if it was registered in code.
        version: Version of that distribution.
        target: The module or object that the entry point names.
        server_of: For a server's name: the provider that reaches this server. ``None`` for providers and extensions.
    """

    name: str
    distribution: str | None
    version: str | None
    target: str
    server_of: str | None = None

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


def find_servers() -> Mapping[str, tuple[FoundPlugin, ...]]:
    """Find the servers by name, each with the provider that reaches it; several where distributions claim one name.

    A provider of the same name takes precedence, whether it may load or not: the meaning of a name does not depend on
    what else is allowed. ``POLYCALL_PLUGINS`` allows a server that it lists, and every server of a provider that it
    lists.
    """
    allowed = _allowed_names(PROVIDER_GROUP)
    return {
        name: servers
        for name, servers in _read_servers().items()
        if allowed is None or name in allowed or any(one.description.server_of in allowed for one in servers)
    }


def installed_names() -> frozenset[str]:
    """Every name of an installed provider or server, also those that ``POLYCALL_PLUGINS`` does not allow."""
    return frozenset({*_read_group(PROVIDER_GROUP), *_read_servers()})


def provider_entries(name: str) -> tuple[FoundPlugin, ...]:
    """The distributions that offer a provider, whether it may be selected by its own name or not."""
    return _read_group(PROVIDER_GROUP).get(name, ())


def is_package_of(plugin: FoundPlugin, modules: Collection[str]) -> bool:
    """Whether one of the modules is in the plugin's own package, or in a distribution that it requires.

    Told by names alone: ``google.genai.errors`` is taken to be in the distribution ``google-genai``.
    """
    own = plugin.entry_point.value.partition(":")[0].partition(".")[0]
    requirements = (plugin.entry_point.dist.requires or ()) if plugin.entry_point.dist is not None else ()
    names = {_normal(re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0]) for one in requirements} | {_normal(own)}
    for module in modules:
        parts = module.split(".")
        if any(_normal("-".join(parts[:depth])) in names for depth in range(1, len(parts) + 1)):
            return True
    return False


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def left_out(group: str) -> list[InstalledPlugin]:
    """Installed plugins of a group that its environment variable keeps from loading."""
    allowed = _allowed_names(group)
    if allowed is None:
        return []
    return [one.description for name, found in _read_group(group).items() if name not in allowed for one in found]


def forget_plugins() -> None:
    """Read the metadata again when next asked."""
    _entry_points.cache_clear()
    _read_group.cache_clear()
    _read_servers.cache_clear()


@cache
def _entry_points() -> tuple[EntryPoint, ...]:
    installed = entry_points()  # one walk over the installed distributions for all groups
    return tuple(entry for group in _VARIABLES for entry in installed.select(group=group))


@cache
def _read_group(group: str) -> Mapping[str, tuple[FoundPlugin, ...]]:
    found: defaultdict[str, list[FoundPlugin]] = defaultdict(list)
    seen: set[tuple[str, str, str | None]] = set()
    entries = (entry for entry in _entry_points() if entry.group == group)
    for entry_point in sorted(entries, key=lambda entry: (entry.name, entry.value)):
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


@cache
def _read_servers() -> Mapping[str, tuple[FoundPlugin, ...]]:
    providers = _read_group(PROVIDER_GROUP)
    by_target = {one.description.target: name for name in sorted(providers, reverse=True) for one in providers[name]}
    return {
        name: tuple(replace(one, description=_server(one.description, by_target)) for one in found)
        for name, found in _read_group(SERVER_GROUP).items()
        if name not in providers
    }


def _server(description: InstalledPlugin, by_target: Mapping[str, str]) -> InstalledPlugin:
    return replace(description, server_of=by_target.get(description.target))


def is_allowed(name: str, group: str) -> bool:
    """Whether the group's environment variable lets a plugin of this name load; without the variable every one may."""
    allowed = _allowed_names(group)
    return allowed is None or name in allowed


def allowed_text(group: str) -> str | None:
    """The value of the group's environment variable, ``None`` if it is not set."""
    return os.environ.get(_VARIABLES[group])


def variable_of(group: str) -> str:
    """The environment variable that says which plugins of a group may load."""
    return _VARIABLES[group]


def _allowed_names(group: str) -> frozenset[str] | None:
    listed = allowed_text(group)
    return None if listed is None else frozenset(name.strip() for name in listed.split(","))
