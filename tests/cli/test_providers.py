"""``polycall providers`` and ``extensions``: what is installed, from metadata alone."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from support.command import Run, start

HEAVY = ("polycall_openai", "polycall_vertex", "openai", "google.genai", "vertexai", "pydantic", "rich", "pluggy")
"""What a list must not import: plugins, SDKs, and what costs as much as a list may take."""


def test_providers_are_listed_with_distribution_and_sdk(run: Run) -> None:
    rows = {line.split()[0]: line for line in run("providers").out.partition("\n\n")[0].splitlines()[1:]}

    assert {"llamacpp", "openai", "vertex"} <= rows.keys()
    assert f"polycall-openai {version('polycall-openai')}" in rows["openai"]
    assert f"openai {version('openai')}" in rows["openai"]
    assert f"google-genai {version('google-genai')}" in rows["vertex"]
    assert rows["openai"].endswith("yes")


def test_the_same_as_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_PLUGINS", "openai")

    listed: Any = run("providers", "--json").json

    by_name = {one["name"]: one for one in listed}
    assert {"groq", "ollama", "azure"} <= {*by_name["openai"].pop("servers")}
    assert by_name["openai"] == {
        "name": "openai",
        "distribution": "polycall-openai",
        "version": version("polycall-openai"),
        "target": "polycall_openai",
        "sdk": [{"name": "openai", "version": version("openai")}],
        "allowed": True,
        "claimed_twice": False,
    }
    assert by_name["vertex"]["allowed"] is False


def test_those_that_may_not_load_say_which_variable_keeps_them_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_PLUGINS", "vertex")

    rows = {line.split()[0]: line for line in run("providers").out.partition("\n\n")[0].splitlines()[1:]}

    assert rows["openai"].endswith("no: POLYCALL_PLUGINS")
    assert rows["vertex"].endswith("yes")


def test_no_extension_is_a_word_on_standard_error(run: Run) -> None:
    result = run("extensions")

    assert (result.status, result.out, result.err) == (0, "", "No extension is installed.\n")
    assert run("extensions", "--json").json == []


def test_a_list_imports_neither_plugin_nor_sdk_nor_anything_heavy(project: Path) -> None:
    program = (
        "import sys; from polycall.cli import main; main(['providers']); main(['extensions', '--json']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ}
    )

    assert done.stdout.splitlines()[-1] == "[]"


class TestShow:
    def test_settings_have_types_defaults_descriptions_and_their_keys_in_a_file(self, run: Run) -> None:
        described: Any = run("providers", "show", "openai", "--json").json

        settings = {one["name"]: one for one in described["settings"]}
        assert settings["api"] == {
            "name": "api",
            "type": '"chat" or "responses"',
            "default": "'chat'",
            "required": False,
            "description": "Which of OpenAI's APIs to use: Chat Completions or the Responses API.",
            "secret": False,
            "in_code_only": False,
            "new_clients_only": False,
            "variables": [],
            "key_in_file": "api",
        }
        assert (settings["api_key"]["secret"], settings["api_key"]["key_in_file"]) == (True, "api_key_env")
        assert settings["api_key"]["variables"] == ["OPENAI_API_KEY"]
        assert settings["timeout"]["type"] == "number > 0"
        assert settings["http_client"]["key_in_file"] is None
        assert "max_tokens" in described["options"]

    def test_descriptions_are_found_in_the_classs_own_text_too(self, run: Run) -> None:
        described: Any = run("providers", "show", "llamacpp", "--json").json

        settings = {one["name"]: one for one in described["settings"]}
        assert settings["parallel"]["description"].startswith("Requests that are generated at the same time")
        assert settings["n_ctx"]["default"] == "4096"

    def test_people_get_a_table(self, run: Run) -> None:
        shown = run("providers", "show", "vertex").out

        assert shown.startswith(f"vertex  polycall-vertex {version('polycall-vertex')}\n")
        assert "api_key" in shown
        assert "GOOGLE_CLOUD_PROJECT" in shown

    def test_it_imports_the_plugin_and_not_its_sdk(self, project: Path) -> None:
        program = (
            "import sys; from polycall.cli import main; main(['providers', 'show', 'vertex', '--json']);"
            "print([name for name in ('polycall_vertex', 'google.genai', 'vertexai') if name in sys.modules])"
        )

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert done.stdout.splitlines()[-1] == "['polycall_vertex']"

    def test_an_unknown_name_is_an_error_with_the_nearest(self, run: Run) -> None:
        result = run("providers", "show", "opnai")

        assert (result.status, result.out) == (4, "")
        assert "Did you mean 'openai'?" in result.err


def test_python_m_polycall_is_the_same_command(project: Path) -> None:
    result = start("--version", cwd=project)

    assert (result.status, result.out) == (0, f"polycall {version('polycall')}\n")
