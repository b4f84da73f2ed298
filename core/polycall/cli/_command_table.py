"""The subcommands: where each one is. A module is imported when its command is used.

A command's module has a `typer.Typer` named ``app``: with one command, or with a callback and subcommands.
"""

from __future__ import annotations

COMMANDS = {
    "call": "call",
    "render": "render",
    "providers": "providers",
    "extensions": "extensions",
    "config": "config",
    "init": "init",
    "check": "check",
    "demo": "demo",
    "conformance": "conformance",
}
"""Names of commands, in the order of ``--help``, and their modules in ``polycall.cli._commands``."""

ALIASES = {"doctor": "check"}
"""Other names, which ``--help`` does not list."""
