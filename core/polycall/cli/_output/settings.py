"""The settings of a provider, for people and for programs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from dataclasses import asdict

from polycall._clients.config_report import SettingFacts, provider_settings
from polycall._clients.settings import settings_type_of
from polycall._plugins.registry import registry
from polycall.cli._output.columns import print_columns
from polycall.cli._output.json_text import print_json
from polycall.cli._output.terminal import styled
from polycall.plugin import NEUTRAL_OPTIONS


def print_provider(name: str, *, as_json: bool) -> None:
    """Show a provider's settings, and the options of a call.

    Raises:
        ProviderNotFoundError: No such provider is installed.
        PluginError: Its plugin is broken.
    """
    provider = registry.provider(name)
    settings = provider_settings(name)
    distribution = provider.distribution or "registered in code"
    about = _about(inspect.getdoc(settings_type_of(provider)) or "")
    if as_json:
        print_json(
            {
                "name": name,
                "distribution": distribution,
                "about": about,
                "settings": [asdict(one) for one in settings],
                "options": list(NEUTRAL_OPTIONS),
            }
        )
        return
    out = sys.stdout
    out.write(f"{styled(name, 'bold', out)}  {distribution}\n")
    out.write(f"\n{about}\n\n" if about else "\n")
    _print_settings(settings)
    out.write(f"\n{styled('Options of a call', 'bold', out)}  {', '.join(NEUTRAL_OPTIONS)}, and the provider's own.\n")
    out.write(
        "On the command line -o NAME=VALUE, in Python create(NAME=VALUE), in a file options = { NAME = VALUE }.\n"
    )


def _print_settings(settings: Sequence[SettingFacts]) -> None:
    if not settings:
        sys.stdout.write("It takes no settings.\n")
        return
    print_columns(
        ("SETTING", "TYPE", "DEFAULT", "VARIABLE", "DESCRIPTION"),
        [
            (
                one.key_in_file or one.name,
                "a variable's name" if one.secret else one.type if one.key_in_file else "object (in Python only)",
                "required" if one.required else one.default or "",
                ", ".join(one.variables),
                one.description.replace("`", ""),
            )
            for one in settings
        ],
        wrap_last=True,
    )


def _about(docstring: str) -> str:
    """The text of a settings type, without its list of attributes and the marks of a docstring."""
    paragraphs = docstring.partition("\nAttributes:")[0].strip().split("\n\n")
    return "\n".join(" ".join(one.split()) for one in paragraphs).replace("`", "")
