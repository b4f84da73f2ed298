"""The arguments of ``create()`` and ``render()`` that the command line describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polycall.cli._errors import CommandError
from polycall.cli._input.messages import read_messages
from polycall.cli._input.models import load_models
from polycall.cli._input.schemas import read_tools
from polycall.cli._input.values import read_values

_OWN = {
    "max_retries": "--max-retries",
    "tool_choice": "--tool-choice",
    "strict": "--strict",
    "stream": "--stream",
    "model": "--model",
    "messages": "--messages",
    "response_model": "--tools",
    "max_calls": "--max-calls",
}
"""Parameters of ``create()`` that have an option of their own."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, ready for ``create()``.

    Attributes:
        messages: The conversation.
        tools: For ``response_model``.
        tool_names: Their names, where they can be told.
        tool_choice: As in ``create()``.
        options: The further options.
    """

    messages: list[object]
    tools: list[object]
    tool_names: tuple[str, ...]
    tool_choice: str | list[str]
    options: dict[str, Any]

    @classmethod
    def read(
        cls,
        *,
        prompt: str | None,
        system: str | None,
        messages: str | None,
        tools: Sequence[str],
        schemas: Sequence[str],
        tool_choice: str,
        options: Sequence[str],
        placeholder: str | None = None,
    ) -> Asking:
        """From the command line.

        Raises:
            CommandError: Something on it cannot be used.
        """
        if not tools and not schemas:
            raise CommandError("No tools are named.", hint="Write --tools app.models:Weather, or --schema tools.json.")
        if "-" in schemas and prompt is None and messages is None:
            raise CommandError(
                "--schema - reads standard input, so the prompt cannot come from there.",
                hint="Write it as an argument.",
            )
        values = read_values(options, "-o")
        for name in values:
            if name in _OWN:
                raise CommandError(f"-o {name} is an option of its own.", hint=f"Write {_OWN[name]}.")
        loaded = load_models(tools)
        for file in schemas:
            loaded += read_tools(file)
        names = [name.strip() for name in tool_choice.split(",") if name.strip()]
        return cls(
            read_messages(prompt, system, messages, placeholder=placeholder),
            loaded,
            tuple(str(getattr(tool, "__name__", getattr(tool, "name", ""))) for tool in loaded),
            names[0] if len(names) == 1 else names,
            values,
        )
