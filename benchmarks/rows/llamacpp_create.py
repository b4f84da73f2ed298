"""A model in this process: CPU time of our threads beside that of the rest of the process, which is the model's.

Our threads are all that Python knows: the one that calls `create`, and the one that asks the model. What llama.cpp does
on the second before and after the model runs (JSON, tokens, templates) is counted as ours, and shown apart, too.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import xllamacpp  # type: ignore[import-untyped]

import polycall
from benchmarks.jobs.chat import MESSAGES, GoogleSearch, Weather
from benchmarks.measure import Result

TARGET = "<= 1 %"
INSIDE = "of it inside llama.cpp's functions"
NEW = [
    [{"role": "user", "content": f"What is the weather in {one} and {other} and who won the {prize}?"}]
    for one, other, prize in (
        ("boston", "denver", "world series"),
        ("madrid", "lisbon", "tour de france"),
        ("london", "dublin", "six nations"),
        ("chicago", "austin", "stanley cup"),
        ("lima", "quito", "copa america"),
    )
]
SAME = [MESSAGES] * 15

Usage = dict[str, float]
"""CPU seconds by who used them."""


class TimedServer(xllamacpp.Server):  # type: ignore[misc]
    """Sums up the CPU time of the calling thread inside of it."""

    inside_s = 0.0

    def handle_completions(self, *arguments: Any) -> Any:
        """What the embedded model is asked with."""
        return self._timed(super().handle_completions, *arguments)

    def handle_chat_completions(self, *arguments: Any) -> Any:
        """What larger models are asked with."""
        return self._timed(super().handle_chat_completions, *arguments)

    @staticmethod
    def _timed(function: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*arguments)
        finally:
            TimedServer.inside_s += time.thread_time() - began


def usage() -> Usage:
    """Of this process so far."""
    clocks = [time.pthread_getcpuclockid(thread.ident) for thread in threading.enumerate() if thread.ident]
    ours = sum(map(time.clock_gettime, clocks))
    return {"polycall": ours, INSIDE: TimedServer.inside_s, "model": time.process_time() - ours}


def measure(what: str, client: polycall.Client, questions: Sequence[Any]) -> None:
    """The median question."""
    taken: list[Usage] = []
    for messages in questions:
        before = usage()
        calls = client.create(messages, list[Weather | GoogleSearch])
        taken.append({who: seconds - before[who] for who, seconds in usage().items()})
        assert len(calls) == 3, calls
    values = {who: statistics.median(one[who] for one in taken) * 1000 for who in taken[0]}
    ratio = statistics.median(one["polycall"] / one["model"] for one in taken)
    Result(f"llama.cpp in process, 3 calls, {what}", "ms", values, TARGET, ratio).show()


if __name__ == "__main__":
    xllamacpp.Server = TimedServer
    with polycall.from_provider("llamacpp/smollm2", threads=1) as client:
        client.create(MESSAGES, list[Weather | GoogleSearch])
        measure("new questions", client, NEW)
        measure("one question again and again", client, SAME)
