"""Group K: many at once, and nobody gets another's calls."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import create_model

import polycall
from polycall.testing._conformance.answers import Answer, Call, Fault, Text, Told, answer
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, THREE, TORONTO
from polycall.testing._conformance.checks_table import ONCE, STREAMED, check
from polycall.testing._conformance.trial import Search, Trial
from polycall.testing.wire import Gate

TASKS = 100
THREADS = 32
PER_THREAD = 3


def _echo(told: Told) -> Answer:
    """Two calls that say who asked."""
    who = next(one.text for one in told.messages if one.role == "user")
    return Answer(steps=tuple(Call("Search", {"query": f"{who} {at}"}, f"{who}-{at}") for at in range(2)))


def _asking(t: Trial, who: str) -> dict[str, Any]:
    return t.options(messages=[{"role": "user", "content": who}])


def _due(who: str) -> list[Search]:
    return [Search(query=f"{who} {at}") for at in range(2)]


@check("K01 one_hundred_tasks", hook="polycall_send_async", ways=("create async", "stream async"))
async def one_hundred_tasks(t: Trial) -> None:
    """Of a hundred tasks at once each gets its own calls."""
    t.double.handler = _echo
    client = t.clients.asynchronous

    async def one(number: int) -> bool:
        who = f"task {number}"
        if t.streamed:
            async with client.stream(**_asking(t, who)) as stream:
                calls = await stream.collect()
        else:
            calls = await client.create(**_asking(t, who))
        return list(calls) == _due(who)

    t.equal((await asyncio.gather(*map(one, range(TASKS)))).count(True), TASKS, "the tasks with the right calls")


@check("K02 thirty_two_threads", hook="polycall_send", ways=("create", "stream"))
async def thirty_two_threads(t: Trial) -> None:
    """Of thirty-two threads at once, with one client, each gets its own calls."""
    t.double.handler = _echo
    client = t.clients.sync

    def one(number: int) -> bool:
        who = f"thread {number}"
        if t.streamed:
            with client.stream(**_asking(t, who)) as stream:
                calls: polycall.Calls[Any] = stream.collect()
        else:
            calls = client.create(**_asking(t, who))
        return list(calls) == _due(who)

    count = THREADS * PER_THREAD
    with ThreadPoolExecutor(THREADS) as pool:
        done = await asyncio.to_thread(lambda: list(pool.map(one, range(count))))
    t.equal(done.count(True), count, "the requests with the right calls")


@check("K03 one_decoder_one_reply", hook="polycall_create_decoder", ways=STREAMED, needs="stream")
async def one_decoder_one_reply(t: Trial) -> None:
    """Two streams that are read in turns do not meet: a decoder shares nothing with another."""
    gates = [Gate("first"), Gate("second")]
    words = (Text("left"),) if t.double.has("text") else ()
    t.script(answer(*words, TORONTO, DALLAS, gates[0], BOWL), answer(BOWL, TORONTO, gates[1], DALLAS))
    first = t.open()
    seen: list[list[Any]] = [[await first.next()], []]
    second = t.open()
    seen[1].append(await second.next())
    for gate in gates:
        gate.open()
    seen[0] += await first.rest()
    seen[1] += await second.rest()
    t.equal(seen, [THREE, [THREE[2], THREE[0], THREE[1]]], "the calls of both streams")
    t.equal(second.calls.text, None, "the text of the second stream")
    await first.close()
    await second.close()


@check("K04 payload_cache_shared_safely", hook="polycall_render_tools", ways=ONCE)
async def payload_cache_shared_safely(t: Trial) -> None:
    """Threads that render different tools at once each send their own."""
    t.double.handler = lambda told: answer((told.tools[0], {"value": 1}))
    tools: list[Any] = [create_model(f"Shared{at}", value=(int, ...), __doc__=f"Do {at}.") for at in range(8)]

    def one(number: int) -> bool:
        tool = tools[number % len(tools)]
        return list(t.clients.sync.create(**t.options(response_model=_list_of(tool)))) == [tool(value=1)]

    with ThreadPoolExecutor(8) as pool:
        done = await asyncio.to_thread(lambda: list(pool.map(one, range(32))))
    t.equal(done.count(True), 32, "the requests with the right tools")


def _list_of(tool: Any) -> Any:
    return list[tool]


@check("K05 hung_calls_starve_nobody", hook="polycall_send_async", ways=("create async",), needs="network")
async def hung_calls_starve_nobody(t: Trial) -> None:
    """Calls that hang and are cancelled leave the next one, and other people's threads, alone."""
    t.script(*[Fault("hang")] * 20)
    tasks = [asyncio.create_task(t.ask()) for _ in range(20)]
    for _ in range(2_000):
        if len(t.told) == 20:
            break
        await asyncio.sleep(0.005)
    t.equal(len(t.told), 20, "the requests at the server at once")
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    async with asyncio.timeout(10):
        t.equal(list(await t.ask(answer(BOWL))), [THREE[2]], "the next call")
        await asyncio.to_thread(int)
