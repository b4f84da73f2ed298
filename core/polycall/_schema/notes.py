"""The words for what a dialect of JSON Schema cannot say, for a field's description."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

_MAX_VALUE_CHARACTERS = 2000

_WORDS: dict[str, Callable[[object], str]] = {
    "minLength": lambda value: f"at least {_count(value, 'character')}",
    "maxLength": lambda value: f"at most {_count(value, 'character')}",
    "pattern": lambda value: f"matching the regular expression {value}",
    "minimum": lambda value: f"at least {show(value)}",
    "maximum": lambda value: f"at most {show(value)}",
    "exclusiveMinimum": lambda value: f"more than {show(value)}",
    "exclusiveMaximum": lambda value: f"less than {show(value)}",
    "multipleOf": lambda value: f"a multiple of {show(value)}",
    "minItems": lambda value: f"at least {_count(value, 'item')}",
    "maxItems": lambda value: f"at most {_count(value, 'item')}",
    "minProperties": lambda value: f"at least {_count(value, 'key')}",
    "maxProperties": lambda value: f"at most {_count(value, 'key')}",
    "propertyNames": lambda value: f"each key fits {show(value)}",
    "const": lambda value: f"always {show(value)}",
    "default": lambda value: f"default: {show(value)}",
    "contentMediaType": lambda value: f"text of media type {value}",
    "contentEncoding": lambda value: f"encoded as {value}",
    "contentSchema": lambda value: f"the text holds {show(value)}",
}

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
    "file-path": "a path of a file",
    "directory-path": "a path of a directory",
}
_TELLING_NOTHING = frozenset({"binary", "password"})
"""Formats of pydantic's ``bytes`` and ``SecretStr``: any text fits."""


def note_for(keyword: str, value: object) -> str | None:
    """What a narrowing keyword says, in words; ``None`` if it says nothing about the text to write.

    Args:
        keyword: Of JSON Schema, e.g. ``"minLength"``.
        value: Its value, e.g. 3.

    Returns:
        E.g. ``"at least 3 characters"``.
    """
    if keyword == "format":
        return None if value in _TELLING_NOTHING else _FORMATS.get(str(value), f"format: {value}")
    if keyword == "uniqueItems":
        return "no duplicates" if value else None
    if keyword == "deprecated":
        return "deprecated" if value else None
    if keyword == "enum" and isinstance(value, list) and len(value) == 1:
        return f"always {show(value[0])}"
    if keyword in ("enum", "examples") and isinstance(value, list):
        words = "one of" if keyword == "enum" else "for example"
        return f"{words}: {', '.join(map(show, value))}" if value else None
    words_for = _WORDS.get(keyword)
    return words_for(value) if words_for else f"{keyword}: {show(value)}"


def describe(texts: Iterable[str | None], notes: Iterable[str]) -> str | None:
    """Join descriptions and notes to one description, ``None`` if there is nothing to say.

    Args:
        texts: Descriptions, the outermost first; equal ones are said once.
        notes: They follow in brackets.
    """
    said = "\n".join(dict.fromkeys(text for text in texts if text))
    noted = "; ".join(dict.fromkeys(notes))
    return " ".join(filter(None, (said, f"({noted})" if noted else ""))) or None


def show(value: object) -> str:
    """A value as JSON text; the text of a very long one is cut."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}..."


def _count(value: object, unit: str) -> str:
    return f"{value} {unit}" if value == 1 else f"{value} {unit}s"
