"""What is worked out once for a client: which server it is, and what may be sent to it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from polycall.plugin import RenderedTool, RenderedTools, Reply, SessionTraits, ToolSpec
from polycall_openai._chat.reply import extract_reply
from polycall_openai._chat.request import render_tools
from polycall_openai._tools import ToolPayload
from support.openai_server import neutral_request, session, tool_payload

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
    payload = render_tools(session(base_url).server.profile, [TOOL], "auto", strict, [])

    (tool,) = json.loads(payload.payload)["tools"]
    assert tool["function"].get("strict") is sent
    assert tool["function"]["description"] == "Search the web."


@pytest.mark.parametrize(
    ("base_url", "host", "port", "name"),
    [
        ("https://api.openai.com/v1", "api.openai.com", 443, "openai"),
        ("https://x.openai.azure.com/openai/v1/", "x.openai.azure.com", 443, "azure.ai.openai"),
        ("https://api.deepseek.com", "api.deepseek.com", 443, "deepseek"),
        ("http://user:secret@localhost:8000/v1", "localhost", 8000, None),
    ],
)
def test_extensions_see_where_a_session_sends_to(base_url: str, host: str, port: int, name: str | None) -> None:
    assert session(base_url).traits() == SessionTraits(host=host, port=port, telemetry_name=name)


def test_the_password_of_a_base_url_is_in_no_error() -> None:
    error = session("http://user:secret@localhost:8000/v1").server.errors.not_the_protocol("the reply is HTML", "")

    assert "localhost:8000/v1" in str(error)
    assert "secret" not in str(error)


def test_what_the_dialect_changed_is_undone_beside_the_arguments_as_they_came() -> None:
    def restore(arguments: object) -> object:
        assert isinstance(arguments, Mapping)
        return {key: value for key, value in arguments.items() if value is not None}

    payload: ToolPayload = RenderedTools(b"{}", {"Search": RenderedTool("Search", {}, restore=restore)})

    def made(arguments: object) -> tuple[object, object]:
        (call,) = extracted([{"id": "", "function": {"name": "Search", "arguments": arguments}}], payload).tool_calls
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
        None,
        {},
        {"id": "c", "type": "function", "function": {"arguments": "{}"}},
    ],
)
def test_calls_of_a_kind_that_was_not_offered_are_reported_not_dropped(entry: object) -> None:
    (call,) = extracted([entry], tool_payload("Search")).tool_calls

    assert call.problem


def extracted(entries: list[object], payload: ToolPayload) -> Reply:
    """The reply with these entries of ``tool_calls``."""
    body = {"choices": [{"message": {"tool_calls": entries}, "finish_reason": "tool_calls"}]}
    return extract_reply(session("http://localhost:8000/v1").server, neutral_request(payload), body, None)
