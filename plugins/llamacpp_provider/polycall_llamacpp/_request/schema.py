"""The dialects of JSON Schema that llama.cpp turns into a grammar.

llama.cpp has two converters, and they differ: tool calling and ``response_format`` use its own, which ignores unknown
keywords; grammars that begin with ``%llguidance`` use that library, which then silently enforces nothing at all. So a
schema contains only keywords that are known to work, and descriptions state the rest. All of it was measured with
xllamacpp 2026.10 (llama.cpp build 11549).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from polycall.plugin import Dialect, JsonObject

_MAX_PATTERN_LENGTH = 250
_COUNT = r"\{[0-9]{1,3}(?:,[0-9]{0,3})?\}"
_SMALL_COUNT = r"\{[0-9](?:,[0-9]?)?\}"


def _regular_expressions(escape: str, member: str, *, lazy: bool) -> re.Pattern[str]:
    """Matches the regular expressions that a converter understands as pydantic does, in linear time.

    They are anchored at both ends, with classes, repetitions, and groups in groups. No look-around, flags, assertions;
    no large counts of groups: a grammar with more than about a million states is not enforced, and nobody is told.

    Args:
        escape: Matches a backslash and what may follow it.
        member: Matches members of classes besides plain characters.
        lazy: Whether repetitions may be lazy.
    """
    end = r"\??+" if lazy else ""
    single = rf"(?:[^\\()\[\]{{}}^$|*+?]|{escape}|\[(?:[^\\\[\]^&~-]|{member})++\])(?:(?:[*+?]|{_COUNT}){end})?+"
    group = rf"\((?:\?:)?+(?:{single}|\|)*+\)(?:(?:[*+?]|{_SMALL_COUNT}){end})?+(?!\{{)"
    outer_group = rf"\((?:\?:)?+(?:{single}|{group}|\|)*+\)(?:[*+?]{end})?+"
    return re.compile(rf"(?s:(?=.{{2,{_MAX_PATTERN_LENGTH}}}\Z))\^(?:{single}|{group}|{outer_group})*+\$")


_ESCAPE = r"\\[ -/:;=?@\[-`{-~dswDSWnrt]"

GRAMMAR = Dialect(
    name="llama.cpp's grammar",
    otherwise="",
    assertions={
        "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
        "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
        "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
        "array": frozenset({"minItems", "maxItems"}),
        "object": frozenset(),
    },
    other_keywords=False,
    formats=frozenset({"date", "time", "date-time", "uuid", "email", "duration"}),
    patterns=_regular_expressions(_ESCAPE, rf"{_ESCAPE}|-(?!-)", lazy=True),
    # llguidance ignores a const with a sibling type, as pydantic writes it.
    const=False,
    one_of=False,
    all_of=False,
    closed=True,
)
"""For output that is constrained as a whole, through llguidance."""

NATIVE = dataclasses.replace(
    GRAMMAR,
    name="llama.cpp's tool calling",
    # Its converter ignores bounds of numbers that are not integers, and the other formats.
    assertions={**GRAMMAR.assertions, "number": frozenset()},
    formats=frozenset({"date", "time", "date-time", "uuid"}),
    # Its converter knows few escapes and none in classes, and reads a lazy repetition as an optional one.
    patterns=_regular_expressions(r"\\[.\-$^()\[\]{}|*+?\\]", "-(?!-)", lazy=False),
)
"""For llama.cpp's own tool calling."""


def move_definitions(schema: JsonObject, prefix: str) -> tuple[JsonObject, JsonObject]:
    """Take the definitions out of a schema, and prefix their names, so that several schemas can share a root.

    Returns:
        The schema without ``$defs``, its references changed, and the definitions by their new names.
    """

    def rename(reference: str) -> str:
        return reference.replace("#/$defs/", f"#/$defs/{prefix}.", 1)

    definitions = schema.get("$defs")
    root = {key: value for key, value in schema.items() if key != "$defs"}
    if not isinstance(definitions, dict):
        return root, {}
    moved = {f"{prefix}.{name}": _change_references(value, rename) for name, value in definitions.items()}
    return {key: _change_references(value, rename) for key, value in root.items()}, moved


def _change_references(value: object, rename: Callable[[str], str]) -> object:
    if isinstance(value, list):
        return [_change_references(item, rename) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: rename(part)
        # A property may be called "$ref", too; then its value is a schema, not a text.
        if key == "$ref" and isinstance(part, str)
        else part
        if key in ("const", "enum", "default", "examples")
        else _change_references(part, rename)
        for key, part in value.items()
    }
