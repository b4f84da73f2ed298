"""Mistakes whose errors come out of the SDK's connections."""

from __future__ import annotations

import asyncio
import gc
import warnings

import openai
import pytest

import polycall
from support.openai_replies import Call, chunks, completion, sse
from support.openai_server import ChatServer, GoogleSearch
from support.wire_server import Gate, reply_json, reply_stream

MESSAGES = [{"role": "user", "content": "?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": "a"}), ("GoogleSearch", {"query": "b"})]
ENDED = (
    "This client of provider 'openai' belongs to an event loop that has ended: its connections ended with it. Make the "
    "client inside of the coroutine that asyncio.run() runs, or call asyncio.run() once."
)


def client_of(server: ChatServer) -> polycall.AsyncClient:
    return polycall.from_provider("openai/m", async_client=True, base_url=server.url, api_key="none", max_retries=0)


@pytest.mark.parametrize("streams", [False, True])
def test_an_async_client_in_a_second_event_loop(server: ChatServer, streams: bool) -> None:
    """Its pool has a connection that the first loop kept alive."""
    server.enqueue(*[reply_json(completion(CALLS))] * 2)
    client = client_of(server)

    async def ask(client: polycall.AsyncClient) -> object:
        if streams:
            return await client.stream(MESSAGES, list[GoogleSearch]).collect()
        return await client.create(MESSAGES, list[GoogleSearch])

    asyncio.run(client.create(MESSAGES, list[GoogleSearch]))
    with pytest.raises(polycall.ClientClosedError) as raised:
        asyncio.run(ask(client))

    assert str(raised.value) == ENDED
    cause = raised.value.__cause__
    assert isinstance(cause, RuntimeError) or isinstance(cause and cause.__cause__, RuntimeError)  # openai 2.0.0
    del cause
    del client, raised
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # the connection that nobody can close any more


def test_a_closed_client_sends_nothing() -> None:
    client = polycall.from_provider("openai/m", base_url="http://localhost:9", api_key="none")
    client.close()

    with pytest.raises(polycall.ClientClosedError, match="This client of provider 'openai' is closed"):
        client.create(MESSAGES, list[GoogleSearch])


@pytest.mark.parametrize("way", ["calls", "events"])
def test_a_stream_that_is_left_without_a_block_leaves_no_noise(server: ChatServer, way: str) -> None:
    """``async for ...: break`` alone; an event loop complains of async generators that are left."""
    events = sse(chunks(CALLS))
    server.enqueue(reply_stream([*events[:-2], Gate("never"), *events[-2:]]))
    complaints: list[dict[str, object]] = []
    client = client_of(server)

    async def leave(client: polycall.AsyncClient) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        stream = client.stream(MESSAGES, list[GoogleSearch])
        async for _ in stream if way == "calls" else stream.events():
            break
        del stream

    asyncio.run(leave(client))

    assert complaints == []
    del client
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # the connection that nobody can close any more


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user"}],
        [{"role": "user", "text": "?"}],
        [{"role": "human", "content": "?"}],
        ("user", "hello"),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_messages_that_say_nothing_are_refused_before_anything_is_sent(
    server: ChatServer, api: str, messages: list[object]
) -> None:
    with server.client() as sdk, pytest.raises(polycall.MessageError):
        polycall.from_openai(sdk, api=api).create(messages, list[GoogleSearch], "m")


def test_with_a_prompt_that_the_server_keeps_there_may_be_no_message() -> None:
    with openai.OpenAI(api_key="none") as sdk:
        client = polycall.from_openai(sdk, api="responses", model="m")
        rendered = client.render([], list[GoogleSearch], prompt={"id": "pmpt_1"})

    assert isinstance(rendered.body, dict)
    assert rendered.body["input"] == []
