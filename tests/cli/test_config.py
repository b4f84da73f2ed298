"""``polycall config``, ``config schema`` and ``init``: which file counts and why, and one to begin with."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.command import Run
from support.openai_replies import completion
from support.openai_server import ChatServer
from support.wire_server import reply_json

FILE = """
default = "fast"

[profiles.fast]
provider = "openai"
model = "gpt-4o-mini"
api_key_env = "MY_KEY"
base_url = "http://user:hidden-password@localhost:1/v1"
options = { temperature = 0.2 }
max_corrections = 1

[profiles.broken]
provider = "openai"
modle = "gpt-4o-mini"
"""


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "polycall.toml"
    path.write_text(FILE.replace("user:hidden-password@", ""))
    return path


class TestShow:
    def test_it_tells_the_file_the_active_profile_and_what_is_missing(self, run: Run, file: Path) -> None:
        result = run("config")

        assert result.status == 0
        head, fast, broken = result.out.split("\n\n")
        assert head == f"{file}  in the working directory, {file.parent}"
        missing = "the environment variable 'MY_KEY' is not set. Set it and try again."
        assert fast.splitlines() == [
            "fast  active: default in the file",
            "  provider         openai",
            "  model            gpt-4o-mini",
            "  api_key_env      MY_KEY  missing",
            "  base_url         http://localhost:1/v1",
            "  options          temperature = 0.2",
            "  max_corrections  1",
            f"  problem: {file}: profiles.fast.api_key_env: {missing}",
        ]
        assert broken.startswith("broken\n")
        assert "Did you mean 'model'?" in broken

    def test_a_secret_is_set_and_never_shown(self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "sk-of-the-test-123")

        shown, as_json = run("config"), run("config", "--json")

        assert "  api_key_env      MY_KEY  set\n" in shown.out
        assert "sk-of-the-test-123" not in shown.out + as_json.out

    def test_a_key_in_place_of_a_variables_name_is_not_shown_either(self, run: Run, file: Path) -> None:
        file.write_text(file.read_text().replace("MY_KEY", "sk-pasted-by-mistake-0123456789"))

        for result in (run("config"), run("config", "--json"), run("check")):
            assert "pasted-by-mistake" not in result.out + result.err

    def test_the_same_as_json(self, run: Run, file: Path) -> None:
        said: Any = run("config", "--json").json

        assert (said["file"], said["found_by"], said["active"]) == (str(file), "search", "fast")
        assert said["chosen_by"] == "default in the file"
        fast, broken = said["profiles"]
        assert fast["settings"][0] == {
            "key": "api_key_env",
            "setting": "api_key",
            "state": "missing",
            "variable": "MY_KEY",
            "secret": True,
            "value": None,
        }
        assert fast["options"] == {"temperature": 0.2}
        assert "Did you mean 'model'?" in broken["problem"]

    def test_what_chose_file_and_profile_is_named(self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        other = file.with_name("other.toml")
        other.write_text('[profiles.only]\nprovider = "openai"\n')
        by_option: Any = run("config", "-c", "other.toml", "--json").json
        monkeypatch.setenv("POLYCALL_CONFIG", str(other))
        by_variable: Any = run("config", "--json").json
        monkeypatch.setenv("POLYCALL_PROFILE", "broken")
        by_both: Any = run("config", "-c", str(file), "--json").json
        asked: Any = run("config", "-c", str(file), "-p", "fast", "--json").json

        assert (by_option["found_by"], by_option["chosen_by"]) == ("-c", "the only profile")
        assert by_variable["found_by"] == "POLYCALL_CONFIG"
        assert (by_both["active"], by_both["chosen_by"]) == ("broken", "POLYCALL_PROFILE")
        assert (asked["active"], asked["chosen_by"]) == ("fast", "-p")

    def test_no_file_is_an_error_with_both_ways_out(self, run: Run) -> None:
        result = run("config")

        assert (result.status, result.out) == (3, "")
        assert result.err.startswith("error: No polycall.toml, and no pyproject.toml with a table [tool.polycall], in ")
        assert "hint:  'polycall init' writes one." in result.err

    def test_a_broken_file_is_an_error_with_line_and_key(self, run: Run, file: Path) -> None:
        file.write_text("[profiles.fast\n")

        result = run("config")

        assert (result.status, result.out) == (3, "")
        assert "polycall.toml: not a TOML file:" in result.err


def test_the_schema_fits_a_good_file_and_refuses_a_misspelt_key(run: Run, file: Path) -> None:
    schema: Any = run("config", "schema").json
    content = tomllib.loads(file.read_text())
    broken = content["profiles"].pop("broken")

    jsonschema.validate(content, schema)
    with pytest.raises(jsonschema.ValidationError, match="modle"):
        jsonschema.validate({"profiles": {"broken": broken}}, schema)


class TestInit:
    def test_the_file_is_valid_and_has_a_profile_for_each_provider_that_can_be_asked(
        self, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")

        result = run("init")

        text = (project / "polycall.toml").read_text()
        content = tomllib.loads(text)
        assert result.status == 0
        assert result.err.startswith("Wrote polycall.toml. Profiles: openai, llamacpp; the default is openai.\n")
        assert content["default"] == "openai"
        assert content["profiles"]["openai"] == {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "api_key_env": "OPENAI_API_KEY",
        }
        assert "# [profiles.vertex]" in text
        assert "sk-of-the-test-123" not in text
        jsonschema.validate(content, json.loads(run("config", "schema").out))

    def test_a_call_works_straight_away(
        self, run: Run, project: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        server.enqueue(reply_json(completion([("Weather", {"location": "Rome"})])))
        run("init")

        result = run("call", "--tools", "app.models:Weather", "weather in Rome")

        assert (result.status, result.lines[0]["arguments"]) == (0, {"location": "Rome", "units": "metric"})

    def test_every_comment_that_holds_a_setting_is_valid_without_its_mark(
        self, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = run("init", "-").out

        settings = [line.removeprefix("# ") for line in text.splitlines() if " = " in line and "  polycall" not in line]
        for setting in settings:
            assert tomllib.loads(setting)

    def test_a_file_that_is_there_is_kept(self, run: Run, file: Path) -> None:
        before = file.read_text()

        refused = run("init")
        kept = file.read_text()
        replaced = run("init", "--force")

        assert (refused.status, kept) == (2, before)
        assert refused.err == (
            "error: polycall.toml exists already.\nhint:  Replace it with --force, or name another file.\n"
        )
        assert (replaced.status, file.read_text() == before) == (0, False)

    def test_one_that_takes_the_place_of_another_says_so(
        self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(file.parent / "app")

        assert run("init").err.startswith(f"It takes the place of {file}, which was found from here until now.\n")

    def test_without_a_provider_it_says_what_to_install(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "")

        result = run("init")

        assert (result.status, result.out) == (4, "")
        assert 'pip install "polycall[openai]"' in result.err
