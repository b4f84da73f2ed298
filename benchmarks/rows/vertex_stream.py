"""Reading a stream of 1,000 chunks with google.genai: CPU time of the client per chunk.

A chunk is what Gemini sends of a longer text; each hundredth is a call.
"""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

import polycall
from benchmarks.jobs.chat import MESSAGES, MODELS, GoogleSearch, Weather
from benchmarks.measure import compare, compare_async
from benchmarks.openai_wire import some_calls
from benchmarks.rows.vertex_create import QUESTION, parameters
from support.vertex_rest_server import VertexRestServer
from support.vertex_wires import MODEL, call, candidate

CHUNKS = 1000
ROUNDS = 10
TARGET = "<= 0.10"


def chunks() -> list[dict[str, Any]]:
    """The responses of one stream."""
    [(name, arguments)] = some_calls(1)
    texts = [candidate({"text": f"and so word {number} goes on "}) for number in range(CHUNKS)]
    for number in range(99, CHUNKS, 100):
        texts[number] = candidate(call(name, dict(arguments)))  # type: ignore[arg-type]
    texts[-1]["candidates"][0]["finishReason"] = "STOP"
    usage = {"promptTokenCount": 40, "candidatesTokenCount": 9, "totalTokenCount": 49, "trafficType": "ON_DEMAND"}
    about = {"modelVersion": MODEL, "createTime": "2026-01-01T00:00:00.123456Z", "responseId": "a1b2c3d4e5"}
    return [{**text, "usageMetadata": usage, **about} for text in texts]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Events in pieces, for sync and async clients."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def sdk_client(**http_options: Any) -> genai.Client:
    """The SDK's client."""
    return genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=Credentials("token"),  # type: ignore[no-untyped-call]
        http_options=types.HttpOptions(**http_options),
    )


def in_process() -> genai.Client:
    """The SDK's client, on a transport that is a function."""
    pieces = [b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks()]
    headers = {"content-type": "text/event-stream"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Body(pieces)))
    return sdk_client(
        httpx_client=httpx.Client(transport=transport), httpx_async_client=httpx.AsyncClient(transport=transport)
    )


def config() -> types.GenerateContentConfig:
    """As by hand."""
    declared = [
        types.FunctionDeclaration(name=n, description=m.__doc__, parameters_json_schema=parameters(m))
        for n, m in MODELS.items()
    ]
    return types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=declared)],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def typed(chunk: types.GenerateContentResponse) -> list[Any]:
    """The calls of a chunk, by hand."""
    return [MODELS[str(each.name)].model_validate(each.args) for each in chunk.function_calls or ()]


def jobs(sdk: genai.Client) -> dict[str, Callable[[], object]]:
    """The jobs, which do the same."""
    client = polycall.from_vertexai(sdk)

    def raw() -> list[Any]:
        stream = sdk.models.generate_content_stream(model=MODEL, contents=QUESTION, config=config())
        return [call for chunk in stream for call in typed(chunk)]

    def ours() -> list[Any]:
        with client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL) as stream:
            return list(stream)

    assert ours() == raw()
    return {"raw SDK": raw, "polycall": ours}


def async_jobs(sdk: genai.Client) -> dict[str, Callable[[], Awaitable[object]]]:
    """The same, async."""
    client = polycall.from_vertexai(sdk, use_async=True)

    async def raw() -> list[Any]:
        stream = await sdk.aio.models.generate_content_stream(model=MODEL, contents=QUESTION, config=config())
        return [call async for chunk in stream for call in typed(chunk)]

    async def ours() -> list[Any]:
        async with client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL) as stream:
            return [call async for call in stream]

    return {"raw SDK": raw, "polycall": ours}


async def measure_async(server: VertexRestServer) -> None:
    """The async half."""
    what = "Vertex, genai client, streamed, per chunk, async"
    result = await compare_async(
        f"{what}, in process", async_jobs(in_process()), target=TARGET, per=CHUNKS, rounds=ROUNDS
    )
    result.show()
    sdk = sdk_client(base_url=server.base_url)
    (await compare_async(f"{what}, loopback", async_jobs(sdk), per=CHUNKS, rounds=ROUNDS)).show()
    await sdk.aio.aclose()


def measure(server: VertexRestServer) -> None:
    """The sync half."""
    what = "Vertex, genai client, streamed, per chunk, sync"
    compare(f"{what}, in process", jobs(in_process()), target=TARGET, per=CHUNKS, rounds=ROUNDS).show()
    sdk = sdk_client(base_url=server.base_url)
    compare(f"{what}, loopback", jobs(sdk), per=CHUNKS, rounds=ROUNDS).show()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    sent = chunks()
    with VertexRestServer(lambda _: sent) as server:
        measure(server)
        asyncio.run(measure_async(server))
