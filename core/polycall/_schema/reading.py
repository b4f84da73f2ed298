"""Readers of JSON Schema that know no dialect: they bring a schema into a form that the walk can use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from polycall._schema.keywords import KEYWORDS, concerns
from polycall._schema.restore import JsonObject


def types_of(schema: Mapping[str, object]) -> list[str]:
    """The types that a schema allows, as it states them or as its keywords imply; empty for any."""
    types = schema.get("type")
    if isinstance(types, str):
        return [types]
    if isinstance(types, list):
        return [str(each) for each in types]
    if "properties" in schema or "additionalProperties" in schema:
        return ["object"]
    if "items" in schema or "prefixItems" in schema:
        return ["array"]
    return []


def json_type(value: object) -> str:
    """The JSON type of a value; ``"integer"`` for a number written without a fraction."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def is_finite(value: object) -> bool:
    """Whether JSON can carry a value: it has no form for infinity and NaN."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    return True


def telling_title(title: object, name: str) -> str | None:
    """A title that says more than the name of the property or class, from which pydantic makes titles."""
    # The key of a definition may begin with the class's module, where two classes have the same name.
    if not isinstance(title, str) or not name or _letters(name).endswith(_letters(title)):
        return None
    return title


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def without(schema: JsonObject, *keywords: str) -> JsonObject:
    return {key: value for key, value in schema.items() if key not in keywords}


def as_sequence(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def as_object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def is_null(schema: object) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", ...) is None
    )


def is_array(schema: JsonObject) -> bool:
    """Whether a rendered schema allows an array, in the spelling of any dialect."""
    types = schema.get("type")
    return "array" in [str(each).lower() for each in (types if isinstance(types, list) else [types])]


def flatten_union(branches: Sequence[object]) -> list[object]:
    """Branches, with those of a bare union inside the union in its place."""
    flat: list[object] = []
    for branch in branches:
        inner = branch.get("anyOf") if isinstance(branch, dict) and branch.keys() <= {"anyOf", "title"} else None
        flat += flatten_union(inner) if isinstance(inner, list) else [branch]
    return flat


def map_as_list(source: JsonObject) -> JsonObject:
    """The annotations and bounds of a map, for the list of entries that it is rendered as."""
    listed: JsonObject = {"type": "array"}
    for keyword, value in source.items():
        row = KEYWORDS.get(keyword)
        if row is not None and row.as_list:
            listed[row.as_list] = value
        elif keyword != "type" and not concerns(keyword, ["object"]):
            listed[keyword] = value
    return listed


def split_by_type(source: JsonObject, types: Sequence[str]) -> tuple[list[object], JsonObject]:
    """Split a schema with several types.

    Returns:
        A branch for each type, with the keywords that concern it; and the keywords that concern none of the types.
    """
    branches: list[object] = [
        {"type": each, **{key: value for key, value in source.items() if concerns(key, [each])}} for each in types
    ]
    rest = {key: value for key, value in source.items() if key != "type" and not concerns(key, [*types])}
    return branches, rest


def kinds_of(type_: str, types: Sequence[str]) -> tuple[str, ...]:
    """The results of `json_type` whose values belong to a type, if ``types`` are told apart."""
    return ("number", "integer") if type_ == "number" and "integer" not in types else (type_,)
