"""The JSON Schema that llama.cpp turns into a grammar.

llama.cpp has two converters, and they differ: tool calling and ``response_format`` use its own, which ignores what it
does not know; grammars that begin with ``%llguidance`` use that library, which then enforces nothing at all, without
a word. So a schema holds only what is known to work, and the rest is told in words. All of it was measured with
xllamacpp 2026.10 (llama.cpp build 11549).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from polycall.plugin import Dialect

JsonSchema = dict[str, object]

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
    # Anchored at both ends; no groups that look around, no references back, no assertions.
    patterns=re.compile(r"\^(?:[^\\()^$]|\\[^A-Za-z0-9]|\\[dswDSWnrt]|\((?:\?:)?|\))*\$"),
    # llguidance ignores a const that has a type beside it, as pydantic writes it.
    const=False,
    one_of=False,
    all_of=False,
    closed=True,
)
"""For output that is constrained by a schema as a whole, through llguidance."""

NATIVE = dataclasses.replace(
    GRAMMAR,
    name="llama.cpp's tool calling",
    # Its converter ignores the bounds of numbers that are no integers, and these formats.
    assertions={**GRAMMAR.assertions, "number": frozenset()},
    formats=frozenset({"date", "time", "date-time", "uuid"}),
    # Its converter takes the letter after a backslash for itself.
    patterns=re.compile(r"\^(?:[^\\()^$]|\\[^A-Za-z0-9]|\(|\))*\$"),
)
"""For llama.cpp's own tool calling."""


def move_definitions(schema: JsonSchema, prefix: str) -> tuple[JsonSchema, JsonSchema]:
    """Take a schema's definitions out of it, under names that begin with a prefix, so that several can share a root.

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
        # A property may be called "$ref" too; then a schema stands there, not a text.
        if key == "$ref" and isinstance(part, str)
        else part
        if key in ("const", "enum", "default", "examples")
        else _change_references(part, rename)
        for key, part in value.items()
    }
