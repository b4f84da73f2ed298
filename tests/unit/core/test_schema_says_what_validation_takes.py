"""An object that conforms to a tool's schema validates: the schema names what validation takes, and nothing else."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar

import pytest
import typing_extensions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    computed_field,
    create_model,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.json_schema import SkipJsonSchema

import polycall
from polycall._engine.tools import Tool, tools_for

T = TypeVar("T")
# Type checkers take these for fields and types that are written out.
_CREATE_MODEL: Any = create_model
_LIST: Any = list


def tool_of(model: object) -> Tool:
    (tool,) = tools_for(Iterable[model]).tools.values()  # type: ignore[valid-type]
    return tool


def schema_of(model: object) -> dict[str, Any]:
    return tool_of(model).spec.schema


def take(model: object, **arguments: object) -> Any:
    """What validation makes of arguments; they must conform to the schema."""
    tool = tool_of(model)
    Draft202012Validator(tool.spec.schema).validate(arguments)
    return tool.validate_json(json.dumps(arguments))


class TestNames:
    def test_an_alias_that_validation_does_not_take_is_not_offered(self) -> None:
        """pydantic#13716: with validate_by_alias=False the field's own name is the only one."""

        class Inner(BaseModel):
            model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
            size: int = Field(alias="Size")

        class Outer(BaseModel):
            inners: list[Inner] = Field(alias="Inners")

        assert schema_of(Inner)["required"] == ["size"]
        assert take(Outer, Inners=[{"size": 3}]).inners[0].size == 3

    def test_the_same_in_dataclasses_and_typed_dicts(self) -> None:
        config = ConfigDict(validate_by_alias=False, validate_by_name=True)

        @pydantic_dataclass(config=config)
        class Data:
            size: Annotated[int, Field(alias="Size")]

        class Table(typing_extensions.TypedDict):
            size: Annotated[int, Field(alias="Size")]

        class Outer(BaseModel):
            model_config = config  # a TypedDict without a configuration has that of the model around it
            data: Data
            table: Table

        taken = take(Outer, data={"size": 3}, table={"size": 4})
        assert (taken.data.size, taken.table) == (3, {"size": 4})
        assert take(Table, Size=4) == {"size": 4}

    def test_of_several_aliases_the_first_that_is_a_plain_name(self) -> None:
        class Choices(BaseModel):
            city: str = Field(validation_alias=AliasChoices(AliasPath("address", "city"), "town", "place"))

        assert schema_of(Choices)["required"] == ["town"]
        assert take(Choices, town="Rome").city == "Rome"

    def test_a_path_alone_gives_way_to_the_name_if_validation_takes_it(self) -> None:
        class ByName(BaseModel):
            model_config = ConfigDict(populate_by_name=True)
            city: str = Field(validation_alias=AliasPath("address", "city"))

        assert take(ByName, city="Rome").city == "Rome"

    @pytest.mark.parametrize("default", [..., "Rome"])
    def test_a_path_alone_is_refused_and_its_place_said(self, default: Any) -> None:
        """pydantic#11893: its schema names the field, which validation ignores."""

        class Stop(BaseModel):
            city: str = Field(default, validation_alias=AliasPath("address", "city"))

        class Trip(BaseModel):
            stops: dict[str, list[Stop]]

        with pytest.raises(polycall.SchemaError, match="path into another argument") as raised:
            tool_of(Trip)

        assert raised.value.path == "Trip.stops.*[].city"

    def test_two_fields_of_one_name_are_refused(self) -> None:
        class Both(BaseModel):
            one: int = Field(alias="same")
            other: str = Field(alias="same")

        with pytest.raises(polycall.SchemaError, match=r"'Both\.other': takes the argument 'same'.* 'one' takes"):
            tool_of(Both)

    def test_a_field_whose_name_is_another_ones_alias_is_refused(self) -> None:
        class Swapped(BaseModel):
            model_config = ConfigDict(validate_by_name=True)
            one: int = Field(alias="other")
            other: str = Field("", alias="third")

        with pytest.raises(polycall.SchemaError, match="'other' as well as its own, but that is the field 'one'"):
            tool_of(Swapped)

    def test_a_class_that_asks_for_the_schema_of_serialization_is_offered_as_it_validates(self) -> None:
        class Serialized(BaseModel):
            model_config = ConfigDict(json_schema_mode_override="serialization")
            size: int = Field(validation_alias="Size", serialization_alias="SIZE")

            @computed_field  # type: ignore[prop-decorator]
            @property
            def double(self) -> int:
                return 2 * self.size

        assert list(schema_of(Serialized)["properties"]) == ["Size"]
        assert take(Serialized, Size=3).double == 6

    def test_a_discriminator_is_what_the_members_take(self) -> None:
        class Cat(BaseModel):
            model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
            kind: Literal["cat"] = Field(alias="Kind")

        class Dog(BaseModel):
            model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
            kind: Literal["dog"] = Field(alias="Kind")

        class Home(BaseModel):
            pet: Cat | Dog = Field(discriminator="kind")

        assert isinstance(take(Home, pet={"kind": "dog"}).pet, Dog)

    def test_a_discriminator_with_an_alias_that_is_taken(self) -> None:
        class Cat(BaseModel):
            kind: Literal["cat"] = Field(alias="Kind")

        class Dog(BaseModel):
            kind: Literal["dog"] = Field(alias="Kind")

        class Home(BaseModel):
            pet: Cat | Dog = Field(discriminator="kind")

        assert isinstance(take(Home, pet={"Kind": "dog"}).pet, Dog)

    def test_an_init_of_ones_own_takes_the_names_that_are_offered(self) -> None:
        class Renamed(BaseModel):
            location: str

            def __init__(self, place: str) -> None:
                super().__init__(location=place)

        class Positional(BaseModel):
            location: str

            def __init__(self, location: str, unit: object) -> None:
                super().__init__(location=location)

        with pytest.raises(polycall.SchemaError, match=r"'Renamed\.location': .*__init__ has no such parameter"):
            tool_of(Renamed)
        with pytest.raises(polycall.SchemaError, match="needs 'unit', which is not a field"):
            tool_of(Positional)


@dataclasses.dataclass
class Count:
    start: int
    total: int = dataclasses.field(init=False, default=7)
    step: dataclasses.InitVar[int] = 1

    def __post_init__(self, step: int) -> None:
        self.total = self.start + step


@pydantic_dataclass
class Counts:
    counts: list[Count]
    late: int = dataclasses.field(init=False)


class TestWhatCanBeSet:
    def test_a_dataclass_field_without_init_is_not_offered(self) -> None:
        assert list(schema_of(Count)["properties"]) == ["start", "step"]
        assert take(Count, start=3, step=2).total == 5
        assert take(Counts, counts=[{"start": 1}]).counts[0].total == 2
        assert list(schema_of(Counts)["properties"]) == ["counts"]

    def test_frozen_and_excluded_fields_are_offered(self) -> None:
        class Open(BaseModel):
            frozen: int = Field(frozen=True)
            secret: int = Field(exclude=True)

        assert take(Open, frozen=1, secret=2).secret == 2

    def test_a_field_that_must_be_set_and_is_not_shown_is_refused(self) -> None:
        class Hidden(BaseModel):
            shown: int
            hidden: SkipJsonSchema[int]

        class Unset(BaseModel):
            shown: int
            hidden: SkipJsonSchema[int] = 1

        with pytest.raises(polycall.SchemaError, match=r"'Hidden\.hidden': must be set"):
            tool_of(Hidden)
        assert list(schema_of(Unset)["properties"]) == ["shown"]

    def test_a_member_of_a_plain_enum_in_a_literal_is_refused(self) -> None:
        """From JSON pydantic compares with the text, which equals no member unless the enum is a str, too."""

        class Colour(enum.Enum):
            RED = "red"

        class Shade(enum.StrEnum):
            DARK = "dark"

        class Paint(BaseModel):
            colours: list[Literal[Colour.RED]]

        class Mixed(BaseModel):
            colour: Literal[Colour.RED, "blue"]
            shade: Literal[Shade.DARK]
            any: Colour

        with pytest.raises(polycall.SchemaError, match=r"no JSON value becomes <Colour\.RED: 'red'>") as raised:
            tool_of(Paint)
        assert raised.value.path == "Paint.colours[]"
        assert schema_of(Mixed)["properties"]["colour"]["const"] == "blue"
        assert take(Mixed, colour="blue", shade="dark", any="red").any is Colour.RED

    def test_an_enum_of_values_that_json_cannot_be_is_refused(self) -> None:
        class Pair(enum.Enum):
            ONE = (1, 2)

        class Shape(BaseModel):
            pair: Pair | None = None

        with pytest.raises(polycall.SchemaError, match=r"'Shape\.pair': no JSON value becomes <Pair.ONE"):
            tool_of(Shape)

    def test_limits_of_the_configuration_are_told(self) -> None:
        class Short(BaseModel):
            model_config = ConfigDict(str_max_length=3, str_min_length=1)
            name: str
            long: str = Field(max_length=9)
            keys: dict[str, list[str]]

        properties = schema_of(Short)["properties"]
        assert (properties["name"]["minLength"], properties["name"]["maxLength"]) == (1, 3)
        assert properties["long"]["maxLength"] == 9
        assert properties["keys"]["additionalProperties"]["items"]["maxLength"] == 3

    @pytest.mark.parametrize(("coding", "text"), [("hex", "00ff00ff"), ("base64", "AP8A_w==")])
    def test_bytes_are_described_as_they_are_read(self, coding: Any, text: str) -> None:
        class Blob(BaseModel):
            model_config = ConfigDict(val_json_bytes=coding)
            data: bytes = Field(min_length=4, max_length=4)

        assert take(Blob, data=text).data == b"\x00\xff\x00\xff"

    def test_keys_of_a_map_that_are_numbers(self) -> None:
        class Maps(BaseModel):
            rows: dict[int, str]
            flags: dict[bool, int] = {}
            rates: dict[float, int] = {}

        validator = Draft202012Validator(schema_of(Maps))
        assert take(Maps, rows={"-1": "a"}, flags={"true": 1}, rates={"1.5e3": 1}).rows == {-1: "a"}
        assert not validator.is_valid({"rows": {"a": "a"}})
        assert not validator.is_valid({"rows": {}, "flags": {"perhaps": 1}})

    def test_a_map_whose_keys_json_cannot_have_is_refused(self) -> None:
        class Grid(BaseModel):
            cells: dict[tuple[int, int], str]

        with pytest.raises(polycall.SchemaError, match=r"'Grid\.cells': has keys that no JSON object can have"):
            tool_of(Grid)

    def test_a_type_without_a_json_schema_is_named_by_its_path(self) -> None:
        class Hook(BaseModel):
            function: Callable[[], None]

        class Hooks(BaseModel):
            hooks: list[Hook]

        with pytest.raises(polycall.SchemaError) as raised:
            tool_of(Hooks)
        assert raised.value.path == "Hooks.hooks[].function"


class Note(typing.TypedDict):
    """A note."""

    text: str
    tags: NotRequired[list[str]]
    reply: NotRequired[Note]


class Strict(typing.TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]
    size: int


class Holder(typing.TypedDict, Generic[T]):
    held: T


@dataclasses.dataclass
class Letter:
    note: Note
    notes: dict[str, list[Note | None]]


class Pair(NamedTuple):
    note: Note
    size: int


@dataclasses.dataclass
class Row:
    pair: Pair


class TestTypedDictsOfTyping:
    """On Python 3.11 pydantic refuses them; polycall takes them at any depth."""

    def test_inside_a_dataclass_and_inside_itself(self) -> None:
        taken = take(Letter, note={"text": "a", "reply": {"text": "b"}}, notes={"x": [{"text": "c"}, None]})

        assert taken.note == {"text": "a", "reply": {"text": "b"}}
        assert schema_of(Letter)["$defs"]["Note"]["required"] == ["text"]

    def test_inside_a_generic_one(self) -> None:
        assert take(Holder[list[Strict]], held=[{"size": 1}]) == {"held": [{"size": 1}]}

    def test_inside_a_named_tuple_of_a_dataclass(self) -> None:
        assert take(Row, pair=[{"text": "a"}, 1]).pair.note == {"text": "a"}

    def test_its_configuration_holds(self) -> None:
        assert schema_of(Strict)["additionalProperties"] is False


class ForgetfulTree(BaseModel):
    size: int
    children: list[ForgetfulTree] = []

    @model_validator(mode="after")
    def check(self) -> Any:
        pass


class Level(enum.Enum):
    LOW = 1
    HIGH = "high"


class Tree(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    value: int = Field(alias="Value")
    children: list[Tree] = Field([], alias="Children")


_TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-5, 5)),
    (Annotated[str, Field(max_length=3)], st.text(max_size=3)),
    (Literal["a", "b"], st.sampled_from("ab")),
    (Level, st.sampled_from([1, "high"])),
    (dict[int, bool], st.dictionaries(st.integers().map(str), st.booleans(), max_size=2)),
    (Tree, st.just({"value": 1, "children": [{"value": 2}]})),
]
_ALIASES = st.sampled_from(["a-1", "a 2", "f0", "f1", "ä"])
_ANY_ALIAS = st.one_of(
    st.none(),
    _ALIASES,
    st.builds(lambda *names: AliasChoices(*names), _ALIASES, _ALIASES),
    st.builds(lambda name: AliasPath("outer", name), _ALIASES),
    st.builds(lambda name: AliasChoices(AliasPath("outer", 0), name), _ALIASES),
)


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> Any:
    """A model, dataclass or TypedDict with random settings of aliases, and such models in it."""
    inner = [*_TYPES]
    if depth:
        inner += [(draw(models(depth - 1)), st.nothing()) for _ in range(draw(st.integers(0, 1)))]
    fields: dict[str, Any] = {}
    for at in range(draw(st.integers(1, 3))):
        type_ = draw(st.sampled_from(inner))[0]
        type_ = draw(st.sampled_from([type_, _LIST[type_], type_ | None]))
        alias = draw(_ANY_ALIAS)
        required = draw(st.booleans())
        fields[f"f{at}"] = (type_, Field(... if required else None, validation_alias=alias))
    by_alias = draw(st.booleans())
    config: Any = dict(
        validate_by_alias=by_alias,
        validate_by_name=draw(st.booleans()) or not by_alias,
        extra=draw(st.sampled_from(["ignore", "forbid", "allow"])),
        **draw(st.sampled_from([{}, {"alias_generator": str.upper}])),
    )
    return _CREATE_MODEL("Generated", __config__=config, **fields)


def conforming(draw: st.DrawFn, schema: Any, definitions: dict[str, Any], depth: int = 0) -> Any:
    """A value of a schema, of the keywords that the models above come to."""
    if "$ref" in schema:
        return conforming(draw, definitions[schema["$ref"].removeprefix("#/$defs/")], definitions, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "anyOf" in schema:
        return conforming(draw, draw(st.sampled_from(schema["anyOf"])), definitions, depth)
    kind = schema["type"]
    if kind == "array":
        return (
            [
                conforming(draw, schema["items"], definitions, depth + 1)
                for _ in range(draw(st.integers(0, 1 + (depth < 4))))
            ]
            if depth < 6
            else []
        )
    if kind == "object" and "properties" in schema:
        return {
            name: conforming(draw, part, definitions, depth + 1)
            for name, part in schema["properties"].items()
            if name in schema.get("required", ()) or (depth < 6 and draw(st.booleans()))
        }
    if kind == "object":
        return {draw(st.integers().map(str)): conforming(draw, schema["additionalProperties"], definitions, depth)}
    return draw(
        {
            "integer": st.integers(-5, 5),
            "string": st.text(max_size=schema.get("maxLength", 5)),
            "boolean": st.booleans(),
            "null": st.none(),
        }[kind]
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(models(), st.data())
def test_an_object_that_conforms_to_the_schema_validates(model: Any, data: st.DataObject) -> None:
    try:
        tool = tool_of(model)
    except polycall.SchemaError as error:
        assert "AliasPath" in error.problem or "takes the argument" in error.problem  # noqa: PT017 - one of two outcomes
        return
    schema: Any = tool.spec.schema
    value = data.draw(st.composite(lambda draw: conforming(draw, schema, schema.get("$defs", {})))())
    Draft202012Validator(schema).validate(value)

    made: Any = tool.validate_json(json.dumps(value))

    for name, part in value.items():  # and each offered name sets its field
        assert part is None or any(
            name in (field, *_names(info.validation_alias)) and field in made.model_fields_set
            for field, info in type(made).model_fields.items()
        )


def _names(alias: object) -> list[str]:
    if isinstance(alias, AliasChoices):
        return [one for one in alias.choices if isinstance(one, str)]
    return [alias] if isinstance(alias, str) else []


class TestClassesThatDoNotValidate:
    def test_a_table_of_sqlmodel_is_refused_and_its_base_taken(self) -> None:
        import sqlmodel

        class HeroBase(sqlmodel.SQLModel):
            age: int

        class Hero(HeroBase, table=True):
            id: int | None = sqlmodel.Field(default=None, primary_key=True)

        class Team(BaseModel):
            heroes: list[Hero]

        for model in (Hero, Team):
            with pytest.raises(polycall.ResponseModelError, match=r"Hero in tool '\w+' is a table: SQLModel makes"):
                tool_of(model)
        assert take(HeroBase, age=3).age == 3
        with pytest.raises(ValueError, match="valid integer"):
            tool_of(HeroBase).validate_json('{"age": "not a number"}')

    def test_an_init_that_does_not_validate_is_refused(self) -> None:
        class Loose(BaseModel):
            size: int | None = None

            def __init__(self, **data: Any) -> None:
                self.__dict__.update(data)
                object.__setattr__(self, "__pydantic_fields_set__", set(data))
                object.__setattr__(self, "__pydantic_extra__", None)
                object.__setattr__(self, "__pydantic_private__", None)

        class Constructed(BaseModel):
            size: int

            def __init__(self, **data: Any) -> None:
                vars(self).update(vars(type(self).model_construct(**data)))

        for model in (Loose, Constructed):
            with pytest.raises(polycall.ResponseModelError, match=r"has an __init__ that does not validate"):
                tool_of(model)

    def test_an_init_that_calls_the_one_of_pydantic_is_taken(self) -> None:
        class Named(BaseModel):
            location: str
            loud: str = ""

            def __init__(self, location: str, loud: str = "") -> None:
                super().__init__(location=location, loud=location.upper())

        class Open(BaseModel):
            anything: Any
            size: int = 1

            def __init__(self, **data: Any) -> None:
                data["size"] = data.get("size") or 5
                super().__init__(**data)

        assert take(Named, location="Rome").loud == "ROME"
        assert take(Open, anything=[1]).size == 5

    def test_an_init_that_takes_only_any_values_is_not_suspected(self) -> None:
        class Unchecked(BaseModel):
            anything: Any = None

            def __init__(self, **data: Any) -> None:
                super().__init__(**data)

        assert take(Unchecked, anything=3).anything == 3

    def test_a_validator_that_forgets_to_return_the_object_fails_the_call(self) -> None:
        class Forgetful(BaseModel):
            size: int

            @model_validator(mode="after")
            def check(self) -> Any:
                pass

        for model in (Forgetful, ForgetfulTree):
            with pytest.raises(TypeError, match=f"model_validator of {model.__name__} returned None"):
                tool_of(model).validate_json('{"size": 1}')

    def test_an_iterable_is_read_and_validated_at_once(self) -> None:
        """pydantic gives out an iterator, which raises when somebody reads it, long after the call was accepted."""

        class Inner(BaseModel):
            sizes: Iterable[int] = ()

        class Outer(BaseModel):
            inners: list[Inner]
            names: Iterable[str] | None = None

        taken = take(Outer, inners=[{"sizes": [1, 2]}, {}], names=["a"])
        assert (taken.inners[0].sizes, taken.inners[1].sizes, taken.names) == ([1, 2], (), ["a"])
        assert type(taken) is Outer
        with pytest.raises(ValueError, match=r"inners\.0\.sizes\.1"):
            tool_of(Outer).validate_json('{"inners": [{"sizes": [1, "a"]}]}')

    def test_a_root_model_is_still_refused(self) -> None:
        with pytest.raises(polycall.ResponseModelError, match="is not a model"):
            tool_of(RootModel[list[int]])
