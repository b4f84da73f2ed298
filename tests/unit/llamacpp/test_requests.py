"""Tools, messages and options in the forms that llama.cpp takes."""

from __future__ import annotations

import json
import time
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from polycall import ConfigurationError, MessageError
from polycall.plugin import Adaptation, Dialect, Request, ToolSpec, read_messages
from polycall_llamacpp import LlamaSettings
from polycall_llamacpp._model.facts import prefix_of_call
from polycall_llamacpp._request.messages import failed_tools, in_plain_words, with_calls
from polycall_llamacpp._request.options import Options, read_options
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE, move_definitions
from polycall_llamacpp._request.tools import LlamaTools, render_tools


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Paint(BaseModel):
    colour: Colour
    code: Annotated[str, Field(pattern=r"^\bA\w+$")]


class Wash(BaseModel):
    colour: Colour


def spec(model: type[BaseModel]) -> ToolSpec:
    return ToolSpec(model.__name__, None, TypeAdapter(model).json_schema())


def rendered(*models: type[BaseModel], choice: str = "required") -> LlamaTools:
    return render_tools([spec(model) for model in models], choice, "constrained", []).payload


def grammar_schema(tools: LlamaTools) -> dict[str, object]:
    line = next(line for line in tools.grammar(3).splitlines() if "%json" in line)
    schema: dict[str, object] = json.loads(line.partition("%json ")[2])
    return schema


def test_definitions_of_different_tools_do_not_meet() -> None:
    schema = grammar_schema(rendered(Paint, Wash))

    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    assert sorted(definitions) == ["Paint.Colour", "Wash.Colour"]
    assert '"$ref": "#/$defs/Wash.Colour"' in json.dumps(schema)
    assert (schema["minItems"], schema["maxItems"]) == (1, 3)


def test_a_property_called_ref_is_left_alone() -> None:
    schema: dict[str, object] = {
        "properties": {"$ref": {"type": "string"}, "x": {"$ref": "#/$defs/A"}, "y": {"const": {"$ref": "#/$defs/A"}}},
        "$defs": {"A": {"type": "null"}},
    }

    assert move_definitions(schema, "T") == (
        {
            "properties": {
                "$ref": {"type": "string"},
                "x": {"$ref": "#/$defs/T.A"},
                "y": {"const": {"$ref": "#/$defs/A"}},
            }
        },
        {"T.A": {"type": "null"}},
    )


def test_a_pattern_that_no_grammar_holds_is_told_in_words() -> None:
    adaptations: list[Adaptation] = []
    tools = render_tools([spec(Paint)], "required", "constrained", adaptations).payload

    assert '"pattern"' not in tools.grammar(3)
    assert json.dumps(r"\bA")[1:-1] in tools.instructions
    assert adaptations == [
        Adaptation(
            setting="tools.Paint.code",
            kind="client_side",
            given={"pattern": r"^\bA\w+$"},
            reason="llama.cpp's grammar cannot express it; the model is told in words, and pydantic checks it.",
        )
    ]


def test_only_the_chosen_tool_is_offered() -> None:
    tools = rendered(Paint, Wash, choice="Wash")

    assert [tool.name for tool in tools.specs] == ["Wash"]
    assert "Paint" not in tools.grammar(3)
    assert "Paint" not in tools.instructions


def test_a_correction_is_of_the_failed_calls_and_no_more() -> None:
    tools = rendered(Paint, Wash)

    grammar = tools.correction_grammar(["Wash"])

    assert '"maxItems":1' in grammar
    assert '"const":"Paint"' not in grammar
    assert '"const":"Paint"' in tools.correction_grammar(["no such tool"])


CALL: dict[str, object] = {
    "id": "a",
    "type": "function",
    "function": {"name": "Wash", "arguments": '{"colour":"red"}'},
}
CONVERSATION: list[object] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "Wash "}, {"type": "text", "text": "it"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "provider_data": {"other": {"signature": "x"}}},
    {"role": "tool", "tool_call_id": "a", "content": "no such colour", "is_error": True},
]


def test_calls_and_results_become_words() -> None:
    conversation = read_messages([*CONVERSATION, "Thanks"], provider="llamacpp")

    assert in_plain_words(conversation, "Call tools.") == [
        {"role": "system", "content": "Be kind.\n\nCall tools."},
        {"role": "user", "content": "Wash it"},
        {"role": "assistant", "content": '[{"name":"Wash","arguments":{"colour":"red"}}]'},
        {"role": "user", "content": "Wash: no such colour\nThanks"},
    ]


def test_for_a_template_that_knows_tools_they_stay_without_polycalls_own_keys() -> None:
    assert with_calls(read_messages(CONVERSATION, provider="llamacpp"), ()) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Wash it"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "name": "Wash", "content": "no such colour"},
    ]


@pytest.mark.parametrize(("arguments", "sent"), [('{"a"', {"_invalid_arguments": '{"a"'}), ("", {})])
def test_arguments_that_are_not_json_are_sent_again_as_json(arguments: str, sent: object) -> None:
    """llama.cpp parses them, and refuses the whole request otherwise."""
    call = {"id": "a", "type": "function", "function": {"name": "Wash", "arguments": arguments}}

    [message] = with_calls(read_messages([{"role": "assistant", "tool_calls": [call]}], provider="llamacpp"), ())

    [again] = TypeAdapter(list[dict[str, Any]]).validate_python(message["tool_calls"])
    assert json.loads(again["function"]["arguments"]) == sent


def test_failed_results_at_the_end_name_the_tools_to_call_again() -> None:
    assert failed_tools(read_messages(CONVERSATION, provider="llamacpp")) == ["Wash"]
    assert failed_tools(read_messages([*CONVERSATION, "Thanks"], provider="llamacpp")) == []


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_a_picture_goes_to_a_model_that_sees_and_no_other() -> None:
    conversation = read_messages([{"role": "user", "content": [IMAGE]}], provider="llamacpp")

    assert with_calls(conversation, {"image"}) == [{"role": "user", "content": [IMAGE]}]
    with pytest.raises(MessageError, match=r"messages\[0\]\.content\[0\]: This model reads text only"):
        with_calls(conversation, ())


def options(*, max_calls: int | None = None, **given: Any) -> Options:
    request = Request(
        provider="llamacpp",
        model=None,
        messages=[],
        tools=(),
        tool_payload=None,
        tool_choice="required",
        strict=None,
        options=given,
        max_calls=max_calls,
    )
    return read_options(request, LlamaSettings())


class TestOptions:
    def test_neutral_ones_are_translated_and_others_pass(self) -> None:
        assert options(max_completion_tokens=7, temperature=0.5, top_k=3, n=1) == Options(
            {"temperature": 0.5, "top_k": 3}, 7, 16
        )

    def test_one_call_is_asked_for_in_two_ways(self) -> None:
        assert options(parallel_tool_calls=False).max_calls == 1
        assert options(max_calls=1).max_calls == 1
        assert options(max_calls=99).max_calls == 16

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"n": 2}, "n: polycall reads one choice"),
            ({"n_cmpl": 2}, "n_cmpl: polycall reads one choice"),
            ({"temperature": float("nan")}, "temperature: the value is not JSON"),
            ({"top_p": float("inf")}, "top_p: the value is not JSON"),
            ({"logit_bias": [[1, float("-inf")]]}, "logit_bias: the value is not JSON"),
            ({"seed": {1, 2}}, "seed: the value is not JSON"),
            ({"max_tokens": "5"}, "max_tokens must be an integer >= 1, got '5'"),
            ({"max_tokens": 0}, "max_tokens must be an integer >= 1, got 0"),
            ({"timeout": 5}, "has no 'timeout'"),
            ({"grammar": "root ::= x"}, "polycall does not accept the option 'grammar'"),
        ],
        ids=str,
    )
    def test_those_that_cannot_work_are_refused(self, given: dict[str, Any], problem: str) -> None:
        with pytest.raises(ConfigurationError, match=problem) as caught:
            options(**given)

        assert caught.value.key == next(iter(given))


def takes(dialect: Dialect, pattern: str) -> bool:
    return dialect.patterns is not None and dialect.patterns.fullmatch(pattern) is not None


class TestPatterns:
    """A grammar with a pattern that a converter does not know is not enforced, and llama.cpp says nothing."""

    @pytest.mark.parametrize(
        "pattern",
        [r"^ab{2}c$", r"^(?:ab|c)+$", r"^[a-c]{2,3}$", r"^\.\-x$", r"^((ab)+c)*$", r"^(a[0-9]){3}$", "^$", r"^a.b$"],
    )
    def test_both_know_the_common_forms(self, pattern: str) -> None:
        assert takes(GRAMMAR, pattern)
        assert takes(NATIVE, pattern)

    @pytest.mark.parametrize("pattern", [r"^\w+@\w+\.\w{2,}$", r"^[\w.-]+$", r"^a+?b$", r"^(\d{3}-){2}\d{4}$"])
    def test_llguidance_knows_more(self, pattern: str) -> None:
        assert [takes(dialect, pattern) for dialect in (GRAMMAR, NATIVE)] == [True, False]

    @pytest.mark.parametrize(
        "pattern",
        [
            *(r"^(?=a)ab$", r"^(?!x)ab$", r"^(?<=a)b$", r"^(?<!a)b$", r"^(?i)ab$", r"^(?P<n>ab)$", r"^(a)\1$"),
            *(r"ab", r"^a|b$", r"^\bab$", r"^\p{L}x$", r"^[a&&b]$", r"^[^a]$", r"^a{2}{3}$", r"^ab*+c$", r"^{a}$"),
            *(r"^a{,3}$", r"^a{100000}$", r"^((a{999}){9}){9}$", r"^x[ab$", r"^(ab$", r"^ab)$", r"^(|*a)$", r"^\<a$"),
        ],
    )
    def test_whatever_they_may_not_know_is_told_in_words(self, pattern: str) -> None:
        assert not takes(GRAMMAR, pattern)
        assert not takes(NATIVE, pattern)

    @pytest.mark.parametrize("part", ["(?:", "(?:a)", "(", "((a)", "(a|", "a?", "[a", "((a{2}){2}", "(((a)))", "\\."])
    @pytest.mark.parametrize("dialect", [GRAMMAR, NATIVE], ids=lambda dialect: dialect.name)
    def test_no_pattern_takes_long(self, dialect: Dialect, part: str) -> None:
        began = time.thread_time()
        for count in range(1, 100):
            takes(dialect, f"^{part * count}\\$")

        assert time.thread_time() - began < 0.5


def test_the_prefix_of_a_call_is_what_a_template_writes_before_its_json() -> None:
    assert prefix_of_call("Q\nA\n", 'Q\nA\n<call>\n{"name": "probe"}', "probe") == "<call>\n"
    assert prefix_of_call("Q\nA\n", "Q\nA\n<fn=probe>{}", "probe") == "<fn="
    assert prefix_of_call("Q\nA\n", 'Q\nB\n<call>{"name": "probe"}', "probe") == ""
    assert prefix_of_call("Q\nA\n", "Q\nA\nno call", "probe") == ""
