"""What the keywords of JSON Schema mean, as far as rendering needs to know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from polycall._schema.dialect import ANNOTATIONS, ASSERTIONS, Dialect

STRUCTURE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf", "oneOf", "enum", "$ref"}
)
"""Keywords that the renderer writes itself."""

TELLING_NOTHING = frozenset(
    {"title", "discriminator", "readOnly", "writeOnly", "$comment", "$id", "$schema", "$anchor", "$defs"}
)
"""Keywords that say nothing about what the model shall write; a discriminator only repeats the branches' consts."""

_READING_ORDER = (
    *("format", "minLength", "maxLength", "pattern", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "propertyNames"),
)

_EXACT_DOUBLE = 2**53


def types_of(schema: Mapping[str, object]) -> list[str]:
    """The types that a schema allows, as it states them or as its keywords imply; empty for any."""
    types = schema.get("type")
    if isinstance(types, str):
        return [types]
    if isinstance(types, list):
        return [str(each) for each in types]
    if "properties" in schema or "additionalProperties" in schema:
        return ["object"]
    if "items" in schema or "prefixItems" in schema:
        return ["array"]
    return []


def json_type(value: object) -> str:
    """The JSON type of a value, ``"integer"`` for whole numbers that are written so."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def reading_order(keyword: str) -> int:
    """The place of a keyword among others, as one would say it: what narrows first, what merely tells last."""
    if keyword in _READING_ORDER:
        return _READING_ORDER.index(keyword)
    return len(_READING_ORDER) + (keyword in ANNOTATIONS)


def is_finite(value: object) -> bool:
    """Whether JSON can carry a value: it has no form for infinity and NaN."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    return True


def telling_title(title: object, name: str) -> str | None:
    """A title that says more than the name of the property or of the class, which pydantic makes titles of."""
    if not isinstance(title, str) or not name or _letters(title) == _letters(name):
        return None
    return title


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def adapt_assertion(
    keyword: str, value: object, types: list[str], accepted: AbstractSet[str], dialect: Dialect
) -> tuple[dict[str, object], tuple[str, object] | None]:
    """Say a narrowing keyword in a dialect.

    Args:
        keyword: One of `ASSERTIONS`.
        value: Its value.
        types: Of the schema it belongs to.
        accepted: The keywords that the dialect accepts for these types.
        dialect: What the provider takes.

    Returns:
        Keywords for the schema, and a keyword and value to say in words.
    """
    if dialect.other_keywords and not types:
        return {keyword: value}, None
    if types and not any(keyword in ASSERTIONS.get(each, ()) for each in types):
        return {}, None  # concerns other types only
    bound = {"exclusiveMinimum": ("minimum", 1), "exclusiveMaximum": ("maximum", -1)}.get(keyword)
    if bound and keyword not in accepted and bound[0] in accepted and types == ["integer"] and isinstance(value, int):
        keyword, value = bound[0], value + bound[1]
    if keyword not in accepted or not is_finite(value):
        return {}, (keyword, value)
    if keyword == "format" and dialect.formats is not None and value not in dialect.formats:
        return {}, (keyword, value)
    if keyword == "pattern" and dialect.patterns is not None and not dialect.patterns.fullmatch(str(value)):
        return {}, (keyword, value)
    if dialect.bounds_are_doubles and isinstance(value, int) and abs(value) > _EXACT_DOUBLE:
        return {}, (keyword, value)
    return {keyword: value}, None
