"""From what a provider sent to a `ToolCall`: ids, names, arguments; nothing that a model writes raises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from polycall import SchemaError, ToolCall
from polycall._toolkit.calls import (
    CallIds,
    CallMaker,
    RenderedTool,
    RenderedTools,
    earlier_call_ids,
    make_call_id,
    render_tool,
    resolve_name,
)
from polycall._toolkit.json_values import JsonObject
from polycall.plugin import Dialect, ToolSpec

CITY: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}


def unquote(arguments: object) -> object:
    """A dialect that sends the city as a list of one, and so has to be undone."""
    if not isinstance(arguments, dict):
        return arguments
    city = arguments.get("city")
    return {**arguments, "city": city[0]} if isinstance(city, list) and city else arguments


TOOLS = RenderedTools(
    payload=["weather", "forecast"],
    tools={
        "weather": RenderedTool("weather", CITY),
        "forecast": RenderedTool("forecast", CITY, restore=unquote),
        "Über": RenderedTool("Über", CITY, sent_name="Uber"),
    },
)


def make(name: str, arguments: object, *, lenient: bool = False, problem: str | None = None) -> ToolCall:
    return CallMaker(TOOLS, lenient=lenient).make(0, "call_1", name, arguments, problem)


# Ids


def test_an_id_is_kept_byte_for_byte() -> None:
    ids = CallIds()

    assert [ids.claim("call_1"), ids.claim(" ü/\ud800"), ids.claim("0")] == ["call_1", " ü/\ud800", "0"]


@pytest.mark.parametrize("sent", [None, "", 7, "taken", "again", ["list"]])
def test_an_id_is_made_up_where_there_is_no_usable_one(sent: object) -> None:
    ids = CallIds(["taken"])
    ids.claim("again")

    assert re.fullmatch("call_[0-9a-f]{24}", ids.claim(sent))


def test_a_provider_may_have_its_own_form_of_ids() -> None:
    numbers = iter(range(10))
    ids = CallIds(["c0"], make=lambda: f"c{next(numbers)}")

    assert [ids.claim(None), ids.claim("c1"), ids.claim("c3"), ids.claim(None)] == ["c1", "c2", "c3", "c4"]


@given(st.lists(st.one_of(st.none(), st.text(max_size=2))), st.sets(st.text(max_size=2)))
def test_ids_are_unique_in_the_conversation(sent: list[str | None], taken: set[str]) -> None:
    ids = CallIds(taken)

    claimed = [ids.claim(one) for one in sent]

    assert len(set(claimed) | taken) == len(claimed) + len(taken)
    assert "" not in claimed


def test_made_up_ids_differ() -> None:
    assert len({make_call_id() for _ in range(1000)}) == 1000


def test_the_ids_of_earlier_calls_and_results_are_found() -> None:
    messages: list[object] = [
        "text",
        {"role": "user", "content": "hello"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {}}, {"id": "b"}, {"id": None}, {}, "odd", None]},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "assistant", "tool_calls": None},
        {"role": "tool", "tool_call_id": ["unhashable"]},
        {"role": "assistant", "tool_calls": [{"id": ["unhashable"]}]},
        object(),
        None,
    ]

    assert earlier_call_ids(messages) == {"a", "b", "c"}


# Names


@pytest.mark.parametrize("prefix", ["", "functions.", "default_api.", "default_api:", "tools."])
def test_a_name_space_before_a_known_name_is_stripped(prefix: str) -> None:
    assert resolve_name(f"{prefix}weather", {"weather"}) == "weather"


@pytest.mark.parametrize("name", ["", "wether", "functions.wether", "functions.functions.weather", "my.weather", "."])
def test_unknown_names_stay(name: str) -> None:
    assert resolve_name(name, {"weather"}) == name


def test_a_tool_whose_name_looks_like_a_name_space_is_itself() -> None:
    assert resolve_name("functions.weather", {"weather", "functions.weather"}) == "functions.weather"


def test_other_name_spaces() -> None:
    assert resolve_name("api/weather", {"weather"}, ["api/"]) == "weather"
    assert CallMaker(TOOLS, prefixes=["api/"]).make(0, None, "api/weather", "{}").name == "weather"
    assert CallMaker(TOOLS, prefixes=[]).make(0, None, "functions.weather", "{}").name == "functions.weather"


@pytest.mark.parametrize("sent", ["Uber", "functions.Uber", "Über"])
def test_a_name_that_was_sent_in_another_form_is_mapped_back(sent: str) -> None:
    assert make(sent, "{}").name == "Über"
    assert TOOLS.sent_name("Über") == "Uber"
    assert TOOLS.sent_name("weather") == "weather"
    assert TOOLS.sent_name("unknown") == "unknown"


def test_which_names_are_tools_and_how_they_may_grow() -> None:
    maker = CallMaker(TOOLS)

    assert maker.is_tool("weather")
    assert maker.is_tool("Uber")
    assert not maker.is_tool("Über")
    assert not maker.is_tool("functions.weather")
    assert maker.may_continue("wea", "th")
    assert maker.may_continue("weather", "")
    assert not maker.may_continue("weather", "s")
    assert maker.resolve("default_api:weather") == "weather"


# Arguments


def test_text_stays_byte_for_byte() -> None:
    text = ' {"city":\n"K\\u00f6ln", "city": "Bonn" } '

    assert make("weather", text) == ToolCall("call_1", "weather", text, 0)


@pytest.mark.parametrize(
    "text", ["", "null", "{", "[1]", '"text"', '{"city": "\\ud800"}', '{"city": "\ud800"}', "[" * 999]
)
@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("name", ["weather", "forecast", "unknown"])
def test_broken_text_is_left_for_validation(text: str, name: str, lenient: bool) -> None:
    assert make(name, text, lenient=lenient) == ToolCall("call_1", name, text, 0)


def test_decoded_arguments_stay_the_same_object() -> None:
    arguments = {"city": "Köln"}

    call = make("weather", arguments)

    assert call.arguments is arguments
    assert call.normalized_arguments is None


@pytest.mark.parametrize(
    ("sent", "expected"), [(None, ""), ([1, "a"], '[1,"a"]'), (7, "7"), (True, "true"), (1.5, "1.5")]
)
def test_other_values_become_their_json_text(sent: object, expected: str) -> None:
    assert make("weather", sent).arguments == expected


@pytest.mark.parametrize("arguments", ['{"city": ["Bonn"]}', {"city": ["Bonn"]}])
def test_the_dialect_is_undone_beside_the_arguments(arguments: str | JsonObject) -> None:
    call = make("functions.forecast", arguments)

    assert call == ToolCall("call_1", "forecast", arguments, 0, {"city": "Bonn"})


@pytest.mark.parametrize("arguments", ['{"city": "Bonn"}', {"city": "Bonn"}, "", "{}"])
def test_where_nothing_is_undone_nothing_is_normalized(arguments: str | JsonObject) -> None:
    assert make("forecast", arguments).normalized_arguments is None


def test_a_known_problem_is_kept_and_nothing_is_undone() -> None:
    call = make("functions.forecast", '{"city": ["Bonn"]}', problem="cannot be read")

    assert call == ToolCall("call_1", "forecast", '{"city": ["Bonn"]}', 0, problem="cannot be read")


def nested(depth: int) -> JsonObject:
    value: JsonObject = {}
    for _ in range(depth):
        value = {"city": value}
    return value


@pytest.mark.parametrize("name", ["weather", "forecast", "unknown"])
@pytest.mark.parametrize("sent", [nested(5000), {"city": [nested(5000)]}, [nested(5000)]])
def test_arguments_that_are_nested_too_deeply_are_a_problem(name: str, sent: object) -> None:
    call = make(name, sent)

    assert call == ToolCall("call_1", name, {}, 0, problem="the arguments are nested too deeply")
    assert CallMaker(TOOLS).make_cut_off(0, "call_1", "weather", [nested(5000)]).arguments == ""


def test_arguments_that_contain_themselves_are_a_problem() -> None:
    loop: JsonObject = {}
    loop["arguments"] = loop

    assert make("weather", loop).problem == "the arguments are nested too deeply"
    lenient = CallMaker(TOOLS, lenient=True)
    call = lenient.make(0, "call_1", "weather", loop, adjust=lambda tool, same: same)
    assert call.problem == "the arguments are nested too deeply"


def test_the_protocol_is_undone_after_the_dialect() -> None:
    def to_upper_case(tool: RenderedTool, arguments: Mapping[str, object]) -> object:
        return {"city": f"{tool.name}: {arguments['city']}".upper()}

    call = CallMaker(TOOLS).make(0, "call_1", "forecast", {"city": ["Bonn"]}, adjust=to_upper_case)

    assert call.normalized_arguments == {"city": "FORECAST: BONN"}
    assert call.arguments == {"city": ["Bonn"]}


def test_equal_numbers_of_another_type_are_a_change() -> None:
    call = CallMaker(TOOLS).make(0, "call_1", "weather", {"city": 1.0}, adjust=lambda tool, arguments: {"city": 1})

    assert repr(call.normalized_arguments) == "{'city': 1}"


def test_a_protocol_that_leaves_arguments_alone_normalizes_nothing() -> None:
    maker = CallMaker(TOOLS)

    assert maker.make(0, "a", "weather", {"city": 1}, adjust=lambda tool, same: same).normalized_arguments is None
    assert maker.make(0, "b", "weather", '{"city": 1}', adjust=lambda tool, same: same).normalized_arguments is None
    assert maker.make(0, "c", "unknown", {"city": 1}, adjust=lambda tool, same: {}).normalized_arguments is None


def test_a_value_error_of_the_protocol_is_the_calls_problem() -> None:
    def refuse(tool: RenderedTool, arguments: Mapping[str, object]) -> object:
        raise ValueError("city: the number was rounded")

    call = CallMaker(TOOLS).make(0, "call_1", "weather", {"city": 1}, adjust=refuse)

    assert call == ToolCall("call_1", "weather", {"city": 1}, 0, problem="city: the number was rounded")


def test_the_id_of_a_call_that_was_reported_before() -> None:
    maker = CallMaker(TOOLS, CallIds(["call_1"]))
    claimed = maker.ids.claim("call_1")

    assert maker.make(0, "call_1", "weather", "{}", id=claimed).id == claimed != "call_1"
    assert maker.make(1, claimed, "weather", "{}").id != claimed


def test_a_cut_off_call_keeps_what_came() -> None:
    call = CallMaker(TOOLS, lenient=True).make_cut_off(2, "call_1", "functions.forecast", '{"city": ["Bo')

    assert call == ToolCall("call_1", "forecast", '{"city": ["Bo', 2)


# Habits


def test_arguments_that_are_said_twice_count_once() -> None:
    assert make("weather", '{"city": "a"}{"city": "a"}', lenient=True).arguments == '{"city": "a"}'
    assert make("forecast", '{"city": ["a"]}{"city": ["a"]}', lenient=True).normalized_arguments == {"city": "a"}


@pytest.mark.parametrize("text", ['{"city": "a"}{"city": "b"}', '{"city": "a"}{"city":  "a"}', "}{", "{}{", '{"}{"}'])
def test_two_different_halves_are_not_a_repetition(text: str) -> None:
    assert make("weather", text, lenient=True).arguments == text


@pytest.mark.parametrize(
    "envelope",
    [
        '{"arguments": {"city": "Bonn"}}',
        ' {\n"parameters" : {"city": "Bonn"}}',
        '{"name": "weather", "arguments": {"city": "Bonn"}}',
        '{"arguments": {"city": "Bonn"}, "name": "functions.weather"}',
        '{"arguments": "{\\"city\\": \\"Bonn\\"}"}',
        '{"arguments": {"arguments": {"city": "Bonn"}}}',
    ],
)
def test_an_envelope_around_the_arguments_is_opened(envelope: str) -> None:
    for sent in (envelope, json.loads(envelope)):
        call = make("weather", sent, lenient=True)

        assert call == ToolCall("call_1", "weather", sent, 0, {"city": "Bonn"})
        assert make("weather", sent).normalized_arguments is None


@pytest.mark.parametrize(
    "text",
    [
        '{"arguments": {"city": "Bonn"}, "city": "Bonn"}',
        '{"name": "other", "arguments": {"city": "Bonn"}}',
        '{"name": 7, "arguments": {"city": "Bonn"}}',
        '{"arguments": {"city": "Bonn"}, "name": "weather", "id": "1"}',
        '{"arguments": 7}',
        '{"arguments": ""}',
        '{"arguments": "Bonn"}',
        '{"name": "weather", "city": "Bonn"}',
        '{"arguments": {"city": "Bonn"}',
    ],
)
def test_what_only_looks_like_an_envelope_is_left_alone(text: str) -> None:
    assert make("weather", text, lenient=True) == ToolCall("call_1", "weather", text, 0)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"arguments": {"type": "object"}}},
        {"properties": {"city": {}}, "additionalProperties": True},
        {"properties": {"city": {}}, "additionalProperties": {"type": "object"}},
        {"properties": {}},
        {"additionalProperties": {"type": "object"}},
    ],
)
def test_a_tool_that_may_take_such_a_field_keeps_it(schema: JsonObject) -> None:
    tools = RenderedTools(None, {"run": RenderedTool("run", schema)})

    call = CallMaker(tools, lenient=True).make(0, "call_1", "run", '{"arguments": {"city": "Bonn"}}')

    assert call.normalized_arguments is None


def test_the_dialect_is_undone_inside_an_envelope() -> None:
    call = make("forecast", '{"arguments": {"city": ["Bonn"]}}', lenient=True)

    assert call.normalized_arguments == {"city": "Bonn"}


@pytest.mark.parametrize("encode", [json.dumps, lambda value: json.dumps(json.dumps(value))], ids=["once", "twice"])
@pytest.mark.parametrize("name", ["multi_tool_use.parallel", "multi_tool_use_parallel", "parallel"])
def test_a_wrapper_stands_for_the_calls_inside(name: str, encode: Callable[[object], str]) -> None:
    uses = [
        {"recipient_name": "functions.weather", "parameters": {"city": "Bonn"}},
        {"recipient_name": "forecast", "parameters": '{"city": ["Bonn"]}'},
        {"recipient_name": "weather"},
    ]
    maker = CallMaker(TOOLS, lenient=True)

    calls = maker.make_all(3, "call_1", name, encode({"tool_uses": uses}))

    assert maker.is_wrapper(name)
    assert [(call.index, call.name, call.arguments, call.normalized_arguments) for call in calls] == [
        (3, "weather", {"city": "Bonn"}, None),
        (4, "forecast", '{"city": ["Bonn"]}', {"city": "Bonn"}),
        (5, "weather", "", None),
    ]
    assert len({call.id for call in calls}) == 3


def test_an_entry_of_a_wrapper_that_names_no_tool_is_a_call_with_a_problem() -> None:
    uses = [{"parameters": {}}, 7, {"recipient_name": None}]

    calls = CallMaker(TOOLS, lenient=True).make_all(0, "call_1", "parallel", {"tool_uses": uses})

    assert [call.problem for call in calls] == [
        "an entry of parallel does not name a tool; call each tool by itself"
    ] * 3
    assert [call.arguments for call in calls] == [{"parameters": {}}, "7", {"recipient_name": None}]


@pytest.mark.parametrize("arguments", ["", "{}", '{"tool_uses": []}', '{"tool_uses": {}}', "[", None, {}, 7])
def test_a_wrapper_without_calls_is_a_call_with_a_problem(arguments: object) -> None:
    (call,) = CallMaker(TOOLS, lenient=True).make_all(0, "call_1", "parallel", arguments)

    assert (call.id, call.name) == ("call_1", "parallel")
    assert call.problem == "parallel holds no calls that can be read; call each tool by itself"


def test_a_tool_of_that_name_is_not_a_wrapper() -> None:
    tools = RenderedTools(None, {"parallel": RenderedTool("parallel", {})})
    maker = CallMaker(tools, lenient=True)

    assert not maker.is_wrapper("parallel")
    assert maker.make_all(0, "call_1", "parallel", '{"tool_uses": []}') == [
        ToolCall("call_1", "parallel", '{"tool_uses": []}', 0)
    ]


def test_a_protocol_without_such_habits_has_no_wrapper() -> None:
    assert not CallMaker(TOOLS).is_wrapper("parallel")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.sampled_from(["weather", "forecast", "Uber", "functions.forecast", "parallel", "x"])


@given(st.text(), names, json_values | st.text(), st.booleans())
def test_nothing_that_a_model_writes_raises(id_: str, name: str, value: object, lenient: bool) -> None:
    for sent in (
        value,
        {"tool_uses": [value]},
        {"arguments": value},
        json.dumps(value),
        json.dumps({"arguments": value}),
    ):
        maker = CallMaker(TOOLS, lenient=lenient)

        calls = maker.make_all(0, id_, name, sent)

        assert [call.index for call in calls] == list(range(len(calls)))
        assert all(isinstance(call.arguments, (str, Mapping)) for call in calls)
        assert maker.make_cut_off(0, id_, name, sent).problem is None


# Rendered tools


class Legs(BaseModel):
    cities: dict[str, int]


def test_a_tool_is_rendered_with_what_undoes_its_dialect() -> None:
    spec = ToolSpec("Legs", None, Legs.model_json_schema())

    tool = render_tool(spec, Dialect(name="entries", maps="entries"), sent_name="legs_")

    assert (tool.name, tool.sent_name) == ("Legs", "legs_")
    tools = RenderedTools(None, {"Legs": tool})
    sent = {"cities": [{"key": "Bonn", "value": 1}]}
    assert tools.restored("Legs", sent) == {"cities": {"Bonn": 1}}
    assert CallMaker(tools).make(0, "a", "legs_", sent).normalized_arguments == {"cities": {"Bonn": 1}}


def test_a_tool_that_cannot_be_rendered_is_refused() -> None:
    spec = ToolSpec("Legs", None, Legs.model_json_schema())

    with pytest.raises(SchemaError):
        render_tool(spec, Dialect(name="no references", max_depth=1))


def test_restoring_leaves_alone_what_needs_nothing() -> None:
    arguments = {"city": ["Bonn"]}

    assert TOOLS.restored("weather", arguments) is arguments
    assert TOOLS.restored("unknown", arguments) is arguments
    assert TOOLS.restored("forecast", arguments) == {"city": "Bonn"}
