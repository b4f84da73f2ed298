"""What is configured, as plain data, and the JSON Schema of the file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import jsonschema
import pytest

import polycall
from polycall._clients.config_report import config_report, config_schema, provider_settings, user_file

FILE = """
default = "fast"

[profiles.fast]
provider = "openai"
model = "gpt-4o-mini"
api_key_env = "MY_KEY"
base_url = "https://host/v1"
default_headers_env = { X-Team = "MY_TEAM" }
options = { temperature = 0.2, extra_headers = { x-trace = "abc" } }
max_corrections = 1

[profiles.other]
provider = "groq"
model_env = "MY_MODEL"
api_key_env = "NOT_SET"

[profiles.wrong]
provider = "vertex"
regoin = "x"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in a project; its first profile's variables are set."""
    for name, value in {"MY_KEY": "sk-secret", "MY_TEAM": "us"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    monkeypatch.chdir(project)
    path = project / "polycall.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


class TestTheReport:
    def test_the_file_and_why(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        report = config_report()
        assert (report.file, report.found_by) == (file, "search")
        assert report.reason == f"in the working directory, {file.parent}"

        (file.parent / "deep").mkdir()
        monkeypatch.chdir(file.parent / "deep")
        assert config_report().reason == f"the nearest one above the working directory, {file.parent / 'deep'}"

        assert config_report(file).found_by == "path="
        monkeypatch.setenv("POLYCALL_CONFIG", str(file))
        assert (config_report().found_by, config_report().reason) == ("POLYCALL_CONFIG", "named by POLYCALL_CONFIG")

    def test_the_active_profile_and_what_chose_it(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert (config_report().active, config_report().chosen_by) == ("fast", "default")
        assert (config_report(profile="other").active, config_report(profile="other").chosen_by) == (
            "other",
            "profile=",
        )
        monkeypatch.setenv("POLYCALL_PROFILE", "prod")
        report = config_report()
        assert report.active is None
        assert "POLYCALL_PROFILE: 'prod' is not a profile" in str(report.choice_problem)

    def test_each_setting_as_set_or_missing(self, file: Path) -> None:
        fast, other, wrong = config_report(check=True).profiles

        assert [(one.key, one.setting, one.state, one.variable, one.secret, one.shown) for one in fast.settings] == [
            ("api_key_env", "api_key", "set", "MY_KEY", True, None),
            ("base_url", "base_url", "set", None, False, "https://host/v1"),
            ("default_headers_env", "default_headers", "set", None, False, None),
        ]
        assert (fast.model, fast.max_corrections, fast.problem) == ("gpt-4o-mini", 1, None)
        assert fast.options == {"temperature": 0.2, "extra_headers": {"x-trace": "***"}}
        assert (other.model, other.settings[0].state) == (None, "missing")
        assert "the environment variable 'MY_MODEL' is not set" in str(other.problem)
        assert "'regoin' is not a setting of provider 'vertex'. Did you mean 'region'" not in str(wrong.problem)
        assert "regoin" in str(wrong.problem)
        assert "sk-secret" not in repr(config_report(check=True))

    def test_a_key_that_was_pasted_is_not_shown(self, file: Path) -> None:
        file.write_text('[profiles.a]\nprovider = "openai"\napi_key_env = "sk-secret-4711"', encoding="utf-8")

        report = config_report(check=True)

        assert report.profiles[0].settings[0].variable is None
        assert "sk-secret" not in repr(report)
        assert "sk-secret" not in str(report.profiles[0].problem)


class TestTheUsersOwnFile:
    def write(self) -> Path:
        path = user_file()
        path.parent.mkdir(parents=True)
        path.write_text('[profiles.a]\nprovider = "openai"\nmodel = "mine"', encoding="utf-8")
        return path

    def test_it_serves_projects_that_have_none(self, file: Path) -> None:
        path = self.write()
        assert config_report().file == file

        file.unlink()
        report = config_report()
        assert (report.file, report.found_by) == (path, "user")
        assert report.reason == (
            f"the user's own: no polycall.toml, and no pyproject.toml with a table [tool.polycall], in {file.parent}"
        )
        assert polycall.from_config(api_key="k").model == "mine"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others")
    def test_one_of_another_user_is_refused(self, file: Path) -> None:
        path = self.write()
        file.unlink()
        os.chown(path, 12_345, 12_345)

        with pytest.raises(polycall.ConfigurationError, match="it belongs to another user"):
            config_report()


class TestTheSchema:
    def errors(self, text: str) -> list[str]:
        schema = config_schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        found = jsonschema.Draft202012Validator(schema).iter_errors(tomllib.loads(text))
        return [error.message for error in found]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            'default = "a"\nrequired_extensions = ["audit"]\n[profiles.a]\nprovider = "openai"',
            FILE.partition("[profiles.wrong]")[0],
            '[profiles.a]\nprovider = "vertex"\nproject = "p"\nlocation_env = "REGION"\ncredentials_file = "sa.json"',
            '[profiles.a]\nprovider = "gemini"\napi_key_env = "K"\ntimeout = 5',
            '[profiles.a]\nprovider = "llamacpp"\nmodel = "smollm2"\nn_ctx = 8192\nhf_token_env = "HF_TOKEN"',
            '[profiles.a]\nprovider = "ollama"\nmodel = "m"\nbase_url_env = "OLLAMA"',
        ],
    )
    def test_good_files(self, text: str) -> None:
        assert self.errors(text) == []

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ('defualt = "a"', "defualt"),
            ('[profiles.a]\nmodel = "m"', "'provider' is a required property"),
            ('[profiles.a]\nprovider = "opnai"', "opnai"),
            ('[profiles.a]\nprovider = "openai"\nmodle = "m"', "modle"),
            ('[profiles.a]\nprovider = "openai"\napi_key = "sk-written"', "api_key"),
            ('[profiles.a]\nprovider = "openai"\napi_key_env = "sk-written-4711"', "sk-written"),
            ('[profiles.a]\nprovider = "openai"\nhttp_client = "x"', "http_client"),
            ('[profiles.a]\nprovider = "openai"\nmax_retries = -1', "minimum"),
            ('[profiles.a]\nprovider = "openai"\ntimeout = "long"', "is not valid under any of the given schemas"),
            ('[profiles.a]\nprovider = "openai"\napi = "completions"', "completions"),
            ('[profiles.a]\nprovider = "openai"\noptions = { temperature = "hot" }', "hot"),
            ('[profiles.a]\nprovider = "vertex"\nn_ctx = 5', "n_ctx"),
            ('[profiles.a]\nprovider = "groq"\nn_ctx = 5', "n_ctx"),
            ('[profiles.a]\nprovider = "vertex"\ncredentials = "sa.json"', "credentials"),
            ('[profiles.a]\nprovider = "openai"\nmax_corrections = -1', "minimum"),
        ],
    )
    def test_bad_files(self, text: str, word: str) -> None:
        assert any(word in error for error in self.errors(text)), self.errors(text)

    def test_each_key_has_a_description(self) -> None:
        schema = config_schema()

        def without(node: object, path: str) -> list[str]:
            if not isinstance(node, dict):
                return []
            properties = node.get("properties")
            own = properties if isinstance(properties, dict) else {}
            found = [f"{path}.{name}" for name, one in own.items() if one and "description" not in one]
            return found + [one for name, value in own.items() for one in without(value, f"{path}.{name}")]

        profile = schema["properties"]["profiles"]["additionalProperties"]  # type: ignore[index]
        settings = [one["then"] for one in profile["allOf"]]
        missing = [*without(schema, ""), *(path for one in settings for path in without(one, "settings"))]
        assert missing == []


@pytest.mark.parametrize("provider", ["openai", "vertex", "gemini", "llamacpp"])
def test_each_setting_of_a_provider_has_a_description(provider: str) -> None:
    facts = provider_settings(provider)

    assert [one.name for one in facts if not one.description] == []
    assert not any("``" in one.description for one in facts)


def test_the_facts_of_a_setting() -> None:
    by_name = {one.name: one for one in provider_settings("openai")}

    assert by_name["api"].type == '"chat" or "responses"'
    assert by_name["timeout"].type == "number > 0"
    assert (by_name["max_retries"].type, by_name["max_retries"].default) == ("integer >= 0", "2")
    assert by_name["api_key"].variables == ("OPENAI_API_KEY",)
    assert (by_name["api_key"].secret, by_name["api_key"].key_in_file) == (True, "api_key_env")
    assert (by_name["http_client"].in_code_only, by_name["http_client"].key_in_file) == (True, None)
    assert by_name["base_url"].new_clients_only
