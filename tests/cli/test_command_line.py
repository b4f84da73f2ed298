"""The command itself: help, versions, completion, and first mistakes."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from polycall.cli._command_table import ALIASES, COMMANDS
from polycall.cli._exit_codes import MEANINGS
from support.command import Run


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_the_help_lists_commands_and_exit_codes(run: Run) -> None:
    shown = run("--help").out

    assert re.findall(r"^│ ([a-z]+) {2,}\w", shown, re.MULTILINE) == [*COMMANDS]
    for code, meaning in MEANINGS.items():
        assert f"{code.value:>3}  {meaning}" in shown


def test_without_arguments_it_shows_the_same(run: Run) -> None:
    result = run()

    assert (result.status, result.out.strip()) == (2, run("--help").out.strip())


def test_every_command_has_examples_of_itself_and_their_options_exist(run: Run) -> None:
    helps = {command: run(*command.split(), "--help").out for command in [*COMMANDS, "providers show", "config schema"]}

    examples = {
        command: re.findall(r"^ \$ (?:.*[|=]\S* )?(polycall .*?)(?: [|>] .*)?$", shown, re.MULTILINE)
        for command, shown in helps.items()
    }
    for command, lines in examples.items():
        assert any(line.startswith(f"polycall {command}") for line in lines), command
        for line in lines:
            words = shlex.split(line.removeprefix("polycall ").strip())
            shown = helps.get(" ".join(words[:2]), helps[words[0]])
            assert [word for word in words if re.match(r"--?[a-z]", word) and f"{word} " not in shown] == [], line


def test_a_command_is_imported_when_it_is_used() -> None:
    for module in COMMANDS.values():
        assert import_module(f"polycall.cli._commands.{module}").app
    assert set(ALIASES.values()) <= COMMANDS.keys()


def test_version_and_help_are_words_too(run: Run) -> None:
    for words in (["--version"], ["-V"], ["version"]):
        assert run(*words).out == f"polycall {version('polycall')}\n"
    assert run("help").out == run("--help").out
    assert run("help", "call").out == run("call", "--help").out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("provders", "error: No such command 'provders'. Did you mean 'providers'?\nhint:  See 'polycall --help'.\n"),
        ("call --tols x hi", "error: No such option: --tols"),
        ("call -t app.models weather in Rome", "hint:  The prompt is one argument, in quotes; tools follow --tools"),
        ("-p fast call hi", "hint:  Options of a command come after it: polycall call -p fast."),
        ("call -p", "error: Option '-p' requires an argument."),
        ("providers show", "error: Missing argument 'NAME'."),
        ("call -t app.models --max-retries x hi", "error: Invalid value for '--max-retries'"),
        (
            "call -t app.models",
            'hint:  Write polycall call --tools app.models "weather in Rome", or pipe the prompt in.',
        ),
        ("call -t app.models --json --raw hi", "error: --json and --raw exclude each other."),
        ("call -t app.models --stream --json hi", "error: --stream and --json exclude each other."),
        ("call -t app.models -s model=x hi", "error: -s model is not a setting of a provider."),
        ("call -t app.models --messages - -", "error: Standard input cannot be both the prompt and --messages."),
    ],
)
def test_a_line_that_is_wrong_is_a_line_with_the_next_step(run: Run, line: str, said: str) -> None:
    result = run(*line.split())

    assert (result.status, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [("pro", ["providers"]), ("", [*COMMANDS]), ("call --sch", ["--schema"]), ("providers sh", ["show"])],
)
def test_shells_complete_commands_and_options(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], given: str, expected: list[str]
) -> None:
    monkeypatch.setenv("_POLYCALL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"polycall {given}")
    monkeypatch.setenv("COMP_CWORD", str(len(given.split()) if given else 1))

    with pytest.raises(SystemExit):
        run()

    assert capfd.readouterr().out.split() == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("call -p ", ["fast", "slow"]), ("check -p s", ["slow"]), ("call --provider ope", ["openai/", "openrouter/"])],
)
def test_shells_complete_profiles_and_providers(
    run: Run,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    given: str,
    expected: list[str],
) -> None:
    (project / "polycall.toml").write_text(
        '[profiles.fast]\nprovider = "openai"\n[profiles.slow]\nprovider = "openai"\n'
    )
    monkeypatch.setenv("_POLYCALL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"polycall {given}")
    monkeypatch.setenv("COMP_CWORD", str(given.count(" ") + 1))

    with pytest.raises(SystemExit):
        run()

    assert capfd.readouterr().out.split() == expected


def test_what_prints_the_completion_of_a_shell_is_among_the_options(run: Run) -> None:
    assert "--install-completion" in run("--help").out


def test_the_pictures_are_drawn_and_are_those_of_today(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run ``python docs/pictures/make.py`` if this fails."""
    folder = Path(__file__).parents[2] / "docs" / "pictures"
    made = tmp_path_factory.mktemp("pictures")
    script = {"__file__": str(folder / "make.py"), "__name__": "make"}
    exec(compile((folder / "make.py").read_text(encoding="utf-8"), str(folder / "make.py"), "exec"), script)

    script["main"](made)  # type: ignore[operator]

    assert {path.name for path in made.iterdir()} == {path.name for path in folder.glob("*.svg")}
    for name in ("call", "config", "error", "help"):  # the others tell what is installed
        assert words(made / f"{name}.svg") == words(folder / f"{name}.svg")


def words(picture: Path) -> str:
    """The texts of a picture, without numbers: times and versions differ."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return re.sub(r"\d+", "0", "\n".join(texts))
