"""One client for many callers: no reply reaches the wrong one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import polycall
from support.openai_replies import chunks, completion, sse
from support.openai_server import ChatServer, GoogleSearch
from support.wire_server import Reply, Request, reply_json, reply_stream


def echo(request: Request) -> Reply:
    """Search for what the user said; the first time with an argument that has to be corrected."""
    messages = request.json["messages"]
    query = messages[0]["content"]
    calls = [("GoogleSearch", {"query": query if len(messages) > 1 else int(query)})]
    stream = sse(chunks(calls)) if request.json.get("stream") else None
    return reply_json(completion(calls)) if stream is None else reply_stream(stream)


def test_32_threads(server: ChatServer) -> None:
    server.respond_with(echo)
    with server.client() as sdk, ThreadPoolExecutor(32) as pool:
        client = polycall.from_openai(sdk)

        def ask(number: int) -> list[GoogleSearch]:
            messages = [{"role": "user", "content": str(number)}]
            return list(client.create(messages, list[GoogleSearch], "m", stream=number % 2 == 0))

        answers = list(pool.map(ask, range(128)))

    assert answers == [[GoogleSearch(query=str(number))] for number in range(128)]


async def test_300_tasks(server: ChatServer) -> None:
    server.respond_with(echo)
    async with server.async_client() as sdk:
        client = polycall.from_openai(sdk)

        async def ask(number: int) -> list[GoogleSearch]:
            messages = [{"role": "user", "content": str(number)}]
            if number % 2:
                return list(await client.create(messages, list[GoogleSearch], "m"))
            return list(await client.stream(messages, list[GoogleSearch], "m").collect())

        answers = await asyncio.gather(*map(ask, range(300)))

    assert answers == [[GoogleSearch(query=str(number))] for number in range(300)]
