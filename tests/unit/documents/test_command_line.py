"""The commands in ``docs/command-line.md`` print what it says they print, and its tables are whole."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polycall.cli import main
from polycall.cli._command_table import COMMANDS
from polycall.cli._exit_codes import MEANINGS
from support.openai_replies import completion
from support.openai_server import ChatServer
from support.wire_server import reply_json

DOCUMENT = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
FILES = {
    named[2]: block
    for block in re.findall(r"```(?:python|toml)\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    if (named := re.match(r"# ((\S+\.\w+))\n", block))
}
CONSOLE = [
    block
    for block in re.findall(r"```console\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    if block.count("\n") > 1 and "jq" not in block and "pip" not in block
]
REPLIES = {
    "Rome and Oslo": [("Weather", {"location": "Rome"}), ("Weather", {"location": "Oslo", "units": "metric"})],
    "in Rome?": [("Weather", {"location": "Rome"}), ("Weather", {"location": "Oslo", "units": "kelvin"})],
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """The server of the page's config file, in its project."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with ChatServer() as running:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


def test_the_blocks_with_an_output_are_found() -> None:
    assert [*FILES] == ["app/models.py", "polycall.toml"]
    assert len(CONSOLE) == 2


@pytest.mark.parametrize("block", CONSOLE)
def test_a_command_prints_what_the_page_shows(block: str, server: ChatServer) -> None:
    command, _, expected = block.removeprefix("$ ").partition("\n")
    server.enqueue(*(reply_json(completion(calls)) for asked, calls in REPLIES.items() if asked in command))

    done = subprocess.run(
        ["bash", "-c", f"({command.replace('polycall', f'{sys.executable} -m polycall', 1)}) 2>&1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ},
    )

    assert done.stdout == expected


def test_the_table_of_commands_is_whole() -> None:
    _, _, table = DOCUMENT.partition("| command | what it does |\n| --- | --- |\n")

    assert sorted(re.findall(r"^\| \[`(\w+)`\]", table.partition("\n\n")[0], re.MULTILINE)) == sorted(COMMANDS)


def test_the_table_of_exit_statuses_is_that_of_the_help() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", DOCUMENT, re.MULTILINE)

    assert rows == [(str(code.value), meaning) for code, meaning in MEANINGS.items()]


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"\(pictures/(\w+\.svg)\)", DOCUMENT)

    assert pictures
    assert all((Path(__file__).parents[3] / "docs" / "pictures" / name).is_file() for name in pictures)


def test_the_request_that_is_shown_is_the_one_that_is_rendered(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = re.search(r"^\$ polycall (render .*) \| jq -c \.body\n(.*)$", DOCUMENT, re.MULTILINE)
    assert shown is not None
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("OPENAI_BASE_URL")

    assert main(shlex.split(shown[1])) == 0
    assert json.loads(capsys.readouterr().out)["body"] == json.loads(shown[2])
