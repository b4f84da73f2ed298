"""Calls under a library that instruments the openai SDK, by polycall and by hand; prints what each recorded.

Runs in an environment of the library's own, which has nothing of this repository's tests. The server at the other end
answers each request once, in the order of `compare`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from pydantic import BaseModel

import polycall

Record = dict[str, Any]

RAW_RESPONSE = "x-stainless-raw-response"
"""The header that only the fast way sends."""


class Weather(BaseModel):
    location: str


class Library:
    """One library: how it is switched on and off, and what it has recorded since it was last asked."""

    apis: tuple[str, ...] = ("chat", "responses")
    """Those that it knows."""

    def make_client(self, *, asynchronous: bool, **options: Any) -> Any:
        """The SDK's client, or the library's own."""
        import openai

        return openai.AsyncOpenAI(**options) if asynchronous else openai.OpenAI(**options)

    def instrument(self) -> None:
        """Switch it on for all clients."""

    def instrument_client(self, client: Any) -> Any:
        """Switch it on for one client, where the library works like that."""
        return client

    def around(self) -> AbstractContextManager[object]:
        """What the library needs around each call."""
        return nullcontext()

    def uninstrument(self) -> None:
        """Switch it off, where it can be."""

    def records(self) -> list[Record]:
        """What it has recorded since it was last asked, as plain data."""
        raise NotImplementedError


class Turn(NamedTuple):
    """One call: what came of it, whether each of its requests went the fast way, what the library recorded."""

    values: list[str]
    fast: list[bool]
    records: list[Record]


@dataclass
class Wire:
    """What went over the wire since it was last cleared, as the hooks of the HTTP client see it."""

    bodies: list[Any] = field(default_factory=list)
    fast: list[bool] = field(default_factory=list)

    def clear(self) -> None:
        self.bodies, self.fast = [], []

    def note(self, request: Any) -> None:
        self.bodies.append(json.loads(request.content))
        self.fast.append(RAW_RESPONSE in request.headers)

    async def note_async(self, request: Any) -> None:
        self.note(request)


class Way:
    """One of the eight ways to ask: which API, streamed or not, sync or async."""

    def __init__(self, url: str, library: Library, *, api: str, streamed: bool, asynchronous: bool) -> None:
        self.url = url
        self.library = library
        self.api = api
        self.streamed = streamed
        self.asynchronous = asynchronous
        self.wire = Wire()
        # Made before the library is switched on.
        self.sdk = self.sdk_client()
        self.client = polycall.from_openai(self.sdk, api=api)

    def __str__(self) -> str:
        return " ".join([self.api, "stream" if self.streamed else "create", *["async"] * self.asynchronous])

    def sdk_client(self) -> Any:
        import openai

        hook: Any = self.wire.note_async if self.asynchronous else self.wire.note
        make: Any = openai.DefaultAsyncHttpxClient if self.asynchronous else openai.DefaultHttpxClient
        # Loading certificates, which plain HTTP does not need, would take most of the time.
        http_client = make(verify=False, event_hooks={"request": [hook]})
        return self.library.make_client(
            asynchronous=self.asynchronous, base_url=self.url, api_key="sk-test", max_retries=0, http_client=http_client
        )

    async def ask(self, client: Any, *, leave: bool = False) -> list[str]:
        """The places that polycall's client says; of a stream only the first if it is to be left."""
        arguments: dict[str, Any] = {
            "messages": [{"role": "user", "content": "What is the weather in the two?"}],
            "response_model": list[Weather],
            "model": "gpt-4o-mini",
        }
        if self.streamed and self.asynchronous:
            async with client.stream(**arguments) as stream:
                return [(await anext(stream)).location] if leave else [call.location async for call in stream]
        if self.streamed:
            with client.stream(**arguments) as stream:
                return [next(stream).location] if leave else [call.location for call in stream]
        calls = client.create(**arguments)
        return [call.location for call in (await calls if self.asynchronous else calls)]

    async def ask_by_hand(self, sdk: Any, body: dict[str, Any], *, leave: bool = False) -> list[str]:
        """The request that polycall sent, with the SDK alone."""
        create = sdk.responses.create if self.api == "responses" else sdk.chat.completions.create
        reply = create(**body)
        if self.asynchronous:
            reply = await reply
        if self.streamed and self.asynchronous:
            async with reply:
                async for _ in reply:
                    if leave:
                        break
        elif self.streamed:
            with reply:
                for _ in reply:
                    if leave:
                        break
        return []


def compare(library: Library, url: str) -> dict[str, dict[str, Turn]]:
    """Ask before, under and after the library's instrumentation, in each way that it knows.

    Requests, in this order: one for each way; then of each way three, and two more if it is streamed; then again one
    for each way.
    """
    ways = [
        Way(url, library, api=api, streamed=streamed, asynchronous=asynchronous)
        for api, streamed, asynchronous in product(library.apis, (False, True), (False, True))
    ]
    turns: dict[str, dict[str, Turn]] = {str(way): {} for way in ways}
    with asyncio.Runner() as runner:

        def take(way: Way, name: str, job: Coroutine[Any, Any, list[str]]) -> None:
            way.wire.clear()
            with library.around():
                values = runner.run(job, context=copy_context()) if way.asynchronous else run_without_a_loop(job)
            if name.startswith("left"):
                runner.run(settle())
            turns[str(way)][name] = Turn(values, way.wire.fast, library.records())

        for way in ways:
            take(way, "before", way.ask(way.client))
        library.instrument()
        gc.freeze()  # what is there by now needs no more looking at
        for way in ways:
            library.instrument_client(way.sdk)
            take(way, "made before", way.ask(way.client))
            sdk = library.instrument_client(way.sdk_client())
            client = polycall.from_openai(sdk, api=way.api)
            take(way, "made after", way.ask(client))
            (body,) = way.wire.bodies
            take(way, "by hand", way.ask_by_hand(sdk, body))
            if way.streamed:
                take(way, "left", way.ask(client, leave=True))
                take(way, "left by hand", way.ask_by_hand(sdk, body, leave=True))
        library.uninstrument()
        for way in ways:
            take(way, "after", way.ask(way.client))
    return turns


def run_without_a_loop(job: Coroutine[Any, Any, list[str]]) -> list[str]:
    """What a coroutine returns that waits for nothing: a sync call is made where no event loop runs."""
    try:
        job.send(None)
    except StopIteration as done:
        values: list[str] = done.value
        return values
    raise AssertionError("A sync way waited.")


async def settle() -> None:
    """Let go of streams that were left, generator within generator: some libraries end their record only then."""
    for _ in range(3):
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)


def main(name: str, url: str) -> None:
    """Compare under the library of that name; the last line printed is the turns of each way as JSON."""
    from instrumentation.programs import libraries

    library: Library = getattr(libraries, name)()
    print("\n" + json.dumps(compare(library, url), default=str), flush=True)
    os._exit(0)  # without what the libraries would send somewhere at exit, again and again
