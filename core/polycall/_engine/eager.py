"""Fields annotated ``Iterable[int]``: pydantic gives out an iterator that validates when somebody reads it.

What a call holds must be validated when it is given out, so such a field is read at once, into a list.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator

from polycall._data.errors import SchemaError

_LAZY = "generator"


def eager_validator(adapter: TypeAdapter[Any], name: str) -> Any:
    """The validator of an adapter, or one that reads ``Iterable`` fields at once if there are some.

    Raises:
        SchemaError: There are some, and this pydantic cannot be told to read them.
    """
    if not _is_lazy(adapter.core_schema, set()):
        return adapter.validator
    try:
        # Without the validators that the classes have already, which are lazy.
        return SchemaValidator(_with_lists(adapter.core_schema), _use_prebuilt=False)
    except TypeError:
        raise SchemaError(
            name, "has a field of type Iterable, which pydantic validates only when it is read. Write list[...]."
        ) from None


def _is_lazy(part: object, seen: set[int]) -> bool:
    if id(part) in seen:
        return False
    seen.add(id(part))
    if isinstance(part, dict):
        return part.get("type") == _LAZY or any(
            _is_lazy(inner, seen) for key, inner in part.items() if key not in ("metadata", "serialization")
        )
    return isinstance(part, (list, tuple)) and any(_is_lazy(inner, seen) for inner in part)


def _with_lists(schema: CoreSchema) -> CoreSchema:
    copies: dict[int, object] = {}

    def copied(part: object) -> Any:
        if id(part) in copies:
            return copies[id(part)]
        copy: object = part
        if isinstance(part, dict):
            copy = {key: inner if key == "default" else copied(inner) for key, inner in part.items()}
            if part.get("type") == _LAZY:
                copy["type"] = "list"
        elif type(part) is list:
            copy = [copied(inner) for inner in part]
        elif type(part) is tuple:
            copy = tuple(copied(inner) for inner in part)
        copies[id(part)] = copy
        return copy

    whole: CoreSchema = copied(schema)
    return whole
