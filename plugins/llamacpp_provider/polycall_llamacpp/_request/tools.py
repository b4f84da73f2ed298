"""The tools of a request, in the forms that the strategies need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from polycall.plugin import RenderedSchema, ToolSpec, render_schema
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE, JsonSchema, move_definitions

_INSTRUCTIONS = "Answer with a JSON list of function calls that do all that the user asks. Functions:"
_INSTRUCTIONS_AUTO = (
    "If functions help with what the user asks, answer with a JSON list of function calls and nothing else; "
    "otherwise answer in plain words. Functions:"
)

Restore = Callable[[object], object]


@dataclass(frozen=True, eq=False)
class ToolPayload:
    """The result of `polycall_render_tools`. Compared by identity, so that it can be the key of derived data."""

    specs: tuple[ToolSpec, ...]
    choice: str
    """``"auto"``, ``"required"`` or a tool's name."""
    max_calls: int
    grammar_schemas: Mapping[str, RenderedSchema]
    native_schemas: Mapping[str, RenderedSchema]

    @property
    def offered(self) -> tuple[ToolSpec, ...]:
        """The tools that may be called: all, or the one that was chosen."""
        named = tuple(spec for spec in self.specs if spec.name == self.choice)
        return named or self.specs

    def restore(self, name: str, *, native: bool) -> Restore | None:
        """The function that undoes the dialect's changes on a tool's arguments; ``None`` if there are none."""
        rendered = (self.native_schemas if native else self.grammar_schemas).get(name)
        return None if rendered is None else rendered.restore

    @cached_property
    def functions(self) -> list[JsonSchema]:
        """The tools in OpenAI's form, for llama.cpp's tool calling."""
        return [
            {"type": "function", "function": _function(spec, self.native_schemas[spec.name])} for spec in self.offered
        ]

    @cached_property
    def instructions(self) -> str:
        """The instructions for a model that knows no tools."""
        intro = _INSTRUCTIONS_AUTO if self.choice == "auto" else _INSTRUCTIONS
        tools = (_compact(_function(spec, self.grammar_schemas[spec.name])) for spec in self.offered)
        return "\n".join([intro, *tools])

    @cached_property
    def grammar(self) -> str:
        """The grammar of a list of calls; if the choice is free, of that or of text."""
        return self._grammar(self.offered, self.max_calls, text_too=self.choice == "auto")

    def correction_grammar(self, names: Sequence[str]) -> str:
        """The grammar of calls that must be made again: of these tools, at most as many as names."""
        specs = [spec for spec in self.specs if spec.name in names]
        known = specs if all(any(spec.name == name for spec in specs) for name in names) else self.offered
        return self._grammar(known, len(names), text_too=False)

    def _grammar(self, specs: Sequence[ToolSpec], max_calls: int, *, text_too: bool) -> str:
        schema = _compact(self._list_schema(specs, max_calls))
        if not text_too:
            return f"%llguidance {{}}\nstart: %json {schema}\n"
        return f"%llguidance {{}}\nstart: calls | text\ncalls: %json {schema}\ntext: /(?s:[^\\[\\s].*)/\n"

    def _list_schema(self, specs: Sequence[ToolSpec], max_calls: int) -> JsonSchema:
        calls: list[JsonSchema] = []
        definitions: JsonSchema = {}
        for spec in specs:
            arguments, moved = move_definitions(self.grammar_schemas[spec.name].schema, spec.name)
            definitions |= moved
            calls.append(
                {
                    "type": "object",
                    "properties": {"name": {"const": spec.name}, "arguments": arguments},
                    "required": ["name", "arguments"],
                    "additionalProperties": False,
                }
            )
        schema: JsonSchema = {
            "type": "array",
            "items": {"anyOf": calls},
            "minItems": 1,
            "maxItems": max_calls,
            # Small models can fill a reply with blanks where blanks are allowed.
            "x-guidance": {"whitespace_flexible": False},
        }
        return {**schema, "$defs": definitions} if definitions else schema


def make_payload(tools: Sequence[ToolSpec], choice: str, max_calls: int) -> ToolPayload:
    """Render tools.

    Raises:
        SchemaError: llama.cpp's dialects cannot express a field.
    """
    return ToolPayload(
        tuple(tools),
        choice,
        max_calls,
        {tool.name: render_schema(tool, GRAMMAR) for tool in tools},
        {tool.name: render_schema(tool, NATIVE) for tool in tools},
    )


def _function(spec: ToolSpec, rendered: RenderedSchema) -> JsonSchema:
    description = {"description": spec.description} if spec.description else {}
    return {"name": spec.name, **description, "parameters": rendered.schema}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
