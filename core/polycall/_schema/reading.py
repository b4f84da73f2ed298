"""Readers of JSON Schema that know no dialect: what a schema says, in a form that the walk can use."""

from __future__ import annotations

from collections.abc import Sequence

from polycall._schema.dialect import ASSERTIONS
from polycall._schema.keywords import STRUCTURE
from polycall._schema.restore import JsonObject

ALL_ASSERTIONS = frozenset[str]().union(*ASSERTIONS.values())
NARROWING = frozenset(
    {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"}
    | {"contentMediaType", "contentEncoding", "contentSchema"}
)
"""Keywords outside `ASSERTIONS` by which a value can be wrong."""


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


def flatten_union(branches: Sequence[object]) -> list[object]:
    """Branches, with those of a bare union inside the union in its place."""
    flat: list[object] = []
    for branch in branches:
        inner = branch.get("anyOf") if isinstance(branch, dict) and branch.keys() <= {"anyOf", "title"} else None
        flat += flatten_union(inner) if isinstance(inner, list) else [branch]
    return flat


def map_as_list(source: JsonObject) -> JsonObject:
    """The annotations and bounds of a map, for the list that it is rendered as."""
    bounds = {"minProperties": "minItems", "maxProperties": "maxItems"}
    kept = {key: value for key, value in source.items() if key not in ASSERTIONS["object"] | STRUCTURE}
    return {**kept, **{bounds[key]: source[key] for key in bounds if key in source}, "type": "array"}


def split_by_type(source: JsonObject, types: Sequence[str]) -> list[object]:
    """The branches of a schema with several types, each with the constraints that concern it."""
    kept = {key: value for key, value in source.items() if key in STRUCTURE or key in ALL_ASSERTIONS}
    return [{**{key: value for key, value in kept.items() if _concerns(key, each)}, "type": each} for each in types]


def _concerns(keyword: str, type_: str) -> bool:
    structure = {"object": {"properties", "required", "additionalProperties"}, "array": {"items", "prefixItems"}}
    return keyword in ASSERTIONS.get(type_, ()) or keyword in structure.get(type_, ())


def kinds_of(type_: str, types: Sequence[str]) -> tuple[str, ...]:
    return ("number", "integer") if type_ == "number" and "integer" not in types else (type_,)
