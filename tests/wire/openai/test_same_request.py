"""The request of the fast way is the one that the SDK sends by hand: what is set on the client stays in force."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import openai
import pytest

from support.openai_replies import Call
from support.openai_server import ChatServer, GoogleSearch, Way
from support.wire_server import Request, too_many_requests

CALLS: list[Call] = [("GoogleSearch", {"query": "a"})]
VALUES = [GoogleSearch(query="a")]
FAST = "x-stainless-raw-response"

ClientOptions = Callable[[Way], Mapping[str, object]]


def refreshed_key(way: Way) -> Mapping[str, object]:
    """A key that is asked for before each request."""
    numbers = itertools.count(1)

    def key() -> str:
        return f"key-{next(numbers)}"

    async def key_async() -> str:
        return key()

    return {"api_key": key_async if way.asynchronous else key}


CLIENTS: Mapping[str, ClientOptions] = {
    "as made": lambda way: {},
    "organization and project": lambda way: {"organization": "org-1", "project": "proj-1"},
    "headers": lambda way: {"default_headers": {"X-Team": "blue", "User-Agent": "mine"}},
    "query": lambda way: {"default_query": {"version": "1"}},
    "time-out": lambda way: {"timeout": 7.5},
    "base URL": lambda way: {"base_url": f"{way.server.url}/deep/er/"},
    "refreshed key": refreshed_key,
}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "headers": {"extra_headers": {"X-Call": "1", "X-Team": "green"}},
    "query": {"extra_query": {"trace": "1"}},
    "time-out": {"timeout": 3.5},
}


async def by_hand(way: Way, body: Mapping[str, Any], **options: Any) -> None:
    """The same call with the SDK alone."""
    if not way.asynchronous:
        with way.server.client(**way.client_options) as sdk:
            reply = way.resource(sdk).create(**body, **options)
            if way.streamed:
                list(reply)
        return
    async with way.server.async_client(**way.client_options) as sdk_async:
        reply = await way.resource(sdk_async).create(**body, **options)
        if way.streamed:
            async for _ in reply:
                pass


def said(request: Request) -> Mapping[str, object]:
    """All that a request says, but for the mark of the fast way."""
    headers = {name: value for name, value in request.headers.items() if name != FAST}
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        "body": request.json,
    }


@pytest.mark.parametrize("name", CLIENTS)
async def test_of_a_client_as_it_is_set_up(server: ChatServer, way: Way, name: str) -> None:
    server.enqueue(way.reply(CALLS), way.reply(CALLS))

    way.client_options = {**CLIENTS[name](way)}
    assert await way.ask() == VALUES
    way.client_options = {**CLIENTS[name](way)}
    await by_hand(way, server.bodies[0])

    ours, theirs = server.requests
    assert said(ours) == said(theirs)
    assert ours.headers[FAST] == "true"


@pytest.mark.parametrize("name", OPTIONS)
async def test_of_a_call_with_options_of_its_own(server: ChatServer, way: Way, name: str) -> None:
    server.enqueue(way.reply(CALLS), way.reply(CALLS))

    assert await way.ask(**OPTIONS[name]) == VALUES
    await by_hand(way, server.bodies[0], **OPTIONS[name])

    ours, theirs = server.requests
    assert said(ours) == said(theirs)


async def test_a_key_is_asked_for_before_each_request(server: ChatServer, way: Way) -> None:
    server.enqueue(too_many_requests(0.01), way.reply(CALLS))
    way.client_options = {**refreshed_key(way), "max_retries": 1}

    assert await way.ask() == VALUES

    assert [request.headers["authorization"] for request in server.requests] == ["Bearer key-1", "Bearer key-2"]


async def test_the_retries_are_the_sdks(server: ChatServer, way: Way) -> None:
    server.enqueue(*(too_many_requests(0.01), way.reply(CALLS)) * 2)
    way.client_options = {"max_retries": 1}

    assert await way.ask() == VALUES
    await by_hand(way, server.bodies[0])

    assert [said(request) for request in server.requests[:2]] == [said(request) for request in server.requests[2:]]
    assert [request.headers["x-stainless-retry-count"] for request in server.requests[:2]] == ["0", "1"]


async def test_a_proxy_is_asked(server: ChatServer, way: Way) -> None:
    server.enqueue(way.reply(CALLS), way.reply(CALLS))

    def through_a_proxy() -> dict[str, Any]:
        make: Any = openai.DefaultAsyncHttpxClient if way.asynchronous else openai.DefaultHttpxClient
        return {"base_url": "http://openai.example/v1", "http_client": make(verify=False, proxy=server.url)}

    way.client_options = through_a_proxy()
    assert await way.ask() == VALUES
    way.client_options = through_a_proxy()
    await by_hand(way, server.bodies[0])

    ours, theirs = server.requests
    assert said(ours) == said(theirs)
    assert ours.headers["host"] == "openai.example"
