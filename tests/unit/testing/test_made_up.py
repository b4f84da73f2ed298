"""Calls that are made up from a schema: valid, and the same ones for the same seed."""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import uuid
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, PositiveFloat, StringConstraints
from typing_extensions import TypedDict

import polycall
from polycall.testing import ScriptedProvider, ScriptError, made_up


class Units(enum.Enum):
    METRIC = "metric"
    IMPERIAL = "imperial"


class Address(BaseModel):
    street: str
    number: Annotated[int, Field(ge=1, le=9)]
    suffix: str | None = None


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: PositiveFloat


class Square(BaseModel):
    kind: Literal["square"]
    side: Annotated[float, Field(gt=0, lt=0.5)]


class Tree(BaseModel):
    value: int
    left: Tree | None = None
    children: list[Tree] = []


class Point(TypedDict):
    x: int
    y: int


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    short: Annotated[str, Field(max_length=3)]
    long: Annotated[str, Field(min_length=40)]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-\d{3,5}(?:[a-z]|\.\w)?$")]
    whole: int
    even: Annotated[int, Field(multiple_of=2, gt=2, lt=9)]
    half: Annotated[float, Field(multiple_of=0.5, ge=1, le=3)]
    bounded: Annotated[float, Field(gt=1, lt=1.001)]
    below: Annotated[int, Field(lt=-5)]
    money: decimal.Decimal
    yes: bool
    nothing: None
    units: Units
    word: Literal["a", "b", 3]
    maybe: int | None
    either: int | str | list[bool]
    address: Address
    addresses: Annotated[list[Address], Field(min_length=2, max_length=4)]
    names: Annotated[set[Literal["x", "y", "z"]], Field(min_length=2)]
    pair: tuple[int, str]
    table: dict[str, int]
    filled: Annotated[dict[str, Address], Field(min_length=1)]
    shape: Annotated[Circle | Square, Field(discriminator="kind")]
    tree: Tree
    point: Point
    day: datetime.date
    moment: datetime.datetime
    hour: datetime.time
    span: datetime.timedelta
    key: uuid.UUID
    link: AnyUrl
    host: ipaddress.IPv4Address
    raw: bytes
    anything: Any


class Search(BaseModel):
    query: str


def create(response_model: Any = list[Everything], seed: int = 0, **arguments: Any) -> polycall.Calls[Any]:
    with ScriptedProvider(made_up(seed=seed)) as provider:
        calls: polycall.Calls[Any] = provider.client().create(["?"], response_model, max_retries=0, **arguments)
        return calls


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_they_are_valid(seed: int) -> None:
    (made,) = create(seed=seed)

    assert isinstance(made, Everything)


def test_the_same_seed_makes_the_same_calls() -> None:
    assert create(seed=7) == create(seed=7)
    assert create(seed=7) != create(seed=8)


def test_each_request_of_a_script_gets_values_of_its_own() -> None:
    client = ScriptedProvider(then=made_up()).client()

    first, second = (client.create(["?"], list[Everything]) for _ in range(2))

    assert first != second


def test_each_tool_is_called_once() -> None:
    assert [type(made) for made in create(list[Search | Address])] == [Search, Address]


def test_the_tools_that_tool_choice_asks_for_are_called() -> None:
    assert [type(made) for made in create(list[Search | Address], tool_choice="Address")] == [Address]
    assert [type(made) for made in create(list[Search | Address], tool_choice=["Address"])] == [Address]


def test_the_script_can_name_the_tools() -> None:
    with ScriptedProvider(made_up("Search", "Address", "Search")) as provider:
        made = provider.client().create(["?"], list[Search | Address])

    assert [type(one) for one in made] == [Search, Address, Search]


def test_streams_get_them_too() -> None:
    with ScriptedProvider(made_up(seed=3)) as provider:
        assert provider.client().stream(["?"], list[Everything]).collect() == create(seed=3)


def test_tools_that_are_only_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"path": {"type": "string", "minLength": 2}, "mode": {"enum": ["r", "w"]}},
        "required": ["path", "mode"],
        "minProperties": 2,
    }

    (made,) = create([polycall.Tool("open", None, schema)])

    assert set(made.arguments) == {"path", "mode"}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [(r"(?=a)b", "no text was found for '\\(\\?=a\\)b'"), (r"^[a-z]{99}$", "no text was found")],
)
def test_what_cannot_be_made_up_is_an_error_that_names_the_place(pattern: str, says: str) -> None:
    class Strange(BaseModel):
        code: Annotated[str, Field(json_schema_extra={"pattern": pattern}, max_length=9)]

    with pytest.raises(ScriptError, match=rf"Strange\.code: {says}.* by hand"):
        create(list[Strange])
