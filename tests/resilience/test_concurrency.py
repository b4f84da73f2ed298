"""One client for many callers, whole and streamed replies mixed, with corrections: nobody gets another's reply."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from resilience.providers import Provider, Said, Search, Told, only

THREADS = 32
TASKS = {"openai": 1_000, "vertex-genai": 200, "vertex-grpc": 300}
"""Fewer where a task costs more: 1,000 tasks on one google-genai client took 101 s, 200 take a few."""


def echo(told: Told, request: str) -> Said:
    """Search for the number of the question; every fourth time with a second call that has to be corrected."""
    found = re.search(r"question (\d+)", request)
    assert found is not None
    if told.results:
        assert told.results[0] == "accepted"
        return Said([("Search", {"query": f"{found[1]} corrected"})], usage=(int(found[1]), 1))
    bad = [("Search", {"query": None})] if int(found[1]) % 4 == 0 else []
    return Said([("Search", {"query": found[1]}), *bad], usage=(int(found[1]), 1))


def question(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"question {number}"}]


def answer(number: int) -> list[Search]:
    corrected = [Search(query=f"{number} corrected")] if number % 4 == 0 else []
    return [Search(query=str(number)), *corrected]


def tokens(number: int) -> int:
    """Counted over all rounds."""
    return 2 * number if number % 4 == 0 else number


@only("openai", "vertex-genai", "vertex-rest", "vertex-grpc")
def test_one_client_and_many_threads(provider: Provider) -> None:
    provider.handler = echo
    client = provider.client()

    def ask(number: int) -> tuple[list[Search], int | None]:
        arguments = provider.arguments(messages=question(number), response_model=list[Search])
        calls = client.stream(**arguments).collect() if number % 2 else client.create(**arguments)
        return list(calls), calls.usage.input_tokens if calls.usage else None

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, range(1, 4 * THREADS)))

    assert answers == [(answer(number), tokens(number)) for number in range(1, 4 * THREADS)]


@only("openai", "vertex-genai", "vertex-grpc")
async def test_one_async_client_and_many_tasks(provider: Provider) -> None:
    provider.handler = echo
    client = provider.async_client()
    tasks = TASKS[provider.name]

    async def ask(number: int) -> tuple[list[Search], int | None]:
        arguments = provider.arguments(messages=question(number), response_model=list[Search])
        calls = await client.stream(**arguments).collect() if number % 2 else await client.create(**arguments)
        return list(calls), calls.usage.input_tokens if calls.usage else None

    answers = await asyncio.gather(*map(ask, range(1, tasks)))

    assert answers == [(answer(number), tokens(number)) for number in range(1, tasks)]


@only("openai", "vertex-genai", "vertex-grpc")
async def test_calls_that_are_cancelled_leave_the_others_alone(provider: Provider) -> None:
    provider.handler = echo
    client = provider.async_client()

    async def ask(number: int) -> list[Search]:
        arguments = provider.arguments(messages=question(number), response_model=list[Search])
        if number % 2:
            return list(await client.stream(**arguments).collect())
        return list(await client.create(**arguments))

    tasks = [asyncio.create_task(ask(number)) for number in range(60)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            await asyncio.sleep(0)
            task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    for number, one in enumerate(answers):
        if number % 3 == 0:
            assert isinstance(one, asyncio.CancelledError) or one == answer(number)
        else:
            assert one == answer(number)
