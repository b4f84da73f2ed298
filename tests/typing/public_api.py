"""What a type checker sees of the public API. Checked by mypy and pyright, never run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypedDict, TypeVar, assert_type

from pydantic import BaseModel, TypeAdapter

import polycall
from polycall import AsyncCallStream, AsyncClient, Calls, CallStream, Client, Tool, ToolName

if TYPE_CHECKING:
    import google.genai
    import openai
    from openai.types.chat import ChatCompletionMessageParam

T = TypeVar("T")


class Weather(BaseModel):
    location: str


@dataclasses.dataclass
class Move:
    start: str


class Note(TypedDict):
    text: str


class Box(BaseModel, Generic[T]):
    content: T


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


def forms(client: Client, tool: Tool, tools: list[Tool], any_model: Any) -> None:
    """What the calls are of, for each form of ``response_model``."""
    assert_type(client.create(ASK, Iterable[Weather | Move | Note]), Calls[Weather | Move | Note])
    assert_type(client.create(ASK, Iterable[Annotated[Weather, ToolName("get_weather")] | Move]), Calls[Weather | Move])
    assert_type(client.create(ASK, Iterable[Box[int]]), Calls[Box[int]])
    # No type checker infers the union of the members of a list.
    assert_type(client.create(ASK, [Weather, Move]), Calls[Any])
    assert_type(client.create(ASK, [Weather, tool]), Calls[Any])
    assert_type(client.create(ASK, (Weather, tool)), Calls[Any])
    assert_type(client.create(ASK, tools), Calls[Any])
    assert_type(client.create(ASK, any_model), Calls[Any])
    assert_type(client.stream(ASK, [Weather, tool]), CallStream[Any])


def messages(
    client: Client,
    dicts: Iterable[dict[str, str]],
    sequence: Sequence[object],
    iterator: Iterator[object],
    of_openai: Iterable[ChatCompletionMessageParam],
    calls: Calls[Weather],
) -> None:
    """Every kind of list of messages."""
    client.create([{"role": "user", "content": "?"}], list[Weather])
    client.create(({"role": "user", "content": "?"},), list[Weather])
    client.create(["?"], list[Weather])
    client.create(dicts, list[Weather])
    client.create(sequence, list[Weather])
    client.create(iterator, list[Weather])
    client.create((message for message in ASK), list[Weather])
    client.create(of_openai, list[Weather])
    client.create(calls.continue_with(["sunny"]), list[Weather])
    client.create([{"role": "user", "content": [{"type": "text", "text": "?"}]}], list[Weather])


def errors(invalid: polycall.InvalidCallsError, incomplete: polycall.IncompleteOutputError) -> None:
    assert_type(invalid.calls, Calls[Any])
    assert_type(invalid.failures, tuple[polycall.CallFailure, ...])
    assert_type(incomplete.cut_off, tuple[polycall.ToolCall, ...])
    assert_type(polycall.__version__, str)


def mistakes(client: Client, stream: CallStream[Weather]) -> None:
    client.create(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.stream(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.render(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.chat.completions.create(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.create("hi", list[Weather])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.stream("hi", list[Weather])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.chat.completions.create("hi", list[Weather])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(ASK, Iterable[str])  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.create(ASK, Iterable[Weather | None])  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    client.create(ASK, Move)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create(ASK, None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create(ASK)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.stream(ASK)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create(ASK, list[Weather], 0.2)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create(ASK, dict[str, Weather], max_retries="2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    len(stream)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    stream[0]  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    print(stream.usage)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(polycall.Mode.TOOLS)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def mistakes_async(client: AsyncClient) -> None:
    await client.create(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    await client.create("hi", list[Weather])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.chat.completions.create("hi", list[Weather])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.stream(ASK, Weather)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    for _ in client.stream(ASK, list[Weather]):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
