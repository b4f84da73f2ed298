"""Phrases for a field's description: constraints and annotations in words."""

from __future__ import annotations

import json
from collections.abc import Iterable

_MAX_VALUE_CHARACTERS = 2000

_FORMATS = {
    "date": "a date such as 2025-12-31",
    "time": "a time such as 13:30:00",
    "date-time": "a date and time such as 2025-12-31T13:30:00Z",
    "duration": "an ISO 8601 duration such as P1DT2H30M",
    "uuid": "a UUID",
    "email": "an email address",
    "uri": "a URL",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "base64": "encoded in base64",
    "base64url": "encoded in URL-safe base64",
    "json-string": "JSON text",
    "regex": "a regular expression",
    "path": "a file system path",
    "file-path": "the path of a file",
    "directory-path": "the path of a directory",
}
_FORMATS_OF_ANY_TEXT = frozenset({"binary", "password"})
"""Formats of pydantic's ``bytes`` and ``SecretStr``: any text fits."""


def describe(texts: Iterable[str | None], notes: Iterable[str]) -> str | None:
    """Join descriptions and notes into one description, ``None`` if all are empty.

    Args:
        texts: Descriptions, the outermost first; equal ones appear once.
        notes: They follow in brackets.
    """
    description = "\n".join(dict.fromkeys(text for text in texts if text))
    joined_notes = "; ".join(dict.fromkeys(notes))
    return " ".join(filter(None, (description, f"({joined_notes})" if joined_notes else ""))) or None


def show(value: object) -> str:
    """A value as JSON text; a very long text is cut."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}..."


def show_list(introduction: str, values: object) -> str | None:
    """E.g. ``"one of: 1, 2"``; ``None`` for an empty list."""
    if not isinstance(values, list):
        return f"{introduction}: {show(values)}"
    return f"{introduction}: {', '.join(map(show, values))}" if values else None


def count(value: object, unit: str) -> str:
    """E.g. ``"1 item"``, ``"2 items"``."""
    return f"{value} {unit}" if value == 1 else f"{value} {unit}s"


def show_choice(values: object) -> str | None:
    """The values of an ``enum``, e.g. ``"always 1"`` or ``"one of: 1, 2"``."""
    if isinstance(values, list) and len(values) == 1:
        return f"always {show(values[0])}"
    return show_list("one of", values)


def show_format(value: object) -> str | None:
    """The text that a ``format`` asks for, e.g. ``"a UUID"``; ``None`` if any text fits."""
    return None if value in _FORMATS_OF_ANY_TEXT else _FORMATS.get(str(value), f"format: {value}")
