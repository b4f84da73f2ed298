"""Memory of an open stream, half-way through: what Python has allocated (tracemalloc), per stream."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from benchmarks.jobs.chat import stream_jobs_async
from benchmarks.measure import Result
from benchmarks.openai_clients import body, in_process_async
from benchmarks.openai_wire import openai_pieces

STREAMS = 100
CHUNKS = 100


async def per_stream(who: str) -> float:
    """KiB for each of `STREAMS` streams of which half the chunks have come."""
    pieces = openai_pieces(CHUNKS)
    everyone_waits, waiting = asyncio.Event(), 0
    go_on = asyncio.Event()

    async def wait(place: int) -> None:
        nonlocal waiting
        if place == CHUNKS // 2:
            waiting += 1
            if waiting == STREAMS:
                everyone_waits.set()
            await go_on.wait()

    job = stream_jobs_async(in_process_async(lambda: body(pieces, wait)))[who]
    go_on.set()
    waiting = -10
    await job()
    go_on.clear()
    waiting = 0
    gc.collect()
    tracemalloc.start()
    tasks = [asyncio.create_task(job()) for _ in range(STREAMS)]
    await everyone_waits.wait()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    go_on.set()
    await asyncio.gather(*tasks)
    return size / STREAMS / 1024


if __name__ == "__main__":
    values = {who: asyncio.run(per_stream(who)) for who in ("raw SDK", "polycall")}
    Result(
        "Memory per open stream",
        "KiB",
        values,
        "<= 64 KiB beyond the SDK's",
        values["polycall"] / values["raw SDK"],
    ).show()
