"""The table of keywords, and keywords that only users write: none vanishes in silence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from polycall._schema.keywords import ANNOTATIONS, ASSERTIONS, KEYWORDS, reading_order
from polycall.plugin import Dialect, ToolSpec, render_schema
from polycall_openai import _schema as openai
from polycall_openai._schema import CHAT, STRICT
from polycall_vertex._protocol.schema import VERTEX_JSON, VERTEX_SUBSET
from support.schema_models import spec_of

DRAFT_2020_12 = Dialect(name="Draft 2020-12")
WITHOUT_OTHERS = Dialect(name="Without other keywords", other_keywords=False)


def tool(schema: dict[str, object], *, required: bool = True) -> ToolSpec:
    """A tool with one field."""
    names = ["size"] if required else []
    return ToolSpec("Trip", None, {"type": "object", "properties": {"size": schema}, "required": names})


def field(dialect: Dialect, schema: dict[str, object]) -> Any:
    properties: Any = render_schema(tool(schema), dialect).schema["properties"]
    return properties["size"]


class TestTable:
    def test_a_dialect_chooses_from_the_rows(self) -> None:
        """A row that changes its role or its types changes the public tables, which plugins rely on."""
        numbers = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}

        assert dict(ASSERTIONS) == {
            "string": {"minLength", "maxLength", "pattern", "format"},
            "integer": numbers,
            "number": numbers,
            "array": {"minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"},
            "object": {"minProperties", "maxProperties", "propertyNames", "patternProperties"},
        }
        assert sorted(ANNOTATIONS) == ["default", "deprecated", "examples"]

    def test_a_description_tells_constraints_first_and_annotations_last(self) -> None:
        order = sorted(["examples", "default", "x-mine", "not", "maxLength", "minLength"], key=reading_order)

        assert order == ["minLength", "maxLength", "not", "x-mine", "default", "examples"]

    @pytest.mark.parametrize("name", [name for name, row in KEYWORDS.items() if row.role != "silent"])
    def test_each_row_has_words(self, name: str) -> None:
        assert KEYWORDS[name].in_words(["a"] if name in ("enum", "examples") else 2)


class TestExample:
    """OpenAPI's ``example``, which users write in ``json_schema_extra``."""

    EXAMPLE: dict[str, object] = {"type": "integer", "example": 3}  # noqa: RUF012
    EXAMPLES: dict[str, object] = {"type": "integer", "examples": [3]}  # noqa: RUF012

    @pytest.mark.parametrize("dialect", [STRICT, VERTEX_JSON], ids=lambda dialect: dialect.name)
    def test_it_is_told_like_examples(self, dialect: Dialect) -> None:
        assert field(dialect, self.EXAMPLE) == field(dialect, self.EXAMPLES)
        assert field(dialect, self.EXAMPLE) == {"type": "integer", "description": "(for example: 3)"}

    def test_it_is_kept_where_any_keyword_is_accepted(self) -> None:
        assert field(CHAT, self.EXAMPLE) == self.EXAMPLE

    def test_it_leaves_a_schema_exact(self) -> None:
        rendered, strict = openai.render_parameters(tool(self.EXAMPLE), None)

        assert strict
        assert rendered.exact


class TestUnknownKeyword:
    MINE: dict[str, object] = {"type": "integer", "x-unit": "metres"}  # noqa: RUF012

    def test_it_is_kept_where_the_dialect_takes_it(self) -> None:
        rendered = render_schema(tool(self.MINE), CHAT)

        assert rendered.schema["properties"] == {"size": self.MINE}
        assert rendered.exact
        assert rendered.adaptations == ()

    @pytest.mark.parametrize("dialect", [STRICT, VERTEX_SUBSET, VERTEX_JSON], ids=lambda dialect: dialect.name)
    def test_it_makes_the_schema_inexact_where_the_dialect_does_not(self, dialect: Dialect) -> None:
        rendered = render_schema(tool(self.MINE), dialect)

        assert "x-unit" not in str(rendered.schema)
        assert not rendered.exact
        assert [(each.keyword, each.value, each.what) for each in rendered.adaptations] == [
            ("x-unit", "metres", "dropped")
        ]

    def test_openai_gets_it_unless_strict_is_asked_for(self) -> None:
        spec = spec_of(create_model("Trip", size=(int, Field(json_schema_extra={"x-unit": "metres"}))))

        rendered, strict = openai.render_parameters(spec, None)

        assert not strict
        assert rendered.schema["properties"] == {"size": self.MINE}


class OneOfTwo(BaseModel):
    """Takes one of two fields."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    a: int | None = None
    b: int | None = None


class TestCombinations:
    """Keywords for shapes next to each other, which pydantic does not write and users do."""

    def test_properties_stay_next_to_a_union(self) -> None:
        spec = spec_of(OneOfTwo)
        rendered = render_schema(spec, CHAT)

        assert rendered.schema["anyOf"] == [{"required": ["a"]}, {"required": ["b"]}]
        assert list(rendered.schema["properties"]) == ["a", "b"]  # type: ignore[call-overload]

    def test_a_union_next_to_properties_is_told_in_words(self) -> None:
        rendered = render_schema(spec_of(OneOfTwo), STRICT)

        assert rendered.schema["description"] == '(anyOf: [{"required": ["a"]}, {"required": ["b"]}])'
        assert not rendered.exact

    def test_several_types_with_parts_become_a_union(self) -> None:
        schema: dict[str, object] = {
            "type": ["object", "array", "null"],
            "properties": {"a": {"type": "string"}},
            "items": {"type": "string"},
            "minItems": 1,
            "description": "Mine.",
        }

        assert field(DRAFT_2020_12, schema) == {
            "anyOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "null"},
            ],
            "description": "Mine.",
        }

    def test_a_constraint_of_one_of_several_types_is_not_told_of_the_others(self) -> None:
        schema: dict[str, object] = {"type": ["integer", "string"], "maximum": 9, "maxLength": 2}

        assert field(VERTEX_SUBSET, schema) == {
            "anyOf": [{"type": "INTEGER", "maximum": 9}, {"type": "STRING", "maxLength": 2}]
        }

    def test_required_stays_for_properties_that_the_schema_does_not_describe(self) -> None:
        schema: dict[str, object] = {"type": "object", "additionalProperties": {"type": "string"}, "required": ["a"]}

        assert field(DRAFT_2020_12, schema) == schema
        assert field(STRICT, schema)["description"] == '(required: ["a"])'
        assert field(DRAFT_2020_12, {"type": "object", "required": ["a"]})["required"] == ["a"]

    def test_const_is_kept_where_it_is_accepted_and_other_keywords_are_not(self) -> None:
        assert field(WITHOUT_OTHERS, {"type": "integer", "const": 1}) == {"type": "integer", "const": 1}

    def test_definitions_that_only_a_constraint_refers_to_are_kept(self) -> None:
        small: dict[str, object] = {"type": "integer", "maximum": 9}
        schema: dict[str, object] = {"type": "array", "items": {"type": "integer"}, "contains": {"$ref": "#/$defs/S"}}
        spec = tool(schema)
        spec.schema["$defs"] = {"S": small}

        assert render_schema(spec, CHAT).schema["$defs"] == {"S": small}

    def test_both_bounds_of_an_integer_are_told(self) -> None:
        schema: dict[str, object] = {"type": "integer", "minimum": 5, "exclusiveMinimum": 3}

        assert field(VERTEX_JSON, schema) == {"type": "integer", "minimum": 5, "description": "(more than 3)"}

    def test_constraints_of_a_tuple_that_becomes_an_object_are_told(self) -> None:
        pair: list[object] = [{"type": "integer"}, {"type": "string"}]
        schema: dict[str, object] = {
            "type": "array",
            "prefixItems": pair,
            "minItems": 2,
            "maxItems": 2,
            "uniqueItems": True,
        }

        assert field(STRICT, schema)["description"] == "(no duplicates)"
