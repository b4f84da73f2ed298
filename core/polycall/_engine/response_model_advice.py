"""The errors for a ``response_model`` of a wrong form: what was given, in words, and what to write instead.

Imported when there is such an error; nothing here is on the way of a good call.
"""

from __future__ import annotations

import collections.abc
import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, TypeAdapter
from typing_extensions import is_protocol

from polycall._data.errors import MessageError, PolycallError, ResponseModelError
from polycall._data.tools import Tool

FORMS = "Iterable[Model], Iterable[ModelA | ModelB] or list[...], each a pydantic model, a dataclass or a TypedDict"
_MAX_PARAMETERS = 4
_UNIONS = (Union, types.UnionType)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)

_BARE_LISTS = (list, collections.abc.Iterable, collections.abc.Sequence, typing.Iterable, typing.List, typing.Sequence)  # noqa: UP006
_COLLECTIONS = (set, frozenset, collections.abc.ValuesView, collections.abc.KeysView, collections.deque)

IsModel = Callable[[object], bool]
"""Whether something can be a member of a ``response_model``."""


def missing(name: str, given: Iterable[str]) -> PolycallError:
    """The error for a ``create()`` without its messages or its ``response_model``.

    Args:
        name: The parameter that is missing.
        given: The names of the options that were passed.
    """
    from polycall._toolkit.hints import nearest

    error = MessageError if name == "messages" else ResponseModelError
    elsewhere = _NAMES_ELSEWHERE[name]
    options = list(given)
    meant = next((one for one in options if one in elsewhere), None) or next(
        (one for one in options if nearest(one, (name,)) is not None), None
    )
    write = "Iterable[...]" if name == "response_model" else "[{'role': 'user', 'content': ...}]"
    was_given = "" if meant is None else f"; {meant!r} was given"
    return error(f"The argument {name!r} is missing{was_given}. Write {name}={write}.")


_NAMES_ELSEWHERE = {
    "messages": ("message", "prompt", "input", "contents", "history", "msgs", "conversation"),
    "response_model": ("response_format", "tools", "functions", "schema", "output_type", "result_type", "text_format"),
}
"""Names that other libraries have for polycall's parameters."""


def wrong_form(response_model: object, members: Sequence[object], is_model: IsModel) -> ResponseModelError:
    """The error for a ``response_model`` that is not a list of any form.

    Args:
        response_model: As given.
        members: What it would be a list of, if it stood in ``Iterable[...]``.
        is_model: See `IsModel`.
    """
    return ResponseModelError(
        f"response_model must be {FORMS}; got {show(response_model)}."
        f"{_instead_of_form(response_model, members, is_model)}"
    )


def wrong_member(member: object, response_model: object, is_model: IsModel) -> ResponseModelError:
    """The error for a member of a ``response_model`` that is not a model."""
    if isinstance(response_model, (list, tuple)) and _is_message(member):
        return ResponseModelError(
            "response_model holds messages; the order is create(messages, response_model). Write "
            "create(messages=[...], response_model=Iterable[...])."
        )
    advice = _instead_of_member(member, is_model) or f" Use {FORMS}."
    return ResponseModelError(f"{show(member)} in response_model={show(response_model)} is not a model.{advice}")


def no_member(response_model: object) -> ResponseModelError:
    """The error for a list without members."""
    return ResponseModelError(f"response_model={show(response_model)} has no member. Use {FORMS}.")


def _instead_of_form(given: object, members: Sequence[object], is_model: IsModel) -> str:
    if given is None:
        return " For plain text use the provider's own SDK."
    if given in _BARE_LISTS:
        return " Name the models in it: Iterable[Weather]."
    if isinstance(given, Iterator):
        return " Write a list: response_model=[...]."
    if isinstance(given, _COLLECTIONS) and given and all(isinstance(one, type) for one in given):
        return f" Write response_model=[{', '.join(map(show, given))}]."
    without_none = [member for member in members if member is not type(None)]
    if len(without_none) < len(members) and without_none and all(map(is_model, without_none)):
        return f"{_write(without_none)[:-1]}, and tool_choice='auto' if the model may make no call."
    if members and all(map(is_model, members)):
        return _write(members)
    inner = [argument for argument in get_args(given) if argument is not ...]
    models = [argument for part in inner for argument in _parts(part) if is_model(argument)]
    if models and get_origin(given) is not Literal:
        return _write(models)
    return _instead_of_member(given, is_model)


def _instead_of_member(given: object, is_model: IsModel) -> str:
    """What to write in place of something that is not a model; empty where nothing better is known than the forms."""
    if given is type(None):
        return " Leave out None: with tool_choice='auto' the model may make no call."
    if isinstance(given, (str, ForwardRef)):
        return " A name in quotes cannot be resolved here: write it without quotes."
    if isinstance(given, _FUNCTIONS):
        return f" Make a class with its parameters as fields: {_as_class(given)}"
    if isinstance(given, TypeAdapter):
        return " Pass the type that the TypeAdapter was made of."
    if isinstance(given, Mapping):
        return " A tool that exists only as JSON Schema is polycall.Tool(name, description, schema)."
    if hasattr(given, "inputSchema") and not isinstance(given, type):
        return " Tools of MCP: response_model=polycall.tools_from_mcp(tools)."
    if not isinstance(given, type) and is_model(type(given)):
        return f" Pass the class {type(given).__name__}, not an object of it."
    origin, arguments = get_origin(given), get_args(given)
    if origin in (type, list, tuple, set, collections.abc.Iterable, collections.abc.Sequence) and arguments:
        models = [argument for part in arguments for argument in _parts(part) if is_model(argument)]
        if models:
            return f"{_write(models)[:-1]}: one object for each call."
    if origin is Literal or (isinstance(given, type) and _is_value(given)):
        return f" A call holds an object: make a model with a field of this type, {_field_of(given)}"
    return _instead_of_class(given)


def _instead_of_class(given: object) -> str:
    if not isinstance(given, type):
        return ""
    if given.__module__.startswith("pydantic.v1"):
        return " Derive it from pydantic.BaseModel."
    if any(base.__module__.startswith("pydantic.v1") for base in given.__mro__):
        return " It derives from pydantic.v1: derive it from pydantic.BaseModel."
    if issubclass(given, RootModel):
        return " A call holds an object: make a model with a field in place of the RootModel."
    if given is BaseModel:
        return " Derive a class of your own from it."
    if issubclass(given, dict):
        return " A tool that exists only as JSON Schema is polycall.Tool(name, description, schema)."
    if hasattr(given, "_fields") and issubclass(given, tuple):
        return " Make the NamedTuple a dataclass."
    if is_protocol(given):
        return " Make it a pydantic model in place of a Protocol."
    if given is object or given.__module__ in ("builtins", "typing"):
        return ""
    return " Derive it from pydantic.BaseModel, or decorate it with @dataclass."


def _parts(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in _UNIONS else (annotation,)


def _write(members: Sequence[object]) -> str:
    if any(isinstance(member, Tool) for member in members):
        return f" Write response_model=[{', '.join(map(show, members))}]."
    return f" Write response_model=Iterable[{' | '.join(map(show, members))}]."


def _is_value(type_: type) -> bool:
    """Whether a class is one of values and not of objects with fields."""
    return issubclass(type_, (str, bytes, int, float, complex, enum.Enum)) or type_.__module__ in (
        *("datetime", "decimal", "uuid", "pathlib", "fractions"),
    )


def _field_of(type_: object) -> str:
    return f"class Answer(BaseModel): value: {show(type_)}."


def _is_message(value: object) -> bool:
    return isinstance(value, Mapping) and "role" in value


def _as_class(function: Any) -> str:
    """A function's parameters as the fields of a class, on one line."""
    function = function.func if isinstance(function, functools.partial) else function
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    fields = [
        f"{one.name}: {'...' if one.annotation is one.empty else show(one.annotation).strip(chr(39))}"
        for one in parameters[:_MAX_PARAMETERS]
    ]
    name = getattr(function, "__name__", "")
    name = name if name.isidentifier() else "Tool"
    return f"class {name}(BaseModel): {'; '.join(fields) or '...'}{'; ...' if parameters[_MAX_PARAMETERS:] else ''}."


def show(value: object) -> str:
    """Part of a ``response_model`` as one would write it; objects without their content, which may be private."""
    if value is None or value is type(None):
        return "None"
    if value is ...:
        return "..."
    if isinstance(value, Tool):
        return f"polycall.Tool({value.name!r})"
    if isinstance(value, (str, ForwardRef)):
        return repr(value.__forward_arg__ if isinstance(value, ForwardRef) else value[:100])
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(show, value[:8]))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    origin, arguments = get_origin(value), get_args(value)
    if origin in _UNIONS:
        return " | ".join(map(show, arguments))
    if origin is Annotated:
        return f"Annotated[{show(arguments[0])}, ...]"
    if origin is Literal:
        return str(value).replace("typing.", "")
    if origin is not None and arguments:
        name = getattr(value, "_name", None) or getattr(origin, "__name__", str(origin))
        return f"{name}[{', '.join(map(show, arguments))}]"
    return _show_object(value)


def _show_object(value: object) -> str:
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, _FUNCTIONS):
        function = value.func if isinstance(value, functools.partial) else value
        return f"the function {getattr(function, '__name__', '?')}"
    if isinstance(value, types.ModuleType):
        return f"the module {value.__name__}"
    if isinstance(value, (bool, int, float)) or type(value).__module__ in ("typing", "typing_extensions"):
        return str(value).replace("typing.", "").replace("collections.abc.", "").replace("~", "")
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"
