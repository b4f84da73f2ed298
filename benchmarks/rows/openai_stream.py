"""Reading a stream of 1,000 chunks with the openai SDK: CPU time of the client per chunk."""

from __future__ import annotations

import asyncio

from benchmarks.loopback import server
from benchmarks.measure import compare, compare_async
from benchmarks.openai_jobs import (
    body,
    in_process,
    in_process_async,
    on_loopback,
    on_loopback_async,
    stream_jobs,
    stream_jobs_async,
    stream_pieces,
)

CHUNKS = 1000
ROUNDS = 15


async def measure_async(url: str, pieces: list[bytes]) -> None:
    """The async half."""
    what = "OpenAI streamed, per chunk, async"
    jobs = stream_jobs_async(in_process_async(lambda: body(pieces)))
    result = await compare_async(f"{what}, in process", jobs, target="<= 0.10", per=len(pieces), rounds=ROUNDS)
    result.show()
    jobs = stream_jobs_async(on_loopback_async(f"{url}/stream/{CHUNKS}/v1"))
    (await compare_async(f"{what}, loopback", jobs, per=len(pieces), rounds=ROUNDS)).show()


def measure(url: str, pieces: list[bytes]) -> None:
    """The sync half."""
    what = "OpenAI streamed, per chunk, sync"
    jobs = stream_jobs(in_process(lambda: body(pieces)))
    compare(f"{what}, in process", jobs, target="<= 0.10", per=len(pieces), rounds=ROUNDS).show()
    jobs = stream_jobs(on_loopback(f"{url}/stream/{CHUNKS}/v1"))
    compare(f"{what}, loopback", jobs, per=len(pieces), rounds=ROUNDS).show()


if __name__ == "__main__":
    with server() as url:
        measure(url, stream_pieces(CHUNKS))
        asyncio.run(measure_async(url, stream_pieces(CHUNKS)))
