"""Undoing a dialect's changes of shape on a call's arguments.

The renderer builds a plan along with the rendered schema: a tree in which each node undoes the change at its place. A
value that does not have the expected shape is passed on, for validation to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

JsonObject = dict[str, object]

_MAX_DEPTH = 250
"""Deeper values are passed on unchanged: pydantic's parser refuses them (its limit is 200)."""


class Plan(Protocol):
    """The changes to undo at one place of the arguments, and below it."""

    def changes(self) -> bool:
        """Whether something is undone at this very place."""
        ...

    def parts(self) -> Iterator[Plan]:
        """The plans below this one."""
        ...

    def restore(self, value: object, depth: int) -> object:
        """The value in the shape of the user's schema; ``depth`` counts the plans above."""
        ...


@dataclass(slots=True)
class Property:
    """One property of a rendered object that has to be changed back."""

    name: str
    """Its name in the user's schema."""
    plan: Plan | None
    null_is_absent: bool


@dataclass(slots=True)
class ObjectPlan:
    """Renamed properties, null for absent ones, and the plans below."""

    properties: Mapping[str, Property]
    """Their keys are the rendered names."""
    others: Plan | None
    """For the values of ``additionalProperties``."""

    def changes(self) -> bool:
        return any(each.null_is_absent or each.name != name for name, each in self.properties.items())

    def parts(self) -> Iterator[Plan]:
        yield from (each.plan for each in self.properties.values() if each.plan)
        if self.others:
            yield self.others

    def restore(self, value: object, depth: int) -> object:
        if not isinstance(value, Mapping) or depth > _MAX_DEPTH:
            return value
        restored: JsonObject = {}
        for name, part in value.items():
            known = self.properties.get(name)
            if known is None:
                restored[name] = self.others.restore(part, depth + 1) if self.others else part
            elif part is not None or not known.null_is_absent:
                restored[known.name] = known.plan.restore(part, depth + 1) if known.plan else part
        return restored


@dataclass(slots=True)
class ArrayPlan:
    """The plans of an array's items."""

    prefix: Sequence[Plan | None]
    """For the first items."""
    others: Plan | None

    def changes(self) -> bool:
        return False

    def parts(self) -> Iterator[Plan]:
        yield from filter(None, (*self.prefix, self.others))

    def restore(self, value: object, depth: int) -> object:
        if not isinstance(value, list) or depth > _MAX_DEPTH:
            return value
        plans = [*self.prefix, *[self.others] * (len(value) - len(self.prefix))]
        return [plan.restore(item, depth + 1) if plan else item for plan, item in zip(plans, value, strict=False)]


@dataclass(slots=True)
class EntriesPlan:
    """A map that was rendered as a list of objects with key and value."""

    entries: Plan | None
    """For the list itself."""

    def changes(self) -> bool:
        return True

    def parts(self) -> Iterator[Plan]:
        if self.entries:
            yield self.entries

    def restore(self, value: object, depth: int) -> object:
        entries = self.entries.restore(value, depth + 1) if self.entries else value
        if not isinstance(entries, list):
            return value
        restored: JsonObject = {}
        for entry in entries:
            if not (isinstance(entry, Mapping) and isinstance(entry.get("key"), str) and "value" in entry):
                return value
            restored[entry["key"]] = entry["value"]
        return restored


@dataclass(slots=True)
class TuplePlan:
    """A tuple that was rendered as an object, one property for each item."""

    names: Sequence[str]
    """The properties, in the order of the items."""
    items: Plan | None
    """For the object itself."""

    def changes(self) -> bool:
        return True

    def parts(self) -> Iterator[Plan]:
        if self.items:
            yield self.items

    def restore(self, value: object, depth: int) -> object:
        items = self.items.restore(value, depth + 1) if self.items else value
        if not isinstance(items, Mapping) or not items.keys() <= set(self.names):
            return value
        given = [name in items for name in self.names]
        if given != sorted(given, reverse=True):
            return value  # an item is missing in the middle
        return [items[name] for name in self.names if name in items]


@dataclass(slots=True)
class UnionPlan:
    """The plan of the first branch of an ``anyOf`` that the value fits."""

    branches: Sequence[tuple[JsonObject, Plan | None]]
    """Each with its rendered schema."""
    fits: Callable[[object, JsonObject], bool]

    def changes(self) -> bool:
        return False

    def parts(self) -> Iterator[Plan]:
        yield from (plan for _, plan in self.branches if plan)

    def restore(self, value: object, depth: int) -> object:
        if depth > _MAX_DEPTH:
            return value
        for schema, plan in self.branches:
            if self.fits(value, schema):
                return plan.restore(value, depth + 1) if plan else value
        return value


@dataclass(slots=True)
class ReferencePlan:
    """The plan of a definition, which may be unfinished when a reference to it is rendered."""

    name: str
    plans: Mapping[str, Plan | None]

    def changes(self) -> bool:
        return False

    def parts(self) -> Iterator[Plan]:
        plan = self.plans.get(self.name)
        if plan:
            yield plan

    def restore(self, value: object, depth: int) -> object:
        plan = self.plans.get(self.name)
        return plan.restore(value, depth + 1) if plan else value


def restorer_for(plan: Plan | None) -> Callable[[object], object] | None:
    """The function that carries out a plan; ``None`` if there is nothing to undo in it or below it."""
    if plan is None or not _changes_anywhere(plan):
        return None
    return lambda value: plan.restore(value, 0)


def _changes_anywhere(root: Plan) -> bool:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        plan = waiting.pop()
        if id(plan) in seen:
            continue
        seen.add(id(plan))
        if plan.changes():
            return True
        waiting.extend(plan.parts())
    return False


def fits_shape(
    value: object, schema: Mapping[str, object], definitions: Mapping[str, JsonObject], depth: int = 0
) -> bool:
    """Whether a value has the shape that a rendered schema describes.

    It tells the branches of a union apart: types, enums, names and presence of properties count, at any depth;
    bounds and patterns do not. An object with properties is taken to be closed unless it says otherwise.
    """
    if depth > _MAX_DEPTH:
        return False
    if value is None and schema.get("nullable"):
        return True
    reference = schema.get("$ref")
    if isinstance(reference, str):
        definition = definitions.get(reference.removeprefix("#/$defs/"))
        return definition is not None and fits_shape(value, definition, definitions, depth + 1)
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list) and not any(fits_shape(value, each, definitions, depth + 1) for each in branches):
            return False
    return (
        _fits_type(value, schema.get("type"))
        and _fits_values(value, schema)
        and _fits_parts(value, schema, definitions, depth)
    )


def _fits_type(value: object, types: object) -> bool:
    if types is None:
        return True
    if isinstance(types, list):
        return any(_fits_type(value, each) for each in types)
    match str(types).lower():
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _fits_values(value: object, schema: Mapping[str, object]) -> bool:
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    # In Python True is 1; in JSON it is not.
    return not isinstance(values, list) or any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in values
    )


def _fits_parts(value: object, schema: Mapping[str, object], definitions: Mapping[str, JsonObject], depth: int) -> bool:
    def fits(part: object, part_schema: object) -> bool:
        return not isinstance(part_schema, Mapping) or fits_shape(part, part_schema, definitions, depth + 1)

    if isinstance(value, Mapping):
        properties = schema.get("properties")
        named: Mapping[str, object] = properties if isinstance(properties, Mapping) else {}
        required = schema.get("required")
        others = schema.get("additionalProperties", not named)
        return all(name in value for name in (required if isinstance(required, list) else ())) and all(
            fits(part, named[name]) if name in named else others is not False and fits(part, others)
            for name, part in value.items()
        )
    if isinstance(value, list):
        prefix = schema.get("prefixItems")
        schemas: list[object] = prefix if isinstance(prefix, list) else []
        least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not (isinstance(least, int) and isinstance(most, int) and least <= len(value) <= most):
            return False
        schemas = [*schemas, *[schema.get("items")] * (len(value) - len(schemas))]
        return all(fits(item, each) for item, each in zip(value, schemas, strict=False))
    return True
