"""A key that is given twice in one object, with different values: JSON parsers take the last one and say nothing."""

from __future__ import annotations

import json
import re
from typing import cast

from pydantic import BaseModel
from pydantic_core import from_json

from polycall._data.types import JsonObject

_KEY = re.compile(r'"([^"\\]*+)"[ \t\r\n]*+:')
_END_OF_KEY = re.compile(r'"[ \t\r\n]*+:')
_SHORT = 1000
"""Characters; keys of longer texts mostly repeat in the objects of a list, and are counted at once."""


class DoubledKeyError(Exception):
    """A key is given twice with different values.

    Attributes:
        key: The key.
        field: The top-level argument that it is, or is in; ``None`` if that is not known.
    """

    def __init__(self, key: str, field: str | None) -> None:
        super().__init__(key)
        self.key = key
        self.field = field


def check_keys(text: str, value: object, *, counts_fields: bool) -> None:
    """Raise `DoubledKeyError` if a key is given twice with different values, at any depth.

    Most texts cost a search for colons: there are at least as many as keys, so as many as fields that were given means
    that none was given twice.

    Args:
        text: A JSON text from which the value was validated.
        value: The validated object.
        counts_fields: Whether the value knows which of its fields were given.
    """
    colons = text.count(":")
    if colons < 2 or (counts_fields and colons == len(cast("BaseModel", value).model_fields_set)):
        return
    if len(text) < _SHORT and "\\" not in text:
        keys = _KEY.findall(text)
        if len(keys) == len(set(keys)):
            return
    try:
        if len(_END_OF_KEY.findall(text)) == _count_keys(from_json(text)):
            return
    except (ValueError, TypeError):  # only the slower parser reads it
        pass
    _look_closely(text)


def _count_keys(value: object) -> int:
    values = [value]
    count = 0
    for one in values:  # grows
        kind = type(one)
        if kind is dict:
            members = cast("JsonObject", one)
            count += len(members)
            values += members.values()
        elif kind is list:
            values += cast("list[object]", one)
    return count


def _look_closely(text: str) -> None:
    doubled: list[tuple[str, bool]] = []
    """The keys that were found, and whether in the object that was read last."""

    def make(pairs: list[tuple[str, object]]) -> JsonObject:
        members: JsonObject = {}
        found = None
        for key, value in pairs:
            if key in members and found is None and not _equal(members[key], value):
                found = key
            members[key] = value
        doubled[:] = [(key, False) for key, _ in doubled]
        if found is not None:
            doubled.append((found, True))
        return members

    try:
        value = json.loads(text, strict=False, object_pairs_hook=make)
        if isinstance(value, str):
            json.loads(value, strict=False, object_pairs_hook=make)
    except (ValueError, RecursionError):
        return
    if doubled:
        key, at_top = doubled[-1]
        raise DoubledKeyError(key, key if at_top else None)


def _equal(one: object, other: object) -> bool:
    """Whether two JSON values are the same, ``1`` and ``true`` not."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
