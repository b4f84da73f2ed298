"""A stream holds its connection no longer than it is read, and takes from the server no more than is read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import pytest
from resilience.providers import HttpProvider, Provider, Said, Search, Way, gemini_chunks, only
from resilience.test_faults import classes

from support.vertex_grpc_server import Reply
from support.wire_server import Gate, Step, reply_stream

WIRED = ("openai", "vertex-genai", "vertex-rest", "vertex-grpc")
ASYNC = ("openai", "vertex-genai", "vertex-grpc")
TWO = Said([("Search", {"query": "a"}), ("Search", {"query": "b"}), ("Search", {"query": "c"})], end="missing")
"""``c`` never comes whole; where a call is complete when the next one begins, ``b`` is the last that does."""


@dataclass
class Held:
    """A streamed reply that stops after two calls and never goes on."""

    closed: Callable[[], bool]
    """Whether the server sees the client go, within 5 seconds."""


def hold(provider: Provider) -> Held:
    """Script a reply like this."""
    if isinstance(provider, HttpProvider):
        server = provider.server
        provider.script(lambda streamed: reply_stream([*provider.events(TWO), Gate("the rest")]))
        return Held(lambda: server.requests[0].client_closed.wait(5))
    reply = Reply([*gemini_chunks(TWO), threading.Event()])
    provider.script(reply)  # type: ignore[arg-type]
    return Held(lambda: reply.client_closed.wait(5))


@only(*WIRED)
def test_leaving_closes_the_connection(provider: Provider) -> None:
    held = hold(provider)

    with provider.client().stream(**provider.arguments()) as stream:
        assert next(stream) == Search(query="a")

    assert held.closed()


@only(*WIRED)
def test_an_error_of_the_caller_closes_the_connection(provider: Provider) -> None:
    held = hold(provider)

    with pytest.raises(ZeroDivisionError), provider.client().stream(**provider.arguments()) as stream:
        next(stream)
        1 / 0  # noqa: B018

    assert held.closed()


@only(*ASYNC)
async def test_leaving_closes_the_connection_async(provider: Provider) -> None:
    held = hold(provider)

    async with provider.async_client().stream(**provider.arguments()) as stream:
        assert await anext(stream) == Search(query="a")

    assert await asyncio.to_thread(held.closed)


@only(*ASYNC)
async def test_cancelling_the_task_closes_the_connection(provider: Provider) -> None:
    held = hold(provider)
    seen: list[Any] = []
    two = asyncio.Event()

    async def read() -> None:
        async with provider.async_client().stream(**provider.arguments()) as stream:
            async for call in stream:
                seen.append(call)
                if len(seen) == 2:
                    two.set()

    task = asyncio.create_task(read())
    await two.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [Search(query="a"), Search(query="b")]
    assert await asyncio.to_thread(held.closed)


@only(*ASYNC)
async def test_a_time_out_of_the_callers_closes_the_connection(provider: Provider) -> None:
    held = hold(provider)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await provider.async_client().stream(**provider.arguments()).collect()

    assert await asyncio.to_thread(held.closed)


@only("openai", "vertex-genai", "vertex-rest", streamed=True)
async def test_a_time_out_of_the_sdks_closes_the_connection(provider: Provider, way: Way) -> None:
    held = hold(provider)

    with pytest.raises(classes(provider, "time-out")):
        await provider.ask(way, timeout=0.3)

    assert await asyncio.to_thread(held.closed)


def flood(provider: HttpProvider) -> None:
    """Script two calls, and then words without end, as fast as they are taken."""
    more = provider.words("w" * 60_000)

    def pieces() -> Iterator[Step]:
        yield from provider.events(TWO)
        yield from repeat(more)

    provider.script(lambda streamed: reply_stream(pieces()))


@only("openai", "vertex-genai", "vertex-rest")
def test_back_pressure_reaches_the_server(provider: HttpProvider) -> None:
    """While nobody reads, nothing is read: the server's sends come to a halt."""
    flood(provider)

    with provider.client().stream(**provider.arguments()) as stream:
        next(stream)
        [request] = provider.server.requests
        assert request.send_stalled.wait(10)

    assert request.client_closed.wait(5)


@only("openai", "vertex-genai")
async def test_back_pressure_reaches_the_server_async(provider: HttpProvider) -> None:
    flood(provider)

    async with provider.async_client().stream(**provider.arguments()) as stream:
        await anext(stream)
        [request] = provider.server.requests
        assert await asyncio.to_thread(request.send_stalled.wait, 10)

    assert await asyncio.to_thread(request.client_closed.wait, 5)
