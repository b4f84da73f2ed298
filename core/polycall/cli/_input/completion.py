"""What a shell completes: names of profiles and providers. Whatever goes wrong, it offers nothing and says nothing."""

from __future__ import annotations

from contextlib import suppress


def profile_names(incomplete: str) -> list[str]:
    """The profiles of the config file that counts here."""
    names: list[str] = []
    with suppress(Exception):  # a shell has no place for an error
        from polycall._clients.config_choice import choose_file
        from polycall._clients.config_file import read_config

        names = list(read_config(choose_file().path).profiles)
    return [name for name in names if name.startswith(incomplete)]


def provider_names(incomplete: str) -> list[str]:
    """The installed providers and the servers that they reach."""
    from polycall._plugins.discovery import PROVIDER_GROUP
    from polycall.cli._installed import installed

    plugins = [one for one in installed(PROVIDER_GROUP) if one.allowed]
    names = sorted({name for one in plugins for name in (one.plugin.name, *one.servers)})
    return [name for name in names if name.startswith(incomplete)]


def provider_prefixes(incomplete: str) -> list[str]:
    """The same, each with the slash that a model's name follows."""
    return [f"{name}/" for name in provider_names(incomplete)]
