"""What a type checker sees of the public API. Checked by mypy and pyright, never run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict, assert_type

from pydantic import BaseModel, TypeAdapter

import polycall
from polycall import AsyncCallStream, AsyncClient, Calls, CallStream, Client

if TYPE_CHECKING:
    import google.genai
    import openai


class Weather(BaseModel):
    location: str


@dataclasses.dataclass
class Move:
    start: str


class Note(TypedDict):
    text: str


class Report(BaseModel):
    calls: Calls[Weather]


ASK: list[object] = [{"role": "user", "content": "?"}]


def create(client: Client, stream: bool) -> None:
    assert_type(client.create(ASK, Iterable[Weather | Move]), Calls[Weather | Move])
    assert_type(client.create(ASK, list[Weather]), Calls[Weather])
    assert_type(client.create(messages=ASK, response_model=Iterable[Note]), Calls[Note])
    assert_type(client.create(ASK, Iterable[Weather], stream=False, temperature=0.5), Calls[Weather])
    assert_type(client.create(ASK, Iterable[Weather | Move], stream=True), CallStream[Weather | Move])
    assert_type(client.create(ASK, list[Weather], stream=stream), Calls[Weather] | CallStream[Weather])
    assert_type(client.stream(ASK, Iterable[Weather | Move], deltas=True), CallStream[Weather | Move])
    assert_type(client.chat.completions.create(messages=ASK, response_model=Iterable[Weather]), Calls[Weather])
    assert_type(client.chat.completions.stream(ASK, Iterable[Weather]), CallStream[Weather])


def results(calls: Calls[Weather | Move], stream: CallStream[Weather]) -> None:
    assert_type(calls[0], Weather | Move)
    assert_type(calls[:1], tuple[Weather | Move, ...])
    assert_type(calls + calls, tuple[Weather | Move, ...])
    assert_type(calls.of_type(Weather), list[Weather])
    assert_type(calls.continue_with(["sunny"]), list[object])
    assert_type(calls.usage, polycall.Usage | None)
    assert_type(calls.tool_calls, tuple[polycall.ToolCall, ...])
    assert_type(TypeAdapter(Calls[Weather]).validate_json("[]"), Calls[Weather])
    assert_type(Report(calls=Calls([Weather(location="Rome")])).calls, Calls[Weather])
    sequence: Sequence[object] = calls
    any_calls: Calls[object] = calls
    print(sequence, any_calls)
    assert_type(next(stream), Weather)
    assert_type(stream.collect(), Calls[Weather])
    assert_type(stream.calls, Calls[Weather])
    with stream as entered:
        assert_type(entered, CallStream[Weather])
    for call in calls:
        assert_type(call, Weather | Move)
    for event in stream.events():
        if isinstance(event, polycall.CallReady):
            assert_type(event.value, Weather)


async def create_async(client: AsyncClient) -> None:
    assert_type(await client.create(ASK, Iterable[Weather | Move]), Calls[Weather | Move])
    assert_type(await client.create(ASK, Iterable[Weather], stream=True), AsyncCallStream[Weather])
    assert_type(await client.chat.completions.create(ASK, list[Weather]), Calls[Weather])
    stream = client.stream(ASK, Iterable[Weather])
    assert_type(stream, AsyncCallStream[Weather])
    assert_type(await stream, AsyncCallStream[Weather])
    assert_type(await stream.collect(), Calls[Weather])
    async with stream as entered:
        async for call in entered:
            assert_type(call, Weather)


def clients(sync_openai: openai.OpenAI, async_openai: openai.AsyncOpenAI, vertex: google.genai.Client) -> None:
    assert_type(polycall.from_openai(sync_openai), Client)
    assert_type(polycall.from_openai(async_openai, mode=polycall.Mode.PARALLEL_TOOLS), AsyncClient)
    assert_type(polycall.from_vertexai(vertex), Client)
    assert_type(polycall.from_vertexai(vertex, use_async=True), AsyncClient)
    assert_type(polycall.from_provider("openai/model"), Client)
    assert_type(polycall.from_provider("openai/model", async_client=True, api_key="?"), AsyncClient)
    assert_type(polycall.from_config(), Client)
    assert_type(polycall.from_config(profile="fast", async_client=True), AsyncClient)
    assert_type(polycall.from_client(sync_openai, async_client=False), Client)
    assert_type(polycall.from_client(sync_openai), Client | AsyncClient)


def mistakes(client: Client) -> None:
    client.create(ASK, Move)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(ASK, dict[str, Weather], max_retries="2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
