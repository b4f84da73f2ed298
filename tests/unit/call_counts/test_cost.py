"""What a call costs, counted and not timed: the same on a busy machine as on an idle one.

Counted are the function calls, of Python and of C, that polycall's own code makes; what the SDK does within them is not
ours and differs from version to version. Newer Pythons need fewer (from 3.12 on a comprehension is no function), so the
budgets are those of Python 3.11.

A test that fails here has found code that does more for each call or chunk than before. If that is worth it, put the
count that the failure shows, and a tenth, in place of the old budget, and say why in the commit.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import polycall
import polycall_openai
from support import counting
from support.counting import Counter
from support.openai_replies import chunks, completion, sse

# What the SDK rides on; both may be installed.
_HTTPX: Any = importlib.import_module("httpx2" if int(openai.__version__.partition(".")[0]) > 2 else "httpx")

CREATE_WITH_3_CALLS = 290
EACH_FURTHER_CALL = 17.6
STREAM_OF_1000_CHUNKS = 18_300
SHARE_OF_THE_SDK = 0.365
"""All function calls of a ``create`` with three calls, the SDK's included, beside those of the SDK by hand."""

MESSAGES = [{"role": "user", "content": "What is the weather in Toronto, Dallas and Rome?"}]


class Weather(BaseModel):
    location: str
    units: str


def count(job: Callable[[], object]) -> Counter:
    """The function calls of a job that has been done before."""
    return counting.count(job, polycall, polycall_openai)


class Pieces:
    """A body in pieces, for sync and async clients."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


def answer(number_of_calls: int) -> Callable[[Any], Any]:
    """A transport's handler: one whole reply."""
    body = json.dumps(completion([("Weather", {"location": "Toronto", "units": "metric"})] * number_of_calls)).encode()
    return lambda _: _HTTPX.Response(200, content=body, headers={"content-type": "application/json"})


def sdk_client(handler: Callable[[Any], Any]) -> openai.OpenAI:
    """The SDK's client, on a transport that is a function."""
    transport = _HTTPX.MockTransport(handler)
    return openai.OpenAI(api_key="none", base_url="http://test/v1", http_client=_HTTPX.Client(transport=transport))


def create(number_of_calls: int) -> Callable[[], object]:
    client = polycall.from_openai(sdk_client(answer(number_of_calls)))
    return lambda: client.create(MESSAGES, list[Weather], "m")


def by_hand(number_of_calls: int) -> Callable[[], object]:
    """The same with the SDK alone."""
    sdk = sdk_client(answer(number_of_calls))
    tools: Any = [{"type": "function", "function": {"name": "Weather", "parameters": Weather.model_json_schema()}}]

    def job() -> object:
        messages: Any = MESSAGES
        reply = sdk.chat.completions.create(model="m", messages=messages, tools=tools, tool_choice="required")
        calls: Any = reply.choices[0].message.tool_calls
        return [Weather.model_validate_json(call.function.arguments) for call in calls]

    return job


def stream(number_of_chunks: int) -> Callable[[], object]:
    arguments = {"location": "x" * (number_of_chunks * 4), "units": "metric"}
    pieces = sse(chunks([("Weather", arguments)], piece_chars=4))[:number_of_chunks]
    body: Any = type("Body", (Pieces, _HTTPX.SyncByteStream), {})(pieces)
    headers = {"content-type": "text/event-stream"}
    client = polycall.from_openai(sdk_client(lambda _: _HTTPX.Response(200, stream=body, headers=headers)))

    def job() -> None:
        with client.stream(MESSAGES, list[Weather], "m") as calls, pytest.raises(polycall.IncompleteOutputError):
            calls.collect()

    return job


def test_create_with_three_calls() -> None:
    assert count(create(3)).ours <= CREATE_WITH_3_CALLS


def test_each_further_call() -> None:
    assert (count(create(503)).ours - count(create(3)).ours) / 500 <= EACH_FURTHER_CALL


def test_async_costs_no_more_than_a_few_calls_beyond_sync() -> None:
    transport = _HTTPX.MockTransport(answer(3))
    http_client = _HTTPX.AsyncClient(transport=transport)
    sdk = openai.AsyncOpenAI(api_key="none", base_url="http://test/v1", http_client=http_client)
    client = polycall.from_openai(sdk)

    async def session() -> Counter:
        async def create() -> object:
            return await client.create(MESSAGES, list[Weather], "m")

        for _ in range(3):
            await create()
        counter = Counter(polycall, polycall_openai)
        with counter.counting():
            await create()
        return counter

    assert asyncio.run(session()).ours <= CREATE_WITH_3_CALLS * 1.1


def test_a_thousand_chunks() -> None:
    """The reply breaks off after them, so that what is counted is chunks and not the end."""
    assert count(stream(1000)).ours <= STREAM_OF_1000_CHUNKS


def test_chunks_cost_the_same_at_the_end_of_a_long_stream() -> None:
    short, long = count(stream(1000)).ours, count(stream(8000)).ours

    assert long <= short * 8


def test_the_sdk_is_not_asked_to_parse() -> None:
    """Its models are most of the cost of a call by hand."""
    assert count(create(3)).all <= count(by_hand(3)).all * SHARE_OF_THE_SDK


def test_counts_are_the_same_each_time() -> None:
    assert count(create(3)).ours == count(create(3)).ours
