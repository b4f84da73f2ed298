"""Import time, and whole processes: from the start of Python to the end of the first call. CPU time, medians."""

from __future__ import annotations

import statistics

from benchmarks.measure import Result
from benchmarks.whole_process import first_three_calls, run

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

if __name__ == "__main__":
    for what, (statement, target) in IMPORTS.items():
        times = [float(run(IMPORT.format(statement))[1]) for _ in range(ROUNDS + 1)]
        Result(what, "ms", {"polycall": statistics.median(times[1:])}, target).show()
    values = first_three_calls({}, ROUNDS)
    what = "A whole process, to its first three calls"
    Result(what, "ms", values, ratio=values["polycall"] / values["raw SDK"]).show()
