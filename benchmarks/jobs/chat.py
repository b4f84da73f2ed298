"""The same job with the openai SDK alone, as one writes it by hand, and by polycall: Chat Completions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import openai
from pydantic import BaseModel

import polycall

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

Job = Callable[[], object]
AsyncJob = Callable[[], Coroutine[Any, Any, object]]
Jobs = dict[str, Job]
AsyncJobs = dict[str, AsyncJob]


def validated(tool_calls: Any) -> list[BaseModel]:
    """What one writes with the SDK alone."""
    return [MODELS[call.function.name].model_validate_json(call.function.arguments) for call in tool_calls]


class Assembly:
    """What one writes to put streamed calls together: a call is complete when the next one begins."""

    def __init__(self) -> None:
        self.calls: list[BaseModel] = []
        self._index = self._name = None
        self._arguments: list[str] = []

    def take(self, chunk: Any) -> None:
        """The next chunk."""
        if not chunk.choices:
            return
        for delta in chunk.choices[0].delta.tool_calls or ():
            if delta.index != self._index:
                self.end()
                self._index, self._name, self._arguments = delta.index, delta.function.name, []
            self._arguments.append(delta.function.arguments or "")

    def end(self) -> list[BaseModel]:
        """No chunk is left, or none of the call before; all calls so far."""
        if self._name is not None:
            self.calls.append(MODELS[self._name].model_validate_json("".join(self._arguments)))
        return self.calls


def create_jobs(sdk: openai.OpenAI) -> Jobs:
    """The whole job: build the request, send, find the calls, validate."""
    client = polycall.from_openai(sdk)

    def raw() -> object:
        reply = sdk.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required")
        return validated(reply.choices[0].message.tool_calls)

    def ours() -> object:
        return client.create(MESSAGES, list[Weather | GoogleSearch], MODEL)

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours}


def create_jobs_async(sdk: openai.AsyncOpenAI) -> AsyncJobs:
    """As `create_jobs`, async."""
    client = polycall.from_openai(sdk)

    async def raw() -> object:
        reply = await sdk.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required")
        return validated(reply.choices[0].message.tool_calls)

    async def ours() -> object:
        return await client.create(MESSAGES, list[Weather | GoogleSearch], MODEL)

    return {"raw SDK": raw, "polycall": ours}


def stream_jobs(sdk: openai.OpenAI) -> Jobs:
    """Read a stream to its end, each call as soon as it is complete."""
    client = polycall.from_openai(sdk)

    def raw() -> object:
        assembly = Assembly()
        for chunk in sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
        ):
            assembly.take(chunk)
        return assembly.end()

    def ours() -> object:
        return client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    assert raw() == ours()
    return {"raw SDK": raw, "polycall": ours, BYTES: lambda: read_bytes(sdk, "/chat/completions")}


def stream_jobs_async(sdk: openai.AsyncOpenAI) -> AsyncJobs:
    """As `stream_jobs`, async."""
    client = polycall.from_openai(sdk)

    async def raw() -> object:
        assembly = Assembly()
        async for chunk in await sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
        ):
            assembly.take(chunk)
        return assembly.end()

    async def ours() -> object:
        return await client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    async def bytes_alone() -> object:
        response = await sdk.post("/chat/completions", **RAW_STREAM, stream_cls=openai.AsyncStream)
        return sum([len(piece) async for piece in response.http_response.aiter_bytes()])

    return {"raw SDK": raw, "polycall": ours, BYTES: bytes_alone}


RAW_STREAM: Any = {
    "cast_to": object,
    "body": {"model": MODEL, "messages": MESSAGES, "tools": TOOLS, "stream": True},
    "options": {"headers": {"X-Stainless-Raw-Response": "true"}},
    "stream": True,
}
"""For ``client.post``: a stream of which nothing is parsed."""


def read_bytes(sdk: openai.OpenAI, path: str) -> int:
    """The floor for everyone who keeps the SDK: its raw stream, with nothing parsed."""
    response: Any = sdk.post(path, **RAW_STREAM, stream_cls=openai.Stream)
    return sum(map(len, response.http_response.iter_bytes()))
