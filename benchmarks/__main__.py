"""Measure, print the table, write docs/benchmarks.md.

python -m benchmarks                      all rows; peers too, if there is uv (``--uv PATH``, or on the PATH)
python -m benchmarks openai_create ...    only these, printed and not written
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Result
from benchmarks.peers.environments import PACKAGES, ROOT, python_of

ROWS = (
    "openai_create",
    "openai_stream",
    "vertex_create",
    "llamacpp_create",
    "latency",
    "memory",
    "concurrent_streams",
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
    for peer in PACKAGES:
        try:
            python = python_of(peer, uv)
        except subprocess.CalledProcessError as error:
            print(f"{peer} cannot be installed: {error.stderr.strip()}", file=sys.stderr)
        else:
            results += run(python, "benchmarks.peers.worker", peer)
    return results


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join((*ROWS, "peers")))
    parser.add_argument("--uv", default=shutil.which("uv"), help="for the peers' environments")
    arguments = parser.parse_args()
    wanted = arguments.rows or (*ROWS, "peers")
    results = [result for row in ROWS if row in wanted for result in run(sys.executable, f"benchmarks.rows.{row}")]
    peers = measure_peers(arguments.uv) if "peers" in wanted and arguments.uv else []
    print(report.table(results))
    if peers:
        print(report.peers_table(peers))
    if not arguments.rows:
        report.write(results, peers)


if __name__ == "__main__":
    main()
