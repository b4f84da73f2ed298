"""Group I: sync, async, whole and streamed agree."""

from __future__ import annotations

import asyncio
from typing import Any

import polycall
from polycall import Usage
from polycall.testing._conformance.answers import Answer, Call, Fault, Scripted, answer
from polycall.testing._conformance.checks.conversation import BAD
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, TORONTO
from polycall.testing._conformance.checks_table import EVERY_WAY, ONCE, check
from polycall.testing._conformance.trial import Search, Trial

HOOK = "polycall_send_async"


def _ways(t: Trial) -> list[Trial]:
    return [Trial(t.check, way, t.double, t.clients) for way in EVERY_WAY]


async def _all(t: Trial, *replies: Scripted, **options: Any) -> list[polycall.Calls[Any]]:
    return [await one.ask(*replies, **options) for one in _ways(t)]


@check("I01 four_ways_equal_calls", hook=HOOK, ways=ONCE)
async def four_ways_equal_calls(t: Trial) -> None:
    """All four ways give the same objects, calls, text and requests, with corrections too."""
    for replies in ((answer(TORONTO, DALLAS, BOWL),), (answer(TORONTO, BAD, BOWL), answer(DALLAS))):
        first, *others = await _all(t, *replies, max_retries=1)
        for other in others:
            t.equal(list(other), list(first), "the objects")
            t.equal([call.name for call in other.tool_calls], [call.name for call in first.tool_calls], "the names")
            t.equal((other.text, other.finish_reason), (first.text, first.finish_reason), "text and finish reason")


@check("I02 four_ways_equal_errors", hook=HOOK, ways=ONCE)
async def four_ways_equal_errors(t: Trial) -> None:
    """All four ways give errors of the same class with the same good calls."""
    broken = Answer(steps=(Call("Search", {"query": "x"}, "i1"), Call("Search", {}, "i2")))
    cases: list[tuple[Scripted, ...]] = [(broken,)]
    if t.double.has("error_status"):
        cases += [(Fault("auth", "cold"),), (Fault("server_error", "cold"),)]
    for replies in cases:
        seen = []
        for one in _ways(t):
            try:
                await one.ask(*replies)
            except Exception as error:
                seen.append((type(error).__name__, [repr(call) for call in getattr(error, "calls", ())]))
            else:
                t.fail("no error", "an error in every way")
        t.equal(seen, [seen[0]] * 4, "the errors")


@check("I03 four_ways_equal_usage", hook=HOOK, ways=ONCE, needs="usage")
async def four_ways_equal_usage(t: Trial) -> None:
    """All four ways give the same token counts."""
    usages = [calls.usage for calls in await _all(t, answer(BOWL, usage=Usage(input_tokens=5, output_tokens=3)))]
    t.equal(usages, [usages[0]] * 4, "the usage")
    t.true(usages[0] is not None, "None", "the counts")


@check("I04 works_inside_running_loop", hook=HOOK, ways=ONCE)
async def works_inside_running_loop(t: Trial) -> None:
    """A sync client works in a thread of a running loop; async clients work in two loops after each other."""
    due = [Search(query="super bowl")]
    t.script(answer(BOWL))
    t.equal(list(await asyncio.to_thread(lambda: t.clients.sync.create(**t.options()))), due, "the calls in a thread")

    async def once() -> list[object]:
        t.script(answer(BOWL), answer(BOWL))
        async with t.double.async_client() as client:
            calls = await client.create(**t.options())
            return [*calls, *await client.stream(**t.options()).collect()]

    for _ in range(2):
        t.equal(await asyncio.to_thread(asyncio.run, once()), due * 2, "the calls in a loop of its own")
