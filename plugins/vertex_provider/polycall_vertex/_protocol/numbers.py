"""Converts the numbers of a call's arguments to the types of the tool's schema.

Protobuf carries every number as a double: 3 arrives as 3.0, and whole numbers beyond 2**53 - 1 may have been rounded
on the way (`google.protobuf.Struct`). REST JSON keeps the numbers as the model wrote them, sometimes 3.0 for 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_LARGEST_EXACT = 2**53 - 1
_DEFINITIONS = "#/$defs/"
_NO_NUMBER_INSIDE = frozenset({str, int, bool, type(None)})

Schema = Mapping[str, object]


class InexactNumberError(ValueError):
    """A whole number that the protocol may have rounded; the message names its path."""


def fix_numbers(arguments: Mapping[str, object], schema: Schema, *, from_doubles: bool) -> object:
    """Convert whole floats to integers where the schema requires an integer.

    Args:
        arguments: Decoded arguments; not changed.
        schema: The tool's own JSON Schema.
        from_doubles: All numbers were doubles in transit, so a whole one becomes an integer also where the schema
            gives no type. If false, only where the schema allows no other number.

    Returns:
        ``arguments`` itself if no number was converted.

    Raises:
        InexactNumberError: A whole float beyond 2**53 - 1 where an integer is required.
        RecursionError: The arguments are nested too deeply.
    """
    for value in arguments.values():
        # For most values the type is enough.
        if type(value) not in _NO_NUMBER_INSIDE and _has_whole_float(value):
            return _Fixer(schema, from_doubles).fix(arguments, [schema], "")
    return arguments


def _has_whole_float(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    if isinstance(value, dict):
        return _any_whole_float(value.values())
    return isinstance(value, list) and _any_whole_float(value)


def _any_whole_float(values: Iterable[object]) -> bool:
    return any(_has_whole_float(one) for one in values if type(one) not in _NO_NUMBER_INSIDE)


class _Fixer:
    def __init__(self, root: Schema, from_doubles: bool) -> None:
        definitions = root.get("$defs")
        self.definitions: Mapping[str, object] = definitions if isinstance(definitions, Mapping) else {}
        self.from_doubles = from_doubles

    def fix(self, value: object, schemas: Sequence[object], where: str) -> object:
        """Convert a value; it may satisfy one or all of ``schemas``."""
        if isinstance(value, float):
            return self.fix_number(value, schemas, where) if value.is_integer() else value
        if isinstance(value, Mapping):
            plain = list(self.alternatives(schemas))
            return {
                name: self.fix(one, _of_property(plain, name), f"{where}.{name}" if where else name)
                for name, one in value.items()
            }
        if isinstance(value, list):
            plain = list(self.alternatives(schemas))
            return [self.fix(one, _of_item(plain, index), f"{where}[{index}]") for index, one in enumerate(value)]
        return value

    def fix_number(self, value: float, schemas: Sequence[object], where: str) -> float | int:
        kinds = {kind for schema in self.alternatives(schemas) for kind in _kinds(schema)}
        whole = "integer" in kinds and "number" not in kinds
        if self.from_doubles:
            whole = "integer" in kinds or not kinds
        if not whole:
            return value
        if abs(value) > _LARGEST_EXACT:
            raise InexactNumberError(
                f"{where}: the number {int(value)} may have been rounded in transit: whole numbers are exact only "
                f"up to {_LARGEST_EXACT}; a field of type string keeps every digit"
            )
        return int(value)

    def alternatives(self, schemas: Iterable[object]) -> Iterable[Schema]:
        """The plain schemas behind references and combinations, each at most once."""
        waiting = list(schemas)
        seen: set[int] = set()
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, Mapping) or id(schema) in seen:
                continue
            seen.add(id(schema))
            reference = schema.get("$ref")
            if isinstance(reference, str):
                waiting.append(self.definitions.get(reference.removeprefix(_DEFINITIONS)))
            for combination in ("anyOf", "oneOf", "allOf"):
                members = schema.get(combination)
                if isinstance(members, Sequence):
                    waiting.extend(members)
            if not any(name in schema for name in ("$ref", "anyOf", "oneOf", "allOf")) or "type" in schema:
                yield schema


def _kinds(schema: Schema) -> Iterable[str]:
    """The types that a plain schema allows; empty if it names none."""
    types = schema.get("type")
    if isinstance(types, str):
        return (types,)
    if isinstance(types, Sequence):
        return [str(one) for one in types]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, Sequence):
        return ()
    return [_kind_of(one) for one in values]


def _kind_of(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "integer"
    return "number" if isinstance(value, float) else "other"


def _of_property(schemas: Iterable[Schema], name: str) -> list[object]:
    found: list[object] = []
    for schema in schemas:
        properties = schema.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            found.append(properties[name])
        else:
            found.append(schema.get("additionalProperties"))
    return found


def _of_item(schemas: Iterable[Schema], index: int) -> list[object]:
    found: list[object] = []
    for schema in schemas:
        first = schema.get("prefixItems")
        if isinstance(first, Sequence) and index < len(first):
            found.append(first[index])
        else:
            found.append(schema.get("items"))
    return found
