"""Classes with an ``__init__`` of their own: pydantic calls it in place of its validator, whether it validates or not.

SQLModel's tables take anything, so that rows can be built step by step. What they hold would be given out as validated.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import CoreSchema

from polycall._data.errors import ResponseModelError, SchemaError

_REFUSES_ANY_OBJECT = frozenset(
    {
        *("str", "int", "float", "bool", "decimal", "none", "bytes", "uuid", "url", "literal", "enum"),
        *("date", "datetime", "time", "timedelta", "list", "set", "frozenset", "tuple", "dict", "typed-dict"),
        *("model", "dataclass", "tagged-union"),
    }
)
"""Kinds of core schemas that take no bare ``object()``, however they are configured."""


def check_own_init(schema: CoreSchema, name: str, offered: Mapping[str, object]) -> None:
    """Check the classes with an ``__init__`` of their own in a core schema, at any depth.

    Args:
        schema: Of a response model.
        name: The tool's.
        offered: The arguments that are offered for the class at the root.

    Raises:
        ResponseModelError: A class does not validate.
        SchemaError: The ``__init__`` of the class at the root does not take the arguments that are offered.
    """
    for class_, fields in _classes(schema):
        if class_.model_config.get("table"):
            raise ResponseModelError(
                f"{class_.__qualname__} in tool {name!r} is a table: SQLModel makes its objects without validation. "
                "Make a class of its fields without table=True, let the table inherit it, and pass that class."
            )
        if _takes_anything(class_, fields):
            raise ResponseModelError(
                f"{class_.__qualname__} in tool {name!r} has an __init__ that does not validate: it took an argument "
                "of a wrong type. Call super().__init__(**arguments) in it, or pass a class without it."
            )
    root = _root_class(schema)
    if root is not None:
        _check_parameters(root, name, offered)


def _classes(schema: object) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Each class with an ``__init__`` of its own, with the core schemas of its fields."""
    waiting: list[object] = [schema]
    seen: set[int] = set()
    for part in waiting:  # grows
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, Mapping):
            if part.get("type") == "model" and part.get("custom_init"):
                yield part["cls"], _fields(part["schema"])
            waiting += [inner for key, inner in part.items() if key not in ("metadata", "serialization", "default")]


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "fields" not in schema:
        inner = schema.get("schema")
        if not isinstance(inner, Mapping):
            return {}
        schema = inner
    return {field.get("validation_alias") or name: field["schema"] for name, field in schema["fields"].items()}


def _takes_anything(class_: Any, fields: Mapping[str, Any]) -> bool:
    """Whether an object can be made of arguments that no validator takes. Asked once for each response model."""
    wrong = object()
    arguments = {name: wrong for name, field in fields.items() if isinstance(name, str) and _is_closed(field)}
    if not arguments:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = class_(**arguments)
    except Exception:  # noqa: BLE001 - an __init__ may raise anything; that it raises is what counts
        return False
    return any(value is wrong for value in vars(made).values())


def _is_closed(schema: Mapping[str, Any]) -> bool:
    while schema.get("type") in ("default", "nullable"):
        schema = schema["schema"]
    if schema.get("type") == "union":
        return all(_is_closed(choice[0] if isinstance(choice, tuple) else choice) for choice in schema["choices"])
    return schema.get("type") in _REFUSES_ANY_OBJECT


def _root_class(schema: Any) -> Any:
    while isinstance(schema, Mapping):
        if schema.get("type") == "model":
            return schema["cls"] if schema.get("custom_init") else None
        schema = schema.get("schema")
    return None


def _check_parameters(class_: Any, name: str, offered: Mapping[str, object]) -> None:
    parameters = list(inspect.signature(class_.__init__).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    by_name = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    for argument in offered:
        if argument not in by_name:
            raise SchemaError(
                f"{name}.{argument}",
                f"{class_.__qualname__}.__init__ has no such parameter, and pydantic calls it with the arguments of "
                "the call. Give the parameters the names of the fields, or take **arguments.",
            )
    for parameter in by_name.values():
        if parameter.default is parameter.empty and parameter.name not in offered:
            raise SchemaError(
                name,
                f"{class_.__qualname__}.__init__ needs {parameter.name!r}, which is not a field. Give it a default.",
            )
