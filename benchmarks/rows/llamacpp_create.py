"""A model in this process: CPU time of our Python beside that of the whole process, which is the model's."""

from __future__ import annotations

import threading
import time

import polycall
from benchmarks.measure import Result
from benchmarks.openai_jobs import MESSAGES, GoogleSearch, Weather


def python_cpu() -> float:
    """CPU seconds of all threads that Python knows; llama.cpp's own are not among them."""
    clocks = [time.pthread_getcpuclockid(thread.ident) for thread in threading.enumerate() if thread.ident]
    return sum(map(time.clock_gettime, clocks))


if __name__ == "__main__":
    with polycall.from_provider("llamacpp/smollm2", threads=1) as client:
        client.create(MESSAGES, list[Weather | GoogleSearch])
        python, process = python_cpu(), time.process_time()
        for _ in range(3):
            client.create(MESSAGES, list[Weather | GoogleSearch])
        python, process = python_cpu() - python, time.process_time() - process
    values = {"polycall": python / 3 * 1000, "model": (process - python) / 3 * 1000}
    Result("llama.cpp in process, 3 calls", "ms", values, "<= 1 %", python / process).show()
