"""NaN, Infinity and numbers beyond a float's range, which must not reach a field.

pydantic reads ``NaN`` and ``Infinity``, which are not JSON, and makes infinity of ``1e999``: a field would get a value
that the model never wrote.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import cast

from pydantic_core import CoreSchema, from_json

from polycall._data.wording import DEFAULT_WORDING, Wording

_NEVER_NON_FINITE = frozenset(
    {
        # of values: each refuses the JSON forms of infinity
        *("str", "int", "bool", "none", "bytes", "uuid", "literal", "enum"),
        *("date", "datetime", "time", "timedelta"),
        # of structures, whose parts are looked at
        *("model", "model-fields", "model-field", "dataclass", "dataclass-args", "dataclass-field"),
        *("typed-dict", "typed-dict-field", "list", "dict", "tuple"),
        *("nullable", "default", "union", "tagged-union", "definitions", "definition-ref"),
    }
)
_PARTS = {"list": ("items_schema",), "dict": ("keys_schema", "values_schema")}
"""Without these a structure takes anything."""
_LARGE = 10**308  # a little less than the largest float; whole numbers have no end, but a field may be a float
_MAX_SHOWN = 80
_GETS_ALL = ("coerce_numbers_to_str", "custom_init")
_EXTRAS = ("extra_behavior", "extra_fields_behavior")
_NOT_LOOKED_AT = ("metadata", "default", "serialization")


def accepts_non_finite(schema: CoreSchema) -> bool:
    """Whether an object that is made by a schema may have infinity or NaN in it.

    Args:
        schema: pydantic's. Kinds that are not known to take none may take some: ``float``, ``Any``, validators of the
            user's, what newer versions add.
    """
    return _takes_any(schema)


def find_non_finite(text: str, wording: Wording = DEFAULT_WORDING) -> str | None:
    """Describe the first NaN, infinity or out-of-range number; ``None`` if there is none or the text is not JSON."""
    try:
        if not _has_large_number(from_json(text)):
            return None
    except (ValueError, TypeError):
        pass  # it is broken, or has a lone surrogate, or only the slower reader takes it
    try:
        json.loads(text, strict=False, parse_constant=_check, parse_float=_check, parse_int=_check)
    except _FoundError as found:
        template = wording.out_of_range if found.is_number else wording.not_a_json_value
        return template.format(literal=_shorten(found.literal))
    except (ValueError, RecursionError):
        pass  # the validator says how it is broken
    return None


def _takes_any(part: object) -> bool:
    if isinstance(part, Mapping):
        kind = part.get("type")
        if isinstance(kind, str) and (
            kind not in _NEVER_NON_FINITE or not all(one in part for one in _PARTS.get(kind, ()))
        ):
            return True
        if any(part.get(key) for key in _GETS_ALL) or any(part.get(key) == "allow" for key in _EXTRAS):
            return True
        return any(_takes_any(inner) for key, inner in part.items() if key not in _NOT_LOOKED_AT)
    return isinstance(part, (list, tuple)) and any(map(_takes_any, part))


def _has_large_number(value: object) -> bool:
    values = [value]
    for one in values:  # grows
        kind = type(one)
        if kind is float or kind is int:
            if not -_LARGE < cast("float", one) < _LARGE:
                return True
        elif kind is list:
            values += cast("list[object]", one)
        elif kind is dict:
            values += cast("dict[str, object]", one).values()
    return False


class _FoundError(Exception):
    """A literal that was looked for."""

    def __init__(self, literal: str, *, is_number: bool) -> None:
        super().__init__(literal)
        self.literal = literal
        self.is_number = is_number


def _check(literal: str) -> None:
    if not literal.lstrip("-")[:1].isdigit():
        raise _FoundError(literal, is_number=False)
    if math.isinf(float(literal)):
        raise _FoundError(literal, is_number=True)


def _shorten(literal: str) -> str:
    return literal if len(literal) <= _MAX_SHOWN else literal[: _MAX_SHOWN - 3] + "..."
