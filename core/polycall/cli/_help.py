"""The parts of help texts that commands share, and the `typer.Typer` of a command."""

from __future__ import annotations

import inspect

import typer


def make_app() -> typer.Typer:
    """The app of a subcommand."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def examples(*lines: str) -> str:
    """The end of a command's help: its examples, one a line, as they are typed."""
    return "Examples:\n" + "\n".join(f"$ {line}" for line in lines).replace("[", r"\[")


def flowing(text: str | None) -> str | None:
    """A docstring with each paragraph on one line."""
    if text is None:
        return None
    return "\n\n".join(" ".join(one.split()) for one in inspect.cleandoc(text).split("\n\n"))
