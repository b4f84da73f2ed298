"""The tools of a request, in the form that the strategy needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from polycall.plugin import (
    Adaptation,
    JsonObject,
    RenderedTool,
    RenderedTools,
    ToolSpec,
    render_schema,
    schema_adaptations,
)
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE, move_definitions

_INSTRUCTIONS = "Answer with a JSON list of function calls that do all that the user asks. Functions:"
_INSTRUCTIONS_AUTO = (
    "If functions help with what the user asks, answer with a JSON list of function calls and nothing else; "
    "otherwise answer in plain words. Functions:"
)


@dataclass(frozen=True, eq=False)
class LlamaTools:
    """The tools of a request. Compared by identity, so that it can be the key of derived data.

    Attributes:
        specs: The tools that may be called: all, or the one that was chosen.
        choice: ``"auto"``, ``"required"`` or a tool's name.
        strategy: The name of the strategy that these tools are for.
        schemas: The schemas of the arguments in the strategy's dialect, by the tools' names.
    """

    specs: tuple[ToolSpec, ...]
    choice: str
    strategy: str
    schemas: Mapping[str, JsonObject]
    _grammars: dict[tuple[tuple[str, ...], int, bool], str] = field(default_factory=dict, repr=False)

    @property
    def functions(self) -> list[JsonObject]:
        """The tools in OpenAI's form, for llama.cpp's tool calling; not shared with another request."""
        return [{"type": "function", "function": copy.deepcopy(self._function(spec))} for spec in self.specs]

    @cached_property
    def instructions(self) -> str:
        """The instructions for a model that knows no tools."""
        intro = _INSTRUCTIONS_AUTO if self.choice == "auto" else _INSTRUCTIONS
        return "\n".join([intro, *(_compact(self._function(spec)) for spec in self.specs)])

    def grammar(self, max_calls: int) -> str:
        """The grammar of a list of calls; if the choice is free, of that or of text."""
        return self._grammar(self.specs, max_calls, text_too=self.choice == "auto")

    def correction_grammar(self, names: Sequence[str]) -> str:
        """The grammar of calls that must be made again: of these tools, at most as many as names."""
        specs = [spec for spec in self.specs if spec.name in names]
        known = specs if {spec.name for spec in specs} >= {*names} else self.specs
        return self._grammar(known, len(names), text_too=False)

    def _grammar(self, specs: Sequence[ToolSpec], max_calls: int, *, text_too: bool) -> str:
        key = (tuple(spec.name for spec in specs), max_calls, text_too)
        if key not in self._grammars:
            schema = _compact(self._list_schema(specs, max_calls))
            form = f"calls | text\ncalls: %json {schema}\ntext: /(?s:[^\\[\\s].*)/" if text_too else f"%json {schema}"
            self._grammars[key] = f"%llguidance {{}}\nstart: {form}\n"
        return self._grammars[key]

    def _list_schema(self, specs: Sequence[ToolSpec], max_calls: int) -> JsonObject:
        calls: list[JsonObject] = []
        definitions: JsonObject = {}
        for spec in specs:
            arguments, moved = move_definitions(self.schemas[spec.name], spec.name)
            definitions |= moved
            calls.append(
                {
                    "type": "object",
                    "properties": {"name": {"const": spec.name}, "arguments": arguments},
                    "required": ["name", "arguments"],
                    "additionalProperties": False,
                }
            )
        schema: JsonObject = {
            "type": "array",
            "items": {"anyOf": calls},
            "minItems": 1,
            "maxItems": max_calls,
            # Small models can fill a reply with blanks where blanks are allowed.
            "x-guidance": {"whitespace_flexible": False},
        }
        return {**schema, "$defs": definitions} if definitions else schema

    def _function(self, spec: ToolSpec) -> JsonObject:
        description = {"description": spec.description} if spec.description else {}
        return {"name": spec.name, **description, "parameters": self.schemas[spec.name]}


def render_tools(
    tools: Sequence[ToolSpec], choice: str, strategy: str, adaptations: list[Adaptation]
) -> RenderedTools[LlamaTools]:
    """Render tools for a strategy.

    Raises:
        SchemaError: llama.cpp's dialect cannot express a field.
    """
    dialect = NATIVE if strategy == "native" else GRAMMAR
    specs = tuple(tool for tool in tools if tool.name == choice) or tuple(tools)
    rendered: dict[str, RenderedTool] = {}
    for spec in specs:
        schema = render_schema(spec, dialect)
        rendered[spec.name] = RenderedTool(spec.name, schema.schema, restore=schema.restore)
        adaptations += schema_adaptations(schema, dialect.name)
    if strategy == "native" and choice in rendered:
        reason = "llama.cpp can be told to call a tool, but not which one: the others are not offered."
        adaptations.append(
            Adaptation(setting="tool_choice", kind="substituted", given=choice, sent="required", reason=reason)
        )
    schemas = {name: tool.schema for name, tool in rendered.items()}
    return RenderedTools(LlamaTools(specs, choice, strategy, schemas), rendered)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
