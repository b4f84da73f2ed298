"""Group J: who leaves closes the connection, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from polycall.testing._conformance.answers import Break, Fault, answer
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, THREE, TORONTO
from polycall.testing._conformance.checks_table import STREAMED, check
from polycall.testing._conformance.trial import Trial
from polycall.testing.wire import Gate

HOOK = "polycall_open_stream"
NEEDS = ("stream", "network")
WAIT_S = 10
TIME_OUT_S = 0.5
LATE_S = 1.5
"""How much later than asked for a time-out may come: machines of tests are busy."""


async def _reached(t: Trial, gate: Gate) -> None:
    t.true(await asyncio.to_thread(gate.reached.wait, WAIT_S), "no request", "a request that waits for its reply")


async def _left(t: Trial, gate: Gate) -> None:
    left = await asyncio.to_thread(t.double.client_left, len(t.told) - 1, WAIT_S)
    gate.open()
    t.true(left, "a connection that is still open", "one that is closed")


async def _new_client(t: Trial, **settings: object) -> Any:
    return t.double.async_client(**settings) if t.asynchronous else t.double.client(**settings)


async def _close(t: Trial, client: Any) -> None:
    await client.close() if t.asynchronous else client.close()


@check("J01 left_before_first_chunk", hook=HOOK, ways=STREAMED, needs=NEEDS)
async def left_before_first_chunk(t: Trial) -> None:
    """A stream that is left before its first chunk closes the connection; nobody waits for the reply."""
    gate = Gate("before the first event")
    t.script(answer(gate, TORONTO))
    stream = t.open()
    waiting = asyncio.ensure_future(stream.next())
    await _reached(t, gate)
    if t.asynchronous:
        waiting.cancel()
    await asyncio.wait_for(stream.close(), WAIT_S)
    try:
        await asyncio.wait_for(asyncio.wait([waiting]), WAIT_S)
    except TimeoutError:
        t.fail("a reader that still waits", "one that is woken")
    waiting.cancelled() or waiting.exception()
    await _left(t, gate)


@check("J02 left_half_way", hook=HOOK, ways=STREAMED, needs=NEEDS)
async def left_half_way(t: Trial) -> None:
    """A stream that is left after its first call closes the connection, and what was complete is kept."""
    gate = Gate("half way")
    t.script(answer(TORONTO, DALLAS, gate, BOWL))
    stream = t.open()
    t.equal(await asyncio.wait_for(stream.next(), WAIT_S), THREE[0], "the first call")
    await asyncio.wait_for(stream.close(), WAIT_S)
    await _left(t, gate)
    t.equal(list(stream.calls)[:1], THREE[:1], "the calls of the stream that was left")


@check("J03 break_in_loop", hook=HOOK, ways=STREAMED, needs=NEEDS)
async def break_in_loop(t: Trial) -> None:
    """A loop that is broken out of, in a ``with`` block, closes the connection."""
    gate = Gate("in the loop")
    t.script(answer(TORONTO, DALLAS, gate, BOWL))
    if t.asynchronous:
        async with t.clients.asynchronous.stream(**t.options()) as asynchronous:
            async for _ in asynchronous:
                break
    else:
        with t.clients.sync.stream(**t.options()) as stream:
            for _ in stream:
                break
    await _left(t, gate)


@check("J04 task_cancelled", hook="polycall_send_async", ways=("create async", "stream async"), needs="network")
async def task_cancelled(t: Trial) -> None:
    """A cancelled task ends with ``CancelledError`` and without the connection; the client goes on working."""
    gate = Gate("for ever")
    hangs = t.streamed and t.double.has("stream")
    t.script(answer(gate, TORONTO) if hangs else Fault("hang"))
    task = asyncio.create_task(t.ask())
    if hangs:
        await _reached(t, gate)
    else:
        await _until(t, lambda: len(t.told) == 1)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=WAIT_S)
    t.true(done and task.cancelled(), "a task that goes on, or swallows it", "CancelledError")
    await _left(t, gate)
    t.equal(list(await t.ask(answer(TORONTO))), THREE[:1], "the next call")


async def _until(t: Trial, condition: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        t.true(time.monotonic() < until, "no request", "a request")
        await asyncio.sleep(0.005)


@check("J05 close_twice", hook="polycall_close_client")
async def close_twice(t: Trial) -> None:
    """Closing a stream or a client twice is harmless."""
    client = await _new_client(t)
    t.equal(list(await t.ask(answer(TORONTO), client=client)), THREE[:1], "the calls")
    if t.streamed:
        t.script(answer(TORONTO, DALLAS))
        stream = t.open(client)
        await stream.next()
        await stream.close()
        await stream.close()
    await _close(t, client)
    await _close(t, client)


def _threads() -> set[threading.Thread]:
    # The server's own, and the pool of this event loop, which are not the plugin's.
    return {one for one in threading.enumerate() if not one.name.startswith(("wire-server", "asyncio_"))}


@check("J06 no_thread_or_task_left", hook="polycall_close_client")
async def no_thread_or_task_left(t: Trial) -> None:
    """After a client is closed, no thread and no task of it is left."""
    await t.ask(answer(TORONTO))  # what the plugin starts once for the process is started
    threads, tasks = _threads(), asyncio.all_tasks()
    client = await _new_client(t)
    await t.ask(answer(TORONTO, DALLAS), client=client)
    await _close(t, client)
    for _ in range(200):
        left = _threads() - threads, asyncio.all_tasks() - tasks
        if not any(left):
            return
        await asyncio.sleep(0.01)
    t.fail(f"{left}", "no thread and no task")


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Whatever is warned of, by objects that are collected too."""
    caught: list[str] = []
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: caught.append(repr(unraisable.exc_value))
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            yield caught
            gc.collect()
            caught += [str(one.message) for one in seen if issubclass(one.category, ResourceWarning)]
    finally:
        sys.unraisablehook = hook


@check("J07 no_resource_warnings", hook="polycall_close_client")
async def no_resource_warnings(t: Trial) -> None:
    """A client that is closed, and streams that are left, leave nothing for the garbage collector to warn of."""
    gc.collect()
    with _warnings() as caught:
        client = await _new_client(t)
        await t.ask(answer(TORONTO), client=client)
        if t.streamed and t.double.has("stream"):
            t.script(answer(TORONTO, DALLAS, BOWL))
            async with t.open(client) as stream:
                await stream.next()
            del stream
        await _close(t, client)
        del client
    t.equal(caught, [], "the warnings")


@check("J08 timeout_respected", hook="polycall_send", needs=("network", "timeout"))
async def timeout_respected(t: Trial) -> None:
    """A time-out comes when it is due, in the middle of a stream too, and the server sees the close."""
    client = await _new_client(t, **t.double.time_out(TIME_OUT_S))
    due = (*t.sdk_errors("timeout"), *t.sdk_errors("connection"))
    in_stream = answer(TORONTO, DALLAS, Break("hang")) if t.streamed and t.double.has("stream") else Fault("hang")
    for scripted in (Fault("hang"), in_stream):
        started = time.monotonic()
        await t.error_of(scripted, due=due, client=client)
        took = time.monotonic() - started
        t.true(TIME_OUT_S * 0.8 <= took <= TIME_OUT_S * 1.2 + LATE_S, f"{took:.2f} s", f"{TIME_OUT_S} s")
    await _close(t, client)
    left = await asyncio.to_thread(t.double.client_left, len(t.told) - 1, WAIT_S)
    t.true(left, "a connection that is still open", "one that is closed")


@check("J09 cancelled_while_opening", hook="polycall_open_stream_async", ways=("stream async",), needs=NEEDS)
async def cancelled_while_opening(t: Trial) -> None:
    """A task that is cancelled while its stream opens, at any moment, leaves no open connection behind."""
    for steps in (0, 1, 2, 3, 5, 8, 13, 21, 34):
        gate = Gate("while it opens")
        t.script(answer(gate, TORONTO))
        count = len(t.told)
        task = asyncio.create_task(t.ask())
        await _until(t, lambda count=count: len(t.told) > count)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=WAIT_S)
        t.true(task.cancelled(), "a task that goes on", "CancelledError")
        await _left(t, gate)
