"""Which tools' arguments must be searched for NaN, Infinity and numbers out of range."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import json
import math
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, Json, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from polycall._engine.non_finite import accepts_non_finite, find_non_finite
from polycall._engine.tools import tools_for


class Colour(enum.Enum):
    RED = "red"


class Greedy(BaseModel):
    seen: str = ""

    def __init__(self, **given: Any) -> None:
        super().__init__(seen=str(given))


class Weather(BaseModel):
    location: str = Field(min_length=1)
    days: int = 1
    units: Literal["metric", "imperial"] = "metric"
    notes: dict[str, str] = {"type": "float"}
    near: "list[Weather]" = []  # noqa: UP037 - so that it is a definition


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Coercing(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    text: str = ""


@dataclasses.dataclass
class Point:
    type: str
    number: int | None = None


class Trip(TypedDict):
    day: datetime.date
    at: NotRequired[datetime.time]


class Measure(BaseModel):
    config: str = ""
    value: float = 0.0


NEVER = [
    *(str, int, bool, bytes, uuid.UUID, None, Literal["a", 1], Colour),
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
    *(Weather, Point, Trip, list[int], dict[str, int], tuple[int, str], tuple[int, ...], list[Weather]),
    int | str | None,
]
MAYBE = [
    *(float, Any, object, Decimal, complex, Json, HttpUrl, list, dict, list[Any], dict[str, Any], set[int]),
    *(Open, Coercing, Greedy, Measure, int | float, list[Measure], Annotated[int, BeforeValidator(float)]),
]
WORDS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400]


def infinite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return any(map(infinite, value))
    if isinstance(value, dict):
        return any(map(infinite, value.values()))
    return isinstance(value, (BaseModel, Point)) and infinite(vars(value))


@pytest.mark.parametrize("annotation", NEVER, ids=str)
def test_what_never_holds_infinity(annotation: Any) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(annotation)

    assert not accepts_non_finite(adapter.core_schema)
    for word in WORDS:
        members = ["location", "days", "units", "near", "type", "number", "day", "at", "x"]
        for text in (word, f"[{word}, {word}]", *(json.dumps({one: 0}).replace("0", word) for one in members)):
            with contextlib.suppress(ValidationError):
                assert not infinite(adapter.validate_json(text))


@pytest.mark.parametrize("annotation", MAYBE, ids=str)
def test_what_may(annotation: Any) -> None:
    assert accepts_non_finite(TypeAdapter(annotation).core_schema)


@pytest.mark.parametrize("schema", [core_schema.list_schema(), core_schema.dict_schema()])
def test_what_names_no_parts_takes_any(schema: CoreSchema) -> None:
    assert accepts_non_finite(schema)


def test_a_tool_knows_it() -> None:
    tools = tools_for(list[Weather | Measure]).tools

    assert {name: tool.accepts_non_finite for name, tool in tools.items()} == {"Weather": False, "Measure": True}


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.integers(-(10**320), 10**320) | st.floats(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
)


@given(JSON)
def test_a_text_is_refused_if_something_in_it_is_no_number_of_a_float(value: object) -> None:
    def bad(one: object) -> bool:
        if isinstance(one, dict):
            return any(map(bad, one.values()))
        if isinstance(one, list):
            return any(map(bad, one))
        if isinstance(one, int):
            try:
                float(one)
            except OverflowError:
                return True
        return infinite(one)

    assert (find_non_finite(json.dumps(value)) is not None) == bad(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[NaN]", "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ("1e999", "the number 1e999 is out of range"),
        ("9" * 5000, f"the number {'9' * 77}... is out of range"),
        ('"\x01", NaN', None),
        ('["\x01", NaN]', "NaN is not a JSON value"),
        ("{", None),
        ("\ud800", None),
        ("[" * 5000, None),
        ("1.7976931348623157e308", None),
        ("0.1e-999", None),
    ],
)
def test_what_is_said_of_it(text: str, reason: str | None) -> None:
    assert find_non_finite(text) == reason
