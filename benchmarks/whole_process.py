"""Programs from the start of Python to the end of their first three calls: the SDK by hand, polycall, and peers."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.loopback import server

BEGIN = """
from pydantic import BaseModel
class Weather(BaseModel):
    location: str
    units: str
class GoogleSearch(BaseModel):
    query: str
MODELS = {"Weather": Weather, "GoogleSearch": GoogleSearch}
messages = [{"role": "user", "content": "hi"}]
"""
TYPED_BY_HAND = """
tools = [{"type": "function", "function": {"name": name, "parameters": model.model_json_schema()}}
         for name, model in MODELS.items()]
def validated(tool_calls):
    return [MODELS[call.function.name].model_validate_json(call.function.arguments) for call in tool_calls]
"""
RAW = """
import openai
reply = openai.OpenAI(api_key="none", base_url=URL).chat.completions.create(
    model="m", messages=messages, tools=tools, tool_choice="required")
print(validated(reply.choices[0].message.tool_calls))
"""
OURS = """
import openai
import polycall
client = polycall.from_openai(openai.OpenAI(api_key="none", base_url=URL))
print(list(client.create(messages, list[Weather | GoogleSearch], "m")))
"""


def run(program: str) -> tuple[float, str]:
    """Milliseconds of CPU time that a fresh process takes, and what it prints.

    From the second run on, what it imports has been compiled before, as where it is installed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime) * 1000, process.stdout


def first_three_calls(peers: Mapping[str, str], rounds: int) -> dict[str, float]:
    """The median of each program's time, in milliseconds; all of them print the same three objects."""
    by_hand = BEGIN + TYPED_BY_HAND
    programs = {"raw SDK": by_hand + RAW, "polycall": BEGIN + OURS}
    programs |= {who: (by_hand if "tools" in text else BEGIN) + text for who, text in peers.items()}
    taken: dict[str, list[float]] = {who: [] for who in programs}
    with server() as url:
        for _ in range(rounds + 1):
            for who, program in programs.items():
                ms, printed = run(f"URL = {url + '/calls/3/v1'!r}{program}")
                assert (printed.count("Weather("), printed.count("GoogleSearch(")) == (2, 1), printed
                taken[who].append(ms)
    return {who: statistics.median(times[1:]) for who, times in taken.items()}
