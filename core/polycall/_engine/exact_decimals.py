"""Numbers for `Decimal` fields keep every digit: pydantic reads a JSON number as a float first (pydantic-core#1688).

Where a schema has decimals, and the text a number that a float cannot hold, the number is written as a string at the
places of decimals, from which pydantic reads it exactly. Where it is not certain that the place takes a decimal (a
union with other types, a validator that runs before), the number is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from pydantic_core import CoreSchema, to_json

_NUMBER = re.compile(r"-?\d++(?:\.\d++)?+(?:[eE][+-]?+\d++)?+")
_EXACT_DIGITS = 15
"""A float holds any number of so many digits."""
_TRANSPARENT = {
    "nullable": "schema",
    "default": "schema",
    "function-after": "schema",
    "model": "schema",
    "dataclass": "schema",
    "lax-or-strict": "lax_schema",
    "json-or-python": "json_schema",
    "definitions": "schema",
}
"""Kinds of schemas that take what one below them takes, and its key."""
_LISTS = frozenset({"list", "set", "frozenset"})
_OBJECTS = frozenset({"model-fields", "typed-dict", "dataclass-args", "dict"})
_NOT_SCHEMAS = ("metadata", "serialization")

_Schema: TypeAlias = Mapping[str, Any]


class TooExactError(Exception):
    """A number has more digits than can be kept at its place; the message is the number."""


class ExactDecimals:
    """The decimals of one schema.

    Args:
        schema: pydantic's.
    """

    def __init__(self, schema: CoreSchema) -> None:
        self._schema: _Schema = schema
        self._definitions = {
            part["ref"]: part for part in _parts(schema) if isinstance(part.get("ref"), str) and "type" in part
        }

    def keep(self, text: str, written: str) -> str:
        """The arguments with numbers as strings where else digits would be lost.

        Args:
            text: The arguments as JSON.
            written: As the model wrote them, which may be another text.

        Raises:
            TooExactError: Digits would be lost at a place that may take something else than a decimal.
        """
        numbers = _numbers_beyond_floats(written)
        if not numbers:
            return text
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return text  # the validator says how it is broken
        kept = self._keep(value, self._schema, numbers)
        return text if kept is value else to_json(kept, inf_nan_mode="constants").decode()

    def _keep(self, value: object, schema: _Schema, numbers: Mapping[float, str | None]) -> object:
        schema = self._resolve(schema)
        kind = schema["type"]
        if kind == "decimal":
            if type(value) is not float or value not in numbers:
                return value
            literal = numbers[value]
            if literal is None:
                raise TooExactError(repr(value))
            return literal
        if isinstance(value, dict) and kind in _OBJECTS:
            return self._keep_members(value, schema, numbers)
        if isinstance(value, list) and kind in _LISTS:
            items = schema.get("items_schema")
            return value if items is None else self._changed(value, [items] * len(value), numbers)
        if isinstance(value, list) and kind == "tuple":
            return self._changed(value, _tuple_items(schema, len(value)), numbers)
        if kind in ("union", "tagged-union"):
            return self._keep_in_union(value, schema, numbers)
        if _has_decimal(schema, self._definitions, set()):
            self._refuse(value, numbers)
        return value

    def _keep_members(
        self, members: dict[str, object], schema: _Schema, numbers: Mapping[float, str | None]
    ) -> dict[str, object]:
        if schema["type"] == "dict":
            inner = schema.get("values_schema")
            known: dict[str, _Schema | None] = {} if inner is None else dict.fromkeys(members, inner)
        else:
            known = _members_of(schema)
            extras = schema.get("extras_schema")
            if extras is not None:
                known = {**dict.fromkeys(members, extras), **known}
        changed: dict[str, object] = {}
        for name, value in members.items():
            if name in known:
                inner = known[name]
                if inner is None:
                    self._refuse(value, numbers)
                elif (kept := self._keep(value, inner, numbers)) is not value:
                    changed[name] = kept
        return {**members, **changed} if changed else members

    def _changed(
        self, values: list[object], schemas: Sequence[_Schema], numbers: Mapping[float, str | None]
    ) -> list[object]:
        kept = [self._keep(value, schema, numbers) for value, schema in zip(values, schemas, strict=False)]
        kept += values[len(kept) :]
        return kept if any(one is not other for one, other in zip(kept, values, strict=True)) else values

    def _keep_in_union(self, value: object, schema: _Schema, numbers: Mapping[float, str | None]) -> object:
        choices = schema["choices"]
        members = choices.values() if isinstance(choices, Mapping) else choices
        schemas = [self._resolve(one[0] if isinstance(one, tuple) else one) for one in members]
        if isinstance(value, dict):
            schemas = [one for one in schemas if one["type"] not in ("list", "set", "frozenset", "tuple", "decimal")]
        elif isinstance(value, list):
            schemas = [one for one in schemas if one["type"] not in (*_OBJECTS, "decimal")]
        kept = [self._keep(value, one, numbers) for one in schemas]
        if kept and all(one == kept[0] for one in kept):
            return value if kept[0] == value else kept[0]
        self._refuse(value, numbers)
        return value

    def _resolve(self, schema: _Schema) -> _Schema:
        while True:
            kind = schema["type"]
            if kind == "definition-ref":
                schema = self._definitions[schema["schema_ref"]]
            elif kind == "chain":
                schema = schema["steps"][0]
            elif kind in _TRANSPARENT and not schema.get("custom_init"):
                schema = schema[_TRANSPARENT[kind]]
            else:
                return schema

    @staticmethod
    def _refuse(value: object, numbers: Mapping[float, str | None]) -> None:
        values = [value]
        for one in values:  # grows
            if type(one) is float and one in numbers:
                raise TooExactError(numbers[one] or repr(one))
            if isinstance(one, dict):
                values += one.values()
            elif isinstance(one, list):
                values += one


def exact_decimals(schema: CoreSchema) -> ExactDecimals | None:
    """The decimals of a schema; ``None`` if it has none."""
    return ExactDecimals(schema) if any(part.get("type") == "decimal" for part in _parts(schema)) else None


def _numbers_beyond_floats(text: str) -> dict[float, str | None]:
    """The numbers that are not what their floats are, by float; ``None`` where two share one."""
    numbers: dict[float, str | None] = {}
    for literal in _NUMBER.findall(text):
        has_exponent = "e" in literal or "E" in literal
        if not has_exponent and (len(literal) <= _EXACT_DIGITS or "." not in literal):
            continue  # whole numbers are not read as floats
        number = float(literal)
        if not _is_exact(literal, number):
            numbers[number] = literal if numbers.get(number, literal) == literal else None
    return numbers


def _is_exact(literal: str, number: float) -> bool:
    try:
        return Decimal(literal) == Decimal(repr(number))
    except InvalidOperation:  # an exponent beyond those of decimals
        return False


def _members_of(schema: _Schema) -> dict[str, _Schema | None]:
    """The schema of each key that validation takes; ``None`` for one that leads to several fields, or further down."""
    fields = schema["fields"]
    members: dict[str, _Schema | None] = {}
    for name, field in fields.items() if isinstance(fields, Mapping) else ((one["name"], one) for one in fields):
        alias = field.get("validation_alias") or []
        if isinstance(alias, str):
            paths = [[alias]]
        else:  # one path, or a list of them
            paths = alias if alias and isinstance(alias[0], list) else [alias] if alias else []
        for path in [[name], *(path for path in paths if path != [name])]:
            key = path[0]
            members[key] = field["schema"] if len(path) == 1 and key not in members else None
    return members


def _tuple_items(schema: _Schema, length: int) -> Sequence[_Schema]:
    items = list(schema["items_schema"])
    at = schema.get("variadic_item_index")
    if at is not None:
        items[at : at + 1] = [items[at]] * max(0, length - len(items) + 1)
    return items


def _has_decimal(schema: object, definitions: Mapping[str, _Schema], seen: set[str]) -> bool:
    for part in _parts(schema):
        if part.get("type") == "decimal":
            return True
        if part.get("type") == "definition-ref" and (reference := part["schema_ref"]) not in seen:
            seen.add(reference)
            if _has_decimal(definitions[reference], definitions, seen):
                return True
    return False


def _parts(schema: object) -> Iterator[_Schema]:
    """Every mapping in a core schema, the schema itself first."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += [inner for key, inner in part.items() if key not in _NOT_SCHEMAS]
        elif isinstance(part, (list, tuple)):
            waiting += part
