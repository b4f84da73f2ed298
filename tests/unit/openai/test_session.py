"""What is worked out once for a client: which server it is, and what may be sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from polycall.plugin import ToolSpec
from polycall_openai._chat.request import render_tools
from polycall_openai._tool_calls import CallFactory, raw_call
from polycall_openai._tools import ToolPayload
from support.openai_server import session

TOOL = ToolSpec(
    "Search",
    "Search the web.",
    {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "additionalProperties": False,
    },
)


@pytest.mark.parametrize(
    ("base_url", "version", "strict", "stream_usage"),
    [
        ("https://api.openai.com/v1", None, True, True),
        ("https://eu.api.openai.com/v1", None, True, True),
        ("https://api.openai.com.evil.example/v1", None, False, False),
        ("https://x.openai.azure.com/openai/v1/", "preview", True, True),
        ("https://x.openai.azure.com/openai/deployments/d", "2024-10-21", True, True),
        ("https://x.openai.azure.com/openai/deployments/d", "2024-06-01", True, False),
        ("http://localhost:8000/v1", None, False, False),
        ("http://localhost:11434/v1", None, False, True),
        ("http://localhost:11435/v1", None, False, False),
    ],
)
def test_fields_that_other_servers_may_refuse_go_to_openai_and_azure_only(
    base_url: str, version: str | None, strict: bool, stream_usage: bool
) -> None:
    made = session(base_url, default_query={"api-version": version} if version else None)

    assert (made.server.profile.strict, made.server.stream_usage) == (strict, stream_usage)


@pytest.mark.parametrize(
    ("base_url", "strict", "sent"),
    [
        ("https://api.openai.com/v1", None, True),
        ("https://api.openai.com/v1", False, None),
        ("http://localhost:11434/v1", None, None),
        ("http://localhost:11434/v1", True, True),
    ],
)
def test_strict_is_sent_where_it_is_asked_for_or_fits(base_url: str, strict: bool | None, sent: bool | None) -> None:
    payload = render_tools(session(base_url).server.profile, [TOOL], "auto", strict)

    tools: Any = payload.fields["tools"]
    (tool,) = tools
    assert tool["function"].get("strict") is sent
    assert tool["function"]["description"] == "Search the web."


def test_what_the_dialect_changed_is_undone_beside_the_arguments_as_they_came() -> None:
    def restore(arguments: object) -> object:
        assert isinstance(arguments, Mapping)
        return {key: value for key, value in arguments.items() if value is not None}

    factory = CallFactory(ToolPayload(fields={}, names=frozenset({"Search"}), restore={"Search": restore}))

    def made(arguments: object) -> tuple[object, object]:
        (call,) = factory.make(raw_call({"id": "", "function": {"name": "Search", "arguments": arguments}}), 0)
        return call.arguments, call.normalized_arguments

    assert made('{"a": 1, "b": null}') == ('{"a": 1, "b": null}', {"a": 1})
    assert made({"a": 1, "b": None}) == ({"a": 1, "b": None}, {"a": 1})
    assert made("{broken") == ("{broken", None)


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "c", "type": "custom", "custom": {"name": "Search", "input": "x"}},
        {"id": "c", "type": "web_search"},
        "text",
        {"id": "c", "function": {"name": "multi_tool_use.parallel", "arguments": "{}"}},
        {"id": "c", "function": {"name": "multi_tool_use.parallel", "arguments": '{"tool_uses": [1]}'}},
    ],
)
def test_calls_of_a_kind_that_was_not_offered_are_reported_not_dropped(entry: object) -> None:
    factory = CallFactory(ToolPayload(fields={}, names=frozenset({"Search"}), restore={}))

    (call,) = factory.make(raw_call(entry), 0)

    assert call.problem
