"""Measure polycall beside the SDKs used by hand, and beside other libraries.

python -m benchmarks                   all of it, about eight minutes: prints the tables, writes docs/benchmarks.md,
                                       the plots and the profile in docs/benchmarks/
python -m benchmarks ROW ...           only these, printed and not written
python -m benchmarks peers             the same job by other libraries, printed and not written
python -m benchmarks profile           where polycall's time goes: writes docs/benchmarks/profile.md

rows (a module in benchmarks/rows/ each, which `python -m benchmarks.rows.ROW` runs alone and prints as JSON lines):

  openai_create        a whole call: 3 and 50 calls in the reply, sync and async, Chat Completions and Responses
  openai_stream        a streamed reply, for each chunk
  vertex_create        a whole call with both of Google's SDKs
  vertex_stream        a streamed reply with Google's newer SDK, for each chunk
  llamacpp_create      our CPU time beside that of a model in this process
  latency              from a chunk to the call that it completes; the time to the first call of a reply
  memory               of an open stream
  concurrent_streams   1,000 streams at once, in this process
  concurrent_loopback  1,000 streams at once, over sockets
  imports              import time, and whole processes to their first three calls
  growth               cost against the number of calls, bytes and chunks

peers, profile and plots are made in environments of their own in .bench/, which this command sets up with uv.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import report
from benchmarks.environments import PEERS, PLOTS, ROOT, python_of
from benchmarks.measure import Result
from benchmarks.plots import Plot
from benchmarks.profiling import report as profile

ROWS = (
    "openai_create",
    "openai_stream",
    "vertex_create",
    "vertex_stream",
    "llamacpp_create",
    "latency",
    "memory",
    "concurrent_streams",
    "concurrent_loopback",
    "imports",
    "growth",
)


def run(python: str | Path, module: str, *arguments: str) -> list[Result]:
    """The results of a module in a fresh process; none if it cannot run, which is said."""
    print(f"{module} {' '.join(arguments)}".strip(), file=sys.stderr, flush=True)
    process = subprocess.run(
        [str(python), "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if process.returncode:
        print(f"  left out: {process.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return [Result(**json.loads(line)) for line in process.stdout.splitlines() if line.startswith("{")]


def measure_peers(uv: str) -> list[Result]:
    """Each peer, in its own environment."""
    results: list[Result] = []
    for peer in PEERS:
        try:
            python = python_of(peer, uv)
        except subprocess.CalledProcessError as error:
            print(f"{peer} cannot be installed: {error.stderr.strip()}", file=sys.stderr)
        else:
            results += run(python, "benchmarks.peers.worker", peer)
    return results


def draw(plots: Sequence[Plot], uv: str) -> None:
    """Write the SVG files; those of plots that are no more are removed."""
    [environment] = PLOTS
    lines = "".join(f"{json.dumps(asdict(plot))}\n" for plot in plots)
    report.PLOTS.mkdir(parents=True, exist_ok=True)
    command = [str(python_of(environment, uv)), "-m", "benchmarks.plots", str(report.PLOTS)]
    subprocess.run(command, input=lines, cwd=ROOT, check=True, capture_output=True, text=True)
    for file in report.PLOTS.glob("*.svg"):
        if file.stem not in {plot.name for plot in plots}:
            file.unlink()


def without_failing(what: str, job: Callable[[], None]) -> None:
    """Do what needs a tool of its own; say so if that cannot be had."""
    try:
        job()
    except subprocess.CalledProcessError as error:
        print(f"{what} left out: {str(error.stderr).strip().splitlines()[-1:]}", file=sys.stderr)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = (*ROWS, "peers", "profile")
    parser.add_argument("rows", nargs="*", metavar="WHAT", help="a row, peers or profile")
    parser.add_argument("--uv", default=_uv(), help="default: .tools/bin/uv, or what is on the PATH")
    arguments = parser.parse_args()
    wanted = arguments.rows or choices
    if unknown := sorted(set(wanted) - set(choices)):
        parser.error(f"no such row: {', '.join(unknown)}. There are {', '.join(choices)}")
    uv = arguments.uv
    if uv is None and {"peers", "profile"} & set(wanted):
        print("no uv: left out are peers, profile and plots. Give it with --uv PATH", file=sys.stderr)

    results = [result for row in ROWS if row in wanted for result in run(sys.executable, f"benchmarks.rows.{row}")]
    peers = measure_peers(uv) if "peers" in wanted and uv else []
    if results:
        print(report.table(results))
    if peers:
        print(report.peers_tables(peers))
    if "profile" in wanted and uv:
        without_failing("profile", lambda: profile.write(uv))
    if not arguments.rows:
        plots = report.plots(results, peers)
        if uv:
            without_failing("plots", lambda: draw(plots, uv))
        report.write(results, peers, plots)


def _uv() -> str | None:
    own = ROOT / ".tools" / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")


if __name__ == "__main__":
    main()
