"""Which new call corrects which failed one: each rule, each situation, and what must hold for any reply."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_serializer

import polycall._engine.matching
from polycall import CallFailure, ToolCall
from polycall._engine.matching import Matching, match_corrections
from polycall._engine.tools import tools_for
from polycall._engine.validation import ValidCall, validate_call


class Weather(BaseModel):
    location: str
    units: Literal["metric", "imperial"] = "metric"


class Search(BaseModel):
    query: str


@dataclasses.dataclass
class Move:
    start: str
    end: str


class Login(BaseModel):
    user: str
    password: SecretStr
    size: int = 0


class Hidden(BaseModel):
    key: int = Field(exclude=True)
    size: int = 0

    @model_serializer
    def nothing(self) -> dict[str, object]:
        return {}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Pay(BaseModel):
    to: str
    amount: int
    memo: str = ""
    id: uuid.UUID = Field(default_factory=uuid.uuid4)


class Vicious:
    """A value of the caller's own that refuses to be compared."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise ZeroDivisionError


TOOLS = tools_for(Iterable[Weather | Search | Move | Login | Hidden | Open | Pay])
Outcome = ValidCall | CallFailure


def call(name: str, /, **arguments: object) -> Outcome:
    return validate_call(ToolCall("?", name, json.dumps(arguments)), TOOLS)


def weather(location: object, units: str = "metric") -> Outcome:
    return call("Weather", location=location, units=units)


def search(query: object) -> Outcome:
    return call("Search", query=query)


def match(before: Sequence[Outcome], after: Sequence[Outcome]) -> Matching:
    """Match the calls of a reply; corrections by the number of the failed call."""
    result = match_corrections(before, after, known_tools=TOOLS.tools)
    failed_places = [place for place, outcome in enumerate(before) if isinstance(outcome, CallFailure)]
    by_failure = {new: failed_places.index(place) for new, place in result.corrections.items()}
    return dataclasses.replace(result, corrections=by_failure)


def matching(
    corrections: dict[int, int] | None = None, repeats: Iterable[int] = (), additions: tuple[int, ...] = ()
) -> Matching:
    return Matching(corrections or {}, frozenset(repeats), additions)


class TestRules:
    def test_a_faithful_call_corrects_its_failed_call_wherever_it_stands(self) -> None:
        before = [weather("Rome", "kelvin"), weather("Oslo", "kelvin")]

        assert match(before, [weather("Oslo"), weather("Rome")]) == matching({0: 1, 1: 0})

    def test_a_call_that_could_correct_several_goes_where_it_keeps_most(self) -> None:
        vague, exact = call("Move", start="a1", end=5), call("Move", start="a1", end="h8", extra=object.__name__)
        exact = dataclasses.replace(failed(exact), fields=frozenset({"extra"}))

        assert match([vague, exact], [call("Move", start="a1", end="h8"), call("Move", start="a1", end="b2")]) == (
            matching({0: 1, 1: 0})
        )

    def test_a_faithful_call_may_equal_an_accepted_one(self) -> None:
        assert match([weather("Rome"), weather("Rome", "kelvin")], [weather("Rome")]) == matching({0: 0})

    def test_unless_the_reply_visibly_repeats_accepted_calls(self) -> None:
        before = [search("cup"), weather("Rome"), weather("Rome", "kelvin")]

        assert match(before, [search("cup"), weather("Rome")]) == matching(repeats={0, 1})

    def test_and_when_it_repeats_all_the_additional_one_is_the_correction(self) -> None:
        before = [search("cup"), weather("Rome"), weather("Rome", "kelvin")]

        assert match(before, [search("cup"), weather("Rome"), weather("Rome")]) == matching({2: 0}, repeats={0, 1})

    def test_a_repetition_is_taken_once_for_each_accepted_call(self) -> None:
        before = [search("cup"), search("cup"), weather("Rome", "kelvin")]

        assert match(before, [search("cup"), search("cup"), search("cup"), weather("Rome")]) == matching(
            {3: 0}, repeats={0, 1}, additions=(2,)
        )

    def test_a_repetition_may_be_written_differently(self) -> None:
        accepted = call("Weather", units="metric", location="Rome")

        assert match([accepted, search(5)], [call("Weather", location="Rome"), search("5")]) == matching(
            {1: 0}, repeats={0}
        )

    def test_of_one_tool_the_most_similar_call_corrects(self) -> None:
        before = [search({"words": "weather rome"}), search({"words": "cup final"})]

        assert match(before, [search("the final of the cup"), search("weather in rome")]) == matching({0: 1, 1: 0})

    def test_then_the_order_decides(self) -> None:
        assert match([search(1), search(2)], [search("a"), search("b")]) == matching({0: 0, 1: 1})

    def test_the_order_within_a_tool_comes_before_the_order_of_all(self) -> None:
        before = [validate_call(ToolCall("?", name, "-"), TOOLS) for name in ("Search", "Move")]

        assert match(before, [call("Move", start="a", end="b"), search("cup")]) == matching({0: 1, 1: 0})

    def test_a_call_whose_arguments_are_no_json_is_matched_by_its_words(self) -> None:
        broken = [validate_call(ToolCall("?", "Search", text), TOOLS) for text in ('{"query": "rome', '{"query": "cup')]

        assert match(broken, [search("cup"), search("rome")]) == matching({0: 1, 1: 0})

    def test_another_tool_with_the_same_arguments_corrects_a_wrong_name(self) -> None:
        before = [call("Serch", query="rome"), call("Serch", query="cup")]

        assert match(before, [search("cup"), search("rome")]) == matching({0: 1, 1: 0})

    def test_then_another_tool_in_order(self) -> None:
        assert match([call("Buy", thing="rome"), search(3)], [search("3"), weather("Rome")]) == matching({0: 1, 1: 0})

    def test_an_unknown_name_is_corrected_by_whatever_tool_comes(self) -> None:
        before = [search(3), call("Buy", thing="rome")]

        assert match(before, [weather("Rome")]) == matching({0: 1})

    def test_fewer_calls_of_another_tool_leave_it_open_which_failed_call_they_mean(self) -> None:
        assert match([search(3), search(4)], [weather("Rome")]) == matching(additions=(0,))

    def test_what_corrects_nothing_is_an_addition(self) -> None:
        assert match([search("cup"), search(1)], [search("1"), weather("Rome"), search("new")]) == matching(
            {0: 0}, additions=(1, 2)
        )

    def test_a_call_that_fails_again_stands_in_its_place(self) -> None:
        before = [weather("Rome", "kelvin"), weather("Oslo", "kelvin")]

        assert match(before, [weather("Oslo", "rankine"), weather("Rome")]) == matching({0: 1, 1: 0})


class TestRepetitions:
    """What an accepted call looks like when it comes again."""

    def pay(self, to: object, amount: object, **more: object) -> Outcome:
        return call("Pay", to=to, amount=amount, **more)

    def test_a_generated_default_does_not_make_it_another_call(self) -> None:
        before = [self.pay("ann", 5), self.pay("bob", "ten")]

        assert match(before, [self.pay("ann", 5), self.pay("bob", 10)]) == matching({1: 0}, repeats={0})

    def test_nor_does_another_way_of_writing_it(self) -> None:
        assert match([self.pay("ann", 5)], [call("Pay", amount=5, to="ann", memo="")]) == matching(repeats={0})

    def test_two_equal_calls_with_generated_defaults_stay_two(self) -> None:
        before = [self.pay("ann", 5), self.pay("ann", 5), self.pay("bob", "ten")]

        assert match(before, [self.pay("ann", 5)] * 3) == matching(repeats={0, 1}, additions=(2,))

    def test_one_that_is_garbled_is_not_a_new_call(self) -> None:
        before = [self.pay("ann", 5), self.pay("bob", "ten")]

        assert match(before, [self.pay("ann", "five"), self.pay("bob", 10)]) == matching({1: 0}, repeats={0})

    @pytest.mark.parametrize(
        "garbled",
        [
            ToolCall("?", "Pay", '{"to": "ann", "amo'),
            ToolCall("?", "Pay", "{'to': 'ann', 'amount': 5}"),
            ToolCall("?", "Pay", 'Sure! {"to": "ann", "amount": 5}'),
            ToolCall("?", "Pey", '{"to": "ann", "amount": 5}'),
            ToolCall("?", "Pey", '{"amount": 5, "to": "an'),
            ToolCall("?", "Pay", '{"to": "ann"}'),
            ToolCall("?", "Pay", '{"to": "ann", "to": "anna", "amount": 5}'),
        ],
        ids=lambda one: one.arguments,
    )
    def test_however_it_is_garbled(self, garbled: ToolCall) -> None:
        before = [self.pay("ann", 5), self.pay("bob", "ten")]

        assert match(before, [validate_call(garbled, TOOLS), self.pay("bob", 10)]) == matching({1: 0}, repeats={0})

    def test_a_failed_call_that_contradicts_all_accepted_ones_is_new(self) -> None:
        before = [self.pay("ann", 5), self.pay("bob", "ten")]

        assert match(before, [self.pay("bob", 10), self.pay("carl", "six")]) == matching({0: 0}, additions=(1,))

    def test_a_bad_call_next_to_its_own_correction_is_that_call(self) -> None:
        bad = self.pay("bob", "ten")

        assert match([self.pay("ann", 5), bad], [bad, self.pay("bob", 10)]) == matching({1: 0}, repeats={0})

    def test_a_doubtful_place_is_withdrawn_when_the_accepted_call_comes_again(self) -> None:
        places = [self.pay("ann", 5), self.pay("bob", 10), call("Pay")]
        result = match_corrections(places, [self.pay("ann", 5)], known_tools=TOOLS.tools, asked=2)

        assert result == Matching({}, frozenset({0}), (), withdrawn=frozenset({2}))

    def test_but_a_place_of_the_first_reply_never_is(self) -> None:
        places = [self.pay("ann", 5), self.pay("bob", 10), call("Pay", to=7)]
        result = match_corrections(places, [self.pay("ann", 5), self.pay("bob", 10)], known_tools=TOOLS.tools)

        assert result.withdrawn == frozenset()

    @pytest.mark.parametrize("value", [Vicious(), [Vicious()], {"a": Vicious()}])
    def test_objects_that_cannot_be_compared_are_the_same_as_written(self, value: object) -> None:
        outcome = ValidCall(ToolCall("?", "Open", '{"a": 1}'), value)

        assert match_corrections([outcome], [outcome], known_tools=["Open"]).repeats == {0}


class TestAttempts:
    """A place remembers every call that was made for it."""

    def test_a_correction_is_recognized_by_an_earlier_attempt(self) -> None:
        first, later = call("Weather", location="Rome", units="kelvin"), validate_call(ToolCall("?", "W", "{"), TOOLS)
        other = call("Weather", location="Oslo", units="kelvin")
        places = [later, later]
        attempts = {0: [failed(first)], 1: [failed(other)]}
        result = match_corrections(
            places, [weather("Oslo"), weather("Rome")], known_tools=TOOLS.tools, attempts=attempts
        )

        assert result.corrections == {0: 1, 1: 0}

    def test_unknown_names_that_change_do_not_swap_places(self) -> None:
        before = [call("Serch", query="rome"), call("Serch", query="cup")]

        assert match(before, [call("Find", query="cup"), call("Find", query="rome")]) == matching({0: 1, 1: 0})

    def test_an_unknown_name_next_to_broken_json_is_recognized(self) -> None:
        before = [
            validate_call(ToolCall("?", "Search", '{"query": "rome", '), TOOLS),
            validate_call(ToolCall("?", "Search", '{"query": "cup", '), TOOLS),
        ]

        assert match(before, [call("Serch", query="cup")]) == matching({0: 1})

    def test_of_equal_failures_the_first_places_take_the_good_corrections(self) -> None:
        bad = weather("Rome", "kelvin")
        before = [bad, bad, bad]

        assert match(before, [bad, weather("Rome"), weather("Rome", "imperial")]) == matching({1: 0, 2: 1, 0: 2})


class TestSituations:
    """Several fail at once; the model does as it likes."""

    BEFORE = (weather("Rome"), weather("Oslo", "kelvin"), search("cup"), weather("Bern", "kelvin"), search(7))
    OSLO, BERN, SEVEN = weather("Oslo"), weather("Bern"), search("7")

    def test_it_answers_with_the_corrections_in_order(self) -> None:
        assert match(self.BEFORE, [self.OSLO, self.BERN, self.SEVEN]) == matching({0: 0, 1: 1, 2: 2})

    def test_it_reorders_them(self) -> None:
        assert match(self.BEFORE, [self.SEVEN, self.BERN, self.OSLO]) == matching({0: 2, 1: 1, 2: 0})

    def test_it_re_issues_all(self) -> None:
        again = [weather("Rome"), self.OSLO, search("cup"), self.BERN, self.SEVEN]

        assert match(self.BEFORE, again) == matching({1: 0, 3: 1, 4: 2}, repeats={0, 2})

    def test_it_re_issues_all_in_another_order(self) -> None:
        again = [self.SEVEN, self.BERN, search("cup"), self.OSLO, weather("Rome")]

        assert match(self.BEFORE, again) == matching({0: 2, 1: 1, 3: 0}, repeats={2, 4})

    def test_it_answers_with_fewer(self) -> None:
        assert match(self.BEFORE, [self.BERN]) == matching({0: 1})

    def test_it_answers_with_none(self) -> None:
        assert match(self.BEFORE, []) == matching()

    def test_it_answers_with_more(self) -> None:
        assert match(self.BEFORE, [self.OSLO, self.BERN, self.SEVEN, weather("Paris")]) == matching(
            {0: 0, 1: 1, 2: 2}, additions=(3,)
        )

    def test_all_failures_are_alike(self) -> None:
        before = [weather("Rome", "kelvin")] * 3

        assert match(before, [weather("Rome"), weather("Rome", "imperial")]) == matching({0: 0, 1: 1})


class TestIdentity:
    """Two calls are the same only if their objects are; how these are written out does not matter."""

    @pytest.mark.parametrize(
        ("accepted", "new"),
        [
            (call("Login", user="a", password="x"), call("Login", user="a", password="y")),
            (call("Hidden", key=1), call("Hidden", key=2)),
            (call("Move", start="a", end="b"), call("Move", start="a", end="c")),
            (call("Open", more=1), call("Open", more=2)),
            (call("Open", more=1), call("Open", more=True)),
            (call("Open", more=[1, {"a": None}]), call("Open", more=[1, {"a": 0}])),
        ],
        ids=str,
    )
    def test_a_different_call_is_never_taken_for_a_repetition(self, accepted: Outcome, new: Outcome) -> None:
        assert match([accepted], [new]) == matching(additions=(0,))


LOCATIONS = st.sampled_from(["Rome", "Oslo", "Bern"])
GOOD = st.one_of(
    st.builds(weather, LOCATIONS, st.sampled_from(["metric", "imperial"])), st.builds(search, st.sampled_from("abc"))
)
BAD = st.one_of(
    st.builds(weather, LOCATIONS, st.just("kelvin")),
    st.builds(weather, st.integers(0, 2)),
    st.builds(search, st.integers(0, 2)),
    st.builds(lambda name: call(name, query="a"), st.sampled_from(["Serch", "Buy"])),
    st.builds(lambda text: validate_call(ToolCall("?", "Search", text), TOOLS), st.sampled_from(["", "{", "[1]"])),
)
ANY = st.lists(GOOD | BAD, max_size=8)


class TestProperties:
    @given(ANY, ANY)
    def test_every_new_call_lands_exactly_once(self, before: list[Outcome], after: list[Outcome]) -> None:
        result = match(before, after)

        landed = [*result.corrections, *result.repeats, *result.additions]
        assert sorted(landed) == list(range(len(after)))
        assert len(set(result.corrections.values())) == len(result.corrections)

    @given(ANY, ANY)
    def test_no_good_call_is_dropped(self, before: list[Outcome], after: list[Outcome]) -> None:
        """What is left out as a repetition is in the result already, as often as it was left out."""
        result = match(before, after)

        repeated = Counter(repr(after[index]) for index in result.repeats if isinstance(after[index], ValidCall))
        assert repeated <= Counter(repr(outcome) for outcome in before if isinstance(outcome, ValidCall))

    @given(ANY)
    def test_a_pure_repetition_adds_nothing(self, before: list[Outcome]) -> None:
        good = [outcome for outcome in before if isinstance(outcome, ValidCall)]
        result = match(good, good)

        assert result == matching(repeats=range(len(good)))

    @given(st.data())
    def test_a_full_re_issue_in_any_order_gives_the_intended_calls_in_the_first_order(
        self, data: st.DataObject
    ) -> None:
        intended = data.draw(
            st.lists(st.tuples(st.sampled_from(["Weather", "Move"]), st.integers(0, 99)), unique=True, max_size=8)
        )
        spoilt = data.draw(st.sets(st.sampled_from(range(len(intended))))) if intended else set()

        def make(place: int, *, good: bool) -> Outcome:
            name, number = intended[place]
            if name == "Weather":
                return weather(f"place {number}", "metric" if good else "kelvin")
            return call("Move", start=f"field {number}", end="h8" if good else 8)

        before = [make(place, good=place not in spoilt) for place in range(len(intended))]
        order = data.draw(st.permutations(range(len(intended))))
        result = match(before, [make(place, good=True) for place in order])

        failed_places = sorted(spoilt)
        assert {order[index]: failed_places[failure] for index, failure in result.corrections.items()} == {
            place: place for place in spoilt
        }
        assert {order[index] for index in result.repeats} == set(range(len(intended))) - spoilt
        assert result.additions == ()


class TestManyCalls:
    def test_100_000_calls_are_matched_without_comparing_pairs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compared = 0

        def count(left: frozenset[str], right: frozenset[str]) -> float:
            nonlocal compared
            compared += 1
            return 0.0

        monkeypatch.setattr(polycall._engine.matching, "_overlap", count)
        failures = [
            CallFailure(ToolCall("?", "Search", f'{{"query": "{number}", "limit": "x"}}'), "", frozenset({"limit"}))
            for number in range(50_000)
        ]
        new = [
            ValidCall(ToolCall("?", "Search", f'{{"query": "{number}", "limit": 1}}'), number)
            for number in reversed(range(50_000))
        ]

        result = match_corrections(failures, new, known_tools=())

        assert result.corrections == {49_999 - number: number for number in range(50_000)}
        assert compared == 0

    def test_as_are_those_with_nothing_in_common(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(polycall._engine.matching, "_overlap", lambda *_: pytest.fail("pairs are compared"))
        failures = [CallFailure(ToolCall("?", "Search", str(number)), "") for number in range(50_000)]
        new = [ValidCall(ToolCall("?", "Search", f'{{"query": "{number}"}}'), number) for number in range(50_001)]

        result = match_corrections(failures, new, known_tools=())

        assert result == matching({number: number for number in range(50_000)}, additions=(50_000,))

    def test_the_number_of_argument_sets_that_are_looked_up_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(polycall._engine.matching, "_MAX_SHAPES", 3)
        failures = [CallFailure(ToolCall("?", "Open", json.dumps({f"field{number}": 1})), "") for number in range(200)]
        new = [
            ValidCall(ToolCall("?", "Open", json.dumps({f"field{number}": 1})), number)
            for number in reversed(range(200))
        ]

        faithful = {199: 0, 198: 1, 189: 10}  # the first three sets of names, sorted
        others = [number for number in range(200) if number not in faithful.values()]
        in_order = dict(zip([call for call in range(200) if call not in faithful], others, strict=True))
        assert match_corrections(failures, new, known_tools=["Open"]).corrections == {**faithful, **in_order}


def failed(outcome: Outcome) -> CallFailure:
    return outcome if isinstance(outcome, CallFailure) else CallFailure(outcome.tool_call, "spoilt by the test")
