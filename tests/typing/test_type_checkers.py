"""The types of the public API hold for mypy and for pyright."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
API = Path(__file__).parent / "public_api.py"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_mypy() -> None:
    done = run("mypy", "--no-error-summary", str(API))

    assert (done.stdout, done.returncode) == ("", 0)


def test_pyright(tmp_path: Path) -> None:
    """pyright needs node; the wrapper from PyPI fetches it once, so this fails on a machine that can get none."""
    config = tmp_path / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "include": [os.path.relpath(API, tmp_path)],
                "extraPaths": [os.path.relpath(ROOT / "core", tmp_path)],
                "pythonVersion": "3.11",
                "enableExperimentalFeatures": True,
                "reportUnnecessaryTypeIgnoreComment": True,
                "enableTypeIgnoreComments": False,
            }
        )
    )
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(config))

    assert done.stdout.lstrip().startswith("{"), f"pyright did not run: {done.stdout}{done.stderr}"
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    found = report["generalDiagnostics"]
    assert [f"{line['range']['start']['line'] + 1}: {line['message']}" for line in found] == []
