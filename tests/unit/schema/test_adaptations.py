"""Nothing of the caller's schema is changed in silence: `RenderedSchema.adaptations`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from polycall import SchemaError
from polycall._schema.keywords import KEYWORDS
from polycall.plugin import Dialect, RenderedSchema, ToolSpec, render_schema
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE
from polycall_openai._schema import CHAT, STRICT
from polycall_vertex._protocol.schema import VERTEX_JSON, VERTEX_SUBSET
from support.schema_models import instances, spec_of

DIALECTS = [CHAT, STRICT, VERTEX_SUBSET, VERTEX_JSON, GRAMMAR, NATIVE]
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

Adaptation = tuple[str, str, object, str]


def adaptations(dialect: Dialect, **fields: Any) -> list[Adaptation]:
    return listed(render_schema(spec_of(create_model("Trip", **fields)), dialect))


def listed(rendered: RenderedSchema) -> list[Adaptation]:
    return [(each.path, each.keyword, each.value, each.what) for each in rendered.adaptations]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Leg(BaseModel):
    size: Annotated[str, Field(min_length=2)]


class TestWords:
    def test_a_dialect_that_takes_all_changes_nothing(self) -> None:
        assert (
            adaptations(
                CHAT,
                size=(Annotated[int, Field(gt=1, examples=[2])], 3),
                sizes=(dict[str, int], ...),
                pair=(tuple[int, str], ...),
                pet=(Annotated[Cat | Dog, Field(discriminator="kind")], ...),
            )
            == []
        )

    def test_a_constraint_that_is_told_in_words(self) -> None:
        assert adaptations(STRICT, legs=(list[Leg], ...)) == [("Trip.legs[].size", "minLength", 2, "in_words")]

    def test_a_value_that_the_dialect_lacks(self) -> None:
        assert adaptations(VERTEX_SUBSET, level=(Literal[1, 2], ...), flag=(Literal[True], ...)) == [
            ("Trip.level", "enum", [1, 2], "in_words"),
            ("Trip.flag", "const", True, "in_words"),
        ]

    def test_annotations(self) -> None:
        fields: dict[str, Any] = {
            "size": (Annotated[int, Field(examples=[2], deprecated=True)], 3),
            "note": (str | None, None),
        }

        assert adaptations(VERTEX_JSON, **fields) == [
            ("Trip.size", "default", 3, "in_words"),
            ("Trip.size", "deprecated", True, "in_words"),
            ("Trip.size", "examples", [2], "in_words"),
            ("Trip.note", "default", None, "dropped"),
        ]

    def test_a_title_that_joins_the_description(self) -> None:
        assert adaptations(CHAT, size=(Annotated[int, Field(title="Length overall")], ...)) == [
            ("Trip.size", "title", "Length overall", "in_words")
        ]

    def test_a_constraint_that_concerns_other_types_only(self) -> None:
        assert adaptations(CHAT, size=(Annotated[int, Field(json_schema_extra={"minLength": 3})], ...)) == [
            ("Trip.size", "minLength", 3, "dropped")
        ]

    def test_another_spelling_of_the_same_is_no_change(self) -> None:
        fields: dict[str, Any] = {
            "size": (Annotated[int, Field(gt=0)], ...),
            "pet": (Annotated[Cat | Dog, Field(discriminator="kind")], ...),
            "colour": (Literal["red"], ...),
            "both": (tuple[int, int], ...),
            "note": (str | None, ...),
        }

        assert adaptations(VERTEX_SUBSET, **fields) == []

    def test_a_definition_is_recorded_once_at_its_first_use(self) -> None:
        assert adaptations(GRAMMAR, a=(Leg, ...), b=(list[Leg], ...)) == []
        assert adaptations(STRICT, a=(list[Leg], ...), b=(Leg, ...)) == [
            ("Trip.a[].size", "minLength", 2, "in_words"),
        ]


class TestShapes:
    def test_an_optional_property(self) -> None:
        assert adaptations(STRICT, size=(int, 3), tags=(list[int], Field(default_factory=list))) == [
            ("Trip.size", "required", "size", "reshaped"),
            ("Trip.size", "default", 3, "in_words"),
            ("Trip.tags", "required", "tags", "reshaped"),
        ]

    @pytest.mark.parametrize("dialect", [STRICT, VERTEX_SUBSET], ids=lambda dialect: dialect.name)
    def test_a_map(self, dialect: Dialect) -> None:
        assert adaptations(dialect, sizes=(dict[str, Annotated[str, Field(max_length=3)]], ...))[:1] == [
            ("Trip.sizes", "additionalProperties", {"type": "string", "maxLength": 3}, "reshaped")
        ]

    def test_a_constraint_inside_a_map(self) -> None:
        assert adaptations(STRICT, sizes=(dict[str, Annotated[str, Field(max_length=3)]], ...))[1:] == [
            ("Trip.sizes.*", "maxLength", 3, "in_words")
        ]

    def test_a_map_with_known_keys(self) -> None:
        sizes = dict[Literal["a", "b"], int]

        assert adaptations(GRAMMAR, sizes=(sizes, ...)) == [
            ("Trip.sizes", "additionalProperties", {"type": "integer"}, "reshaped")
        ]

    def test_a_tuple(self) -> None:
        pair = [{"type": "integer"}, {"type": "string"}]

        assert adaptations(STRICT, pair=(tuple[int, str], ...)) == [("Trip.pair", "prefixItems", pair, "reshaped")]

    def test_a_union_that_may_tell_less(self) -> None:
        one_of = [{"type": "integer"}, {"type": "number"}]
        spec = ToolSpec("Trip", None, {"type": "object", "properties": {"a": {"oneOf": one_of}}, "required": ["a"]})

        assert listed(render_schema(spec, STRICT)) == [("Trip.a", "oneOf", one_of, "reshaped")]

    def test_a_renamed_property(self) -> None:
        fields: dict[str, Any] = {"a": (Annotated[int, Field(multiple_of=2)], Field(alias="x-1"))}

        assert adaptations(VERTEX_SUBSET, **fields) == [
            ("Trip.x-1", "multipleOf", 2, "in_words"),
            ("Trip.x-1", "properties", "x-1", "renamed"),
        ]


# -- for any schema ---------------------------------------------------------------------------------------------------

PATTERNS = st.sampled_from(["^a+$", "^(?!a)", "abc"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "format": st.sampled_from(["date", "uri", "password", "mine"]),
    "pattern": PATTERNS,
    "minLength": st.integers(0, 9),
    "maxLength": st.integers(10, 19),
    "minimum": st.integers(0, 2**60),
    "maximum": st.integers(0, 2**60),
    "exclusiveMinimum": st.integers(0, 2**60),
    "exclusiveMaximum": st.integers(0, 2**60),
    "multipleOf": st.integers(1, 9),
    "minItems": st.integers(0, 3),
    "maxItems": st.integers(4, 7),
    "uniqueItems": st.booleans(),
    "contains": st.just({"type": "string"}),
    "minContains": st.integers(0, 3),
    "maxContains": st.integers(4, 7),
    "minProperties": st.integers(0, 3),
    "maxProperties": st.integers(4, 7),
    "propertyNames": st.builds(lambda pattern: {"pattern": pattern}, PATTERNS),
    "patternProperties": st.builds(lambda pattern: {pattern: {"type": "string"}}, PATTERNS),
    "contentEncoding": st.just("base64"),
    "contentMediaType": st.just("text/html"),
    "contentSchema": st.just({"type": "integer"}),
    "dependentRequired": st.just({"a": ["b"]}),
    "dependentSchemas": st.just({"a": {"required": ["b"]}}),
    "not": st.just({"const": "z"}),
    "if": st.just({"const": "y"}),
    "then": st.just({"const": "x"}),
    "else": st.just({"const": "w"}),
    "unevaluatedItems": st.booleans(),
    "unevaluatedProperties": st.booleans(),
    "default": st.none() | st.integers(0, 9) | st.just(float("inf")),
    "deprecated": st.booleans(),
    "example": st.integers(0, 9),
    "examples": st.lists(st.integers(0, 9), max_size=2),
    "title": st.text("ab", max_size=3),
    "description": st.text("ab", max_size=3),
    "readOnly": st.booleans(),
    "x-mine": st.integers(0, 9),
    # Next to a shape of another kind:
    "enum": st.lists(st.integers(0, 9) | st.text("ab", max_size=2) | st.none(), min_size=1, max_size=3, unique=True),
    "const": st.integers(0, 9) | st.text("ab", max_size=2) | st.none(),
    "required": st.lists(st.sampled_from(["a", "b-c", "d"]), unique=True),
    "anyOf": st.just([{"minimum": 3}, {"type": "string"}]),
    "oneOf": st.just([{"type": "integer"}, {"type": "string"}]),
    "allOf": st.just([{"minLength": 5}]),
}
"""Values for each keyword whose presence is checked."""

KEYWORDS_OF_SHAPES = {"type", "$ref", "properties", "additionalProperties", "items", "prefixItems"}


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Schemas as users write them: any keywords next to each other."""
    scalars = st.sampled_from(["string", "integer", "number", "boolean", "null"])
    leaf = scalars.map(lambda type_: {"type": type_}) | st.just({"type": ["string", "null"]}) | _some("enum", "const")
    shapes = st.recursive(_with_keywords(leaf), lambda inner: _with_keywords(_containers(inner)), max_leaves=4)
    return st.dictionaries(st.sampled_from(["a", "b-c"]), shapes, min_size=1).flatmap(
        lambda properties: st.builds(
            lambda required: {"type": "object", "properties": properties, "required": required},
            st.lists(st.sampled_from(sorted(properties)), unique=True),
        )
    )


def _some(*keywords: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(*(st.builds(lambda value, name=name: {name: value}, VALUES[name]) for name in keywords))


def _with_keywords(shapes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    keywords = st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
    )
    return st.builds(lambda shape, more: {**more, **shape}, shapes, keywords)


def _containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    wrapped: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda part: {"type": "array", "items": part},
        lambda part: {"type": "object", "additionalProperties": part},
        lambda part: {"type": "object", "properties": {"a": part, "b-c": {"type": "string"}}},
        lambda part: {"type": "array", "prefixItems": [part, {"type": "string"}], "minItems": 2, "maxItems": 2},
        lambda part: {"anyOf": [part, {"type": "null"}]},
        lambda part: {"oneOf": [part, {"type": "boolean"}]},
        lambda part: {"type": ["object", "null"], "properties": {"a": part}},
    ]
    return st.sampled_from(wrapped).flatmap(inner.map)


def test_values_are_generated_for_each_keyword_of_the_table() -> None:
    silent = {name for name, row in KEYWORDS.items() if row.role == "silent"}

    assert VALUES.keys() | KEYWORDS_OF_SHAPES | silent == KEYWORDS.keys() | {"x-mine"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(EXAMPLES, max_examples=150)
@given(schema=schemas())
def test_each_keyword_is_rendered_or_recorded(dialect: Dialect, schema: dict[str, Any]) -> None:
    check(ToolSpec("Trip", None, schema), dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@EXAMPLES
@given(data=instances())
def test_each_keyword_of_a_model_is_rendered_or_recorded(dialect: Dialect, data: BaseModel) -> None:
    check(spec_of(type(data)), dialect)


def check(spec: ToolSpec, dialect: Dialect) -> None:
    try:
        rendered = render_schema(spec, dialect)
    except SchemaError:
        event("has no form")
        assume(False)
        raise
    recorded = {(each.keyword, as_text(each.value)): each.what for each in rendered.adaptations}
    event("adapted" if recorded else "unchanged")
    written = set(pairs(rendered.schema))

    lost = [
        (keyword, value)
        for keyword, value in source_pairs(spec.schema, recorded)
        if (keyword, as_text(value)) not in recorded and not is_written(keyword, value, written, recorded)
    ]

    assert lost == []
    assert all(each.path.partition(".")[0] == spec.name for each in rendered.adaptations)
    if rendered.exact:
        told = {each.keyword for each in rendered.adaptations if each.what == "in_words"}
        assert not {name for name in told if name != "title" and KEYWORDS[name].narrows}


def source_pairs(schema: Any, recorded: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, Any]]:
    """Each keyword of a schema and of its parts, unless the part is recorded as a whole."""
    waiting, seen = [schema], set[str]()
    definitions = schema.get("$defs", {})
    while waiting:
        each = waiting.pop()
        if not isinstance(each, dict):
            continue
        for keyword, value in each.items():
            if keyword == "$defs":
                continue
            if keyword == "$ref" and value not in seen:
                seen.add(value)
                waiting.append(definitions[value.removeprefix("#/$defs/")])
            yield keyword, value
            if recorded.get((keyword, as_text(value))) in ("in_words", "dropped"):
                continue
            if keyword in ("properties", "patternProperties"):
                waiting += value.values()
            elif keyword in ("items", "additionalProperties"):
                waiting.append(value)
            elif keyword in ("prefixItems", "anyOf", "oneOf", "allOf"):
                waiting += value


def pairs(rendered: Any) -> Iterator[tuple[str, str]]:
    """Each key and value of a rendered schema."""
    if isinstance(rendered, dict):
        for key, value in rendered.items():
            yield key, as_text(value)
            yield from pairs(value)
    elif isinstance(rendered, list):
        for each in rendered:
            yield from pairs(each)


def is_written(
    keyword: str, value: Any, written: set[tuple[str, str]], recorded: Mapping[tuple[str, str], str]
) -> bool:
    """Whether a keyword is in the rendered schema, in its own or in another spelling of the same."""
    row = KEYWORDS.get(keyword)
    keys = {key for key, _ in written}
    reshaped = {name for (name, _), what in recorded.items() if what == "reshaped"}
    if (keyword, as_text(value)) in written or keyword in ("type", "$ref") or (row and row.role == "silent"):
        return True
    if row and row.inclusive and isinstance(value, int):
        return (row.inclusive[0], as_text(value + row.inclusive[1])) in written
    if row and row.as_list and "additionalProperties" in reshaped:
        return (row.as_list, as_text(value)) in written or (row.as_list, as_text(value)) in recorded
    match keyword:
        case "description":
            return not value or any(value in text for key, text in written if key == "description")
        case "enum" | "const":
            values = value if keyword == "enum" else [value]
            return all(_is_written_value(each, written, recorded) for each in values)
        case "properties":
            return all(name in keys or ("properties", as_text(name)) in recorded for name in value)
        case "required":
            return True  # shown for each property by TestShapes
        case "additionalProperties":
            return value is False or keyword in keys or bool(reshaped & {"patternProperties", keyword})
        case "propertyNames":
            return bool({"additionalProperties", "patternProperties"} & reshaped) or keyword in keys
        case "patternProperties":
            return keyword in keys
        case "items" | "anyOf" | "allOf":
            return keyword in keys or "prefixItems" in reshaped or "nullable" in keys or keyword == "allOf"
        case "oneOf":
            return bool(keys & {"oneOf", "anyOf", "nullable"})
        case "prefixItems":
            return keyword in keys or "items" in keys
        case "minItems" | "maxItems":
            return "prefixItems" in reshaped
    return False


def _is_written_value(value: Any, written: set[tuple[str, str]], recorded: Mapping[tuple[str, str], str]) -> bool:
    texts = [text for key, text in written if key in ("enum", "const")]
    texts += [text for key, text in recorded if key in ("enum", "const")]
    return value is None or any(value == each for text in texts for each in _as_list(json.loads(text)))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
