"""The table and the plots of ``docs/benchmarks.md``. What stands outside of the marked part of that page is kept."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Result
from benchmarks.plots import Plot

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"
PLOTS = DOCS / "benchmarks"
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"
PACKAGES = (
    "polycall", "polycall-openai", "polycall-vertex", "polycall-llamacpp", "polycall-llamacpp-split", "pydantic",
    "pydantic-core", "pluggy", "openai", "httpx2", "google-genai", "google-cloud-aiplatform", "xllamacpp",
)  # fmt: skip
US_AND_THE_SDK = ("raw SDK", "polycall")
STREAM_OF_ALL = "A stream of 1,000 chunks, per chunk"
"""The peers' row that is drawn as bars."""


def table(results: Sequence[Result]) -> str:
    """The results beside each other."""
    rows = ["| what | raw SDK | polycall | ratio | target |", "| --- | ---: | ---: | ---: | --- |"]
    for result in results:
        what = result.what + "".join(f"; {who}: {_number(value)} {result.unit}" for who, value in _others(result))
        raw, ours = (
            f"{_number(result.values[who])} {result.unit}" if who in result.values else "" for who in US_AND_THE_SDK
        )
        ratio = "" if result.ratio is None else _ratio(result.ratio)
        rows.append(f"| {what} | {raw} | {ours} | {ratio} | {result.target} |")
    return "\n".join(rows)


def peers_tables(results: Sequence[Result]) -> str:
    """A table for each job: every peer beside the SDK and polycall of the same process."""
    tables = []
    for what in dict.fromkeys(result.what for result in results):
        rows = [f"**{what}**", "", "| peer | with | raw SDK | polycall | peer | polycall's ratio | peer's ratio |",
                "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
        for result in results:
            if result.what == what:
                raw, ours = (result.values[who] for who in US_AND_THE_SDK)
                [(peer, theirs)] = _others(result)
                times = " | ".join(f"{_number(value)} {result.unit}" for value in (raw, ours, theirs))
                rows.append(f"| {peer} | {result.peer} | {times} | {_ratio(ours / raw)} | {_ratio(theirs / raw)} |")
        tables.append("\n".join(rows))
    return "\n\n".join(tables)


def plots(results: Sequence[Result], peers: Sequence[Result]) -> list[Plot]:
    """What is to be drawn: what rows bring along, and the streams of the peers."""
    drawn = [Plot(**result.plot) for result in results if result.plot]
    streams = [result for result in peers if "per chunk" in result.what]
    of_all = {who: value for result in streams if result.what == STREAM_OF_ALL for who, value in _others(result)}
    own = next((result for result in results if result.what.startswith("OpenAI streamed")), None)
    if own is not None:
        one = {who: own.values[who] for who in sorted(own.values, key=own.values.__getitem__)}
        bars = one | dict(sorted(of_all.items(), key=lambda bar: bar[1]))
        drawn.append(Plot("cost_per_chunk", "Cost of each chunk of a streamed reply", "µs of CPU time", "", bars=bars))
    if streams:
        lines: dict[str, list[list[float]]] = {who: [] for who in US_AND_THE_SDK}
        for result in streams:
            for who, value in result.values.items():
                lines.setdefault(who, []).append([_chunks(result), value])
        for who in US_AND_THE_SDK:  # measured beside each peer
            lines[who] = _medians(lines[who])
        title = "Cost of each chunk against the length of the reply"
        drawn.append(Plot("peers_in_chunks", title, "chunks", "µs for each chunk", lines))
    return drawn


def write(results: Sequence[Result], peers: Sequence[Result], drawn: Sequence[Plot]) -> None:
    """Write the page."""
    parts = [BEGIN, f"Measured on {machine()}.", versions(), table(results)]
    if peers:
        parts += ["### Beside other libraries", peers_tables(peers)]
    parts += ["### Plots", *(f"![{plot.title}](benchmarks/{plot.name}.svg)" for plot in drawn), END]
    page = PAGE.read_text() if PAGE.exists() else f"# Benchmarks\n\n{BEGIN}{END}\n"
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + "\n\n".join(parts) + rest.partition(END)[2])


def machine() -> str:
    """The class of machine, without its name."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = f"{model}, {names[0]}" if names else model
    return f"{platform.system()}, {os.cpu_count()} cores ({model}), {platform.python_implementation()} " + (
        platform.python_version()
    )


def versions() -> str:
    """What was measured."""
    found: Mapping[str, str | None] = {package: _version(package) for package in PACKAGES}
    return "Versions: " + ", ".join(f"{package} {found[package]}" for package in PACKAGES if found[package]) + "."


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _others(result: Result) -> list[tuple[str, float]]:
    return [(who, value) for who, value in result.values.items() if who not in US_AND_THE_SDK]


def _chunks(result: Result) -> float:
    return float("".join(filter(str.isdigit, result.what)))


def _medians(points: Sequence[Sequence[float]]) -> list[list[float]]:
    sizes = sorted({x for x, _ in points})
    return [[size, statistics.median(y for x, y in points if x == size)] for size in sizes]


def _ratio(value: float) -> str:
    return f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
