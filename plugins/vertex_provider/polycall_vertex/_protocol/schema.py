"""Vertex AI's two dialects: the proto ``Schema``, and JSON Schema where ``Schema`` cannot express a tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from polycall.plugin import Dialect, RenderedSchema, SchemaError, ToolSpec, render_schema
from polycall_vertex._protocol.service import GEMINI, VERTEX, Service

_RE2 = re.compile(r"(?!.*\(\?<?[=!])(?!.*\\[1-9]).*", re.DOTALL)
"""No lookaround and no back references: Google's regular expressions are RE2."""

VERTEX_SUBSET = Dialect(
    name="Vertex AI's Schema",
    # google.cloud.aiplatform.v1.Schema has these fields, and the service rejects a request with an unknown one:
    # 'Unknown name "exclusiveMinimum" ...: Cannot find field' (zed#44875, 9router#2309).
    assertions={
        "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
        "integer": frozenset({"minimum", "maximum"}),
        "number": frozenset({"minimum", "maximum"}),
        "array": frozenset({"minItems", "maxItems"}),
        "object": frozenset({"minProperties", "maxProperties"}),
    },
    # Observed: "only 'enum' and 'date-time' are supported for STRING type".
    formats=frozenset({"date-time"}),
    patterns=_RE2,
    bounds_are_doubles=True,
    # title, default and example are fields of the message that older services reject; a description can replace
    # them.
    annotations=frozenset(),
    other_keywords=False,
    # The message has ref and defs, but google-genai rejects $ref, and the service does not document them.
    references="inline",
    one_of=False,
    all_of=False,
    # Observed: "When using any_of, it must be the only field set".
    any_of_alone=True,
    null="nullable",
    const=False,
    # Documented: enum is a list of strings. Observed: "enum: only allowed for STRING type" (OmniRoute#760), the type
    # must be there (9router#380), and no empty string among the values (opencode#46676).
    enum_types=frozenset({"string"}),
    typed_enums=True,
    empty_enum_value=False,
    # Observed: "didn't specify the schema type field" (directus/mcp#8).
    any_value="refuse",
    untyped_items=False,
    # Observed: older services reject additionalProperties, and the arguments of a map arrive empty (pydantic-ai).
    additional_properties=False,
    open_objects=False,
    maps="entries",
    tuples="object",
    # Observed: "properties: should be non-empty for OBJECT type" (pipecat-flows#110).
    empty_objects=False,
    # Documented at FunctionDeclaration.parameters: names of parameters.
    property_names=re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}"),
    # Documented: the order is not kept without it.
    property_ordering=True,
    upper_case_types=True,
    # Protobuf's parsers stop at 100 nested messages; a level takes up to three.
    max_depth=30,
)
"""The dialect of ``parameters``: an OpenAPI 3.0 schema without references."""

VERTEX_JSON = Dialect(
    name="Vertex AI's JSON Schema",
    # Documented by google-genai at GenerateContentConfig.response_json_schema (2.34); for
    # parameters_json_schema there is no list of its own.
    assertions={
        "string": frozenset({"format"}),
        "integer": frozenset({"minimum", "maximum"}),
        "number": frozenset({"minimum", "maximum"}),
        "array": frozenset({"minItems", "maxItems"}),
    },
    # Gemini API documentation, structured output: formats of strings.
    formats=frozenset({"date-time", "date", "time"}),
    bounds_are_doubles=True,
    annotations=frozenset(),
    other_keywords=False,
    # Same list: "If $ref is set on a sub-schema, no other properties may be set".
    reference_siblings=False,
    one_of=False,
    all_of=False,
    const=False,
    # Same list: "enum (for strings and numbers)".
    enum_types=frozenset({"string", "integer", "number"}),
    typed_enums=True,
    property_ordering=True,
)
"""The dialect of ``parametersJsonSchema``: a part of JSON Schema."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A function declaration's parameters."""

    key: Literal["parameters", "parametersJsonSchema"] | None
    """The field of the declaration, ``None`` for a tool without parameters: send neither."""
    rendered: RenderedSchema


_DIALECTS: Mapping[str, tuple[Dialect, Dialect]] = {
    VERTEX.name: (VERTEX_SUBSET, VERTEX_JSON),
    # The Gemini API documents the same two (ai.google.dev/api/caching#Schema, #FunctionDeclaration).
    GEMINI.name: (
        replace(VERTEX_SUBSET, name="the Gemini API's Schema"),
        replace(VERTEX_JSON, name="the Gemini API's JSON Schema"),
    ),
}


def render_parameters(tool: ToolSpec, *, json_schema: bool = True, service: Service = VERTEX) -> Parameters:
    """Render a tool's parameters for a function declaration.

    ``Schema`` is preferred, because every model and every version of the service knows it. JSON Schema is the fallback
    where ``Schema`` cannot express the tool, or only in another shape (a map as a list).

    Args:
        tool: Provider-neutral.
        json_schema: Whether ``parametersJsonSchema`` can be sent.
        service: The service that the declaration is for.

    Raises:
        SchemaError: Neither dialect can express a field; with its path.
    """
    if not tool.schema.get("properties") and not tool.schema.get("additionalProperties"):
        return Parameters(None, RenderedSchema({}, None))
    subset, json = _DIALECTS[service.name]
    try:
        rendered = render_schema(tool, subset)
    except SchemaError:
        if not json_schema:
            raise
        return Parameters("parametersJsonSchema", render_schema(tool, json))
    if rendered.restore is not None and json_schema:
        return Parameters("parametersJsonSchema", render_schema(tool, json))
    return Parameters("parameters", rendered)
