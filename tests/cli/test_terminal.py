"""On a terminal: tables, colours, widths, and a spinner for what takes its time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from polycall.cli import main
from polycall.cli._output import progress
from support.command import Run
from support.openai_replies import USAGE, chunks, completion, sse
from support.openai_server import ChatServer
from support.terminal import Terminal
from support.wire_server import Gate, reply_json, reply_stream

ROME = ("Weather", {"location": "Rome", "units": "metric"})
SEARCH = ("Search", {"query": "who won the super bowl"})

progress_after_s = progress.DELAY_S


@pytest.fixture(autouse=True)
def terminal_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(progress, "DELAY_S", 3600.0)  # a machine that is busy is not what most of these look at


@pytest.fixture
def arguments(server: ChatServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A call of the server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")
    target = ["--provider", "openai/gpt-4o-mini", "-s", f"base_url={server.url}", "-s", "max_retries=0"]
    return ["call", *target, "--tools", "app.models:BOTH", "weather?"]


def test_calls_are_a_table_and_the_counts_a_line(server: ChatServer, arguments: list[str]) -> None:
    server.enqueue(reply_json(completion([ROME, SEARCH], text="Here you are.")))

    with Terminal() as terminal:
        assert main(arguments) == 0

    *table, words, counts = terminal.text.splitlines()
    assert table == [
        "TOOL     ARGUMENTS",
        'Weather  location="Rome"  units="metric"',
        'Search   query="who won the super bowl"',
    ]
    assert words == "Here you are."
    assert counts.startswith("2 calls \N{MIDDLE DOT} gpt-4o-mini-2024-07-18 \N{MIDDLE DOT} 82 in, 34 out tokens")
    assert "\x1b[36mWeather" in terminal.output


def test_a_narrow_terminal_puts_arguments_on_lines_of_their_own(
    server: ChatServer, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    server.enqueue(reply_json(completion([ROME])))

    with Terminal() as terminal:
        main([*arguments, "-q"])

    assert terminal.text.splitlines()[1:] == ["Weather", '  location="Rome"', '  units="metric"']


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "1", "TERM": "dumb"}, True)],
    ids=str,
)
def test_colours_follow_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with Terminal() as terminal:
        main(["providers"])
        main(["render", "--tools", "nothing"])

    assert ("\x1b[" in terminal.output) is coloured


def test_colours_can_be_forced_where_there_is_no_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    result = run("render", "--provider", "openai/m", "--tools", "app.models:Search")

    assert "\x1b[" in result.out


def test_a_process_asks_the_terminal_for_its_width(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")

    with Terminal(columns=40) as terminal:
        subprocess.run(
            [sys.executable, "-m", "polycall", "providers"], stdout=sys.stdout, stderr=sys.stderr, check=True
        )

    lines = terminal.text.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[lines.index("openai") + 1].startswith("  distribution: polycall-openai ")


def test_json_is_highlighted_and_stays_the_same_text(run: Run) -> None:
    arguments = ["render", "--provider", "openai/m", "--tools", "app.models:Search"]
    plain = run(*arguments)

    with Terminal() as terminal:
        main(arguments)

    shown = terminal.text.removeprefix("No key is set; the request is shown as if one were.\n")
    assert "\x1b[" in terminal.output
    assert json.loads(shown) == plain.json


def test_a_terminal_that_is_not_utf_8_gets_other_marks(run: Run) -> None:
    with Terminal(encoding="ascii") as terminal:
        main(["check"])

    assert "  ok polycall  " in terminal.text
    assert terminal.text.isascii()


def test_control_characters_of_a_model_do_not_reach_the_terminal(server: ChatServer, arguments: list[str]) -> None:
    server.enqueue(
        reply_json(completion([("Search", {"query": "\x1b[2J\x07\N{RIGHT-TO-LEFT OVERRIDE}x"})], text="\x1b[2Jy"))
    )

    with Terminal() as terminal:
        main(arguments)

    assert "\x1b[2J" not in terminal.output
    assert "\x07" not in terminal.output
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in terminal.output


class TestProgress:
    def test_a_stream_that_takes_its_time_has_a_spinner_between_its_rows(
        self, server: ChatServer, arguments: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert progress_after_s == 1.0
        monkeypatch.setattr(progress, "DELAY_S", 0.0)
        first, second = Gate(), Gate()
        pieces = sse(chunks([ROME, SEARCH], usage=USAGE))
        server.enqueue(reply_stream([first, *pieces[:9], second, *pieces[9:]]))
        statuses: list[int] = []

        with Terminal() as terminal:
            running = threading.Thread(target=lambda: statuses.append(main([*arguments, "--stream"])))
            running.start()
            terminal.wait_for("Asking gpt-4o-mini")
            first.open()
            terminal.wait_for("Rome")
            second.open()
            running.join()

        assert statuses == [0]
        rows = [line for line in terminal.text.splitlines() if "=" in line]
        assert [row.split(maxsplit=3)[2] for row in rows] == ["Weather", "Search"]
        assert terminal.output.count("\x1b[?25l") == terminal.output.count("\x1b[?25h")  # the cursor is back

    def test_there_is_none_without_a_terminal_or_on_a_dumb_one(
        self, server: ChatServer, arguments: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(progress, "DELAY_S", 0.0)
        monkeypatch.setenv("TERM", "dumb")
        server.enqueue(reply_json(completion([ROME])))

        with Terminal() as terminal:
            main(arguments)

        assert "Asking" not in terminal.output
        assert "rich" not in sys.modules or "\x1b" not in terminal.output
