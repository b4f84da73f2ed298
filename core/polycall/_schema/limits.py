"""Counting a rendered schema against the limits of its dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from polycall._data.errors import SchemaError
from polycall._schema.dialect import Dialect, SchemaLimits

_MAX_DEPTH = 200
"""Counting stops here, well beyond any provider's limit and well within Python's stack."""


def check_limits(schema: Mapping[str, object], limits: SchemaLimits, name: str, dialect: Dialect) -> None:
    """Refuse a rendered schema that is too large.

    Args:
        schema: With its ``$defs``.
        limits: The dialect's.
        name: The tool's, for the error's path.
        dialect: For the error's text.

    Raises:
        SchemaError: It exceeds a limit; the message says which one, and by how much.
    """
    properties = characters = enum_values = 0
    for each in _schemas(schema):
        for keyword in ("properties", "$defs"):
            names = each.get(keyword)
            if isinstance(names, Mapping):
                properties += len(names) if keyword == "properties" else 0
                characters += sum(map(len, names))
        values = each.get("enum", [each["const"]] if "const" in each else [])
        if isinstance(values, list):
            enum_values += len(values)
            length = sum(len(value) if isinstance(value, str) else len(repr(value)) for value in values)
            characters += length
            if limits.long_enum_values is not None and len(values) > limits.long_enum_values:
                _check("characters in one enum", length, limits.long_enum_characters, name, dialect)
    _check("properties", properties, limits.properties, name, dialect)
    _check("characters of names and enum values", characters, limits.characters, name, dialect)
    _check("enum values", enum_values, limits.enum_values, name, dialect)
    _check("levels of objects", _object_depth(schema), limits.object_depth, name, dialect)


def _check(counted: str, count: int, limit: int | None, name: str, dialect: Dialect) -> None:
    if limit is not None and count > limit:
        problem = f"its schema has {count} {counted}; {dialect.name} takes at most {limit}. Split the model."
        raise SchemaError(name, " ".join(filter(None, (problem, dialect.otherwise))))


def _schemas(root: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        yield schema
        waiting.extend(part for part in _parts(schema, ("$defs",)) if isinstance(part, Mapping))


def _parts(schema: Mapping[str, object], named: tuple[str, ...] = ()) -> Iterator[object]:
    for keyword in ("properties", "patternProperties", *named):
        parts = schema.get(keyword)
        if isinstance(parts, Mapping):
            yield from parts.values()
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        branches = schema.get(keyword)
        if isinstance(branches, list):
            yield from branches
    for keyword in ("items", "additionalProperties"):
        yield schema.get(keyword)


def _object_depth(root: Mapping[str, object]) -> int:
    """Objects inside objects, with references followed; a recursive one counts once."""
    definitions = root.get("$defs")
    known: dict[str, int] = {}

    def depth_of(schema: object, above: int = 0) -> int:
        if not isinstance(schema, Mapping) or above > _MAX_DEPTH:
            return 0
        reference = schema.get("$ref")
        if isinstance(reference, str) and isinstance(definitions, Mapping):
            name = reference.removeprefix("#/$defs/")
            if name not in known:
                known[name] = 0
                known[name] = depth_of(definitions.get(name), above + 1)
            return known[name]
        deepest = max((depth_of(part, above + 1) for part in _parts(schema)), default=0)
        return deepest + ("properties" in schema)

    return depth_of(root)
