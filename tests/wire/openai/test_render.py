"""``client.render`` shows the request that ``create`` and ``stream`` send: what the server receives, byte for byte."""

from __future__ import annotations

import json
from typing import Any, cast

import openai
import pytest

import polycall
from polycall_openai._sdk.recognition import is_patched
from polycall_openai._session import APIS
from support.openai_replies import Call
from support.openai_server import ChatServer, GoogleSearch, Way, Weather
from support.wire_server import Request

CALLS: list[Call] = [("GoogleSearch", {"query": "a"})]
ADDED_WHILE_SENDING = {"host", "content-length", "connection", "accept-encoding"}
OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "fields": {"temperature": 0.5, "top_k": 40, "extra_body": {"min_p": 0.2, "temperature": 0.25}},
    "headers and query": {"extra_headers": {"X-Call": "1"}, "extra_query": {"trace": "1"}, "timeout": 3},
    "a choice": {"tool_choice": "GoogleSearch", "strict": True},
}


def arguments(**options: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Use tools."},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "GoogleSearch", "arguments": "{oops"}}],
            "provider_data": {"vertex": {"parts": []}},
        },
        {"role": "tool", "tool_call_id": "c", "content": "Error: no JSON", "is_error": True},
        {"role": "user", "content": "Grüße 🏈"},
    ]
    return {"messages": messages, "response_model": list[Weather | GoogleSearch], "model": "gpt-4o-mini", **options}


def assert_same(shown: polycall.RenderedRequest, received: Request, url: str, *, ordered: bool = True) -> None:
    assert shown.method == received.method
    assert shown.url is not None
    assert shown.url.split("?")[0] == f"{url}{received.path}"
    assert json.dumps(shown.body, sort_keys=not ordered) == json.dumps(received.json, sort_keys=not ordered)
    names = {name.lower() for name in shown.headers}
    assert names - ADDED_WHILE_SENDING == set(received.headers) - ADDED_WHILE_SENDING
    assert not any("key" in value for name, value in shown.headers.items() if name.lower() == "authorization")


@pytest.mark.parametrize("name", OPTIONS)
async def test_it_is_the_request_that_the_server_receives(server: ChatServer, way: Way, name: str) -> None:
    server.unknown_fields = True
    server.enqueue(way.reply(CALLS))
    asked = arguments(**OPTIONS[name])

    if way.asynchronous:
        async with server.async_client(**way.client_options) as async_sdk:
            shown = polycall.from_openai(async_sdk, api=way.api).render(**asked, stream=way.streamed)
    else:
        with server.client(**way.client_options) as sdk:
            shown = polycall.from_openai(sdk, api=way.api).render(**asked, stream=way.streamed)
    await way.ask(**asked)

    assert_same(shown, server.requests[0], server.url.removesuffix("/v1"))
    assert "is_error" not in json.dumps(shown.body)
    assert "provider_data" not in json.dumps(shown.body)


@pytest.mark.parametrize("way", ["create", "stream async"], indirect=True)
async def test_it_is_the_request_of_an_instrumented_client_too(server: ChatServer, way: Way) -> None:
    def wrap(sdk: Any) -> None:
        resource = way.resource(sdk)
        create = resource.create
        resource.create = lambda **options: create(**options)
        assert is_patched(sdk, APIS[way.api].endpoint)

    server.enqueue(way.reply(CALLS))
    way.patch = wrap
    make = server.async_client if way.asynchronous else server.client
    sdk = make()
    wrap(sdk)
    client: Any = polycall.from_openai(cast("Any", sdk), api=way.api)
    shown = client.render(**arguments(), stream=way.streamed)

    await way.ask(**arguments())

    # The SDK puts the fields into an order of its own.
    assert_same(shown, server.requests[0], server.url.removesuffix("/v1"), ordered=False)


@pytest.mark.parametrize("deployment", [None, "mine"])
@pytest.mark.parametrize("key", [{"api_key": "k-secret"}, {"azure_ad_token": "t-secret"}])
def test_azure(server: ChatServer, deployment: str | None, key: dict[str, Any]) -> None:
    """The SDK decides on URL and headers: the deployment in the path, the version in the query."""
    options: dict[str, Any] = {"azure_endpoint": server.url.removesuffix("/v1"), "api_version": "2024-10-21", **key}
    if deployment is not None:
        options["azure_deployment"] = deployment
    with openai.AzureOpenAI(**options, max_retries=0) as sdk:
        client = polycall.from_openai(sdk)
        shown = client.render(**arguments())
        server.enqueue(Way(server, api="chat", streamed=False, asynchronous=False).reply(CALLS))
        client.create(**arguments())

    (received,) = server.requests
    assert_same(shown, received, server.url.removesuffix("/v1"))
    assert "api-version=2024-10-21" in str(shown.url)
    assert "secret" not in repr(shown)


def test_a_key_that_is_asked_for_when_a_request_is_sent_is_not_asked_for(server: ChatServer) -> None:
    def key() -> str:
        raise AssertionError

    with server.client(api_key=key) as sdk:
        shown = polycall.from_openai(sdk).render(**arguments())

    assert shown.headers["authorization"] == "***"


def test_changes_to_the_callers_request_are_told(server: ChatServer) -> None:
    with server.client() as sdk:
        client = polycall.from_openai(sdk, server="zai")
        shown = client.render(**arguments(tool_choice="GoogleSearch"))

    (adaptation,) = shown.adaptations
    assert (adaptation.setting, adaptation.given, adaptation.sent) == ("tool_choice", "GoogleSearch", "auto")
    assert [tool["function"]["name"] for tool in cast("Any", shown.body)["tools"]] == ["GoogleSearch"]


def test_nothing_of_one_request_is_shared_with_another(server: ChatServer) -> None:
    asked = arguments()
    with server.client() as sdk:
        client = polycall.from_openai(sdk)
        first: Any = client.render(**asked).body
        before = json.dumps(first)
        first["tools"].clear()
        first["messages"][0]["content"] = "changed"
        first["messages"][1]["tool_calls"].clear()

        assert json.dumps(client.render(**asked).body) == before
