"""The plugin for pytest, in sessions of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import polycall
import polycall.testing

TESTS = Path(__file__).parents[2]

BEGINNING = """
import polycall, pytest
from pydantic import BaseModel
from polycall.testing import made_up
from support import toy_provider as toy

class Weather(BaseModel):
    location: str

ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")

def ask(client):
    return client.create(["Rome?"], list[Weather])
"""


def run(folder: Path, tests: str, **environment: str) -> str:
    """Run tests in a session of their own; the end of its output."""
    (folder / "test_app.py").write_text(BEGINNING + tests, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={TESTS}", "-rfE"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    ).stdout


class TestScripts:
    SAID = """
def test_that_fits(scripted_provider):
    assert ask(scripted_provider([ROME]).client()) == [ROME]

def test_that_leaves_a_reply(scripted_provider):
    ask(scripted_provider([ROME], [OSLO]).client())

def test_that_asks_too_often(scripted_provider):
    client = scripted_provider([ROME]).client()
    ask(client)
    try:
        ask(client)
    except Exception:
        pass

def test_that_fails_by_itself(scripted_provider):
    scripted_provider([ROME])
    assert 1 == 2

def test_with_two(scripted_provider):
    one, other = scripted_provider([ROME]), scripted_provider([OSLO])
    ask(one.client())
"""

    def test_a_script_and_a_test_that_do_not_fit_fail_the_test(self, tmp_path: Path) -> None:
        said = run(tmp_path, self.SAID)

        assert re.findall(r"^(\w+) test_app\.py::(\w+)", said, re.MULTILINE) == [
            ("FAILED", "test_that_leaves_a_reply"),
            ("FAILED", "test_that_asks_too_often"),
            ("FAILED", "test_that_fails_by_itself"),
            ("FAILED", "test_with_two"),
        ]
        assert "1 of the 2 replies of the script was not asked for: 2. [Weather(location='Oslo')]" in said
        assert "The script has 1 reply, and the application sent request 2" in said
        assert "assert 1 == 2" in said


class TestTheNetwork:
    REAL = """
hooks = toy.Hooks()
hooks.script = (toy.reply(toy.call("Weather", location="Rome")),)
polycall.register_provider("toy", toy.make_plugin(hooks))
client = polycall.from_provider("toy/1")  # made before the first test

def test_that_would_send():
    assert ask(client) == [ROME]

def test_with_a_script(scripted_provider):
    assert ask(scripted_provider([ROME]).client()) == [ROME]
"""

    def test_without_the_variable_requests_are_sent(self, tmp_path: Path) -> None:
        assert "2 passed" in run(tmp_path, self.REAL, POLYCALL_BLOCK_NETWORK="0")

    def test_with_the_variable_each_request_of_a_real_provider_names_its_test(self, tmp_path: Path) -> None:
        said = run(tmp_path, self.REAL, POLYCALL_BLOCK_NETWORK="1")

        assert "1 failed, 1 passed" in said
        assert "The test test_app.py::test_that_would_send was about to send a request to the provider 'toy'" in said

    def test_a_variable_that_leaves_the_block_out_stops_the_session(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "pytest"]
        environment = {**os.environ, "POLYCALL_BLOCK_NETWORK": "1", "POLYCALL_EXTENSIONS": "redact"}

        said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

        assert said.returncode == pytest.ExitCode.USAGE_ERROR
        assert "POLYCALL_BLOCK_NETWORK is set: POLYCALL_EXTENSIONS does not list" in said.stderr


class TestNobodyPaysWhoDoesNotUseIt:
    def test_the_entry_point_is_the_plugin(self) -> None:
        (entry,) = entry_points(group="pytest11", name="polycall")

        assert entry.value == "polycall.testing.pytest_plugin"

    @pytest.mark.parametrize(
        "program",
        ["import polycall", "import polycall.testing", "import pytest; import polycall.testing.pytest_plugin"],
    )
    def test_importing_it_imports_nothing_of_it(self, program: str) -> None:
        show = "print([name for name in sys.modules if name.startswith(('polycall.', 'pydantic'))])"
        code = f"{program}\nimport sys\n{show}"

        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

        assert set(eval(said)) <= {"polycall.testing", "polycall.testing.pytest_plugin"}

    def test_pytest_leaves_the_modules_of_polycall_as_they_are(self) -> None:
        """It rewrites assertions in the distributions of plugins, which adds names to each of their modules."""
        added = {
            name: names
            for name, module in list(sys.modules.items())
            if name.startswith("polycall.") and (names := [one for one in vars(module) if one.startswith("@")])
        }

        assert added.keys() <= {"polycall.testing", "polycall.testing.pytest_plugin"}

    def test_doubles_do_not_need_pytest(self) -> None:
        code = (
            "import sys; sys.modules['pytest'] = None; from polycall.testing import *; ScriptedProvider(make_calls([]))"
        )

        subprocess.run([sys.executable, "-c", code], check=True)


class TestNames:
    def test_each_is_there_and_documented(self) -> None:
        for name in polycall.testing.__all__:
            assert getattr(polycall.testing, name).__doc__

    def test_an_unknown_one_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'ScriptedProvder'"):
            polycall.testing.ScriptedProvder  # noqa: B018

    def test_dir_lists_them(self) -> None:
        assert set(polycall.testing.__all__) <= set(dir(polycall.testing))
