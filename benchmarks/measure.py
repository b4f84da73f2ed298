"""Measuring ratios on a machine that does other things, too.

All jobs of a comparison run in one process, in turns of a few milliseconds, and count CPU time of their thread: what
slows the machine down slows all of them down. The result is the median turn.

pyperf and pytest-benchmark run one job after the other, so a ratio of two of theirs has the drift between them in it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TURN_S = 0.004
ROUNDS = 60


@dataclass
class Result:
    """One line of the table."""

    what: str
    unit: str
    values: Mapping[str, float]
    """By who did the job; ``"raw SDK"`` is what the others are compared with."""
    target: str = ""
    ratio: float | None = None
    """polycall's value over the raw SDK's."""
    peer: str = ""
    """The library that was measured beside polycall and the SDK, and what with: a line of the peers' table `what`."""
    plot: Mapping[str, Any] = field(default_factory=dict)
    """A `benchmarks.plots.Plot`."""

    def show(self) -> None:
        """Print it for `benchmarks.__main__` to read."""
        print(json.dumps(asdict(self)), flush=True)


def compare(
    what: str,
    jobs: Mapping[str, Callable[[], object]],
    *,
    target: str = "",
    per: int = 1,
    rounds: int = ROUNDS,
) -> Result:
    """CPU time of each job.

    Args:
        per: Parts of a job that the time is given for (chunks, say).
        rounds: 1 for what takes so long that it is done once, and needs no turn to get warm.
    """
    clock = time.thread_time
    turns = {who: _turns(job) if rounds > 1 else 1 for who, job in jobs.items()}
    taken: dict[str, list[float]] = {who: [] for who in jobs}
    for _ in range(rounds):
        for who, job in jobs.items():
            began = clock()
            for _ in range(turns[who]):
                job()
            taken[who].append((clock() - began) / turns[who])
    return _result(what, taken, target, per)


async def compare_async(
    what: str,
    jobs: Mapping[str, Callable[[], Awaitable[object]]],
    *,
    target: str = "",
    per: int = 1,
    rounds: int = ROUNDS,
) -> Result:
    """As `compare`, on the running event loop."""
    clock = time.thread_time
    taken: dict[str, list[float]] = {who: [] for who in jobs}
    for job in jobs.values() if rounds > 1 else ():
        await job()
        await job()
    for _ in range(rounds):
        for who, job in jobs.items():
            began, turns = clock(), 0
            while turns == 0 or clock() - began < TURN_S:
                await job()
                turns += 1
            taken[who].append((clock() - began) / turns)
    return _result(what, taken, target, per)


def _turns(job: Callable[[], object]) -> int:
    clock = time.thread_time
    job()
    began = clock()
    job()
    return max(1, int(TURN_S / max(clock() - began, 1e-6)))


def _result(what: str, taken: Mapping[str, list[float]], target: str, per: int) -> Result:
    values = {who: statistics.median(times) / per * 1e6 for who, times in taken.items()}
    ratio = values["polycall"] / values["raw SDK"] if "raw SDK" in values else None
    return Result(what, "us", values, target, ratio)
