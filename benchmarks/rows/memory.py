"""Memory of an open stream, half-way through: what Python has allocated (tracemalloc), per stream."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import polycall
from benchmarks.measure import Result
from benchmarks.openai_jobs import (
    MESSAGES,
    MODEL,
    TOOLS,
    GoogleSearch,
    Weather,
    body,
    in_process_async,
    stream_pieces,
    take,
)

STREAMS = 100
CHUNKS = 100


async def per_stream(kind: str) -> float:
    """KiB for each of `STREAMS` streams of which half the chunks have come."""
    pieces = stream_pieces(CHUNKS)
    everyone_waits, waiting = asyncio.Event(), 0
    go_on = asyncio.Event()

    async def wait(place: int) -> None:
        nonlocal waiting
        if place == CHUNKS // 2:
            waiting += 1
            if waiting == STREAMS:
                everyone_waits.set()
            await go_on.wait()

    sdk = in_process_async(lambda: body(pieces, wait))
    client = polycall.from_openai(sdk)

    async def by_hand() -> None:
        arguments: list[str] = []
        stream: AsyncIterator[Any] = await sdk.chat.completions.create(
            model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
        )
        async for chunk in stream:
            take(arguments, chunk)
        GoogleSearch.model_validate_json("".join(arguments))

    async def ours() -> None:
        await client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL).collect()

    job = by_hand if kind == "raw SDK" else ours
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
    values = {kind: asyncio.run(per_stream(kind)) for kind in ("raw SDK", "polycall")}
    Result(
        "Memory per open stream",
        "KiB",
        values,
        "<= 64 KiB beyond the SDK's",
        values["polycall"] / values["raw SDK"],
    ).show()
