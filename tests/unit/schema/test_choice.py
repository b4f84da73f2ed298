"""Which of its dialects a provider takes for a tool."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from polycall import SchemaError
from polycall.plugin import render_schema
from polycall_openai import _schema as openai
from polycall_vertex._protocol import schema as vertex
from support.schema_models import Cat, Dog, Node, spec_of


class OnlyRequired(BaseModel):
    """Says the same in strict form: nothing to leave out, nothing to tell in words."""

    name: str
    note: str | None = None
    children: list[OnlyRequired]


class TestOpenAI:
    def test_strict_is_sent_unasked_where_it_says_the_same(self) -> None:
        rendered, strict = openai.render_parameters(spec_of(OnlyRequired), None)

        assert strict
        assert rendered.schema == render_schema(spec_of(OnlyRequired), openai.STRICT).schema

    @pytest.mark.parametrize(
        "field",
        [(int, 3), (dict[str, int], ...), (tuple[int, str], ...), (set[int], ...), (Any, ...), (int | None, 3)],
        ids=["default", "map", "tuple", "no duplicates", "any", "nullable with another default"],
    )
    def test_strict_is_not_sent_unasked_where_it_says_something_else(self, field: Any) -> None:
        spec = spec_of(create_model("Trip", size=field))

        rendered, strict = openai.render_parameters(spec, None)

        assert not strict
        assert rendered.schema == render_schema(spec, openai.CHAT).schema

    def test_strict_that_is_asked_for_rewrites_what_it_must(self) -> None:
        rendered, strict = openai.render_parameters(spec_of(create_model("Trip", sizes=(dict[str, int], ...))), True)

        assert strict
        assert rendered.restore is not None
        assert rendered.restore({"sizes": [{"key": "a", "value": 1}]}) == {"sizes": {"a": 1}}

    def test_strict_that_is_asked_for_and_cannot_be_had_is_an_error(self) -> None:
        with pytest.raises(SchemaError, match=r"'Trip.size': any value would do.* Or leave strict=True out\."):
            openai.render_parameters(spec_of(create_model("Trip", size=(Any, ...))), True)

    def test_strict_that_is_refused_is_not_sent(self) -> None:
        assert openai.render_parameters(spec_of(OnlyRequired), False)[1] is False


class TestVertex:
    @pytest.mark.parametrize(
        ("field", "key"),
        [
            ((int, 3), "parameters"),
            ((Cat | Dog, ...), "parameters"),
            ((tuple[int, int], ...), "parameters"),
            ((Node, ...), "parametersJsonSchema"),
            ((dict[str, int], ...), "parametersJsonSchema"),
            ((tuple[int, str], ...), "parametersJsonSchema"),
            ((Any, ...), "parametersJsonSchema"),
            ((int, Field(alias="a-b")), "parametersJsonSchema"),
        ],
    )
    def test_json_schema_is_taken_where_the_subset_has_no_form(self, field: Any, key: str) -> None:
        """Arguments of a map arrive empty with the subset: pydantic-ai, Google schema transformer."""
        parameters = vertex.render_parameters(spec_of(create_model("Trip", size=field)))

        assert parameters.key == key
        assert parameters.rendered.restore is None

    def test_without_json_schema_the_shape_is_changed(self) -> None:
        spec = spec_of(create_model("Trip", sizes=(dict[str, int], ...)))

        parameters = vertex.render_parameters(spec, json_schema=False)

        assert parameters.key == "parameters"
        assert parameters.rendered.restore is not None
        assert parameters.rendered.restore({"sizes": [{"key": "a", "value": 1}]}) == {"sizes": {"a": 1}}

    def test_without_json_schema_a_recursive_type_is_an_error(self) -> None:
        """The Schema has no recursion (pydantic-ai); google-genai 2.34 would write ``{}`` for it without a word."""
        with pytest.raises(SchemaError, match=r"'Node.children\[\].children\[\]': refers to Node"):
            vertex.render_parameters(spec_of(Node), json_schema=False)

    def test_a_tool_without_arguments_has_no_parameters(self) -> None:
        assert vertex.render_parameters(spec_of(create_model("Trip"))).key is None
