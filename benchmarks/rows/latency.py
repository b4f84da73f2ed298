"""From the chunk that completes a call to the call in the user's hands; and the time to the first call of a reply.

The body of the stream is made in the process, so a chunk's time is known exactly.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import polycall
from benchmarks.jobs.chat import MESSAGES, MODEL, TOOLS, Assembly, GoogleSearch, Weather, validated
from benchmarks.measure import Result
from benchmarks.openai_clients import body, in_process
from benchmarks.openai_wire import some_calls, whole_reply
from benchmarks.plots import Plot
from support.openai_replies import chunks, sse

CALLS = 200
SIZES = (1, 2, 5, 10, 20, 50, 100)
ROUNDS = 5
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


def whole_by_hand(number_of_calls: int) -> float:
    """Seconds to the first call of a reply that comes as a whole, when the model has made the last one."""
    pieces = sse(chunks(some_calls(number_of_calls)))

    def generated() -> list[bytes]:
        for _ in pieces:
            time.sleep(CHUNK_S)
        return [whole_reply(number_of_calls)]

    sdk = in_process(lambda: body(generated()))
    began = time.perf_counter()
    reply = sdk.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required")
    validated(reply.choices[0].message.tool_calls)
    return time.perf_counter() - began


def stream_by_hand(number_of_calls: int) -> float:
    """Seconds to the first call of a stream with the SDK alone."""
    pieces = sse(chunks(some_calls(number_of_calls)))
    sdk = in_process(lambda: body(pieces, lambda _: time.sleep(CHUNK_S)))
    assembly = Assembly()
    began = time.perf_counter()
    with sdk.chat.completions.create(
        model=MODEL, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
    ) as stream:
        for chunk in stream:
            assembly.take(chunk)
            if assembly.calls:
                break
        else:
            assembly.end()
        return time.perf_counter() - began


def stream_of_polycall(number_of_calls: int) -> float:
    """Seconds to the first call of a stream."""
    pieces = sse(chunks(some_calls(number_of_calls)))
    client = polycall.from_openai(in_process(lambda: body(pieces, lambda _: time.sleep(CHUNK_S))))
    began = time.perf_counter()
    with client.stream(MESSAGES, list[Weather | GoogleSearch], MODEL) as calls:
        next(calls)
        return time.perf_counter() - began


def first_calls(jobs: Mapping[str, Callable[[int], float]]) -> dict[str, list[list[float]]]:
    """Points (number of calls, milliseconds of wall time) by who did it: medians, the jobs in turns."""
    lines: dict[str, list[list[float]]] = {who: [] for who in jobs}
    for number in SIZES:
        taken = [{who: job(number) for who, job in jobs.items()} for _ in range(ROUNDS)]
        for who, line in lines.items():
            line.append([number, statistics.median(each[who] for each in taken) * 1000])
    return lines


if __name__ == "__main__":
    delays()
    ms = sorted(delay * 1000 for _ in range(10) for delay in delays())
    Result(
        "Time from the completing chunk to the call, median and 99th percentile",
        "ms",
        {"polycall": statistics.median(ms), "99 %": ms[int(len(ms) * 0.99)]},
        "<= 1 ms",
    ).show()
    jobs = {
        "raw SDK, whole reply": whole_by_hand,
        "raw SDK, streamed by hand": stream_by_hand,
        "polycall, streamed": stream_of_polycall,
    }
    for job in jobs.values():
        job(1)
    lines = first_calls(jobs)
    whole, by_hand, ours = (points[-1][1] for points in lines.values())
    Result(
        "Time to the first call of 100, a chunk each ms",
        "ms",
        {"raw SDK": whole, "polycall": ours, "raw SDK, streamed by hand": by_hand},
        ratio=ours / whole,
        plot=asdict(Plot("first_call", "Time to the first call, a chunk each ms", "calls in the reply", "ms", lines)),
    ).show()
