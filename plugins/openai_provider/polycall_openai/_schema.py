"""OpenAI's dialects of JSON Schema: plain functions, and the subset of ``strict: true``."""

from __future__ import annotations

import re
from dataclasses import replace

from polycall.plugin import Dialect, RenderedSchema, SchemaError, SchemaLimits, ToolSpec, render_schema

CHAT = Dialect(name="OpenAI functions")
"""Plain functions: the API takes any JSON Schema here and does not enforce it (OpenAI API description,
``FunctionParameters``). Only keywords that tell the model nothing are left out."""

CHAT_WITHOUT_REFERENCES = replace(CHAT, references="inline")
"""Plain functions for servers, or templates of models, that do not resolve ``$ref`` (lmstudio-bug-tracker#551)."""

STRICT = Dialect(
    name="OpenAI's strict mode",
    otherwise="Or leave strict=True out.",
    # Structured Outputs guide, "Supported schemas": these constraints and no others. minLength and maxLength are not
    # in the list, and are refused or ignored (OpenAIJsonSchemaTransformer of pydantic-ai takes them out).
    assertions={
        "string": frozenset({"pattern", "format"}),
        "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
        "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
        "array": frozenset({"minItems", "maxItems"}),
    },
    # Same guide: these formats of strings and no others.
    formats=frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}),
    # Observed: lookaround is refused (pydantic-ai).
    patterns=re.compile(r"(?!.*\(\?<?[=!]).*", re.DOTALL),
    # Observed: a default is refused (openai-python removes ``default: null`` only, pydantic-ai all of them).
    annotations=frozenset(),
    # Same guide, "Some type-specific keywords are not yet supported" and "allOf, not, dependentRequired, ... if".
    other_keywords=False,
    one_of=False,
    all_of=False,
    const=False,
    # Observed: "$ref cannot have keywords {'description'}" (openai-python, pydantic-ai).
    reference_siblings=False,
    # Same guide: each schema has one of the supported types; pydantic-ai#4425 for arrays without an item type.
    typed_enums=True,
    enum_types=frozenset({"string", "integer", "number", "boolean"}),
    any_value="refuse",
    untyped_items=False,
    # Same guide: all fields are required, and additionalProperties is false on every object. So a map has no form,
    # and neither has prefixItems, which the guide does not list. An object that takes further fields is closed.
    closed=True,
    all_required=True,
    open_objects="close",
    maps="entries",
    tuples="object",
    # Same guide, "Limitations on nesting depth and size".
    limits=SchemaLimits(
        properties=5000,
        object_depth=10,
        characters=120_000,
        enum_values=1000,
        long_enum_values=250,
        long_enum_characters=15_000,
    ),
)
"""The subset that ``strict: true`` accepts and enforces. An optional field becomes nullable, where null means that it
is left out; a field that is nullable and optional can only be null."""


def render_parameters(tool: ToolSpec, strict: bool | None, *, references: bool = True) -> tuple[RenderedSchema, bool]:
    """Render a tool's parameters, and decide the value of ``strict``.

    Args:
        tool: A provider-neutral tool.
        strict: True: strict, even if the schema has to be changed for it. None: strict if it only has to be reworded.
            False: not strict.
        references: The server resolves ``$ref``. If not, definitions are written out, except in a recursive type.

    Raises:
        SchemaError: ``strict`` is true, and a field cannot be rendered; with its path.
    """
    if strict:
        return render_schema(tool, STRICT), True
    if strict is None:
        try:
            rendered = render_schema(tool, STRICT)
        except SchemaError:
            pass  # the plain form says all that the model needs; strict was not asked for
        else:
            if rendered.exact and rendered.restore is None:
                return rendered, True
    if not references:
        try:
            return render_schema(tool, CHAT_WITHOUT_REFERENCES), False
        except SchemaError:
            pass  # a type that refers to itself
    return render_schema(tool, CHAT), False
