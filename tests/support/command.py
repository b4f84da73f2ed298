"""The command ``polycall`` in tests: a project's models, a run as a process, and how a run ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

MODELS = '''
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel

import polycall


class Units(Enum):
    METRIC = "metric"


class Weather(BaseModel):
    """The weather of a place."""

    location: str
    units: Literal["imperial", "metric"] = "metric"


@dataclass
class Search:
    query: str


class Note(TypedDict):
    text: str


class _Hidden(BaseModel):
    text: str


ping = polycall.Tool("ping", "Answer.", {"type": "object", "properties": {}})
BOTH = [Weather, Search]
MODEL = Iterable[Weather | Annotated[Search, polycall.ToolName("find")]]
NUMBER = 3
'''


@dataclass(frozen=True)
class Result:
    """How a run of the command ended.

    Attributes:
        status: The exit status.
        out: Standard output.
        err: Standard error.
    """

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, object]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


def start(*arguments: str, cwd: Path, variables: Mapping[str, str] | None = None, input: str | None = None) -> Result:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "polycall", *arguments],
        cwd=cwd,
        env={**os.environ, **(variables or {})},
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
        timeout=60,
    )
    return Result(done.returncode, done.stdout, done.stderr)
