"""any-llm: one interface for many providers, and the SDK's models; the typing is left to its user."""

from __future__ import annotations

from typing import Any

from any_llm import AnyLLM

from benchmarks.jobs.chat import MESSAGES, MODEL, TOOLS, Assembly, AsyncJob, validated
from benchmarks.openai_clients import body, handler_of, httpx
from benchmarks.openai_wire import openai_pieces

NAME = "any-llm"
DISTRIBUTION = "any-llm-sdk"
FIRST_CALLS = """
import asyncio
from any_llm import AnyLLM
client = AnyLLM.create("openai", api_key="none", api_base=URL)
reply = asyncio.run(client.acompletion(model="m", messages=messages, tools=tools, tool_choice="required"))
print(validated(reply.choices[0].message.tool_calls))
"""


def _client(reply: Any) -> AnyLLM:
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(handler_of(reply)))
    return AnyLLM.create("openai", api_key="none", api_base="http://bench/v1", http_client=http_client)


def create(reply: bytes) -> AsyncJob:
    """A whole reply."""
    client = _client(reply)

    async def job() -> object:
        whole = await client.acompletion(MODEL, MESSAGES, tools=TOOLS, tool_choice="required")
        return validated(whole.choices[0].message.tool_calls)

    return job


def stream(number_of_chunks: int) -> AsyncJob:
    """The SDK's chunks."""
    pieces = openai_pieces(number_of_chunks)
    client = _client(lambda: body(pieces))

    async def job() -> object:
        assembly = Assembly()
        async for chunk in await client.acompletion(MODEL, MESSAGES, tools=TOOLS, tool_choice="required", stream=True):
            assembly.take(chunk)
        return assembly.end()

    return job
