"""Tools in the flat form that the split strategy works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from weakref import WeakKeyDictionary

from polycall.plugin import JsonObject
from polycall_llamacpp.strategies import LlamaTools
from polycall_llamacpp_split._words import plain_name


@dataclass(frozen=True)
class SplitTool:
    """A tool with its arguments' schemas: references resolved, null left out."""

    name: str
    description: str
    properties: Mapping[str, JsonObject]
    required: frozenset[str]
    definitions: JsonObject

    @cached_property
    def plain_name(self) -> str:
        """The name in words: ``"set light"`` of ``set_light`` and ``SetLight``."""
        return plain_name(self.name)

    @cached_property
    def described(self) -> str:
        """Name, description and arguments in one line."""
        description = f": {self.description.rstrip('.')}" if self.description else ""
        names = f" ({', '.join(map(plain_name, self.properties))})" if self.properties else ""
        return f"{self.plain_name}{description}{names}"

    @cached_property
    def arguments_text(self) -> str:
        """Names and descriptions of the arguments."""
        return " ".join(f"{plain_name(name)} {_description(schema)}" for name, schema in self.properties.items())

    @cached_property
    def all_text(self) -> str:
        """Names and descriptions of the tool and its arguments."""
        return " ".join((self.described, *map(_description, self.properties.values())))


def make_tools(tools: LlamaTools) -> tuple[SplitTool, ...]:
    """The tools that may be called; made once for each set of tools."""
    made = _made.get(tools)
    if made is None:
        made = _made[tools] = tuple(
            _make_tool(spec.name, spec.description or "", tools.schemas[spec.name]) for spec in tools.specs
        )
    return made


_made: WeakKeyDictionary[LlamaTools, tuple[SplitTool, ...]] = WeakKeyDictionary()


def is_numeric(schema: JsonObject) -> bool:
    """Whether a schema is that of a number."""
    return schema.get("type") in ("integer", "number")


def is_free_text(schema: JsonObject) -> bool:
    """Whether a schema is that of any text."""
    bounds = ("enum", "const", "pattern", "format", "minLength", "maxLength")
    return schema.get("type") == "string" and not any(bound in schema for bound in bounds)


def choices_of(schema: JsonObject) -> list[object]:
    """The values that a schema enumerates; empty if it does not."""
    if "const" in schema:
        return [schema["const"]]
    return list(cast("Sequence[object]", schema.get("enum") or ()))


def _description(schema: JsonObject) -> str:
    return str(schema.get("description", ""))


def _make_tool(name: str, description: str, schema: JsonObject) -> SplitTool:
    definitions = cast("JsonObject", schema.get("$defs") or {})
    properties = cast("Mapping[str, JsonObject]", schema.get("properties") or {})
    return SplitTool(
        name,
        description,
        {key: _plain_schema(value, definitions) for key, value in properties.items()},
        frozenset(cast("Sequence[str]", schema.get("required") or ())),
        definitions,
    )


def _plain_schema(schema: JsonObject, definitions: JsonObject) -> JsonObject:
    """A property's schema with the reference at its root resolved, and without the null of an optional value."""
    seen = 0
    while True:
        reference = schema.get("$ref")
        options = [option for option in cast("Sequence[JsonObject]", schema.get("anyOf") or ()) if not _is_null(option)]
        if isinstance(reference, str) and seen <= len(definitions):
            inner = cast("JsonObject", definitions[reference.removeprefix("#/$defs/")])
            seen += 1
        elif len(options) == 1:
            inner = options[0]
        else:
            return schema
        outer = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
        schema = {**inner, **outer}


def _is_null(schema: JsonObject) -> bool:
    return schema.get("type") == "null"
