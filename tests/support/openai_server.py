"""A Chat Completions server for the real SDK, and the four ways to ask it: whole or streamed, sync or async."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Any, Literal

import openai
from pydantic import BaseModel

import polycall
from support.openai_replies import USAGE, Call, chunks, completion, sse
from support.openai_requests import assert_valid_chat_request
from support.wire_server import Reply, WireServer, reply_json, reply_stream


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


class ChatServer(WireServer):
    """Speaks Chat Completions; `check_requests` fails for what OpenAI would refuse."""

    unknown_fields = False
    """Let fields pass that OpenAI does not have, in a test of what other servers need."""

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.requests]

    def check_requests(self) -> None:
        for request in self.requests:
            if request.path.endswith("/chat/completions"):
                assert_valid_chat_request(request.json, unknown_fields=self.unknown_fields)

    def client(self, **options: Any) -> openai.OpenAI:
        # Loading the certificates, which plain HTTP does not need, would take most of a test's time.
        http_client = openai.DefaultHttpxClient(verify=False)
        return openai.OpenAI(**{**self._options(http_client), **options})

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        http_client = openai.DefaultAsyncHttpxClient(verify=False)
        return openai.AsyncOpenAI(**{**self._options(http_client), **options})

    def _options(self, http_client: object) -> dict[str, Any]:
        return {"base_url": self.url, "api_key": "sk-test", "max_retries": 0, "http_client": http_client}


class Way:
    """One of the ways to ask: whole or streamed, sync or async. Each gives all calls, or raises."""

    def __init__(self, server: ChatServer, *, streamed: bool, asynchronous: bool) -> None:
        self.server = server
        self.streamed = streamed
        self.asynchronous = asynchronous
        self.client_options: dict[str, Any] = {}
        self.patch: Callable[[Any], None] = lambda client: None

    async def ask(self, response_model: Any = list[Weather | GoogleSearch], **options: Any) -> polycall.Calls[Any]:
        arguments: dict[str, Any] = {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "What is the weather, and who won?"}],
            "response_model": response_model,
            **options,
        }
        if not self.asynchronous:
            with self.server.client(**self.client_options) as sdk:
                self.patch(sdk)
                client = polycall.from_openai(sdk)
                if not self.streamed:
                    return typing.cast("polycall.Calls[Any]", client.create(**arguments))
                with client.stream(**arguments) as stream:
                    return stream.collect()
        async with self.server.async_client(**self.client_options) as async_sdk:
            self.patch(async_sdk)
            async_client = polycall.from_openai(async_sdk)
            if not self.streamed:
                return typing.cast("polycall.Calls[Any]", await async_client.create(**arguments))
            async with async_client.stream(**arguments) as async_stream:
                return await async_stream.collect()

    def reply(self, calls: Sequence[Call] = (), **options: Any) -> Reply:
        """The same reply in the form that this way asks for."""
        if self.streamed:
            return reply_stream(sse(chunks(calls, **{"usage": USAGE, **options})))
        return reply_json(completion(calls, **options))


WAYS = {
    "create": (False, False),
    "stream": (True, False),
    "create async": (False, True),
    "stream async": (True, True),
}
