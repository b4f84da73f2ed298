"""The arguments of one ``create()``, checked once and handed on whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from polycall._data.errors import ConfigurationError, MessageError
from polycall._engine.tools import ToolSet, tools_for

_CHOICES = ("auto", "required")


class Ask(NamedTuple):
    """What the caller asks for; the parameters are described at `polycall.Client.create`."""

    messages: Iterable[object]
    response_model: object
    model: str | None = None
    max_retries: int | None = None
    tool_choice: str | Iterable[str] = "required"
    strict: bool | None = None
    context: object = None
    max_calls: int | None = None
    stream: bool = False
    deltas: bool = False
    dry_run: bool = False
    options: Mapping[str, object] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"<Ask of {self.response_model!r}>"  # the messages and options are the caller's secrets

    def message_list(self) -> list[object]:
        """The messages.

        Raises:
            MessageError: They are not a list of messages.
        """
        messages = self.messages
        if type(messages) is list:
            return messages.copy()
        if isinstance(messages, (str, bytes)) or hasattr(messages, "keys") or not isinstance(messages, Iterable):
            raise MessageError(
                f"messages must be a list of messages, got {type(messages).__name__}; write "
                "messages=[{'role': 'user', 'content': ...}]."
            )
        return list(messages)

    def tool_set(self) -> ToolSet:
        """The tools of ``response_model``.

        Raises:
            ResponseModelError: ``response_model`` has another form.
            ConfigurationError: ``max_retries`` or ``max_calls`` is not a number that makes sense.
        """
        if self.max_retries is not None:
            _check_count("max_retries", self.max_retries, 0)
        if self.max_calls is not None:
            _check_count("max_calls", self.max_calls, 1)
        return tools_for(self.response_model)

    def choice(self, tools: ToolSet) -> tuple[str, tuple[str, ...]]:
        """The choice for the provider, and the tools that must be called.

        Raises:
            ConfigurationError: ``tool_choice`` is neither a word nor the names of tools, or names more than
                ``max_calls``.
        """
        choice = self.tool_choice
        if isinstance(choice, str):
            if choice in _CHOICES or choice in tools.tools:
                return choice, ()
        elif isinstance(choice, (list, tuple, set, frozenset)) and _are_names(choice, tools):
            names = tuple(name for name in tools.tools if name in choice)  # a set has no order of its own
            if self.max_calls is not None and self.max_calls < len(names):
                raise ConfigurationError(
                    f"max_calls={self.max_calls} has no room for the {len(names)} tools that tool_choice asks for.",
                    key="max_calls",
                )
            return "required", names
        raise ConfigurationError(
            "tool_choice must be 'auto', 'required', the name of a tool or a list of names "
            f"({', '.join(tools.tools)}), got {choice!r}.",
            key="tool_choice",
        )


def _are_names(choice: Collection[object], tools: ToolSet) -> bool:
    return bool(choice) and all(isinstance(name, str) and name in tools.tools for name in choice)


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name} must be an integer >= {least}, got {value!r}.", key=name)
