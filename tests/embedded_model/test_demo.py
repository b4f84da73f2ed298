"""``make demo`` without the making: the program runs the example and shows each call with its time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"^ *(\d+\.\d\d) s  (\w+\(.*\))$", re.MULTILINE)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


def test_it_shows_the_loading_and_each_call_with_the_time_since_the_request() -> None:
    done = run(FORCE_COLOR="1", TERM="xterm")  # as on a terminal

    assert done.returncode == 0, done.stderr
    bar, _, _ = done.stdout.partition("Model: SmolLM2-135M-Instruct")
    read = re.findall(r"Loading the model .*? \x1b\[32m(\S+)/(\S+) (bytes|MB)\x1b", bar)
    assert read[0] == ("0", "?", "bytes")
    assert read[-1] == ("98.4", "98.4", "MB")
    shown = CALL.findall(done.stdout)
    assert [re.sub(r"units='\w+'", "units=...", call) for _, call in shown] == [
        "Weather(location='toronto', units=...)",
        "Weather(location='dallas', units=...)",
        "GoogleSearch(query='who won the super bowl')",
    ]
    times = [float(seconds) for seconds, _ in shown]
    assert times[0] < times[1] < times[2]
    assert "Any GGUF file can take its place:\n  make demo MODEL=path/to/model.gguf\n" in done.stdout


def test_the_command_shows_the_same_calls() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polycall", "demo"], capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stderr
    calls = [json.loads(line) for line in done.stdout.splitlines()]
    assert [call["tool"] for call in calls] == ["Weather", "Weather", "GoogleSearch"]
    assert [call["arguments"].get("location") for call in calls] == ["toronto", "dallas", None]
    assert "polycall demo FILE.gguf" in done.stderr


def test_a_model_that_is_not_there_is_one_line_and_an_exit_status(tmp_path: Path) -> None:
    done = run(str(tmp_path / "no.gguf"), FORCE_COLOR="", NO_COLOR="1")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"ConfigurationError: There is no file {tmp_path}/no.gguf. Check the path; a relative one starts at "
        f"{Path.cwd()}.\n"
    )
