"""A server that checks each request as OpenAI would, and the ways to ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.openai_server import WAYS, ChatServer, Way


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server
    server.check_requests()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, server: ChatServer) -> Way:
    api, streamed, asynchronous = WAYS[request.param]
    return Way(server, api=api, streamed=streamed, asynchronous=asynchronous)
