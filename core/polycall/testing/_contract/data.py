"""Looking into values: JSON or not, changed or not, shared or not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_PLAIN = (str, int, float, bool, type(None))
_MAX_DEPTH = 500


def not_json(value: object, path: str, exempt: Collection[int] = ()) -> str | None:
    """Name the first place of a value that is not JSON data, or ``None``.

    Args:
        value: The value.
        path: How to call it.
        exempt: The ``id()`` of objects that the caller passed: they are the caller's business.
    """
    return _not_json(value, path, exempt, 0)


def _not_json(value: object, path: str, exempt: Collection[int], depth: int) -> str | None:
    if depth > _MAX_DEPTH:
        return f"{path} is nested too deeply"
    kind = type(value)
    if kind is float:
        return None if math.isfinite(float(value)) else f"{path} is {value}"  # type: ignore[arg-type]
    if kind in _PLAIN or id(value) in exempt:
        return None
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                return f"{path} has the key {key!r}, a {type(key).__name__}"
            if problem := _not_json(item, f"{path}[{key!r}]", exempt, depth + 1):
                return problem
        return None
    if kind is list:
        for at, item in enumerate(value):  # type: ignore[arg-type]
            if problem := _not_json(item, f"{path}[{at}]", exempt, depth + 1):
                return problem
        return None
    return f"{path} is a {kind.__name__}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Fields:
    """A dataclass's fields as they were."""

    type: type
    fields: Mapping[str, object]


def snapshot(value: object) -> object:
    """Copy the containers of a value, and those of dataclasses; other objects stay themselves."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, dict):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [snapshot(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _Fields(kind, {field.name: snapshot(getattr(value, field.name)) for field in dataclasses.fields(value)})
    return value


def difference(left: object, right: object, path: str) -> str | None:
    """Name the first place where two values differ, or ``None``.

    Objects that do not say what makes them equal (functions, say) count as equal if their types are.
    """
    return _difference(snapshot(left), snapshot(right), path)


def _difference(left: Any, right: Any, path: str) -> str | None:
    if left is right:
        return None
    if type(left) is not type(right):
        return f"{path} is {_short(left)} and then {_short(right)}"
    if isinstance(left, dict):
        if list(left) != list(right):
            odd = next((key for key in {**left, **right} if (key in left) != (key in right)), None)
            return f"{path} has its keys in another order" if odd is None else f"{path} has the key {odd!r} only once"
        return _first(_difference(left[key], right[key], f"{path}[{key!r}]") for key in left)
    if isinstance(left, list):
        if len(left) != len(right):
            return f"{path} has {len(left)} and then {len(right)} items"
        return _first(_difference(one, other, f"{path}[{at}]") for at, (one, other) in enumerate(zip(left, right)))  # noqa: B905
    if isinstance(left, _Fields):
        return f"{path} changed its type" if left.type is not right.type else _fields_differ(left, right, path)
    if _has_identity_only(left) or left == right:
        return None
    return f"{path} is {_short(left)} and then {_short(right)}"


def _fields_differ(left: _Fields, right: _Fields, path: str) -> str | None:
    return _first(_difference(left.fields[name], right.fields[name], f"{path}.{name}") for name in left.fields)


def _first(problems: Iterator[str | None]) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _has_identity_only(value: object) -> bool:
    equal: object = type(value).__eq__
    return equal is object.__eq__


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def containers(value: object, *, through_objects: bool = False) -> dict[int, object]:
    """The lists and dicts inside JSON data by their ``id()``.

    Args:
        value: The data.
        through_objects: Look into dataclasses and objects, too.
    """
    found: dict[int, object] = {}
    seen: set[int] = set()
    waiting: list[object] = [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _PLAIN or isinstance(one, type) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            found[id(one)] = one
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            if isinstance(one, list):
                found[id(one)] = one
            waiting.extend(one)
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif through_objects:
            names = [field.name for field in dataclasses.fields(one)] if dataclasses.is_dataclass(one) else ()
            waiting.extend(getattr(one, name) for name in names)
            waiting.extend(getattr(one, "__dict__", {}).values())
    return found


def objects_in(value: object) -> set[int]:
    """The ``id()`` of each object inside a value that is not plain: what a caller passed, and may get back."""
    found: set[int] = set()
    waiting: list[object] = [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _PLAIN:
            if type(one) is float:
                found.add(id(one))
            continue
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
            if isinstance(one, tuple):
                found.add(id(one))
        else:
            found.add(id(one))
    return found
