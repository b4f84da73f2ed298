"""Cost against size: calls in a reply, bytes of one argument, chunks of a stream. Linear means: the same for each."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict

from benchmarks.measure import Result
from benchmarks.openai_clients import body, in_process
from benchmarks.openai_jobs import Jobs, create_jobs, stream_jobs
from benchmarks.openai_wire import openai_pieces, whole_reply
from benchmarks.plots import Plot
from support.openai_replies import Call, completion

CALLS = (10, 100, 1_000, 10_000, 100_000)
BYTES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
CHUNKS = (100, 1_000, 10_000, 100_000)
NOT_BY_HAND_FROM = {"calls": 10**9, "bytes": 10**9, "chunks": 20_000}


def cpu(job: Callable[[], object]) -> float:
    """The smallest of some runs, at most three seconds of them."""
    gc.collect()
    job()
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < 0.3 or best == float("inf"):
        start = time.thread_time()
        job()
        best = min(best, time.thread_time() - start)
    return best


def grow(what: str, unit: str, sizes: tuple[int, ...], jobs_of: Callable[[int], Jobs]) -> None:
    """Measure at each size."""
    series: dict[str, list[list[float]]] = {"raw SDK": [], "polycall": []}
    for size in sizes:
        jobs = jobs_of(size)
        for who in series:
            if who == "polycall" or size < NOT_BY_HAND_FROM[what]:
                series[who].append([size, cpu(jobs[who]) / size * 1e6])
    last = {who: points[-1][1] for who, points in series.items()}
    first = series["polycall"][-2][1]
    plot = Plot(f"growth_in_{what}", f"Cost against the number of {what}", what, f"µs for each {unit}", series)
    Result(
        f"Growth in {what}: {unit} at {sizes[-1]:,}, beside {sizes[-2]:,}",
        f"us/{unit}",
        last | {f"polycall at {sizes[-2]:,}": first},
        "linear",
        last["polycall"] / first,
        plot=asdict(plot),
    ).show()


def one_big_call(size: int) -> bytes:
    """A reply with one argument of that many characters."""
    call: Call = ("GoogleSearch", {"query": "word " * (size // 5)})
    return json.dumps(completion([call])).encode()


def streams(size: int) -> Jobs:
    """A stream of about that many chunks."""
    pieces = openai_pieces(size)
    return stream_jobs(in_process(lambda: body(pieces)))


if __name__ == "__main__":
    grow("calls", "call", CALLS, lambda size: create_jobs(in_process(whole_reply(size))))
    grow("bytes", "byte", BYTES, lambda size: create_jobs(in_process(one_big_call(size))))

    grow("chunks", "chunk", CHUNKS, streams)
