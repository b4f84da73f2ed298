"""How far a text argument reaches: up to the words that name the tool or stand in another argument."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall.plugin import JsonObject
from polycall_llamacpp_split._coverage import Coverage, cover
from polycall_llamacpp_split._tools import SplitTool

TEXT: JsonObject = {"type": "string"}


def tool(name: str, description: str = "", **properties: JsonObject) -> SplitTool:
    return SplitTool(name, description, properties, frozenset(properties), {})


WEATHER = tool("Weather", location=TEXT)
SEARCH = tool("GoogleSearch", query=TEXT)
MAIL = tool("send_mail", "Send a letter to someone", to=TEXT, subject={**TEXT, "description": "What it is about"})
EVENT = tool("create_event", title=TEXT, day={"type": "string", "enum": ["monday", "friday"]}, hour={"type": "integer"})


@pytest.mark.parametrize(
    ("request_text", "called", "filled", "short", "left_out", "wide"),
    [
        # Nothing names the tool, so all of it is the text.
        ("who won the super bowl", SEARCH, {}, "super bowl", 2, "who won the super bowl"),
        ("is it raining in Rome", SEARCH, {}, "Rome", 1, "is it raining in Rome"),
        # The tool is named, and nothing else is left over.
        ("What is the weather in Rome", WEATHER, {}, "Rome", 1, "Rome"),
        ("search for black holes", SEARCH, {}, "holes", 1, "black holes"),
        # Another argument is a boundary, and so is what a list or a number will take.
        ("mail Bob about the holiday party", MAIL, {"to": "Bob"}, "party", 1, "holiday party"),
        ("book a dentist visit on Friday at 14", EVENT, {}, "dentist", 2, "book a dentist visit"),
        ("have lunch at 12, team", WEATHER, {"location": "12"}, "lunch", 1, "have lunch"),
        # Words of descriptions name the tool, too.
        ("write someone a letter that dinner is ready", MAIL, {"to": "someone"}, "dinner", 2, "dinner is ready"),
    ],
)
def test_a_span_is_widened_to_what_nothing_else_accounts_for(
    request_text: str, called: SplitTool, filled: Mapping[str, object], short: str, left_out: int, wide: str
) -> None:
    coverage = cover(request_text, called, filled)
    span = coverage.find(short)

    assert coverage.left_out(span) == left_out
    assert coverage.text(coverage.widened(span)) == wide


words = st.lists(st.sampled_from(["the", "of", "who", "rome", "won", "42", "x,"]), min_size=1, max_size=8)


@given(st.data(), words)
def test_widening_keeps_the_span_and_never_leaves_out_more(data: st.DataObject, sequence: list[str]) -> None:
    accounted = data.draw(st.lists(st.booleans(), min_size=len(sequence), max_size=len(sequence)))
    start = data.draw(st.integers(0, len(sequence) - 1))
    end = data.draw(st.integers(start + 1, len(sequence)))
    coverage = Coverage(sequence, accounted)

    first, last = coverage.widened((start, end))

    assert first <= start < end <= last
    assert not any(accounted[first:start])
    assert not any(accounted[end:last])
    assert coverage.left_out((first, last)) <= coverage.left_out((start, end))


@given(words)
def test_a_whole_request_leaves_out_nothing(sequence: list[str]) -> None:
    assert Coverage(sequence, [False] * len(sequence)).left_out((0, len(sequence))) == 0
