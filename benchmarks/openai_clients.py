"""Clients of the openai SDK: on a transport in the process, or on a socket."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import openai


def _the_sdks_http_library() -> Any:
    """What the SDK rides on: openai 3.x on httpx2, 2.x on httpx; an environment may have both."""
    name = "httpx2" if int(openai.__version__.partition(".")[0]) > 2 else "httpx"
    return importlib.import_module(name)


httpx: Any = _the_sdks_http_library()


class Body:
    """A streamed body, sync and async; ``before`` is called before each piece."""

    def __init__(self, pieces: list[bytes], before: Callable[[int], object] | None = None) -> None:
        self.pieces = pieces
        self.before = before

    def __iter__(self) -> Iterator[bytes]:
        for place, piece in enumerate(self.pieces):
            if self.before is not None:
                self.before(place)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place, piece in enumerate(self.pieces):
            if self.before is not None:
                awaitable = self.before(place)
                if isinstance(awaitable, Awaitable):
                    await awaitable
            yield piece


def body(pieces: list[bytes], before: Callable[[int], object] | None = None) -> Any:
    """`Body` as this SDK's http library wants it."""
    return type("StreamedBody", (Body, httpx.SyncByteStream, httpx.AsyncByteStream), {})(pieces, before)


def handler_of(reply: bytes | Callable[[], Any]) -> Callable[[Any], Any]:
    """A transport's handler that answers everything with one reply: bytes, or what makes a streamed body."""
    if isinstance(reply, bytes):
        return lambda _: httpx.Response(200, content=reply, headers={"content-type": "application/json"})
    return lambda _: httpx.Response(200, stream=reply(), headers={"content-type": "text/event-stream"})


def in_process(reply: bytes | Callable[[], Any]) -> openai.OpenAI:
    """The SDK's client without a network."""
    http_client = httpx.Client(transport=httpx.MockTransport(handler_of(reply)))
    return openai.OpenAI(api_key="none", base_url="http://bench/v1", http_client=http_client)


def in_process_async(reply: bytes | Callable[[], Any]) -> openai.AsyncOpenAI:
    """As `in_process`, async."""
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(handler_of(reply)))
    return openai.AsyncOpenAI(api_key="none", base_url="http://bench/v1", http_client=http_client)


def on_loopback(url: str) -> openai.OpenAI:
    """The SDK's client, on a socket."""
    return openai.OpenAI(api_key="none", base_url=url)


def on_loopback_async(url: str) -> openai.AsyncOpenAI:
    """As `on_loopback`, async."""
    return openai.AsyncOpenAI(api_key="none", base_url=url)
