"""The process that the profiler looks at: ``python -m benchmarks.profiling.target JOB`` repeats a job of `JOBS`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from benchmarks.jobs.chat import Job, create_jobs, stream_jobs, stream_jobs_async
from benchmarks.openai_clients import body, in_process, in_process_async
from benchmarks.openai_wire import openai_pieces, whole_reply

SECONDS = 12.0
STREAMS = 1000


def create(number_of_calls: int) -> Job:
    """A whole reply."""
    return create_jobs(in_process(whole_reply(number_of_calls)))["polycall"]


def one_stream() -> Job:
    """A stream of 1,000 chunks, as OpenAI sends them."""
    pieces = openai_pieces(1000)
    return stream_jobs(in_process(lambda: body(pieces)))["polycall"]


def many_streams() -> Job:
    """As `benchmarks.rows.concurrent_streams`."""
    pieces = openai_pieces(100)
    job = stream_jobs_async(in_process_async(lambda: body(pieces, lambda _: asyncio.sleep(0))))["polycall"]

    async def at_once() -> None:
        await asyncio.gather(*(job() for _ in range(STREAMS)))

    return lambda: asyncio.run(at_once())


JOBS: dict[str, Callable[[], Job]] = {
    "create, 3 calls": lambda: create(3),
    "create, 50 calls": lambda: create(50),
    "a stream of 1,000 chunks": one_stream,
    "1,000 streams of 100 chunks at once": many_streams,
}


def measured(job: Job) -> None:
    """Samples below this function count."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        job()


if __name__ == "__main__":
    made = JOBS[sys.argv[1]]()
    made()
    measured(made)
