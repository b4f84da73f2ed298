"""When two calls are the same: by their objects, or by their arguments as written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from polycall._data.types import JsonObject, ToolCall
from polycall._engine.validation import ValidCall

_GENERATED = object()
"""Stands in for the value of a field that the model left out, where such a value differs each time."""
_PLAIN_FACTORIES = (list, dict, set, tuple, frozenset, str, int, float, bool)


def keys_of(call: ValidCall, arguments: JsonObject | None) -> Iterator[object]:
    """Hashable keys of a good call; two calls are the same if they have one in common.

    1. The arguments as written.
    2. The object.
    3. The object without the defaults that are made anew each time (``uuid4``, ``datetime.now``).

    Args:
        call: The call.
        arguments: As written; ``None`` if they cannot be read.
    """
    if arguments is not None:
        yield written_key(call.tool_call, arguments)
    for masks in (False, True):
        try:
            yield "object" if not masks else "given", call.tool_call.name, _Freezer(masks=masks).freeze(call.value)
        except Exception:  # noqa: BLE001 - classes of the caller's own may raise anything in __hash__, __eq__, __repr__
            return


def written_key(tool_call: ToolCall, arguments: JsonObject | None) -> object:
    """A hashable key of a call as it was written: the tool and the arguments as JSON, in whatever order and spacing."""
    if arguments is None:
        return "text", tool_call.name, tool_call.arguments if isinstance(tool_call.arguments, str) else None
    return "written", tool_call.name, freeze(arguments)


def freeze(value: object) -> object:
    """A hashable stand-in that is equal for equal values."""
    return _Freezer(masks=False).freeze(value)


class _Freezer:
    """Makes the stand-ins: by attributes, for serializers may leave fields out."""

    def __init__(self, *, masks: bool) -> None:
        self._masks = masks

    def freeze(self, value: object) -> object:
        if isinstance(value, BaseModel):
            members = {**vars(value), **(value.__pydantic_extra__ or {})}
            if self._masks:
                members |= _generated(type(value).model_fields, given=value.model_fields_set)
            return type(value), self.freeze(members)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return type(value), self.freeze(
                {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
            )
        if isinstance(value, Mapping):
            return dict, frozenset((self.freeze(key), self.freeze(part)) for key, part in value.items())
        if isinstance(value, (set, frozenset)):
            return set, frozenset(map(self.freeze, value))
        if isinstance(value, (list, tuple)):
            return type(value), tuple(map(self.freeze, value))
        try:
            hash(value)
        except TypeError:
            return type(value), repr(value)
        if value == value or value != value:
            return type(value), value
        return type(value), repr(value)


def _generated(fields: Mapping[str, FieldInfo], given: set[str]) -> dict[str, object]:
    return {
        name: _GENERATED
        for name, field in fields.items()
        if name not in given and field.default_factory is not None and field.default_factory not in _PLAIN_FACTORIES
    }
