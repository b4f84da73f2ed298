"""Where polycall's time goes: ``python -m benchmarks profile`` writes docs/benchmarks/profile.md.

py-spy looks at the stack of another process a thousand times a second, so it does not slow down the calls that it
counts, as a profiler inside the process does. Where only root may look at a process (macOS), run it as root.
"""

from __future__ import annotations

import importlib.util
import linecache
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.environments import PROFILE, ROOT, python_of
from benchmarks.profiling.target import JOBS, SECONDS
from benchmarks.report import DOCS, machine, versions

PAGE = DOCS / "benchmarks" / "profile.md"
SAMPLES_A_SECOND = 1000
FUNCTIONS = 14
"""How many are listed of each job."""
LEAST_SHARE = 0.005

PLACES = {
    "openai": "the SDK",
    "httpx": "httpx below it",
    "httpx2": "httpx below it",
    "httpcore": "httpx below it",
    "httpcore2": "httpx below it",
    "polycall": "polycall's core",
    "polycall_openai": "the openai plugin",
    "pluggy": "pluggy",
    "pydantic": "pydantic",
    "asyncio": "the event loop",
    "benchmarks": "the benchmark's own transport",
}
FREEING = "freeing the result"
"""By package. What the standard library does counts for who called it."""
OURS = ("polycall", "polycall_openai")
IN_PYDANTIC = re.compile(r"\b(?:validate_json|validate_python|from_json|to_json)\(")
"""py-spy sees the line of ours that calls pydantic-core, which is compiled."""
FRAME = re.compile(r"(?P<function>.*) \((?P<path>.*):(?P<line>\d+)\)$")


HOW_TO_READ = f"""\
py-spy took {SAMPLES_A_SECOND:,} samples a second of {SECONDS:g} seconds of each job, with a transport in the process.
A sample counts for the innermost function of a package below; what the standard library does counts for its caller, and
a line of ours that calls pydantic-core counts for pydantic. Two runs differ by up to three points."""


@dataclass(frozen=True)
class Frame:
    """A function at work."""

    function: str
    path: str
    """From its package on."""
    line: int

    @property
    def package(self) -> str:
        """The outermost one, or a module's name."""
        return self.path.split("/", 1)[0].removesuffix(".py")


@dataclass
class Profile:
    """The samples of a job."""

    total: int = 0
    places: Counter[str] = field(default_factory=Counter)
    functions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By place and function, without what it calls."""

    def add(self, stack: list[Frame], samples: int) -> None:
        """Count one stack, outermost frame first."""
        inner = stack[next(at for at, frame in enumerate(stack) if frame.function == "measured") + 1 :]
        place, frame = _owner(inner)
        self.total += samples
        self.places[place] += samples
        self.functions[place, f"{frame.path.removesuffix('.py')}: {frame.function}"] += samples


def profile(job: str, py_spy: Path) -> Profile:
    """Run a job under the profiler."""
    with TemporaryDirectory() as folder:
        written = Path(folder) / "stacks.txt"
        subprocess.run(
            [
                py_spy, "record", "--rate", str(SAMPLES_A_SECOND), "--format", "raw", "--output", written,
                "--", sys.executable, "-m", "benchmarks.profiling.target", job,
            ],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = Profile()
        for line in written.read_text().splitlines():
            text, _, samples = line.rpartition(" ")
            stack = [_frame(part) for part in text.split(";")]
            if any(frame.function == "measured" for frame in stack):
                found.add(stack, int(samples))
    return found


def _frame(text: str) -> Frame:
    found = FRAME.match(text)
    return Frame(found["function"], found["path"], int(found["line"])) if found else Frame(text, "", 0)


def _owner(stack: list[Frame]) -> tuple[str, Frame]:
    """Whose time it is: the innermost frame of a package of `PLACES`."""
    transport = [frame for frame in stack if frame.path == "benchmarks/openai_clients.py"]
    if transport:
        return PLACES["benchmarks"], transport[0]
    for frame in reversed(stack):
        if frame.package in PLACES:
            if frame.package in OURS and frame is stack[-1] and IN_PYDANTIC.search(_source(frame)):
                return "pydantic", frame
            return PLACES[frame.package], frame
    return FREEING, Frame("measured", "benchmarks/profiling/target.py", 0)


def _source(frame: Frame) -> str:
    spec = importlib.util.find_spec(frame.package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    inside = frame.path.partition("/")[2]
    return linecache.getline(str(Path(spec.submodule_search_locations[0]) / inside), frame.line)


def page(profiles: dict[str, Profile]) -> str:
    """What is written."""
    places = sorted({place for each in profiles.values() for place in each.places})
    places.sort(key=lambda place: -sum(each.places[place] / each.total for each in profiles.values()))
    parts = [
        "# A profile of what is left",
        f"Written by `python -m benchmarks profile`, on {machine()}.\n\n{versions()}",
        HOW_TO_READ,
        "\n".join(
            [
                f"| | {' | '.join(profiles)} |",
                f"| --- |{' ---: |' * len(profiles)}",
                *(
                    f"| {place} | {' | '.join(_share(each.places[place], each.total) for each in profiles.values())} |"
                    for place in places
                ),
                f"| samples | {' | '.join(f'{each.total:,}' for each in profiles.values())} |",
            ]
        ),
    ]
    for job, each in profiles.items():
        listed = [
            f"| {_share(samples, each.total)} | {place} | `{function}` |"
            for (place, function), samples in each.functions.most_common(FUNCTIONS)
            if samples / each.total >= LEAST_SHARE
        ]
        parts += [f"## {job}", "\n".join(["| share | where | function |", "| ---: | --- | --- |", *listed])]
    return "\n\n".join(parts) + "\n"


def _share(samples: int, total: int) -> str:
    return f"{samples / total:.1%}" if samples else ""


def write(uv: str) -> None:
    """Profile all jobs.

    Raises:
        subprocess.CalledProcessError: The profiler cannot be installed or may not look at a process.
    """
    [name] = PROFILE
    py_spy = python_of(name, uv).parent / "py-spy"
    profiles = {}
    for job in JOBS:
        print(f"profile: {job}", file=sys.stderr, flush=True)
        profiles[job] = profile(job, py_spy)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(profiles))
