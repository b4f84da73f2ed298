"""The checker of OpenAI requests refuses what the API refuses, and says where it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from support.openai_replies import tool_call
from support.openai_requests import assert_valid_chat_request, assert_valid_responses_request

Body = dict[str, Any]

TOOL: Body = {
    "type": "function",
    "function": {
        "name": "Weather",
        "description": "Weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}

BODY: Body = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "You must always use tools"},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Toronto and Dallas?"}]},
        {"role": "assistant", "content": None, "tool_calls": [tool_call("Weather", "{", "a"), tool_call("X", {}, "b")]},
        {"role": "tool", "tool_call_id": "a", "content": "not JSON"},
        {"role": "tool", "tool_call_id": "b", "content": "accepted"},
    ],
    "tools": [TOOL],
    "tool_choice": "required",
    "parallel_tool_calls": True,
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": None,
    "stop": None,
    "max_tokens": None,
}


def changed(*path: str | int, to: object = ...) -> Body:
    """``BODY`` with the value at ``path`` replaced, or taken out."""
    body = copy.deepcopy(BODY)
    at: Any = body
    for key in path[:-1]:
        at = at[key]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return body


FUNCTION = ("tools", 0, "function")
PARAMETERS = (*FUNCTION, "parameters")

REFUSED = {
    "no model": (changed("model"), "$: 'model' is a required property"),
    "no messages": (changed("messages", to=[]), "$.messages: [] should be non-empty"),
    "unknown argument": (changed("paralel_tool_calls", to=True), "$: Unevaluated properties are not allowed"),
    "temperature too high": (changed("temperature", to=3), "$.temperature: 3 is greater than the maximum of 2"),
    "null where none is allowed": (changed("parallel_tool_calls", to=None), "$.parallel_tool_calls: None is not of"),
    "unknown role": (changed("messages", 0, "role", to="robot"), "$.messages[0]"),
    "tool message without its id": (
        changed("messages", 3, "tool_call_id"),
        "$.messages[3]: 'tool_call_id' is a required property",
    ),
    "tool message with an object": (changed("messages", 3, "content", to={"a": 1}), "$.messages[3].content: "),
    "arguments that are no text": (
        changed("messages", 2, "tool_calls", 0, "function", "arguments", to={"a": 1}),
        "$.messages[2].tool_calls[0].function.arguments: {'a': 1} is not of type 'string'",
    ),
    "unknown field of a call": (
        changed("messages", 2, "tool_calls", 0, "extra_content", to={}),
        "$.messages[2].tool_calls[0]: Additional properties are not allowed ('extra_content' was unexpected)",
    ),
    "call without an id": (changed("messages", 2, "tool_calls", 0, "id"), "tool_calls[0]: 'id' is a required property"),
    "no calls": (changed("messages", 2, "tool_calls", to=[]), "$.messages[2].tool_calls: is empty; leave it out"),
    "unanswered call": (
        changed("messages", 4),
        "$.messages: the last tool calls have no answer: ['b']",
    ),
    "call answered too late": (
        changed("messages", 4, to={"role": "user", "content": "well?"}),
        "$.messages[4]: these tool calls have no answer before it: ['b']",
    ),
    "answer to nothing": (
        changed("messages", 3, "tool_call_id", to="z"),
        "$.messages[3].tool_call_id: 'z' answers no open tool call",
    ),
    "tool without a function": (changed(*FUNCTION), "$.tools[0]: 'function' is a required property"),
    "tool of the Responses form": (changed("tools", 0, to={"type": "function", "name": "f"}), "$.tools[0]"),
    "name that is no text": (changed(*FUNCTION, "name", to=1), "$.tools[0].function.name: 1 is not of type 'string'"),
    "name with a dot": (changed(*FUNCTION, "name", to="a.b"), "$.tools[0].function.name: 'a.b' is not 1 to 64"),
    "name too long": (changed(*FUNCTION, "name", to="a" * 65), "is not 1 to 64"),
    "description that is no text": (changed(*FUNCTION, "description", to=[]), "description: [] is not of type"),
    "parameters that are no object": (changed(*PARAMETERS, to=[]), "parameters: [] is not of type 'object'"),
    "strict that is no boolean": (changed(*FUNCTION, "strict", to="yes"), "$.tools[0].function.strict: 'yes'"),
    "strict but open": (
        changed(*PARAMETERS, "additionalProperties"),
        "$.tools[0].function.parameters: strict needs additionalProperties: false",
    ),
    "strict but optional": (
        changed(*PARAMETERS, "required", to=[]),
        "$.tools[0].function.parameters: strict needs every property in required",
    ),
    "strict with oneOf": (
        changed(*PARAMETERS, "properties", "location", to={"oneOf": [{"type": "string"}]}),
        "$.tools[0].function.parameters.properties.location: strict does not know 'oneOf'",
    ),
    "strict with an object in a list that is open": (
        changed(*PARAMETERS, "properties", "location", to={"type": "array", "items": {"type": "object"}}),
        "parameters.properties.location.items: strict needs additionalProperties: false",
    ),
    "no tools": (changed("tools", to=[]), "$.tools: 0 tools; 1 to 128 are allowed"),
    "too many tools": (changed("tools", to=[TOOL] * 129), "$.tools: 129 tools; 1 to 128 are allowed"),
    "choice without tools": (changed("tools"), "$.tool_choice: only allowed with tools"),
    "unknown choice": (changed("tool_choice", to="any"), "$.tool_choice: "),
    "choice of an unknown tool": (
        changed("tool_choice", to={"type": "function", "function": {"name": "Stocks"}}),
        "$.tool_choice: 'Stocks' is none of the tools ['Weather']",
    ),
    "stream option that is no boolean": (
        changed("stream_options", "include_usage", to="yes"),
        "$.stream_options.include_usage: 'yes' is not of type 'boolean'",
    ),
}


class TestAssertValidChatRequest:
    def test_valid_body_passes(self) -> None:
        """A body with tools, a whole round of corrections and nulls where they are allowed is no problem."""
        assert_valid_chat_request(BODY)

    @pytest.mark.parametrize(
        "choice",
        [
            "auto",
            {"type": "function", "function": {"name": "Weather"}},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "Weather"}}],
                },
            },
        ],
        ids=["word", "named", "allowed tools"],
    )
    def test_each_form_of_tool_choice_passes(self, choice: object) -> None:
        """Words, a named function and a list of allowed tools are all of the published schema."""
        assert_valid_chat_request(changed("tool_choice", to=choice))

    @pytest.mark.parametrize("name", REFUSED)
    def test_bad_body_is_refused_with_its_place(self, name: str) -> None:
        """Each bad body fails, and the message has the path of what is wrong."""
        body, expected = REFUSED[name]

        with pytest.raises(AssertionError) as caught:
            assert_valid_chat_request(body)

        assert expected in str(caught.value)

    def test_unknown_fields_pass_on_request(self) -> None:
        """Fields of other servers pass with ``unknown_fields``; wrong types of known fields still do not."""
        body = changed("messages", 2, "tool_calls", 0, "extra_content", to={"google": {}})

        assert_valid_chat_request({**body, "top_k": 5}, unknown_fields=True)
        with pytest.raises(AssertionError, match=r"\$\.n: 0 is less than the minimum of 1"):
            assert_valid_chat_request({**body, "n": 0}, unknown_fields=True)


RESPONSES_BODY: Body = {
    "model": "gpt-4o-mini",
    "input": [
        {"role": "user", "content": "Weather in Toronto?"},
        {"type": "function_call", "call_id": "a", "name": "Weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "location is missing"},
    ],
    "tools": [{"type": "function", "name": "Weather", "parameters": {"type": "object"}, "strict": None}],
    "tool_choice": "required",
    "stream": True,
}


class TestAssertValidResponsesRequest:
    def test_valid_body_passes(self) -> None:
        """The flat form of a tool, and a call with its output, are of the published schema."""
        assert_valid_responses_request(RESPONSES_BODY)

    @pytest.mark.parametrize("tool", [TOOL, {"type": "function", "name": 1, "parameters": {}, "strict": True}])
    def test_bad_tool_is_refused(self, tool: Body) -> None:
        """A tool in the form of Chat Completions, or with a name that is no text, fails."""
        with pytest.raises(AssertionError, match=r"tools"):
            assert_valid_responses_request({**RESPONSES_BODY, "tools": [tool]})
