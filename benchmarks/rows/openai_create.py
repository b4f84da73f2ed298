"""A whole call with the openai SDK: 3 and 50 calls in the reply, sync and async, in the process and over a socket."""

from __future__ import annotations

import asyncio

from benchmarks.jobs import responses
from benchmarks.jobs.chat import create_jobs, create_jobs_async
from benchmarks.loopback import server
from benchmarks.measure import compare, compare_async
from benchmarks.openai_clients import in_process, in_process_async, on_loopback, on_loopback_async
from benchmarks.openai_wire import whole_reply, whole_response

TARGET = "<= 0.40"


async def measure_async(url: str) -> None:
    """The async half."""
    for number in (3, 50):
        what = f"OpenAI, {number} calls, async"
        jobs = create_jobs_async(in_process_async(whole_reply(number)))
        (await compare_async(f"{what}, in process", jobs, target=TARGET)).show()
        jobs = create_jobs_async(on_loopback_async(f"{url}/calls/{number}/v1"))
        (await compare_async(f"{what}, loopback", jobs)).show()


def measure(url: str) -> None:
    """The sync half."""
    for number in (3, 50):
        what = f"OpenAI, {number} calls, sync"
        jobs = create_jobs(in_process(whole_reply(number)))
        compare(f"{what}, in process", jobs, target=TARGET).show()
        compare(f"{what}, loopback", create_jobs(on_loopback(f"{url}/calls/{number}/v1"))).show()


def measure_responses(url: str) -> None:
    """The Responses API."""
    what = "OpenAI, Responses API, 3 calls, sync"
    compare(f"{what}, in process", responses.create_jobs(in_process(whole_response(3))), target=TARGET).show()
    compare(f"{what}, loopback", responses.create_jobs(on_loopback(f"{url}/responses_calls/3/v1"))).show()


if __name__ == "__main__":
    with server() as url:
        measure(url)
        asyncio.run(measure_async(url))
        measure_responses(url)
