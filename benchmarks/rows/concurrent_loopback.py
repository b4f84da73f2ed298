"""1,000 streams at once over 1,000 sockets: chunks that the client handles in a second of its own CPU time.

The server is another process, which sends each stream an event in turn. As `concurrent_streams`, with all that a
socket costs in both numbers of the ratio.
"""

from __future__ import annotations

import asyncio
import resource

import openai

from benchmarks.jobs.chat import stream_jobs_async
from benchmarks.loopback import server
from benchmarks.openai_wire import openai_pieces
from benchmarks.rows.concurrent_streams import CHUNKS, STREAMS, measure

PATIENCE_S = 120.0
"""For a connection: the SDK's five seconds are short for a thousand of them at once."""


async def main(url: str) -> None:
    """Measure over sockets."""
    sdk = openai.AsyncOpenAI(api_key="none", base_url=f"{url}/turns/{CHUNKS}/v1", timeout=PATIENCE_S, max_retries=0)
    jobs = stream_jobs_async(sdk)
    chunks = len(openai_pieces(CHUNKS))
    (await measure(f"{STREAMS:,} streams at once, loopback, chunks a second", jobs, chunks, rounds=1)).show()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * STREAMS), most))
    with server() as url:
        asyncio.run(main(url))
