"""The arguments of one ``create()``, checked once and handed on whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from polycall._data.calls import Calls
from polycall._data.errors import ConfigurationError, MessageError, PolycallError
from polycall._toolkit.hints import nearest

if TYPE_CHECKING:
    from polycall._engine.tools import ToolSet

_CHOICES = ("auto", "required")
_FLAG = frozenset({bool})
_TEXT_OR_NONE = frozenset({str, type(None)})
_FLAG_OR_NONE = frozenset({bool, type(None)})


class _Required:
    """Stands in for an argument that was not passed, so that the error can name the one that was meant."""

    def __repr__(self) -> str:
        return "<required>"


REQUIRED: Final[Any] = _Required()
FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


def explains_what_is_missing(function: FunctionT) -> FunctionT:
    """Let a method be called without its messages and its ``response_model``, which `Ask` then misses in words.

    Type checkers see the method as it is written. Python's own error would not tell of ``response_format=...``.
    """
    code: Any = function
    code.__defaults__ = (REQUIRED, REQUIRED, *code.__defaults__)
    return function


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
        if isinstance(messages, Calls):
            raise MessageError(
                "messages are the Calls of an earlier reply; write messages=calls.continue_with([...]), with one "
                "result for each call."
            )
        if messages is REQUIRED:
            raise _missing("messages", self.options)
        if isinstance(messages, (set, frozenset)):
            raise MessageError("messages are a set, which has no order; write a list.")
        if isinstance(messages, (str, bytes)) or hasattr(messages, "keys") or not isinstance(messages, Iterable):
            raise MessageError(
                f"messages must be a list of messages, got {type(messages).__name__}; write "
                "messages=[{'role': 'user', 'content': ...}]."
            )
        return list(messages)

    def tool_set(self) -> ToolSet:
        """The tools of ``response_model``.

        Raises:
            ResponseModelError: ``response_model`` has another form, or is missing.
            ConfigurationError: ``model``, ``stream``, ``deltas``, ``strict``, ``max_retries`` or ``max_calls`` is of
                another type, or not a number that makes sense.
        """
        if (
            self.model.__class__ not in _TEXT_OR_NONE
            or self.model == ""
            or self.stream.__class__ not in _FLAG
            or self.deltas.__class__ not in _FLAG
            or self.strict.__class__ not in _FLAG_OR_NONE
        ):
            self._check_types()
        if self.max_retries is not None:
            _check_count("max_retries", self.max_retries, 0)
        if self.max_calls is not None:
            _check_count("max_calls", self.max_calls, 1)
        if self.response_model is REQUIRED:
            raise _missing("response_model", self.options)
        from polycall._engine.tools import tools_for  # by the first call, not by the import

        return tools_for(self.response_model)

    def _check_types(self) -> None:
        model = self.model
        if model is not None and not isinstance(model, str):
            number = isinstance(model, (int, float)) and not isinstance(model, bool)
            hint = " Options are passed by name, as in temperature=0.2." if number else ""
            raise ConfigurationError(f"model must be a text, the model's name; got {model!r:.100}.{hint}", key="model")
        if model == "":
            raise ConfigurationError("model is an empty text. Name a model, or leave it out.", key="model")
        for name, value in (("stream", self.stream), ("deltas", self.deltas), ("strict", self.strict)):
            if value.__class__ not in (_FLAG_OR_NONE if name == "strict" else _FLAG):
                due = "True, False or None" if name == "strict" else "True or False"
                raise ConfigurationError(f"{name} must be {due}, got {value!r:.100}.", key=name)

    def choice(self, tools: ToolSet) -> tuple[str, tuple[str, ...]]:
        """The choice for the provider, and the tools that must be called.

        A tool may go by its own name, also where another one is sent.

        Raises:
            ConfigurationError: ``tool_choice`` is neither a word nor the names of tools, or names more than
                ``max_calls``.
        """
        choice = self.tool_choice
        if isinstance(choice, str):
            if choice in _CHOICES or choice in tools.tools:
                return choice, ()
            if choice in tools.sent_names:
                return tools.sent_names[choice], ()
        elif isinstance(choice, (list, tuple, set, frozenset)) and _are_names(choice, tools):
            chosen = {tools.sent_names.get(name, name) for name in choice}
            names = tuple(name for name in tools.tools if name in chosen)  # a set has no order of its own
            if self.max_calls is not None and self.max_calls < len(names):
                raise ConfigurationError(
                    f"max_calls={self.max_calls} has no room for the {len(names)} tools that tool_choice asks for.",
                    key="max_calls",
                )
            return "required", names
        raise _wrong_choice(choice, tools)


def _are_names(choice: Collection[object], tools: ToolSet) -> bool:
    return bool(choice) and all(
        isinstance(name, str) and (name in tools.tools or name in tools.sent_names) for name in choice
    )


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name} must be an integer >= {least}, got {value!r:.100}.", key=name)


def _missing(name: str, options: Mapping[str, object]) -> PolycallError:
    from polycall._engine.response_model_advice import missing

    return missing(name, options)


def _wrong_choice(choice: object, tools: ToolSet) -> ConfigurationError:
    own_names = {sent: own for own, sent in tools.sent_names.items()}
    names = [own_names.get(name, name) for name in tools.tools]
    return ConfigurationError(
        "tool_choice must be 'auto', 'required', the name of a tool or a list of names "
        f"({', '.join(names)}), got {choice!r:.100}.{_choice_advice(choice, names)}",
        key="tool_choice",
    )


def _choice_advice(choice: object, names: list[str]) -> str:
    """What to write in place of a ``tool_choice`` that is not one."""
    if choice == "none":
        return " A request without calls needs no polycall: use the provider's own SDK."
    if choice is None or choice is False:
        return " Write tool_choice='auto' if the model may make no call."
    if choice == "any" or choice is True:
        return " Write tool_choice='required'."
    given: object = choice
    if isinstance(given, Mapping):  # OpenAI's form, and Anthropic's
        function = given.get("function", given)
        given = function.get("name") if isinstance(function, Mapping) else None
    elif isinstance(given, type) or (hasattr(given, "name") and not isinstance(given, str)):
        given = getattr(given, "__name__", None) or getattr(given, "name", None)
    elif isinstance(given, (list, tuple, set, frozenset)):
        wrong = [one for one in given if one not in names]
        given = getattr(wrong[0], "__name__", wrong[0]) if wrong else None
        meant = nearest(given, names)
        if meant:
            return f" Write {meant!r} in place of {_show(wrong[0])}."
        return f" {_show(wrong[0])} is not a tool of this request." if wrong else ""
    meant = given if given in names else nearest(given, names)
    return f" Write tool_choice={meant!r}." if meant else ""


def _show(value: object) -> str:
    """One name of a ``tool_choice`` that is not one, for a message."""
    return value.__name__ if isinstance(value, type) else f"{value!r:.100}"
