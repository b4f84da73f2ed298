"""Import time, and whole processes: from the start of Python to the end of the first call. CPU time, medians."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from benchmarks.loopback import server
from benchmarks.measure import Result

ROUNDS = 9
IMPORT = "import time, pydantic, pluggy\nt = time.process_time()\n{}\nprint((time.process_time() - t) * 1000)"
A_MODEL = "class M(pydantic.BaseModel): x: int"
FIRST_USE = "t = time.process_time(); import polycall; polycall.from_openai"
IMPORTS = {
    "`import polycall` beyond `import pydantic, pluggy`": ("import polycall", "<= 25 ms"),
    "the same, and the first use of it (`polycall.from_openai`)": (FIRST_USE, ""),
    "the same, in a program with a pydantic model": (f"{A_MODEL}\n{FIRST_USE}", ""),
    "the same, in a program with a pydantic model and openai": (f"import openai\n{A_MODEL}\n{FIRST_USE}", ""),
}
MODELS = """
from pydantic import BaseModel
class Weather(BaseModel):
    location: str
    units: str
class GoogleSearch(BaseModel):
    query: str
messages = [{"role": "user", "content": "hi"}]
"""
BY_HAND = """
import openai
tools = [{"type": "function", "function": {"name": m.__name__, "parameters": m.model_json_schema()}}
         for m in (Weather, GoogleSearch)]
reply = openai.OpenAI(api_key="none", base_url=URL).chat.completions.create(
    model="m", messages=messages, tools=tools, tool_choice="required")
print([{"Weather": Weather, "GoogleSearch": GoogleSearch}[c.function.name].model_validate_json(c.function.arguments)
       for c in reply.choices[0].message.tool_calls])
"""
OURS = """
import openai
import polycall
client = polycall.from_openai(openai.OpenAI(api_key="none", base_url=URL))
print(list(client.create(messages, list[Weather | GoogleSearch], "m")))
"""


def run(program: str) -> tuple[float, str]:
    """Milliseconds of CPU time that a fresh process takes, and what it prints."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime) * 1000, process.stdout


if __name__ == "__main__":
    for what, (statement, target) in IMPORTS.items():
        times = [float(run(IMPORT.format(statement))[1]) for _ in range(ROUNDS)]
        Result(what, "ms", {"polycall": statistics.median(times)}, target).show()
    with server() as url:
        programs = {
            who: f"URL = {url + '/calls/3/v1'!r}{MODELS}{job}"
            for who, job in {"raw SDK": BY_HAND, "polycall": OURS}.items()
        }
        taken: dict[str, list[float]] = {who: [] for who in programs}
        for _ in range(ROUNDS):
            for who, program in programs.items():
                taken[who].append(run(program)[0])
    values = {who: statistics.median(times) for who, times in taken.items()}
    Result(
        "A whole process, to its first three calls", "ms", values, ratio=values["polycall"] / values["raw SDK"]
    ).show()
