"""A provider's dialect of JSON Schema: facts, stated as data by the plugin that knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from polycall._schema.keywords import ANNOTATIONS, ASSERTIONS, JSON_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """How large a rendered schema may be. ``None``, the default of each field: no limit.

    Attributes:
        properties: Properties of all objects together.
        object_depth: Objects inside objects; the root is level 1.
        characters: Characters of all property names, definition names, enum values and const values together.
        enum_values: Values of all enums together.
        long_enum_values: An enum with more values than this is a long one.
        long_enum_characters: Characters of all values of one long enum together.
    """

    properties: int | None = None
    object_depth: int | None = None
    characters: int | None = None
    enum_values: int | None = None
    long_enum_values: int | None = None
    long_enum_characters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Dialect:
    """The part of JSON Schema that one provider takes; `render_schema` brings any tool's schema into that form.

    The defaults describe a provider that takes draft 2020-12 unchanged. A keyword that the dialect lacks is written in
    another form of the dialect if there is one; else in the description, if it only narrows a value; else
    `render_schema` raises `SchemaError`.

    Attributes:
        name: For messages, e.g. ``"Acme's schema"``.
        otherwise: A sentence that closes each `SchemaError` of this dialect: what else the user can do. Default: none.
        assertions: For each JSON type the accepted keywords that narrow a value, such as ``minLength``. Others are
            told in the description. Default: all.
        annotations: The accepted ones of ``default``, ``deprecated`` and ``examples``. Others are told in the
            description. Default: all.
        other_keywords: All other keywords, such as ``not``, ``if`` or a user's own ``x-...``, are accepted. If false,
            those of draft 2020-12 are told in the description, and unknown ones are dropped. Default: true.
        formats: The accepted values of ``format``. Default ``None``: any.
        patterns: A regular expression that must match the whole of a ``pattern``. Default ``None``: any pattern is
            accepted.
        bounds_are_doubles: Bounds travel as floating-point numbers: one that would be rounded goes into the
            description. Default: false.
        references: ``"keep"`` (default): ``$defs`` and ``$ref`` are accepted. ``"inline"``: each reference is replaced
            by its definition, and a recursive type has no form.
        reference_siblings: Other keywords may stand next to ``$ref`` (default). If false, the reference is wrapped in
            an ``anyOf``.
        one_of: ``oneOf`` is accepted (default). If false, it becomes ``anyOf``: pydantic uses it for discriminated
            unions only.
        all_of: ``allOf`` is accepted (default). If false, one with a single branch is merged; others have no form.
        any_of_alone: Nothing may stand next to ``anyOf``: other keywords are copied into its branches. Default: false.
        null: ``"type"`` (default): null is a type of its own. ``"nullable"``: it is written ``nullable: true``.
        const: ``const`` is accepted (default). If false, it becomes an ``enum`` of one value.
        enum_types: The JSON types whose values may be in an ``enum``. Values of others are told in the description.
            Default: all.
        typed_enums: Each ``enum`` needs a ``type`` next to it, so one of mixed types becomes an ``anyOf``. Default:
            false.
        empty_enum_value: An ``enum`` may contain the empty string. Default: true.
        any_value: A schema without a type, which any value fits. ``"keep"`` (default): it is accepted. ``"types"``: it
            is written as the union of all types. ``"refuse"``: it has no form.
        maps: ``"keep"`` (default): ``additionalProperties`` with a schema is accepted. ``"entries"``: a map is rendered
            as a list of key and value.
        open_objects: An object may have both named properties and ``additionalProperties`` with a schema. Default:
            true. If false, one that has both has no form. ``"close"``: the model is offered its named properties only.
        additional_properties: The keyword ``additionalProperties`` is known (default). If false, it is never written,
            and objects count as closed.
        empty_objects: An object may have no properties at all. Default: true.
        tuples: ``"keep"`` (default): ``prefixItems`` is accepted. ``"object"``: a tuple is rendered as an object with
            ``item_1``, ``item_2``, ...
        untyped_items: An array may omit ``items``, as that of an empty tuple does. Default: true.
        closed: Objects state ``additionalProperties: false`` unless they allow more. Default: false.
        all_required: Each property is required: an optional one becomes nullable, and null stands for leaving it out.
            Default: false.
        property_names: A regular expression that must match the whole of a property's name. Others are renamed, and
            `RenderedSchema.restore` renames them back. Default ``None``: any name is accepted.
        property_ordering: Objects list their properties in ``propertyOrdering``, for a provider that does not keep
            their order. Default: false.
        upper_case_types: Types are written ``STRING``, not ``string``. Default: false.
        max_depth: Levels of schemas inside schemas, counted with references replaced if they are inlined. Default: 64.
        limits: How large a schema may be. Default ``None``: no limits.
    """

    name: str
    otherwise: str = ""

    # Keywords
    assertions: Mapping[str, frozenset[str]] = field(default_factory=lambda: ASSERTIONS)
    annotations: frozenset[str] = ANNOTATIONS
    other_keywords: bool = True
    formats: frozenset[str] | None = None
    patterns: re.Pattern[str] | None = None
    bounds_are_doubles: bool = False

    # References, unions and null
    references: Literal["keep", "inline"] = "keep"
    reference_siblings: bool = True
    one_of: bool = True
    all_of: bool = True
    any_of_alone: bool = False
    null: Literal["type", "nullable"] = "type"

    # Enums
    const: bool = True
    enum_types: frozenset[str] = frozenset(JSON_TYPES)
    typed_enums: bool = False
    empty_enum_value: bool = True

    # Objects and arrays
    any_value: Literal["keep", "types", "refuse"] = "keep"
    maps: Literal["keep", "entries"] = "keep"
    open_objects: bool | Literal["close"] = True
    additional_properties: bool = True
    empty_objects: bool = True
    tuples: Literal["keep", "object"] = "keep"
    untyped_items: bool = True
    closed: bool = False
    all_required: bool = False
    property_names: re.Pattern[str] | None = None
    property_ordering: bool = False

    # Spelling and size
    upper_case_types: bool = False
    max_depth: int = 64
    limits: SchemaLimits | None = None

    def __repr__(self) -> str:
        return f"<Dialect {self.name!r}>"


@dataclass(frozen=True, slots=True)
class SchemaAdaptation:
    """One change that a dialect made to the caller's schema.

    Another spelling of the same constraint is not a change: ``const`` as an ``enum`` of one value, a discriminated
    union as ``anyOf``, ``exclusiveMinimum: 0`` of an integer as ``minimum: 1``, a definition in the place of a
    reference.

    Attributes:
        path: The field, e.g. ``"Trip.legs[].size"``; ``.*`` is any value of a map. For a definition that several
            fields refer to, the first of them.
        keyword: The keyword of the caller's schema, e.g. ``"minLength"``.
        value: The keyword's value in the caller's schema, not a copy. For an ``enum`` of mixed types, the values that
            are concerned; for a property (``keyword`` is ``"properties"`` or ``"required"``), its name.
        what: ``"in_words"``: told in the description only. ``"dropped"``: not told at all. ``"reshaped"``: written in
            another form, which may tell less (a map as a list, an optional property as a nullable one, a ``oneOf``
            without a discriminator as ``anyOf``). ``"renamed"``: a property got another name.
    """

    path: str
    keyword: str
    value: object
    what: Literal["in_words", "dropped", "reshaped", "renamed"]


@dataclass(frozen=True, slots=True)
class RenderedSchema:
    """A tool's arguments in one dialect.

    Attributes:
        schema: The JSON Schema to send. Parts may be shared with each other: copy it before changing it.
        restore: Undoes, on the decoded arguments, each change of shape; ``None`` if there is none. A value that does
            not fit the schema is returned unchanged, for validation to refuse. It does not change its argument.
        exact: False where a constraint, a default or the difference between null and absent is told in words only or
            not at all. Default: true.
        adaptations: The changes that the dialect made to the caller's schema, in the order of the walk. Default: none.
    """

    schema: dict[str, object]
    restore: Callable[[object], object] | None
    exact: bool = True
    adaptations: tuple[SchemaAdaptation, ...] = ()
