"""Arguments that are mended only where the fault is, in linear time; keys given twice; decimals with every digit."""

from __future__ import annotations

import collections
import dataclasses
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from polycall import CallFailure, ToolCall
from polycall._engine.tools import ToolSet, tools_for
from polycall._engine.validation import ValidCall, validate_call


class Item(BaseModel):
    name: str
    size: int = 0


class Order(BaseModel):
    items: list[Item] = []
    labels: dict[str, int] = {}
    note: str = ""
    notes: list[str] = []
    either: list[int] | dict[str, int] | None = None
    more: dict[str, Any] = {}


class Point(NamedTuple):
    x: int
    y: int = 0


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Kinds(BaseModel):
    deque: collections.deque[int] = collections.deque()
    ordered: collections.OrderedDict[str, int] = collections.OrderedDict()
    counter: collections.Counter[str] = collections.Counter()
    point: Point = Point(0)
    sequence: Sequence[int] = ()
    mapping: Mapping[str, int] = {}
    frozen: frozenset[int] = frozenset()
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    optional: list[str] | None = None
    twice: list[list[int]] = []
    text: str | list[str] = ""


class Price(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    amount: Decimal = Decimal(0)
    parts: list[Decimal] = []
    by_name: dict[str, Decimal | None] = {}
    pair: tuple[float, Decimal] = (0.0, Decimal(0))
    rate: float = 0.0
    called: Decimal = Field(default=Decimal(0), validation_alias=AliasChoices("named", "Named"))
    anything: Any = None
    inner: Price | None = None


class Doubtful(BaseModel):
    mixed: Decimal | float | None = None
    before: Annotated[Decimal, BeforeValidator(lambda value: value)] = Decimal(0)
    deep: Decimal = Field(default=Decimal(0), validation_alias=AliasChoices("deep", AliasPath("a", "b")))


@dataclasses.dataclass
class Money:
    amount: Decimal
    currency: str = "EUR"


TOOLS = tools_for(Iterable[Order | Price | Doubtful | Money | Kinds])
LONG = "12345678901234567.89"


def validate(name: str, text: str, tools: ToolSet = TOOLS) -> ValidCall | CallFailure:
    return validate_call(ToolCall("1", name, text), tools)


def value(name: str, text: str) -> Any:
    outcome = validate(name, text)
    assert isinstance(outcome, ValidCall), outcome
    return outcome.value


def failure(name: str, text: str) -> CallFailure:
    outcome = validate(name, text)
    assert isinstance(outcome, CallFailure), outcome
    return outcome


class TestTheListThatCameAsText:
    """Only the value at the fault is decoded, never the same text elsewhere."""

    TEXT = '[{"name": "a"}]'

    def test_equal_text_in_a_field_that_takes_text_stays(self) -> None:
        text = json.dumps({"note": self.TEXT, "items": self.TEXT, "notes": [self.TEXT, self.TEXT]})

        assert value("Order", text) == Order(items=[Item(name="a")], note=self.TEXT, notes=[self.TEXT, self.TEXT])

    def test_and_so_does_an_equal_key(self) -> None:
        text = json.dumps({"more": {self.TEXT: self.TEXT}, "items": self.TEXT})

        assert value("Order", text).more == {self.TEXT: self.TEXT}

    @pytest.mark.parametrize(
        ("field", "text", "expected"),
        [
            ("deque", "[1]", collections.deque([1])),
            ("ordered", '{"a": 1}', {"a": 1}),
            ("counter", '{"a": 1}', {"a": 1}),
            ("point", "[1, 2]", Point(1, 2)),
            ("sequence", "[1]", [1]),
            ("mapping", '{"a": 1}', {"a": 1}),
            ("frozen", "[1]", frozenset([1])),
            ("tagged", '{"kind": "dog"}', Dog(kind="dog")),
            ("optional", '["test"]', ["test"]),
            ("twice", '["[1]"]', [[1]]),
            ("text", '["a"]', '["a"]'),
        ],
    )
    def test_every_kind_of_list_and_object(self, field: str, text: str, expected: object) -> None:
        """earendil-works/pi#5697, Hmbown/Codewhale#5349, jferreiros/vortex#97."""
        assert getattr(value("Kinds", json.dumps({field: text})), field) == expected

    def test_it_is_found_behind_a_unions_names(self) -> None:
        assert value("Order", json.dumps({"note": "[1]", "either": "[1]"})) == Order(note="[1]", either=[1])

    def test_and_inside_lists(self) -> None:
        text = json.dumps({"items": [{"name": '{"name": "b"}'}, '{"name": "b"}', {"name": "c"}]})

        assert value("Order", text).items == [Item(name='{"name": "b"}'), Item(name="b"), Item(name="c")]

    def test_numbers_next_to_it_keep_every_digit(self) -> None:
        assert value("Order", '{"more": {"a": 1e0, "b": 10000000000000000001}, "items": "[]"}').more == {
            "a": 1.0,
            "b": 10**19 + 1,
        }

    def test_100_000_such_items_cost_linear_time(self) -> None:
        text = json.dumps({"items": ['{"name": "a"}'] * 100_000})

        begun = time.process_time()
        assert len(value("Order", text).items) == 100_000
        assert time.process_time() - begun < 10


class TestLinearTime:
    """Texts on which a repair by regular expressions took seconds (40 KB: 5 s)."""

    @pytest.mark.parametrize(
        "text",
        [
            '{"note": "' + '\\"' * 500_000,
            '{"note": "\n' + '\\"' * 500_000,
            '"' * 1_000_000,
            '\n"' * 500_000,
            '{"note": "\x01' + '<a href=\\"x\\">' * 100_000,
            '"' + "\\" * 1_000_001,
            "{" + '"a":"\n' * 200_000,
            '{"items": "[' + "[" * 100_000 + '"}',
        ],
        ids=lambda text: repr(text[:14]),
    )
    def test_a_megabyte_that_is_not_json(self, text: str) -> None:
        begun = time.process_time()
        failure("Order", text)
        assert time.process_time() - begun < 2


class TestKeysGivenTwice:
    """JSON parsers take the last one in silence: ``{"amount": 1, "amount": 1000000}``."""

    @pytest.mark.parametrize(
        ("name", "text", "key", "fields"),
        [
            ("Order", '{"note": "a", "note": "b"}', "note", {"note"}),
            ("Order", '{"note":"a","note" :"b"}', "note", {"note"}),
            ("Order", '{"note": "a", "n\\u006fte": "b"}', "note", {"note"}),
            ("Order", '{"items": [{"name": "a"}, {"name": "a", "size": 1, "size": 2}]}', "size", set()),
            ("Order", '{"more": {"x": {"y": 1, "y": true}}}', "y", set()),
            ("Order", '{"labels": {"a": 1, "b": 2, "a": 3}, "note": "at 10:30"}', "a", set()),
            ("Order", json.dumps('{"note": "a", "note": "b"}'), "note", {"note"}),
            ("Order", '{"note": "\n", "note": "b"}', "note", {"note"}),
            ("Order", json.dumps({"items": '[{"name": "a", "name": "b"}]'}), "name", set()),
            ("Money", '{"amount": 1, "amount": 1000000}', "amount", {"amount"}),
            ("Price", f'{{"amount": 1, "amount": {LONG}}}', "amount", {"amount"}),
        ],
    )
    def test_fail_at_any_depth(self, name: str, text: str, key: str, fields: set[str]) -> None:
        outcome = failure(name, text)

        assert outcome.reason == f"the key '{key}' is given twice, with different values"
        assert outcome.fields == fields

    @pytest.mark.parametrize(
        "text",
        [
            '{"note": "a", "note": "a"}',
            '{"items": [{"name": "a"}, {"name": "a"}]}',
            '{"more": {"note": 1}, "note": "a"}',
            '{"note": "\\"note\\": :::", "notes": ["note", ":", "\\":"]}',
            '{ "note" : "a : b", "unknown" : 1 }',
        ],
    )
    def test_the_same_value_or_another_object_is_none_of_it(self, text: str) -> None:
        assert isinstance(value("Order", text), Order)

    def test_those_that_a_dialect_has_undone_count_as_well(self) -> None:
        tool_call = ToolCall("1", "Order", '{"note": "a", "note": null}', normalized_arguments={})

        assert isinstance(validate_call(tool_call, TOOLS), CallFailure)

    @given(
        st.recursive(
            st.text(max_size=3) | st.integers() | st.booleans(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=10,
        ),
        st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]),
    )
    def test_no_text_without_any_is_refused(self, content: object, separators: tuple[str, str]) -> None:
        text = json.dumps({"more": {"x": content}}, separators=separators)

        assert value("Order", text).more == {"x": content}


class TestDecimals:
    """pydantic reads a JSON number as a float before it is a decimal (pydantic-core#1688)."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (f'{{"amount": {LONG}}}', Price(amount=Decimal(LONG))),
            (f'{{"amount": -{LONG}, "rate": {LONG}}}', Price(amount=Decimal(f"-{LONG}"), rate=float(LONG))),
            (f'{{"parts": [1.5, {LONG}]}}', Price(parts=[Decimal("1.5"), Decimal(LONG)])),
            (f'{{"by_name": {{"a": {LONG}, "b": null}}}}', Price(by_name={"a": Decimal(LONG), "b": None})),
            (f'{{"pair": [{LONG}, {LONG}]}}', Price(pair=(float(LONG), Decimal(LONG)))),
            (f'{{"Named": {LONG}}}', Price(called=Decimal(LONG))),
            (f'{{"anything": {LONG}}}', Price(anything=float(LONG))),
            (f'{{"inner": {{"inner": {{"amount": {LONG}}}}}}}', Price(inner=Price(inner=Price(amount=Decimal(LONG))))),
            ('{"amount": 1e-400}', Price(amount=Decimal("1e-400"))),
            ('{"amount": 0.1}', Price(amount=Decimal("0.1"))),
            (f'{{"amount": {10**40}}}', Price(amount=Decimal(10**40))),
            (f'{{"amount": "{LONG}"}}', Price(amount=Decimal(LONG))),
        ],
    )
    def test_keep_every_digit_of_a_number(self, text: str, expected: Price) -> None:
        assert value("Price", text) == expected

    def test_also_in_a_dataclass(self) -> None:
        assert value("Money", f'{{"amount": {LONG}}}') == Money(Decimal(LONG))

    def test_also_where_a_dialect_was_undone(self) -> None:
        tool_call = ToolCall(
            "1", "Price", f'{{"amount": {LONG}}}', normalized_arguments={"amount": float(LONG), "parts": []}
        )
        outcome = validate_call(tool_call, TOOLS)

        assert isinstance(outcome, ValidCall)
        assert outcome.value == Price(amount=Decimal(LONG))

    @pytest.mark.parametrize("text", [f'{{"mixed": {LONG}}}', f'{{"before": {LONG}}}', f'{{"a": {{"b": {LONG}}}}}'])
    def test_a_number_is_refused_where_its_place_may_take_something_else(self, text: str) -> None:
        assert failure("Doubtful", text).reason == (
            f"the number {LONG} has more digits than can be kept; write it as a string"
        )

    def test_but_not_one_that_loses_nothing(self) -> None:
        assert value("Doubtful", '{"mixed": 1.5, "before": 2.25}').before == Decimal("2.25")

    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25))
    def test_any_decimal_comes_back(self, number: Decimal) -> None:
        assert value("Price", f'{{"amount": {number}}}').amount == number
