"""Cost against size: calls in a reply, bytes of one argument, chunks of a stream. Linear means: the same for each."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict

from benchmarks.jobs.chat import Jobs, create_jobs, stream_jobs
from benchmarks.measure import Result
from benchmarks.openai_clients import body, in_process
from benchmarks.openai_wire import openai_pieces, whole_reply
from benchmarks.plots import Plot
from support.openai_replies import Call, completion

CALLS = (10, 100, 1_000, 10_000, 100_000)
BYTES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 40_000_000, 100_000_000)
CHUNKS = (100, 1_000, 10_000, 100_000)
NOT_BY_HAND_FROM = {"calls": 10**9, "bytes": 10**9, "chunks": 20_000}
WITHOUT_COLLECTOR = ", without Python's garbage collector"
WITH_COLLECTOR = ", with it"
FRESH_MEMORY = ", where the system gives fresh memory for each reply"

JobsOf = Callable[[int], Jobs]


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


def measure(what: str, sizes: tuple[int, ...], jobs_of: JobsOf) -> dict[str, dict[int, float]]:
    """Microseconds for each part, by who did it and by size."""
    costs: dict[str, dict[int, float]] = {"raw SDK": {}, "polycall": {}}
    for size in sizes:
        jobs = jobs_of(size)
        for who, of_sizes in costs.items():
            if who == "polycall" or size < NOT_BY_HAND_FROM[what]:
                of_sizes[size] = cpu(jobs[who]) / size * 1e6
    return costs


def plot(what: str, unit: str, costs: dict[str, dict[int, float]]) -> Plot:
    """Cost against size."""
    lines = {who: [[float(size), cost] for size, cost in of_sizes.items()] for who, of_sizes in costs.items()}
    return Plot(f"growth_in_{what}", f"Cost against the number of {what}", what, f"µs for each {unit}", lines)


def show(
    costs: dict[str, dict[int, float]], unit: str, small: int, large: int, *, how: str = "", drawn: Plot | None = None
) -> None:
    """One row: the cost at a size beside that at a smaller one."""
    values = {who: of_sizes[large] for who, of_sizes in costs.items() if large in of_sizes}
    values |= {f"{who} at {small:,}": of_sizes[small] for who, of_sizes in costs.items()}
    Result(
        f"Growth in {unit}s: {unit} at {large:,}, beside {small:,}{how}",
        f"us/{unit}",
        values,
        "" if how == WITH_COLLECTOR else "linear",
        costs["polycall"][large] / costs["polycall"][small],
        plot={} if drawn is None else asdict(drawn),
    ).show()


def one_big_call(size: int) -> bytes:
    """A reply with one argument of that many characters."""
    call: Call = ("GoogleSearch", {"query": "word " * (size // 5)})
    return json.dumps(completion([call])).encode()


def streams(size: int) -> Jobs:
    """A stream of about that many chunks."""
    pieces = openai_pieces(size)
    return stream_jobs(in_process(lambda: body(pieces)))


def calls() -> None:
    """With the collector, which walks through all that is there, and without."""

    def jobs_of(size: int) -> Jobs:
        return create_jobs(in_process(whole_reply(size)))

    gc.disable()
    show(measure("calls", CALLS[-2:], jobs_of), "call", *CALLS[-2:], how=WITHOUT_COLLECTOR)
    gc.enable()
    costs = measure("calls", CALLS, jobs_of)
    show(costs, "call", *CALLS[-2:], how=WITH_COLLECTOR, drawn=plot("calls", "call", costs))


def bytes_of_an_argument() -> None:
    """Up to 10 MB in memory that is used again; beyond 32 MB the C library gives it back and gets it anew."""
    costs = measure("bytes", BYTES, lambda size: create_jobs(in_process(one_big_call(size))))
    show(costs, "byte", 1_000_000, 10_000_000, drawn=plot("bytes", "byte", costs))
    show(costs, "byte", 40_000_000, 100_000_000, how=FRESH_MEMORY)


if __name__ == "__main__":
    calls()
    bytes_of_an_argument()
    costs = measure("chunks", CHUNKS, streams)
    show(costs, "chunk", *CHUNKS[-2:], drawn=plot("chunks", "chunk", costs))
