"""What a provider's dialect of JSON Schema can say: facts, stated as data by the plugin that knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

JSON_TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
"""The types of JSON Schema."""

ASSERTIONS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "array": frozenset({"minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"}),
    "object": frozenset({"minProperties", "maxProperties", "propertyNames", "patternProperties"}),
}
"""The keywords of draft 2020-12 that narrow a value of a type. A dialect's ``assertions`` are chosen from these."""

ANNOTATIONS = frozenset({"default", "examples", "deprecated"})
"""The annotations, beside ``description``, that tell the model something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a schema may be. ``None`` where there is no limit."""

    properties: int | None = None
    """Properties of all objects together."""
    object_depth: int | None = None
    """Objects inside objects; the root is level 1."""
    characters: int | None = None
    """Characters of all property names, definition names, enum values and const values together."""
    enum_values: int | None = None
    """Values of all enums together."""
    long_enum_values: int | None = None
    """An enum of strings with more values than this is a long one."""
    long_enum_characters: int | None = None
    """Characters of all values of one long enum together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Dialect:
    """What one provider takes of JSON Schema; `render_schema` brings any tool's schema into that form.

    The defaults describe a provider that takes draft 2020-12 as it is. What the dialect lacks is said in another of
    its own forms if there is one, else in the description if it only narrows a value, else it is a `SchemaError`.
    """

    name: str
    """For messages, e.g. ``"Acme's schema"``."""
    otherwise: str = ""
    """A sentence that closes every `SchemaError` of this dialect: what else the user can do."""

    assertions: Mapping[str, frozenset[str]] = field(default_factory=lambda: ASSERTIONS)
    """For each JSON type the narrowing keywords that are accepted. Others become words in the description."""
    annotations: frozenset[str] = ANNOTATIONS
    """The annotations that are accepted beside ``description``. Others become words in the description."""
    other_keywords: bool = True
    """Keywords that are none of the above, such as ``not``, ``if`` or a user's own ``x-...``, are accepted. If false,
    those that narrow become words in the description, and the others are dropped."""
    formats: frozenset[str] | None = None
    """The values of ``format`` that are accepted, ``None`` for any."""
    patterns: re.Pattern[str] | None = None
    """A regular expression that must match the whole of a ``pattern``; ``None``: all patterns are accepted."""
    bounds_are_doubles: bool = False
    """Bounds travel as floating-point numbers: one that would be rounded goes into the description."""

    references: Literal["keep", "inline"] = "keep"
    """Whether ``$defs`` and ``$ref`` are kept, or each reference is replaced by what it refers to, in which case a
    recursive type has no form."""
    reference_siblings: bool = True
    """Other keywords may stand beside ``$ref``. If false, the reference is wrapped in an ``anyOf``."""
    one_of: bool = True
    """``oneOf`` is accepted. If false it becomes ``anyOf``: pydantic makes it for discriminated unions only."""
    all_of: bool = True
    """``allOf`` is accepted. If false, one with a single branch is merged; others have no form."""
    any_of_alone: bool = False
    """Nothing may stand beside ``anyOf``: what does is copied into its branches."""
    null: Literal["type", "nullable"] = "type"
    """How null is said: as a type of its own, or as ``nullable: true``."""

    const: bool = True
    """``const`` is accepted. If false it becomes an ``enum`` of one value."""
    enum_types: frozenset[str] = frozenset(JSON_TYPES)
    """The JSON types whose values may be in an ``enum``. Values of others become words in the description."""
    typed_enums: bool = False
    """Every ``enum`` has a ``type`` beside it, so one of mixed types becomes an ``anyOf``."""
    empty_enum_value: bool = True
    """An ``enum`` may contain the empty string."""

    any_value: Literal["keep", "types", "refuse"] = "keep"
    """A schema without a type, which any value fits: accepted, written as the union of all types, or without form."""
    maps: Literal["keep", "entries"] = "keep"
    """``additionalProperties`` with a schema is accepted, or a map is rendered as a list of key and value."""
    open_objects: bool = True
    """An object may have named properties and ``additionalProperties`` with a schema too."""
    additional_properties: bool = True
    """The keyword ``additionalProperties`` is known. If false it is never written, and objects are closed anyway."""
    empty_objects: bool = True
    """An object may have no properties at all."""
    tuples: Literal["keep", "object"] = "keep"
    """``prefixItems`` is accepted, or a tuple is rendered as an object with ``item_1``, ``item_2``, ..."""
    untyped_items: bool = True
    """An array may leave ``items`` out (an empty tuple does)."""
    closed: bool = False
    """Objects state ``additionalProperties: false`` unless they allow more."""
    all_required: bool = False
    """Every property is required: an optional one becomes nullable, and null stands for leaving it out."""
    property_names: re.Pattern[str] | None = None
    """What the whole of a property's name must match. Others are renamed and renamed back."""
    property_ordering: bool = False
    """Objects list their properties in ``propertyOrdering``, because the provider does not keep their order."""
    upper_case_types: bool = False
    """Types are written ``STRING``, not ``string``."""

    max_depth: int = 64
    """Schemas inside schemas, with references replaced if they are inlined."""
    limits: Limits | None = None

    def __repr__(self) -> str:
        return f"<Dialect {self.name!r}>"


@dataclass(frozen=True, slots=True)
class RenderedSchema:
    """A tool's arguments in one dialect."""

    schema: dict[str, object]
    """The JSON Schema to send. Parts may be shared with each other: copy it before changing it."""
    restore: Callable[[object], object] | None
    """Undoes, on the decoded arguments, what the dialect changed in shape; ``None`` where it changed nothing. A value
    that does not fit the schema comes back as it is, for validation to refuse. It does not change its argument."""
    exact: bool = True
    """False where a constraint, a default or the difference of null and absent is told in words only or not at all."""
