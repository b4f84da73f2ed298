"""The facts of each keyword of JSON Schema (draft 2020-12), one row for each.

To add a keyword, add its row. A row's place is its place in a description: constraints first, as one would say them,
annotations last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from polycall._schema.phrases import count, show, show_choice, show_format, show_list

JSON_TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
"""The types of JSON Schema."""

Role = Literal["form", "assertion", "other", "annotation", "silent"]
"""Which part of a `Dialect` decides on a keyword.

``form``: the options for shapes; the renderer writes these keywords itself. ``assertion``, ``annotation``: the tables
``assertions`` and ``annotations``. ``other``: ``other_keywords``. ``silent``: nothing; the keyword is left out, because
it does not say what to write.
"""

Words = Callable[[object], str | None]
"""Puts a keyword's value into words; ``None`` for a value that does not say what to write."""

_TEXT = frozenset({"string"})
_NUMBER = frozenset({"integer", "number"})
_ARRAY = frozenset({"array"})
_OBJECT = frozenset({"object"})


@dataclass(frozen=True, slots=True)
class Keyword:
    """The facts of one keyword.

    Attributes:
        name: E.g. ``"minLength"``.
        role: Which part of a dialect decides on it.
        types: The JSON types that it concerns; empty for all.
        narrows: A value can be wrong because of it, or differ from the intended one.
        words: Its value in words; ``None``: the name and the value as JSON.
        has_schemas: Its value holds schemas, which may refer to definitions.
        inclusive: For a bound that is exclusive: the inclusive one, and the step to it for integers.
        as_list: For a bound of a map: the same bound of a list.
        is_known: It has a row here; a keyword of a user's own has none, and no words.
    """

    name: str
    role: Role
    types: frozenset[str] = frozenset()
    narrows: bool = True
    words: Words | None = None
    has_schemas: bool = False
    inclusive: tuple[str, int] | None = None
    as_list: str | None = None
    is_known: bool = True

    def in_words(self, value: object) -> str | None:
        """The keyword with a value in words, e.g. ``"at least 3 characters"``; ``None`` if it says nothing."""
        if not self.is_known:
            return None
        return self.words(value) if self.words else f"{self.name}: {show(value)}"


_ROWS = (
    Keyword("description", "form", narrows=False),
    Keyword("type", "form"),
    Keyword("$ref", "form"),
    Keyword("const", "form", words=lambda value: f"always {show(value)}"),
    Keyword("enum", "form", words=show_choice),
    Keyword("anyOf", "form", has_schemas=True),
    Keyword("oneOf", "form", has_schemas=True),
    Keyword("allOf", "form", has_schemas=True),
    Keyword("properties", "form", _OBJECT, has_schemas=True),
    Keyword("required", "form", _OBJECT),
    Keyword("additionalProperties", "form", _OBJECT, has_schemas=True),
    Keyword("items", "form", _ARRAY, has_schemas=True),
    Keyword("prefixItems", "form", _ARRAY, has_schemas=True),
    Keyword("format", "assertion", _TEXT, words=show_format),
    Keyword("minLength", "assertion", _TEXT, words=lambda value: f"at least {count(value, 'character')}"),
    Keyword("maxLength", "assertion", _TEXT, words=lambda value: f"at most {count(value, 'character')}"),
    Keyword("pattern", "assertion", _TEXT, words=lambda value: f"matching the regular expression {value}"),
    Keyword("minimum", "assertion", _NUMBER, words=lambda value: f"at least {show(value)}"),
    Keyword(
        "exclusiveMinimum",
        "assertion",
        _NUMBER,
        words=lambda value: f"more than {show(value)}",
        inclusive=("minimum", 1),
    ),
    Keyword("maximum", "assertion", _NUMBER, words=lambda value: f"at most {show(value)}"),
    Keyword(
        "exclusiveMaximum",
        "assertion",
        _NUMBER,
        words=lambda value: f"less than {show(value)}",
        inclusive=("maximum", -1),
    ),
    Keyword("multipleOf", "assertion", _NUMBER, words=lambda value: f"a multiple of {show(value)}"),
    Keyword("minItems", "assertion", _ARRAY, words=lambda value: f"at least {count(value, 'item')}"),
    Keyword("maxItems", "assertion", _ARRAY, words=lambda value: f"at most {count(value, 'item')}"),
    Keyword("uniqueItems", "assertion", _ARRAY, words=lambda value: "no duplicates" if value else None),
    Keyword(
        "minProperties",
        "assertion",
        _OBJECT,
        words=lambda value: f"at least {count(value, 'key')}",
        as_list="minItems",
    ),
    Keyword(
        "maxProperties",
        "assertion",
        _OBJECT,
        words=lambda value: f"at most {count(value, 'key')}",
        as_list="maxItems",
    ),
    Keyword(
        "propertyNames", "assertion", _OBJECT, words=lambda value: f"each key fits {show(value)}", has_schemas=True
    ),
    Keyword("patternProperties", "assertion", _OBJECT, has_schemas=True),
    Keyword("contains", "assertion", _ARRAY, has_schemas=True),
    Keyword("minContains", "assertion", _ARRAY),
    Keyword("maxContains", "assertion", _ARRAY),
    Keyword("contentEncoding", "other", words=lambda value: f"encoded as {value}"),
    Keyword("contentMediaType", "other", words=lambda value: f"text of media type {value}"),
    Keyword("contentSchema", "other", words=lambda value: f"the text holds {show(value)}", has_schemas=True),
    Keyword("dependentRequired", "other"),
    Keyword("dependentSchemas", "other", has_schemas=True),
    Keyword("not", "other", has_schemas=True),
    Keyword("if", "other", has_schemas=True),
    Keyword("then", "other", has_schemas=True),
    Keyword("else", "other", has_schemas=True),
    Keyword("unevaluatedItems", "other", has_schemas=True),
    Keyword("unevaluatedProperties", "other", has_schemas=True),
    Keyword("default", "annotation", words=lambda value: None if value is None else f"default: {show(value)}"),
    Keyword("deprecated", "annotation", narrows=False, words=lambda value: "deprecated" if value else None),
    # OpenAPI 3.0's, which users write in json_schema_extra; draft 2020-12 has "examples" only.
    Keyword("example", "other", narrows=False, words=lambda value: f"for example: {show(value)}"),
    Keyword("examples", "annotation", narrows=False, words=lambda value: show_list("for example", value)),
    # A discriminator only repeats the consts of the branches.
    *(
        Keyword(name, "silent", narrows=False)
        for name in (
            "title",
            "discriminator",
            "readOnly",
            "writeOnly",
            "$comment",
            "$id",
            "$schema",
            "$anchor",
            "$defs",
        )
    ),
)

KEYWORDS: Mapping[str, Keyword] = {row.name: row for row in _ROWS}

ASSERTIONS: Mapping[str, frozenset[str]] = {
    type_: names
    for type_ in JSON_TYPES
    if (names := frozenset(row.name for row in _ROWS if row.role == "assertion" and type_ in row.types))
}
"""The keywords that narrow a value of a type. A dialect's ``assertions`` are chosen from these."""

ANNOTATIONS = frozenset(row.name for row in _ROWS if row.role == "annotation")
"""The annotations, besides ``description``, that tell the model something."""

ONLY_OF_ITS_TYPE = frozenset(row.name for row in _ROWS if row.role == "form" and row.types)
"""The keywords that give an object or an array its parts."""

_ORDER = {row.name: place for place, row in enumerate(_ROWS)}
_ORDER_OF_UNKNOWN = _ORDER["default"] - 0.5


def reading_order(keyword: str) -> float:
    """A keyword's place in a description; one without a row stands before the annotations."""
    return _ORDER.get(keyword, _ORDER_OF_UNKNOWN)


def row_of(keyword: str) -> Keyword:
    """The facts of a keyword, also of a user's own: any value could be wrong because of that."""
    return KEYWORDS.get(keyword) or Keyword(keyword, "other", has_schemas=True, is_known=False)


def concerns(keyword: str, types: list[str]) -> bool:
    """Whether a keyword concerns values of one of these types."""
    row = KEYWORDS.get(keyword)
    return row is not None and not row.types.isdisjoint(types)
