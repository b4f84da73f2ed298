"""Tools and messages in the forms that llama.cpp takes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from polycall.plugin import ToolSpec
from polycall_llamacpp._model.facts import prefix_of_call
from polycall_llamacpp._request.messages import in_plain_words
from polycall_llamacpp._request.payload import ToolPayload, make_payload
from polycall_llamacpp._request.schema import move_definitions


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


def grammar_schema(payload: ToolPayload) -> dict[str, object]:
    line = next(line for line in payload.grammar.splitlines() if "%json" in line)
    schema: dict[str, object] = json.loads(line.partition("%json ")[2])
    return schema


def test_definitions_of_different_tools_do_not_meet() -> None:
    schema = grammar_schema(make_payload([spec(Paint), spec(Wash)], "required", 3))

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
    payload = make_payload([spec(Paint)], "required", 3)

    assert '"pattern"' not in payload.grammar
    assert json.dumps(r"\bA")[1:-1] in payload.instructions


def test_only_the_chosen_tool_is_offered() -> None:
    payload = make_payload([spec(Paint), spec(Wash)], "Wash", 3)

    assert [tool.name for tool in payload.offered] == ["Wash"]
    assert "Paint" not in payload.grammar
    assert "Paint" not in payload.instructions


def test_a_correction_is_of_the_failed_calls_and_no_more() -> None:
    payload = make_payload([spec(Paint), spec(Wash)], "required", 16)

    grammar = payload.correction_grammar(["Wash"])

    assert '"maxItems":1' in grammar
    assert '"const":"Paint"' not in grammar
    assert '"const":"Paint"' in payload.correction_grammar(["no such tool"])


def test_calls_and_results_become_words() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "Wash", "arguments": '{"colour":"red"}'}}
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Wash "}, {"type": "text", "text": "it"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "done"},
        {"role": "user", "content": "Thanks"},
    ]

    assert in_plain_words(messages, "Call tools.") == [
        {"role": "system", "content": "Be kind.\n\nCall tools."},
        {"role": "user", "content": "Wash it"},
        {"role": "assistant", "content": '[{"name":"Wash","arguments":{"colour":"red"}}]'},
        {"role": "user", "content": "Wash: done\nThanks"},
    ]


def test_the_prefix_of_a_call_is_what_a_template_writes_before_its_json() -> None:
    assert prefix_of_call("Q\nA\n", 'Q\nA\n<call>\n{"name": "probe"}', "probe") == "<call>\n"
    assert prefix_of_call("Q\nA\n", "Q\nA\n<fn=probe>{}", "probe") == "<fn="
    assert prefix_of_call("Q\nA\n", 'Q\nB\n<call>{"name": "probe"}', "probe") == ""
    assert prefix_of_call("Q\nA\n", "Q\nA\nno call", "probe") == ""
