"""One construct after the other in each dialect: whole schemas, and each `SchemaError`."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, create_model
from typing_extensions import TypedDict

from polycall import SchemaError
from polycall.plugin import Dialect, RenderedSchema, ToolSpec, render_schema
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE
from polycall_openai._schema import CHAT, STRICT
from polycall_vertex._protocol.schema import VERTEX_JSON, VERTEX_SUBSET
from support.schema_models import spec_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    """A cat."""

    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    age: int = 1


class Node(BaseModel):
    value: int
    children: list[Node]


class Span(NamedTuple):
    start: int
    unit: str = "m"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Entry(BaseModel):
    key: str
    value: int


class AsList(BaseModel):
    kind: Literal["list"]
    parts: list[Entry]


class AsMap(BaseModel):
    kind: Literal["map"]
    parts: dict[str, int]


class Options(TypedDict):
    level: int
    verbose: NotRequired[bool]


def render(dialect: Dialect, **fields: Any) -> RenderedSchema:
    return render_schema(spec_of(create_model("Trip", **fields)), dialect)


def field(dialect: Dialect, annotation: Any, default: Any = ...) -> Any:
    """How a dialect renders one field."""
    properties: Any = render(dialect, size=(annotation, default)).schema["properties"]
    return properties["size"]


class TestPlain:
    """OpenAI's plain functions: as pydantic has it, without titles."""

    def test_only_noise_is_dropped(self) -> None:
        rendered = render(
            CHAT,
            pet=(Annotated[Cat | Dog, Field(discriminator="kind")], ...),
            size=(Annotated[int, Field(gt=1, description="In metres.", examples=[2])], 3),
            tags=(set[str], ...),
            pair=(tuple[int, str], ...),
            colours=(dict[Colour, int], ...),
        )

        assert rendered.restore is None
        assert rendered.exact
        assert rendered.schema == {
            "$defs": {
                "Cat": {
                    "type": "object",
                    "description": "A cat.",
                    "properties": {"kind": {"type": "string", "const": "cat"}},
                    "required": ["kind"],
                },
                "Dog": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "const": "dog"},
                        "age": {"type": "integer", "default": 1},
                    },
                    "required": ["kind"],
                },
            },
            "type": "object",
            "properties": {
                "pet": {"oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]},
                "size": {
                    "type": "integer",
                    "exclusiveMinimum": 1,
                    "default": 3,
                    "examples": [2],
                    "description": "In metres.",
                },
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "pair": {
                    "type": "array",
                    "prefixItems": [{"type": "integer"}, {"type": "string"}],
                    "minItems": 2,
                    "maxItems": 2,
                },
                "colours": {
                    "type": "object",
                    "additionalProperties": {"type": "integer"},
                    "propertyNames": {"type": "string", "enum": ["red", "blue"]},
                },
            },
            "required": ["pet", "tags", "pair", "colours"],
        }

    def test_a_title_that_says_more_than_the_name_joins_the_description(self) -> None:
        assert field(CHAT, Annotated[int, Field(title="Size")]) == {"type": "integer"}
        assert field(CHAT, Annotated[int, Field(title="Length overall", description="In metres.")]) == {
            "type": "integer",
            "description": "Length overall\nIn metres.",
        }

    def test_a_class_with_a_title_of_its_own_is_described_by_it(self) -> None:
        titled = create_model("Leg", __config__=ConfigDict(title="Part of a trip"), a=(int, ...))
        definitions: Any = render(CHAT, leg=(titled, ...)).schema["$defs"]

        assert definitions["Leg"]["description"] == "Part of a trip"

    def test_a_definition_that_is_named_after_its_module_is_not_described_by_its_class(self) -> None:
        leg = {"type": "object", "title": "Leg", "properties": {"a": {"type": "integer"}}}
        schema = {"properties": {"leg": {"$ref": "#/$defs/travel__Leg"}}, "$defs": {"travel__Leg": leg}}
        definitions: Any = render_schema(ToolSpec("Trip", None, {"type": "object", **schema}), CHAT).schema["$defs"]

        assert "description" not in definitions["travel__Leg"]

    def test_a_default_that_json_cannot_carry_is_told_in_words(self) -> None:
        assert field(CHAT, float, float("inf")) == {"type": "number", "description": "(default: Infinity)"}

    def test_a_users_own_keyword_passes_with_the_definitions_it_refers_to(self) -> None:
        schema = {
            "properties": {"size": {"not": {"$ref": "#/$defs/Cat"}}},
            "$defs": {"Cat": {"const": 1}, "Unused": {}},
        }
        rendered = render_schema(ToolSpec("Trip", None, {"type": "object", **schema}), CHAT)

        assert rendered.schema == {
            "$defs": {"Cat": {"const": 1}},
            "type": "object",
            "properties": {"size": {"not": {"$ref": "#/$defs/Cat"}}},
        }

    def test_the_users_schema_is_not_changed(self) -> None:
        spec = spec_of(create_model("Trip", pet=(Cat, Field(description="Mine.")), sizes=(dict[str, int], {})))
        before = repr(spec)

        for dialect in (CHAT, STRICT, VERTEX_SUBSET, VERTEX_JSON, GRAMMAR, NATIVE):
            render_schema(spec, dialect)

        assert repr(spec) == before


class TestStrict:
    """OpenAI's strict subset."""

    def test_an_optional_field_is_nullable_and_null_leaves_it_out(self) -> None:
        rendered = render(STRICT, a=(int, 3), b=(list[int], Field(default_factory=list)), c=(Point, ...))

        assert rendered.schema == {
            "$defs": {
                "Point": {
                    "type": "object",
                    "properties": {
                        "x": {"type": "integer"},
                        "y": {
                            "anyOf": [{"type": "integer"}, {"type": "null"}],
                            "description": "(null for the default: 0)",
                        },
                    },
                    "required": ["x", "y"],
                    "additionalProperties": False,
                }
            },
            "type": "object",
            "properties": {
                "a": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "(null for the default: 3)"},
                "b": {
                    "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}],
                    "description": "(null to leave it out)",
                },
                "c": {"$ref": "#/$defs/Point"},
            },
            "required": ["a", "b", "c"],
            "additionalProperties": False,
        }
        assert not rendered.exact
        assert rendered.restore is not None
        assert rendered.restore({"a": None, "b": None, "c": {"x": 1, "y": None}}) == {"c": {"x": 1}}

    def test_null_keeps_its_meaning_where_the_user_allows_it(self) -> None:
        rendered = render(STRICT, size=(int | None, None))

        assert rendered.schema["properties"] == {"size": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
        assert rendered.restore is None
        assert rendered.exact

    @pytest.mark.parametrize("default", [5, Field(default_factory=lambda: 5)])
    def test_a_nullable_field_with_another_default_is_not_exact(self, default: Any) -> None:
        rendered = render(STRICT, size=(int | None, default))

        assert rendered.restore is None
        assert not rendered.exact

    def test_a_reference_with_a_description_is_wrapped(self) -> None:
        assert field(STRICT, Cat, Field(description="Mine.")) == {
            "anyOf": [{"$ref": "#/$defs/Cat"}],
            "description": "Mine.",
        }

    def test_an_enum_of_mixed_types_becomes_one_for_each_type(self) -> None:
        assert field(STRICT, Literal[1, "a", None, True]) == {  # noqa: PYI061
            "anyOf": [
                {"type": "integer", "enum": [1]},
                {"type": "string", "enum": ["a"]},
                {"type": "null"},
                {"type": "boolean", "enum": [True]},
            ]
        }

    def test_constraints_that_strict_lacks_are_told_in_words(self) -> None:
        constrained = Annotated[str, Field(min_length=1, max_length=3, pattern="^a", description="A name.")]

        assert field(STRICT, constrained) == {
            "type": "string",
            "pattern": "^a",
            "description": "A name. (at least 1 character; at most 3 characters)",
        }
        assert field(STRICT, HttpUrl)["description"] == "(a URL; at least 1 character; at most 2083 characters)"
        assert field(STRICT, set[int]) == {
            "type": "array",
            "items": {"type": "integer"},
            "description": "(no duplicates)",
        }

    def test_a_pattern_with_lookaround_is_told_in_words(self) -> None:
        with_lookahead = Annotated[
            Decimal, Field(json_schema_extra={"anyOf": [{"type": "string", "pattern": "^(?!a)"}]})
        ]

        assert field(STRICT, with_lookahead) == {
            "type": "string",
            "description": "(matching the regular expression ^(?!a))",
        }

    def test_a_map_is_a_list_of_keys_and_values(self) -> None:
        rendered = render(STRICT, sizes=(Annotated[dict[str, Point], Field(min_length=1)], ...))

        assert rendered.schema["properties"] == {
            "sizes": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"key": {"type": "string"}, "value": {"$ref": "#/$defs/Point"}},
                    "required": ["key", "value"],
                    "additionalProperties": False,
                },
                "minItems": 1,
            }
        }
        assert rendered.restore is not None
        sent = {"sizes": [{"key": "a", "value": {"x": 1, "y": None}}, {"key": "b", "value": {"x": 2, "y": 3}}]}
        assert rendered.restore(sent) == {"sizes": {"a": {"x": 1}, "b": {"x": 2, "y": 3}}}

    def test_a_map_with_known_keys_is_an_object(self) -> None:
        rendered = render(STRICT, sizes=(dict[Colour, int], ...))

        assert rendered.restore is not None
        assert rendered.restore({"sizes": {"red": None, "blue": 2}}) == {"sizes": {"blue": 2}}

    def test_a_map_whose_values_may_be_null_keeps_them(self) -> None:
        rendered = render(STRICT, sizes=(dict[Literal["a", "b"], int | None], ...))

        assert rendered.restore is not None
        assert rendered.restore({"sizes": [{"key": "a", "value": None}]}) == {"sizes": {"a": None}}

    def test_the_pattern_of_a_maps_keys_is_kept(self) -> None:
        keys = Annotated[str, Field(pattern="^[a-z]$")]

        assert field(STRICT, dict[keys, int])["items"]["properties"]["key"] == {"type": "string", "pattern": "^[a-z]$"}

    def test_a_tuple_of_different_types_is_an_object(self) -> None:
        rendered = render(STRICT, pair=(tuple[int, str], ...), span=(Span, ...))

        assert rendered.schema["properties"] == {
            "pair": {
                "type": "object",
                "properties": {"item_1": {"type": "integer"}, "item_2": {"type": "string"}},
                "required": ["item_1", "item_2"],
                "additionalProperties": False,
            },
            "span": {"$ref": "#/$defs/Span"},
        }
        assert rendered.restore is not None
        sent = {"pair": {"item_2": "b", "item_1": 1}, "span": {"item_1": 5, "item_2": None}}
        assert rendered.restore(sent) == {"pair": [1, "b"], "span": [5]}

    def test_a_tuple_of_one_type_is_an_array(self) -> None:
        assert field(STRICT, tuple[int, int]) == {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 2,
            "maxItems": 2,
        }

    def test_a_union_is_restored_by_the_branch_that_fits(self) -> None:
        rendered = render(STRICT, pet=(list[Annotated[Cat | Dog, Field(discriminator="kind")]], ...))

        assert rendered.restore is not None
        sent = {"pet": [{"kind": "dog", "age": None}, {"kind": "cat"}]}
        assert rendered.restore(sent) == {"pet": [{"kind": "dog"}, {"kind": "cat"}]}

    def test_branches_of_one_shape_are_told_apart_by_their_values(self) -> None:
        rendered = render(STRICT, either=(AsList | AsMap, ...))
        parts = [{"key": "a", "value": 1}]

        assert rendered.restore is not None
        for sent, restored in (("list", parts), ("map", {"a": 1})):
            either = {"kind": sent, "parts": parts}
            assert rendered.restore({"either": either}) == {"either": {"kind": sent, "parts": restored}}

    def test_recursion_is_kept(self) -> None:
        rendered = render_schema(spec_of(Node), STRICT)

        assert rendered.exact
        assert rendered.schema["properties"] == {
            "value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        }

    def test_what_does_not_fit_the_schema_is_left_for_validation(self) -> None:
        rendered = render(STRICT, sizes=(dict[str, int], ...), pair=(tuple[int, str], ...), age=(int, 1))

        assert rendered.restore is not None
        wrongs: tuple[object, ...] = (
            {"sizes": [1], "pair": {"item_2": "b"}},
            {"sizes": {"a": 1}, "pair": [1]},
            {"more": 1},
            [],
            None,
        )
        for wrong in wrongs:
            assert rendered.restore(wrong) == wrong


class TestVertexSubset:
    """The proto ``Schema``."""

    def test_whole_schema(self) -> None:
        rendered = render(
            VERTEX_SUBSET,
            pet=(Annotated[Cat | Dog | None, Field(description="Mine.")], None),
            level=(Level, ...),
            colour=(Colour | None, ...),
            day=(date, ...),
            size=(Annotated[int, Field(gt=1, multiple_of=2)], 4),
        )

        cat = {
            "type": "OBJECT",
            "properties": {"kind": {"type": "STRING", "enum": ["cat"]}},
            "required": ["kind"],
            "description": "Mine.\nA cat.",
            "nullable": True,
        }
        dog = {
            "type": "OBJECT",
            "properties": {
                "kind": {"type": "STRING", "enum": ["dog"]},
                "age": {"type": "INTEGER", "description": "(default: 1)"},
            },
            "required": ["kind"],
            "propertyOrdering": ["kind", "age"],
            "description": "Mine.",
            "nullable": True,
        }
        assert rendered.restore is None
        assert rendered.schema == {
            "type": "OBJECT",
            "properties": {
                "pet": {"anyOf": [cat, dog]},
                "level": {"type": "INTEGER", "description": "(one of: 1, 2)"},
                "colour": {"type": "STRING", "enum": ["red", "blue"], "nullable": True},
                "day": {"type": "STRING", "description": "(a date such as 2025-12-31)"},
                "size": {"type": "INTEGER", "minimum": 2, "description": "(a multiple of 2; default: 4)"},
            },
            "required": ["level", "colour", "day"],
            "propertyOrdering": ["pet", "level", "colour", "day", "size"],
        }

    def test_a_bound_that_a_double_would_round_is_told_in_words(self) -> None:
        assert field(VERTEX_SUBSET, Annotated[int, Field(le=2**53 + 1)]) == {
            "type": "INTEGER",
            "description": "(at most 9007199254740993)",
        }

    def test_an_empty_string_among_the_values_moves_all_into_words(self) -> None:
        """opencode#46676."""
        assert field(VERTEX_SUBSET, Literal["", "a"]) == {"type": "STRING", "description": '(one of: "", "a")'}

    def test_a_name_that_vertex_refuses_is_changed_and_changed_back(self) -> None:
        """``[A-Za-z_][A-Za-z0-9_]{0,63}``: Vertex AI API description, FunctionDeclaration.parameters."""
        fields: dict[str, Any] = {
            "a": (int, Field(alias="x-1")),
            "b": (int, Field(alias="x.1")),
            "c": (int, Field(alias="1")),
        }
        rendered = render(VERTEX_SUBSET, **fields)

        assert list(rendered.schema["properties"]) == ["x_1", "x_1_2", "_1"]  # type: ignore[call-overload]
        assert rendered.restore is not None
        assert rendered.restore({"x_1": 1, "x_1_2": 2, "_1": 3}) == {"x-1": 1, "x.1": 2, "1": 3}

    def test_a_field_that_is_always_null_has_a_type_all_the_same(self) -> None:
        """ "didn't specify the schema type field": directus/mcp#8."""
        assert field(VERTEX_SUBSET, None) == {"type": "STRING", "nullable": True, "description": "(always null)"}

    def test_what_would_explode_when_it_is_written_out_is_an_error(self) -> None:
        """A chain of models, each with three fields of the next: 3**13 schemas."""
        model: Any = Cat
        for _ in range(13):
            model = create_model("Triple", a=(model, ...), b=(model, ...), c=(model, ...))

        with pytest.raises(
            SchemaError, match=r"with each reference written out, it is too large for Vertex AI's Schema"
        ):
            render_schema(spec_of(model), VERTEX_SUBSET)


class TestVertexJson:
    def test_whole_schema(self) -> None:
        rendered = render(
            VERTEX_JSON,
            node=(Node, Field(description="Root.")),
            flag=(Literal[True], ...),
            pair=(tuple[int, str], ...),
            sizes=(dict[str, Annotated[float, Field(gt=0)]], ...),
        )

        assert rendered.restore is None
        assert rendered.schema == {
            "$defs": {
                "Node": {
                    "type": "object",
                    "properties": {
                        "value": {"type": "integer"},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                    },
                    "required": ["value", "children"],
                    "propertyOrdering": ["value", "children"],
                }
            },
            "type": "object",
            "properties": {
                "node": {"anyOf": [{"$ref": "#/$defs/Node"}], "description": "Root."},
                "flag": {"type": "boolean", "description": "(always true)"},
                "pair": {
                    "type": "array",
                    "prefixItems": [{"type": "integer"}, {"type": "string"}],
                    "minItems": 2,
                    "maxItems": 2,
                },
                "sizes": {
                    "type": "object",
                    "additionalProperties": {"type": "number", "description": "(more than 0)"},
                },
            },
            "required": ["node", "flag", "pair", "sizes"],
            "propertyOrdering": ["node", "flag", "pair", "sizes"],
        }


class TestGrammar:
    def test_whole_schema(self) -> None:
        rendered = render(
            GRAMMAR,
            code=(Annotated[str, Field(pattern="^[A-Z]{3}$")], ...),
            free=(Annotated[str, Field(pattern="abc")], ...),
            point=(Point, ...),
            tags=(set[str], ...),
        )

        assert rendered.restore is None
        assert rendered.schema == {
            "$defs": {
                "Point": {
                    "type": "object",
                    "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
                    "required": ["x"],
                    "additionalProperties": False,
                }
            },
            "type": "object",
            "properties": {
                "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
                "free": {"type": "string", "description": "(matching the regular expression abc)"},
                "point": {"$ref": "#/$defs/Point"},
                "tags": {"type": "array", "items": {"type": "string"}, "description": "(no duplicates)"},
            },
            "required": ["code", "free", "point", "tags"],
            "additionalProperties": False,
        }

    def test_what_only_one_of_the_two_converters_enforces_is_told_in_words_to_the_other(self) -> None:
        ratio = Annotated[float, Field(gt=0)]

        assert field(GRAMMAR, ratio) == {"type": "number", "exclusiveMinimum": 0}
        assert field(NATIVE, ratio) == {"type": "number", "description": "(more than 0)"}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Empty(BaseModel):
    pass


class Leg(BaseModel):
    size: Any


class TestErrors:
    """What has no form at all is said with the field's path before anything is sent."""

    @pytest.mark.parametrize(
        ("dialect", "annotation", "path", "problem"),
        [
            (STRICT, list[Leg], "Trip.legs[].size", "any value would do"),
            (STRICT, dict[str, Leg], "Trip.legs.*.size", "any value would do"),
            (STRICT, tuple[int, Leg], "Trip.legs[1].size", "any value would do"),
            (STRICT, list[Any], "Trip.legs[]", "any value would do"),
            (STRICT, dict[str, Any], "Trip.legs.*", "any value would do"),
            (STRICT, list[str] | dict[str, int], "Trip.legs", "an empty map is an empty list"),
            (STRICT, list[dict[str, int] | list[int] | None], "Trip.legs[]", "an empty map is an empty list"),
            (VERTEX_SUBSET, list[str] | dict[str, int], "Trip.legs", "an empty map is an empty list"),
            (VERTEX_SUBSET, list[Leg], "Trip.legs[].size", "any value would do"),
            (VERTEX_SUBSET, Open, "Trip.legs", "takes further ones"),
            (VERTEX_SUBSET, list[Empty], "Trip.legs[]", "has no fields"),
            (VERTEX_SUBSET, Node, "Trip.legs.children[]", "refers to Node, which it is a part of"),
        ],
    )
    def test_path_and_problem(self, dialect: Dialect, annotation: Any, path: str, problem: str) -> None:
        with pytest.raises(SchemaError) as caught:
            render(dialect, legs=(annotation, ...))

        assert caught.value.path == path
        assert problem in caught.value.problem
        assert dialect.name in caught.value.problem

    @pytest.mark.parametrize(
        ("schema", "path", "problem"),
        [
            ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "Trip.legs", "has no form for 'allOf'"),
            ({"$ref": "#/$defs/Nowhere"}, "Trip.legs", "refers to 'Nowhere', which its JSON Schema does not define"),
            ({"enum": [[1], [2]]}, "Trip.legs", "has no form for these values"),
            (False, "Trip.legs", "nothing fits this type"),
            (
                {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
                "Trip.legs",
                "has no form for a tuple with a variable part",
            ),
        ],
    )
    def test_schemas_of_a_users_own(self, schema: object, path: str, problem: str) -> None:
        spec = ToolSpec("Trip", None, {"type": "object", "properties": {"legs": schema}, "required": ["legs"]})

        with pytest.raises(SchemaError) as caught:
            render_schema(spec, STRICT)

        assert caught.value.path == path
        assert problem in caught.value.problem

    def test_nesting_beyond_reason(self) -> None:
        nested: dict[str, object] = {"type": "string"}
        for _ in range(5000):
            nested = {"type": "array", "items": nested}
        spec = ToolSpec("Trip", None, {"type": "object", "properties": {"legs": nested}})

        for dialect in (CHAT, STRICT, VERTEX_SUBSET, VERTEX_JSON, GRAMMAR):
            with pytest.raises(SchemaError, match="nested too deeply"):
                render_schema(spec, dialect)

    def test_a_long_chain_of_definitions_is_no_deep_recursion(self) -> None:
        chain = {
            f"Link{at}": {"type": "object", "properties": {"next": {"$ref": f"#/$defs/Link{at + 1}"}}}
            for at in range(3000)
        }
        schema = {"type": "object", "properties": {"first": {"$ref": "#/$defs/Link0"}}}
        definitions: dict[str, object] = {
            **chain,
            "Link3000": {"type": "object", "properties": {"a": {"type": "string"}}},
        }
        rendered = render_schema(ToolSpec("Trip", None, {**schema, "$defs": definitions}), CHAT)

        assert rendered.schema["$defs"] == definitions
        with pytest.raises(SchemaError, match="levels of objects; OpenAI's strict mode takes at most 10"):
            render_schema(ToolSpec("Trip", None, {**schema, "$defs": definitions}), STRICT)

    @pytest.mark.parametrize(
        ("properties", "problem"),
        [
            ({f"field_{at}": {"type": "string"} for at in range(5001)}, "5001 properties; .* at most 5000"),
            ({"a": {"type": "integer", "enum": list(range(1001))}}, "1001 enum values; .* at most 1000"),
            ({"a": {"enum": ["x" * 100 + str(at) for at in range(251)]}}, "characters in one enum; .* at most 15000"),
            ({"a" * 120_001: {"type": "string"}}, "120001 characters of names and enum values; .* at most 120000"),
        ],
    )
    def test_limits_of_strict(self, properties: dict[str, object], problem: str) -> None:
        spec = ToolSpec("Trip", None, {"type": "object", "properties": properties, "required": list(properties)})

        with pytest.raises(SchemaError, match=problem) as caught:
            render_schema(spec, STRICT)

        assert caught.value.path == "Trip"


def test_linear_cost() -> None:
    """A definition is rendered once, however often it is referred to."""
    members: Iterable[str] = [f"field_{at}" for at in range(300)]
    wide = create_model("Wide", **dict.fromkeys(members, (Cat, ...)))  # type: ignore[call-overload]
    schema: Any = render_schema(spec_of(wide), VERTEX_SUBSET).schema

    assert len({id(part) for part in schema["properties"].values()}) == 1


def test_strict_mode_closes_an_object_that_takes_further_fields_and_says_so() -> None:
    rendered = render_schema(spec_of(create_model("Trip", legs=(Open, ...))), STRICT)

    definitions: Any = rendered.schema["$defs"]
    assert definitions["Open"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    assert [(one.path, one.keyword, one.what) for one in rendered.adaptations] == [
        ("Trip.legs", "additionalProperties", "dropped")
    ]
    assert not rendered.exact
