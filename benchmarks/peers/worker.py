"""One peer beside the SDK by hand and polycall: ``python -m benchmarks.peers.worker NAME``, in the peer's environment.

Every library gets the openai SDK's own client, or its HTTP client, on the same transport in the process, and turns the
same reply into the same pydantic objects, the way its documentation shows.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, cast

from benchmarks.jobs.chat import (
    BYTES,
    AsyncJob,
    AsyncJobs,
    Job,
    Jobs,
    create_jobs,
    create_jobs_async,
    stream_jobs,
    stream_jobs_async,
)
from benchmarks.measure import ROUNDS, Result, compare, compare_async
from benchmarks.openai_clients import body, in_process, in_process_async
from benchmarks.openai_wire import openai_pieces, whole_reply
from benchmarks.whole_process import first_three_calls

CALLS = (3, 50)
CHUNKS = {100: 9, 1_000: 5, 10_000: 1}
"""Rounds of the comparison by length of the stream."""
PROCESS_ROUNDS = 3


class Peer(Protocol):
    """A module of `benchmarks.peers.libraries`. The jobs of a peer are all sync or all async."""

    NAME: str
    DISTRIBUTION: str
    FIRST_CALLS: str
    """A program that prints the three objects of a reply of the server at ``URL``; see `benchmarks.whole_process`."""

    def create(self, reply: bytes, /) -> Job | AsyncJob:
        """Turn this reply into objects."""
        ...

    def stream(self, number_of_chunks: int, /) -> Job | AsyncJob:
        """Turn the calls of `openai_pieces` into objects."""
        ...


def creates(peer: Peer) -> Iterator[Result]:
    """A whole reply, by the peer, polycall and the SDK by hand, in turns."""
    for number in CALLS:
        reply = whole_reply(number)
        job = peer.create(reply)
        others = create_jobs_async(in_process_async(reply)) if _is_async(job) else create_jobs(in_process(reply))
        yield _compare(f"{number} calls in the reply", peer, job, others)


def streams(peer: Peer) -> Iterator[Result]:
    """A stream, in the same way."""
    for number, rounds in CHUNKS.items():
        reply = partial(body, openai_pieces(number))
        job = peer.stream(number)
        others = stream_jobs_async(in_process_async(reply)) if _is_async(job) else stream_jobs(in_process(reply))
        what = f"A stream of {number:,} chunks, per chunk"
        yield _compare(what, peer, job, others, per=len(openai_pieces(number)), rounds=rounds)


def whole_process(peer: Peer) -> Result:
    """From the start of Python."""
    values = first_three_calls({_shown(peer): peer.FIRST_CALLS}, PROCESS_ROUNDS)
    return Result("A whole process, to its first three calls", "ms", values, peer=f"openai {version('openai')}")


def _compare(
    what: str, peer: Peer, job: Job | AsyncJob, others: Jobs | AsyncJobs, *, per: int = 1, rounds: int = ROUNDS
) -> Result:
    jobs: dict[str, Any] = {who: other for who, other in others.items() if who != BYTES} | {_shown(peer): job}
    if _is_async(job):
        result = asyncio.run(_compare_async(what, peer, jobs, per=per, rounds=rounds))
    else:
        assert rounds == 1 or job() == jobs["raw SDK"]()
        result = compare(what, jobs, per=per, rounds=rounds)
    result.peer = f"openai {version('openai')}, {'async' if _is_async(job) else 'sync'}"
    return result


async def _compare_async(what: str, peer: Peer, jobs: AsyncJobs, *, per: int, rounds: int) -> Result:
    assert rounds == 1 or await jobs[_shown(peer)]() == await jobs["raw SDK"]()
    return await compare_async(what, jobs, per=per, rounds=rounds)


def _is_async(job: Job | AsyncJob) -> bool:
    return inspect.iscoroutinefunction(job)


def _shown(peer: Peer) -> str:
    return f"{peer.NAME} {version(peer.DISTRIBUTION)}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["LANGSMITH_TRACING"] = "false"
    module = importlib.import_module(f"benchmarks.peers.libraries.{sys.argv[1]}")
    peer = cast("Peer", module)
    for each in (*creates(peer), *streams(peer), whole_process(peer)):
        each.show()
