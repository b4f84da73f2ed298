"""The tests in ``docs/testing.md`` pass, its messages are those of the code, and its list of rules is whole."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

import polycall
import polycall.testing
from polycall.plugin import SessionTraits, hookimpl
from polycall.testing._contract import replies
from polycall.testing.contract import RULES
from support.toy_provider import Hooks, ToyClient, make_plugin

DOCUMENT = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = {
    named[1]: block
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    if (named := re.match(r"# (\w+\.py)\n", block))
}
TEST_FILES = [name for name in BLOCKS if name.startswith("test_")]


class Weather(BaseModel):
    location: str


def run(folder: Path, files: Mapping[str, str]) -> str:
    """Run pytest over some files; the end of its output."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "POLYCALL_BLOCK_NETWORK": "1"},
    ).stdout


def test_each_block_names_its_file() -> None:
    assert len(BLOCKS) == DOCUMENT.count("```python\n")


def test_the_tests_of_the_page_pass_under_the_eyes_of_the_checker(tmp_path: Path) -> None:
    said = run(tmp_path, BLOCKS)

    count = sum(len(re.findall(r"^def test_", BLOCKS[name], re.MULTILINE)) for name in TEST_FILES)
    assert said.splitlines()[-1].startswith(f"{count} passed")


def test_a_reply_that_is_left_gives_the_message_that_the_page_shows(tmp_path: Path) -> None:
    changed = BLOCKS["test_forecast.py"].replace('[Weather(location="Rome"), Weather(location="Oslo")],', '"Hello.",')

    said = run(tmp_path, {"forecast.py": BLOCKS["forecast.py"], "test_forecast.py": _until_asked(changed)})

    assert _shown("ScriptError") in said


def _until_asked(test: str) -> str:
    """A test without its assertions: what is left of the script is all that can fail."""
    return test.partition("    assert forecast(")[0] + '    forecast(client, "Rome and Oslo?")\n'


def _shown(error: str) -> str:
    """The message of an error that the page shows."""
    found = re.search(rf"```text\n{error}: (.*?)\n```", DOCUMENT, flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_a_blocked_request_gives_the_message_that_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_app.py::test_main (call)")
    traits = hookimpl(lambda: SessionTraits(host="api.openai.com"))
    polycall.register_provider("fake", make_plugin(Hooks(), polycall_describe_session=traits))
    try:
        with polycall.testing.block_network(), pytest.raises(polycall.testing.NetworkBlockedError) as raised:
            polycall.from_client(ToyClient()).create(["Rome?"], list[Weather])
    finally:
        polycall.unregister("fake")

    assert str(raised.value).replace("'fake'", "'openai'").split() == _shown("NetworkBlockedError").split()


def test_the_list_of_rules_is_whole() -> None:
    _, table = DOCUMENT.split("| rule | what must hold |\n| --- | --- |\n")

    assert dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", table, re.MULTILINE)) == dict(RULES)


def test_the_violation_that_is_shown_is_one_of_the_rules() -> None:
    lines = _shown("ContractViolation").splitlines()

    rule = re.search(r"breaks the rule '([\w-]+)'", lines[0])
    assert rule is not None
    assert lines[1] == f"  rule:  {RULES[rule[1]]}"
    assert lines[3].removeprefix("  due:   ") in inspect.getsource(replies)


def test_each_name_of_the_package_is_on_the_page() -> None:
    written = set(re.findall(r"\b\w+\b", DOCUMENT))

    assert {name for name in polycall.testing.__all__ if name not in written} == {
        *("AsyncScriptedClient", "ScriptedClient", "SentRequest"),  # nobody makes these
    }
