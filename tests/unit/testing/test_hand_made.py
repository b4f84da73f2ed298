"""Calls that no model made, for what takes calls."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from pydantic import BaseModel, Field

import polycall
from polycall.testing import ScriptedProvider, ScriptError, make_calls


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str = Field(alias="q")


@dataclasses.dataclass
class Sum:
    numbers: list[int]


VALUES = [Weather(location="Rome"), Search(q="cup"), Sum([1])]
ASK: list[object] = [{"role": "user", "content": "Rome?"}]


def test_they_are_calls_of_the_objects() -> None:
    calls = make_calls(VALUES)

    assert isinstance(calls, polycall.Calls)
    assert calls == VALUES
    assert calls.of_type(Weather) == VALUES[:1]
    assert [(one.id, one.name, one.arguments, one.index) for one in calls.tool_calls] == [
        ("call_1", "Weather", '{"location":"Rome"}', 0),
        ("call_2", "Search", '{"q":"cup"}', 1),
        ("call_3", "Sum", '{"numbers":[1]}', 2),
    ]


def test_they_continue_with_results() -> None:
    calls = make_calls(VALUES[:2], messages=ASK, text="Hm.")

    continued = calls.continue_with(["sunny", LookupError("nothing")])

    assert continued == [
        *ASK,
        {
            "role": "assistant",
            "content": "Hm.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "Weather", "arguments": '{"location":"Rome"}'},
                },
                {"id": "call_2", "type": "function", "function": {"name": "Search", "arguments": '{"q":"cup"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": "LookupError: nothing", "is_error": True},
    ]


def test_they_equal_those_of_a_scripted_model() -> None:
    client = ScriptedProvider(VALUES[:2]).client()

    real = client.create(ASK, list[Weather | Search])

    made = make_calls(VALUES[:2], messages=ASK)
    assert (made, made.tool_calls, made.finish_reason) == (real, real.tool_calls, real.finish_reason)
    assert made.continue_with(["a", "b"]) == real.continue_with(["a", "b"])


def test_their_details() -> None:
    usage = polycall.Usage(input_tokens=1)
    calls = make_calls(
        list[Weather](), text="No.", usage=usage, finish_reason=polycall.FinishReason.STOP, provider="x", model="y"
    )

    assert (calls.text, calls.usage, calls.provider, calls.model) == ("No.", usage, "x", "y")
    assert (calls.finish_reason, calls.raw_finish_reason) == (polycall.FinishReason.STOP, "stop")


def test_calls_of_tools_that_are_only_a_schema() -> None:
    given = polycall.ToolCall("abc", "read", {"path": "a.txt"})

    calls = make_calls([given])

    assert calls == [given]
    assert calls.tool_calls == (given,)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda calls: pickle.loads(pickle.dumps(calls))], ids=["copy", "pickle"]
)
def test_they_travel(way: object) -> None:
    calls = make_calls([polycall.ToolCall("abc", "read", {"path": "a.txt"})], messages=ASK)

    assert way(calls).continue_with(["text"]) == calls.continue_with(["text"])  # type: ignore[operator]


def test_an_object_that_cannot_be_a_call_is_an_error() -> None:
    with pytest.raises(ScriptError, match="'Rome' cannot be a call"):
        make_calls(["Rome"])
