"""1,000 streams at once in one process and one event loop: chunks handled in a second of CPU time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from benchmarks.jobs.chat import AsyncJobs, stream_jobs_async
from benchmarks.measure import Result
from benchmarks.openai_clients import body, in_process_async
from benchmarks.openai_wire import openai_pieces, plain_pieces

STREAMS = 1000
CHUNKS = 100
ROUNDS = 3


async def chunks_a_second(job: Callable[[], Awaitable[object]], chunks: int) -> float:
    """All streams at once, from their opening to their end."""
    began = time.process_time()
    await asyncio.gather(*(job() for _ in range(STREAMS)))
    return STREAMS * chunks / (time.process_time() - began)


async def measure(what: str, jobs: AsyncJobs, chunks: int, *, target: str = "", rounds: int = ROUNDS) -> Result:
    """Each job in turn, reading streams of that many chunks."""
    assert await jobs["raw SDK"]() == await jobs["polycall"]()
    rates: dict[str, list[float]] = {who: [] for who in jobs}
    for _ in range(rounds):
        for who, job in jobs.items():
            rates[who].append(await chunks_a_second(job, chunks))
    values = {who: statistics.median(found) for who, found in rates.items()}
    return Result(what, "1/s", values, target, values["polycall"] / values["raw SDK"])


async def main() -> None:
    """Measure in this process."""
    what = f"{STREAMS:,} streams at once, in process, chunks a second"
    await in_process(what, openai_pieces(CHUNKS))
    await in_process(f"{what}, the plainest events", plain_pieces(CHUNKS))


async def in_process(what: str, pieces: list[bytes]) -> None:
    """Each chunk gives way to the other streams, as one from a socket does."""
    jobs = stream_jobs_async(in_process_async(lambda: body(pieces, lambda _: asyncio.sleep(0))))
    (await measure(what, jobs, len(pieces), target=">= 8 x")).show()


if __name__ == "__main__":
    asyncio.run(main())
