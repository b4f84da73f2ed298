"""A key that is given twice in one object, with different values: JSON parsers take the last one and say nothing."""

from __future__ import annotations

import json

from pydantic_core import from_json, to_json

from polycall._data.types import JsonObject

_SPACED = (" :", "\n:", "\t:", "\r:")


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


def check_keys(text: str, given: int = -1) -> None:
    """Raise `DoubledKeyError` if a key is given twice with different values, at any depth.

    Written again from the decoded value, a text has as many keys as before unless one was given twice: that is all
    that is looked at in most texts, by a parser that is not Python's.

    Args:
        text: A JSON text that validated.
        given: How many keys there are at least, each counted once; negative: not known.
    """
    colons = text.count(":")
    keys = text.count('":')
    if keys != colons:
        keys += sum(map(text.count, _SPACED))
    if keys < 2 or keys == given:
        return
    try:
        if to_json(from_json(text)).count(b'":') == keys:
            return
    except (ValueError, TypeError):  # only the slower parser reads it
        pass
    _look_closely(text)


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
        json.loads(text, strict=False, object_pairs_hook=make)
    except (ValueError, RecursionError):
        return
    if doubled:
        key, at_top = doubled[-1]
        raise DoubledKeyError(key, key if at_top else None)


def _equal(one: object, other: object) -> bool:
    """Whether two JSON values are the same, ``1`` and ``true`` not."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
