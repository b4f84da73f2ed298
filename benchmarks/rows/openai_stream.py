"""Reading a stream of about 1,000 chunks with the openai SDK: CPU time of the client per chunk.

Events as OpenAI sends them (`openai_pieces`); once more in their plainest form, and those of the Responses API.
"""

from __future__ import annotations

import asyncio

from benchmarks.jobs import responses
from benchmarks.jobs.chat import stream_jobs, stream_jobs_async
from benchmarks.loopback import server
from benchmarks.measure import compare, compare_async
from benchmarks.openai_clients import body, in_process, in_process_async, on_loopback, on_loopback_async
from benchmarks.openai_wire import openai_pieces, plain_pieces, responses_pieces

CHUNKS = 1000
ROUNDS = 15
TARGET = "<= 0.10"


async def measure_async(url: str, pieces: list[bytes]) -> None:
    """The async half."""
    what, per = "OpenAI streamed, per chunk, async", len(pieces)
    jobs = stream_jobs_async(in_process_async(lambda: body(pieces)))
    (await compare_async(f"{what}, in process", jobs, target=TARGET, per=per, rounds=ROUNDS)).show()
    jobs = stream_jobs_async(on_loopback_async(f"{url}/stream/{CHUNKS}/v1"))
    (await compare_async(f"{what}, loopback", jobs, per=per, rounds=ROUNDS)).show()


def measure(url: str, pieces: list[bytes]) -> None:
    """The sync half."""
    what, per = "OpenAI streamed, per chunk, sync", len(pieces)
    jobs = stream_jobs(in_process(lambda: body(pieces)))
    compare(f"{what}, in process", jobs, target=TARGET, per=per, rounds=ROUNDS).show()
    jobs = stream_jobs(on_loopback(f"{url}/stream/{CHUNKS}/v1"))
    compare(f"{what}, loopback", jobs, per=per, rounds=ROUNDS).show()


def measure_other_forms(url: str) -> None:
    """The plainest events, and typed ones."""
    what, pieces = "the same, the plainest events, sync, in process", plain_pieces(CHUNKS)
    jobs = stream_jobs(in_process(lambda: body(pieces)))
    compare(what, jobs, target=TARGET, per=len(pieces), rounds=ROUNDS).show()
    what, typed = "OpenAI streamed, Responses API, per event, sync", responses_pieces(CHUNKS)
    jobs = responses.stream_jobs(in_process(lambda: body(typed)))
    compare(f"{what}, in process", jobs, target=TARGET, per=len(typed), rounds=ROUNDS).show()
    jobs = responses.stream_jobs(on_loopback(f"{url}/responses_stream/{CHUNKS}/v1"))
    compare(f"{what}, loopback", jobs, per=len(typed), rounds=ROUNDS).show()


if __name__ == "__main__":
    with server() as url:
        measure(url, openai_pieces(CHUNKS))
        asyncio.run(measure_async(url, openai_pieces(CHUNKS)))
        measure_other_forms(url)
