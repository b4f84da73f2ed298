"""A folder as a user's project has it, and the command run in it, in this process."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polycall.cli import main
from support.command import MODELS, Result, Run
from support.openai_server import ChatServer


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory: a package ``app`` with models, and no config file. The environment has no key."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "models.py").write_text(MODELS)
    for name in [*os.environ]:
        if name.startswith(("POLYCALL_", "OPENAI_", "GOOGLE_", "NO_COLOR", "FORCE_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path, modules = [*sys.path], {*sys.modules}
    yield tmp_path
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        if str(tmp_path) in str(
            getattr(sys.modules[name], "__file__", None) or getattr(sys.modules[name], "__path__", "")
        ):
            del sys.modules[name]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server of OpenAI's protocol."""
    with ChatServer() as running:
        yield running
        running.check_requests()


@pytest.fixture
def run(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process."""

    def run(*arguments: str, input: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode())))
        status = main(arguments)
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return run


@pytest.fixture
def ask(run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``polycall call`` in this process, against the server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")
    target = ("--provider", "openai/gpt-4o-mini", "-s", f"base_url={server.url}", "-s", "max_retries=0")

    def ask(*arguments: str) -> Result:
        return run("call", *target, *arguments)

    return ask
