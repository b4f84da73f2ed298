"""Installed plugins and their SDKs, from metadata alone: nothing of a plugin or an SDK is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from polycall._plugins.discovery import (
    PROVIDER_GROUP,
    InstalledPlugin,
    find_plugins,
    find_servers,
    installed_names,
    is_allowed,
    left_out,
    variable_of,
)
from polycall._plugins.discovery import allowed_text as allowed_names_text

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Listed:
    """An installed plugin as it is listed.

    Attributes:
        plugin: Its name, distribution, version and target.
        sdk: What its distribution requires besides polycall: names and versions; a version is ``None`` where it is not
            installed.
        allowed: The group's environment variable lets it load.
        is_claimed_twice: Another distribution offers the same name, so it cannot be selected.
        servers: Names of servers that a provider reaches, each as good as the provider's own.
    """

    plugin: InstalledPlugin
    sdk: tuple[tuple[str, str | None], ...]
    allowed: bool
    is_claimed_twice: bool
    servers: tuple[str, ...] = ()

    @property
    def sdk_text(self) -> str:
        """``"openai 3.1.0"``, for people."""
        return ", ".join(f"{name} {found or 'MISSING'}" for name, found in self.sdk)

    def as_data(self) -> dict[str, object]:
        """As JSON data."""
        return {
            "name": self.plugin.name,
            "distribution": self.plugin.distribution,
            "version": self.plugin.version,
            "target": self.plugin.target,
            "sdk": [{"name": name, "version": found} for name, found in self.sdk],
            "allowed": self.allowed,
            "claimed_twice": self.is_claimed_twice,
            "servers": list(self.servers),
        }


def installed(group: str) -> list[Listed]:
    """The plugins of a group, sorted by name, those that may not load too."""
    found = [one.description for plugins in find_plugins(group).values() for one in plugins]
    plugins = sorted([*found, *left_out(group)], key=lambda one: (one.name, one.distribution or ""))
    names = [one.name for one in plugins]
    return [
        Listed(
            one,
            tuple((name, _version(name)) for name in _required(one.distribution)),
            is_allowed(one.name, group),
            names.count(one.name) > 1,
            _servers_of(one) if group == PROVIDER_GROUP else (),
        )
        for one in plugins
    ]


def allowed_text(one: Listed, group: str) -> str:
    """Whether a plugin may load, and why not."""
    if one.is_claimed_twice:
        return "no: claimed twice"
    return "yes" if one.allowed else f"no: {variable_of(group)}"


def unknown_allowed_names(group: str) -> list[str]:
    """Names that the group's environment variable lists and nothing installed has: most likely misspelt."""
    known = {one.plugin.name for one in installed(group)}
    if group == PROVIDER_GROUP:
        known |= installed_names()
    listed = allowed_names_text(group) or ""
    return sorted({name.strip() for name in listed.split(",") if name.strip()} - known)


def kind_of_group(group: str) -> str:
    """``"provider"`` or ``"extension"``."""
    return "provider" if group == PROVIDER_GROUP else "extension"


def _servers_of(provider: InstalledPlugin) -> tuple[str, ...]:
    servers = [one.description for found in find_servers().values() for one in found]
    return tuple(
        sorted(
            one.name for one in servers if one.server_of == provider.name and one.distribution == provider.distribution
        )
    )


def _required(distribution: str | None) -> list[str]:
    """What a distribution always requires, besides polycall's own."""
    try:
        requirements = requires(distribution) or [] if distribution else []
    except PackageNotFoundError:
        return []
    names = [match[0] for one in requirements if "extra ==" not in one and (match := _NAME.match(one))]
    return [name for name in dict.fromkeys(names) if not name.lower().startswith("polycall")]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
