"""Clients of the openai SDK on a transport in the process or on a socket, and the same job by hand and by polycall."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import openai
from pydantic import BaseModel

import polycall

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.openai_replies import Call, chunks, completion, sse


def _the_sdks_http_library() -> Any:
    """What the SDK rides on: openai 3.x on httpx2, 2.x on httpx; an environment may have both."""
    name = "httpx2" if int(openai.__version__.partition(".")[0]) > 2 else "httpx"
    return importlib.import_module(name)


httpx: Any = _the_sdks_http_library()

MESSAGES: Any = [
    {"role": "system", "content": "You must always use tools"},
    {"role": "user", "content": "What is the weather in toronto and dallas and who won the super bowl?"},
]
MODEL = "gpt-4o-mini"


class Weather(BaseModel):
    """The weather at a place."""

    location: str
    units: str


class GoogleSearch(BaseModel):
    """Search the web."""

    query: str


MODELS: dict[str, type[BaseModel]] = {"Weather": Weather, "GoogleSearch": GoogleSearch}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": model.__doc__, "parameters": schema}}
    for name, model in MODELS.items()
    if (schema := model.model_json_schema())
]


BYTES = "reading the bytes alone"
RAW_STREAM: Any = {
    "cast_to": object,
    "body": {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "stream": True},
    "options": {"headers": {"X-Stainless-Raw-Response": "true"}},
    "stream": True,
}
"""For ``client.post``: a stream of which nothing is parsed."""


def some_calls(number: int) -> list[Call]:
    """Two of three for the weather, the third a search."""
    weather: Call = ("Weather", {"location": "Toronto", "units": "metric"})
    search: Call = ("GoogleSearch", {"query": "who won the super bowl"})
    return [search if place % 3 == 2 else weather for place in range(number)]


def whole_reply(number_of_calls: int) -> bytes:
    """The body of a reply."""
    return json.dumps(completion(some_calls(number_of_calls))).encode()


def stream_pieces(number_of_chunks: int) -> list[bytes]:
    """The events of a stream with one call, four characters of its arguments in each."""
    return sse(chunks([("GoogleSearch", {"query": "word " * (number_of_chunks * 4 // 5)})], piece_chars=4))


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


def validated(tool_calls: Any) -> list[BaseModel]:
    """What one writes with the SDK alone."""
    return [MODELS[call.function.name].model_validate_json(call.function.arguments) for call in tool_calls]


def create_jobs(sdk: openai.OpenAI) -> dict[str, Callable[[], object]]:
    """The whole job: build the request, send, find the calls, validate."""
    client = polycall.from_openai(sdk)

    def raw() -> object:
        reply = sdk.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required")
        return validated(reply.choices[0].message.tool_calls)

    def ours() -> object:
        return client.create(MESSAGES, list[Weather | GoogleSearch], MODEL)

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours}


def create_jobs_async(sdk: openai.AsyncOpenAI) -> dict[str, Callable[[], Awaitable[object]]]:
    """As `create_jobs`, async."""
    client = polycall.from_openai(sdk)

    async def raw() -> object:
        reply = await sdk.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required")
        return validated(reply.choices[0].message.tool_calls)

    async def ours() -> object:
        return await client.create(MESSAGES, list[Weather | GoogleSearch], MODEL)

    return {"raw SDK": raw, "polycall": ours}


def take(arguments: list[str], chunk: Any) -> None:
    """What one writes to put a streamed call together."""
    if chunk.choices and chunk.choices[0].delta.tool_calls:
        arguments.append(chunk.choices[0].delta.tool_calls[0].function.arguments or "")


def stream_jobs(sdk: openai.OpenAI) -> dict[str, Callable[[], object]]:
    """Read a stream with one call to its end."""
    client = polycall.from_openai(sdk)

    def raw() -> object:
        arguments: list[str] = []
        for chunk in sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
        ):
            take(arguments, chunk)
        return [GoogleSearch.model_validate_json("".join(arguments))]

    def ours() -> object:
        return client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    def bytes_alone() -> object:
        return sum(
            map(len, sdk.post("/chat/completions", **RAW_STREAM, stream_cls=openai.Stream).http_response.iter_bytes())
        )

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours, BYTES: bytes_alone}


def stream_jobs_async(sdk: openai.AsyncOpenAI) -> dict[str, Callable[[], Awaitable[object]]]:
    """As `stream_jobs`, async."""
    client = polycall.from_openai(sdk)

    async def raw() -> object:
        arguments: list[str] = []
        async for chunk in await sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
        ):
            take(arguments, chunk)
        return [GoogleSearch.model_validate_json("".join(arguments))]

    async def ours() -> object:
        return await client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    async def bytes_alone() -> object:
        response = await sdk.post("/chat/completions", **RAW_STREAM, stream_cls=openai.AsyncStream)
        return sum([len(piece) async for piece in response.http_response.aiter_bytes()])

    return {"raw SDK": raw, "polycall": ours, BYTES: bytes_alone}
