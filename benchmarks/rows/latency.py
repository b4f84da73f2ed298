"""From the chunk that completes a call to the call in the user's hands; and the time to the first call of a reply.

The body of the stream is made in the process, so a chunk's time is known exactly.
"""

from __future__ import annotations

import statistics
import time

import polycall
from benchmarks.measure import Result
from benchmarks.openai_jobs import MESSAGES, MODEL, GoogleSearch, Weather, body, in_process, some_calls
from support.openai_replies import chunks, sse

CALLS = 200
CHUNK_S = 0.001
"""A chunk each millisecond: a fast model."""


def delays() -> list[float]:
    """For each call but the last: seconds from the chunk that begins the next one, the sign that it is complete."""
    pieces = sse(chunks(some_calls(CALLS)))
    begins = [place for place, piece in enumerate(pieces) if b'"name"' in piece][1:]
    given: dict[int, float] = {}

    def note(place: int) -> None:
        given[place] = time.perf_counter()

    client = polycall.from_openai(in_process(lambda: body(pieces, note)))
    with client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL) as calls:
        taken = [time.perf_counter() for _ in calls]
    return [at - given[place] for at, place in zip(taken, begins, strict=False)]


def first_call(number_of_calls: int) -> tuple[float, float]:
    """Seconds to the first call: of a stream, and of the same reply by hand, where the first comes with the last."""
    pieces = sse(chunks(some_calls(number_of_calls)))
    client = polycall.from_openai(in_process(lambda: body(pieces, lambda _: time.sleep(CHUNK_S))))
    began = time.perf_counter()
    with client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL) as calls:
        next(calls)
        first = time.perf_counter() - began
        list(calls)
    return first, time.perf_counter() - began


if __name__ == "__main__":
    delays()
    found = [delay for _ in range(10) for delay in delays()]
    ms = sorted(delay * 1000 for delay in found)
    Result(
        "Time from the completing chunk to the call, median and 99th percentile",
        "ms",
        {"polycall": statistics.median(ms), "99 %": ms[int(len(ms) * 0.99)]},
        "<= 1 ms",
    ).show()
    first_call(1)
    points = [(number, *first_call(number)) for number in (1, 3, 10, 30, 100)]
    Result(
        "Time to the first call of 100, a chunk each ms",
        "ms",
        {"raw SDK": points[-1][2] * 1000, "polycall": points[-1][1] * 1000},
        ratio=points[-1][1] / points[-1][2],
        series={
            "by hand: with the whole reply": [[number, whole * 1000] for number, _, whole in points],
            "polycall's stream": [[number, first * 1000] for number, first, _ in points],
        },
    ).show()
