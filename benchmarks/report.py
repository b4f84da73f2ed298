"""The table and the plots of ``docs/benchmarks.md``. What stands outside of the marked part of that page is kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Result
from benchmarks.plot import line_plot

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"
PACKAGES = (
    "polycall", "polycall-openai", "polycall-vertex", "polycall-llamacpp", "pydantic", "pydantic-core", "pluggy",
    "openai", "httpx2", "google-genai", "google-cloud-aiplatform", "xllamacpp",
)  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """The results beside each other."""
    rows = ["| what | raw SDK | polycall | ratio | target |", "| --- | ---: | ---: | ---: | --- |"]
    for result in results:
        others = {who: value for who, value in result.values.items() if who not in ("raw SDK", "polycall")}
        what = result.what + "".join(f"; {who}: {_number(value)} {result.unit}" for who, value in others.items())
        raw, ours = (
            f"{_number(result.values[who])} {result.unit}" if who in result.values else ""
            for who in ("raw SDK", "polycall")
        )
        ratio = "" if result.ratio is None else f"{result.ratio:.2g}" if result.ratio < 0.1 else f"{result.ratio:.2f}"
        rows.append(f"| {what} | {raw} | {ours} | {ratio} | {result.target} |")
    return "\n".join(rows)


def peers_table(results: Sequence[Result]) -> str:
    """Each peer beside the SDK and polycall of the same process."""
    rows = ["| peer | with | raw SDK | polycall | peer | polycall's ratio | peer's ratio |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for result in results:
        raw, ours = result.values["raw SDK"], result.values["polycall"]
        [(peer, theirs)] = [(who, value) for who, value in result.values.items() if who not in ("raw SDK", "polycall")]
        rows.append(
            f"| {peer} | {result.what} | {_number(raw)} us | {_number(ours)} us | {_number(theirs)} us "
            f"| {ours / raw:.2f} | {theirs / raw:.2f} |"
        )
    return "\n".join(rows)


def write(results: Sequence[Result], peers: Sequence[Result]) -> None:
    """Write the page and its plots."""
    (DOCS / "benchmarks").mkdir(parents=True, exist_ok=True)
    plots = []
    for result in results:
        if result.series:
            name = _file_name(result.what)
            x_label, y_label = _labels(result)
            svg = line_plot(result.what.partition(":")[0], x_label, y_label, result.series)
            (DOCS / "benchmarks" / name).write_text(svg)
            plots.append(f"![{result.what}](benchmarks/{name})")
    parts = [BEGIN, f"Measured on {machine()}.", versions(), table(results)]
    if peers:
        parts += ["### Beside other libraries", "Three calls in the reply, in process.", peers_table(peers)]
    written = "\n\n".join([*parts, "### Plots", *plots, END])
    page = PAGE.read_text() if PAGE.exists() else f"# Benchmarks\n\n{BEGIN}{END}\n"
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + written + rest.partition(END)[2])


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


def _labels(result: Result) -> tuple[str, str]:
    if result.what.startswith("Growth in "):
        thing = result.what.removeprefix("Growth in ").partition(":")[0]
        return f"number of {thing}", f"{result.unit.replace('us', 'µs')} of CPU time"
    return "calls in the reply", result.unit


def _file_name(what: str) -> str:
    words = "".join(character if character.isalnum() else " " for character in what.partition(":")[0]).split()
    return "_".join(words).lower() + ".svg"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
