"""From a call's arguments to an object, or to the reason why not."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from polycall import CallFailure, ToolCall
from polycall._engine.tools import ToolSet, tools_for
from polycall._engine.validation import ValidCall, validate_call


class Record(BaseModel):
    text: str = ""
    number: float = 0.0
    count: int = 0
    amount: Decimal = Decimal(0)
    day: datetime.date | None = None
    anything: Any = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    day: datetime.date
    tags: set[str]


class Required(BaseModel):
    place: str
    size: int = Field(alias="how big")


@dataclasses.dataclass
class Guarded:
    size: int

    def __post_init__(self) -> None:
        if self.size > 9:
            raise LookupError("too big for the shelf")


TOOLS = tools_for(Iterable[Record | Strict | Required | Guarded])


def validate(name: str, arguments: str | Mapping[str, object], tools: ToolSet = TOOLS) -> ValidCall | CallFailure:
    return validate_call(ToolCall("1", name, arguments), tools)


def value(name: str, arguments: str | Mapping[str, object]) -> object:
    outcome = validate(name, arguments)
    assert isinstance(outcome, ValidCall), outcome
    return outcome.value


def failure(name: str, arguments: str | Mapping[str, object]) -> CallFailure:
    outcome = validate(name, arguments)
    assert isinstance(outcome, CallFailure), outcome
    return outcome


class TestSurvived:
    @pytest.mark.parametrize("arguments", ["", " ", "\n\t ", "null", " null\n", "{}"])
    def test_no_arguments_are_an_empty_object(self, arguments: str) -> None:
        """Servers send nothing, or null, instead of an empty object (simonw/llm#1521, vercel/ai#14722)."""
        assert value("Record", arguments) == Record()

    def test_an_object_that_was_encoded_twice(self) -> None:
        """vllm#54964, OpenManus#989."""
        assert value("Record", json.dumps(json.dumps({"text": "ä\n"}))) == Record(text="ä\n")

    def test_control_characters_in_strings(self) -> None:
        """rhesis#2488, omlx#1672."""
        assert value("Record", '{\n"text": "a\nb\t\\"c\x00",\n"count": 1}') == Record(text='a\nb\t"c\x00', count=1)

    def test_both_at_once(self) -> None:
        assert value("Record", json.dumps('{"text": "a\nb"}')) == Record(text="a\nb")

    def test_mending_keeps_every_digit(self) -> None:
        amount = "0.12345678901234567890123456789"

        assert value("Record", f'{{"text": "\n", "amount": "{amount}", "count": {10**40}}}') == Record(
            text="\n", amount=Decimal(amount), count=10**40
        )

    def test_the_words_of_forbidden_numbers_in_text(self) -> None:
        assert value("Record", '{"text": "NaN Infinity 1e999"}') == Record(text="NaN Infinity 1e999")

    def test_large_integers_keep_their_value(self) -> None:
        assert value("Record", f'{{"count": {2**53 + 1}}}') == Record(count=2**53 + 1)
        assert value("Record", {"count": 10**250}) == Record(count=10**250)

    def test_numbers_at_the_edge_of_a_float(self) -> None:
        assert value("Record", '{"number": 1.7976931348623157e308}') == Record(number=1.7976931348623157e308)
        assert value("Record", '{"number": 1e-400}') == Record(number=0.0)

    def test_a_strict_model_takes_the_same_from_text_and_structures(self) -> None:
        arguments = {"day": "2024-02-29", "tags": ["a"]}

        assert value("Strict", arguments) == Strict(day=datetime.date(2024, 2, 29), tags={"a"})
        assert value("Strict", json.dumps(arguments)) == value("Strict", arguments)


class Item(BaseModel):
    name: str


class Order(BaseModel):
    items: list[Item]
    labels: dict[str, int] = {}
    first: Item | None = None
    note: str = ""


NESTED = tools_for(Iterable[Order])


class TestEncodedInside:
    """Lists and objects that come as JSON strings (MoonshotAI/kimi-cli#2513)."""

    def order(self, **arguments: object) -> object:
        return validate_call(ToolCall("?", "Order", json.dumps(arguments)), NESTED)

    def test_are_taken_where_the_field_takes_no_string(self) -> None:
        outcome = self.order(items='[{"name": "a \\"b\\""}]', labels='{"x": 9007199254740993}', first='{"name": "c"}')

        assert isinstance(outcome, ValidCall)
        assert outcome.value == Order(items=[Item(name='a "b"')], labels={"x": 9007199254740993}, first=Item(name="c"))

    def test_stay_strings_where_the_field_takes_one(self) -> None:
        outcome = self.order(items='[{"name": "a"}]', note='{"name": "d"}')

        assert isinstance(outcome, ValidCall)
        assert outcome.value == Order(items=[Item(name="a")], note='{"name": "d"}')

    def test_a_string_that_holds_no_such_thing_is_a_failure(self) -> None:
        outcome = self.order(items="two of them")

        assert isinstance(outcome, CallFailure)
        assert outcome.fields == {"items"}


class TestRefused:
    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, f"{'9' * 310}.0"])
    @pytest.mark.parametrize("field", ["number", "anything"])
    @pytest.mark.parametrize("form", ["{%s}", "encoded twice", '{"text": "\n", %s}'])
    def test_a_number_that_would_become_another_one(self, number: str, field: str, form: str) -> None:
        member = f'"{field}": {number}'
        text = json.dumps(f"{{{member}}}") if form == "encoded twice" else form % member

        assert "the arguments are not valid JSON" in failure("Record", text).reason

    @pytest.mark.parametrize("number", [math.nan, math.inf])
    def test_the_same_in_structures(self, number: float) -> None:
        assert "is not a JSON value" in failure("Record", {"number": number}).reason

    @given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**500), 10**500))
    def test_a_float_is_what_the_model_wrote_or_nothing(self, number: float) -> None:
        outcome = validate("Record", f'{{"number": {number}}}')

        if isinstance(outcome, ValidCall):
            assert isinstance(outcome.value, Record)
            assert outcome.value.number == float(number)
        else:
            assert abs(number) > 1.7e308

    @pytest.mark.parametrize(
        "text", ['{"text": "a"', "{'text': 1}", "<html>", '"', '"{"', "{" * 9, '{"text": "\\ud800"}', "\ud800"]
    )
    def test_what_is_no_json_says_so(self, text: str) -> None:
        outcome = failure("Record", text)

        assert outcome.tool_call.arguments == text
        assert outcome.fields == frozenset()
        assert outcome.reason

    @pytest.mark.parametrize("text", ["[]", "3", "true", '"words"', '"[]"', '[{"text": "a"}]'])
    def test_json_that_is_no_object(self, text: str) -> None:
        assert failure("Record", text).fields == frozenset()

    @pytest.mark.parametrize(
        "text", ['{"anything": ' * 100_000, '{"anything": ' * 100_000 + "1" + "}" * 100_000, "[" * 100_000]
    )
    def test_text_nested_100_000_deep(self, text: str) -> None:
        assert "recursion limit" in failure("Record", text).reason

    def test_structures_nested_100_000_deep(self) -> None:
        nested: dict[str, object] = {}
        for _ in range(100_000):
            nested = {"anything": nested}

        assert "cannot be written as JSON" in failure("Record", nested).reason

    @pytest.mark.parametrize("part", ["\ud800", object(), b"\xff"])
    def test_structures_that_json_cannot_say(self, part: object) -> None:
        assert "cannot be written as JSON" in failure("Record", {"anything": part}).reason

    def test_a_name_that_is_no_tool(self) -> None:
        assert failure("Wether", "{}") == CallFailure(
            ToolCall("1", "Wether", "{}"),
            "there is no tool named 'Wether'; the tools are: Record, Strict, Required, Guarded",
            wrong_name=True,
        )

    def test_a_problem_that_the_plugin_found(self) -> None:
        tool_call = ToolCall("1", "Record", "{}", problem="a call of an unknown kind")

        assert validate_call(tool_call, TOOLS) == CallFailure(tool_call, "a call of an unknown kind")

    def test_each_wrong_field_is_named_with_what_was_given(self) -> None:
        outcome = failure("Required", {"place": 5, "other": 1})

        assert outcome.fields == {"place", "how big"}
        assert outcome.reason == "place: Input should be a valid string (given: 5); how big: Field required"

    def test_a_long_reason_is_cut(self) -> None:
        class Many(BaseModel):
            numbers: list[int]

        outcome = validate("Many", {"numbers": ["x" * 10_000] * 1_000}, tools_for(Iterable[Many]))

        assert isinstance(outcome, CallFailure)
        assert outcome.reason.endswith("and 990 more")
        assert len(outcome.reason) < 2_500


class TestArguments:
    def test_what_the_plugin_normalized_is_validated_and_the_original_kept(self) -> None:
        tool_call = ToolCall("1", "Record", '{"count": 5.0e0}', normalized_arguments={"count": 5})

        assert validate_call(tool_call, TOOLS) == ValidCall(tool_call, Record(count=5))

    def test_validators_see_the_context(self) -> None:
        class Doubled(BaseModel):
            size: int

            @field_validator("size")
            @classmethod
            def multiply(cls, size: int, info: ValidationInfo) -> int:
                assert isinstance(info.context, int)
                return size * info.context

        outcome = validate_call(ToolCall("1", "Doubled", '{"size": 3}'), tools_for(Iterable[Doubled]), context=2)

        assert isinstance(outcome, ValidCall)
        assert outcome.value == Doubled.model_construct(size=6)

    def test_any_exception_of_a_validator_is_the_calls_failure(self) -> None:
        assert failure("Guarded", '{"size": 10}').reason == "LookupError: too big for the shelf"

    def test_every_alias_of_a_field_is_taken(self) -> None:
        class Either(BaseModel):
            size: int = Field(validation_alias=AliasChoices("size", "Size"))

        outcome = validate("Either", '{"Size": 3}', tools_for(Iterable[Either]))

        assert isinstance(outcome, ValidCall)
        assert outcome.value == Either(size=3)

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**60), 2**60)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
            max_leaves=12,
        )
    )
    def test_text_and_structures_give_the_same(self, content: object) -> None:
        assert value("Record", json.dumps({"anything": content})) == Record(anything=content)
        assert value("Record", {"anything": content}) == Record(anything=content)

    @given(st.text())
    def test_any_text_is_an_object_or_a_failure(self, text: str) -> None:
        validate("Record", text)
