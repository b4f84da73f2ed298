"""The command in clean virtual environments: without the extra, without a provider, with one, with a broken one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.environments import Environment, Wheel

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

BROKEN = {
    "broken_plugin.py": "import a_module_that_is_not_there\n",
    "polycall_broken-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: polycall-broken\nVersion: 1.0\n",
    "polycall_broken-1.0.dist-info/entry_points.txt": "[polycall.providers]\nbroken = broken_plugin\n"
    "[polycall.extensions]\nmute = mute_extension\nloud = broken_plugin\n",
    "mute_extension.py": "polycall_hook_api = 1\n",
}


@pytest.fixture(scope="module")
def without_provider(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    return Environment.create(tmp_path_factory.mktemp("none") / "environment", wheels, "polycall[cli]")


@pytest.fixture(scope="module")
def with_providers(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """A provider that works, and one that cannot be imported."""
    folder = tmp_path_factory.mktemp("some") / "environment"
    environment = Environment.create(folder, wheels, "polycall[cli]", "polycall-acme")
    for name, text in BROKEN.items():
        file = environment.site_packages / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return environment


def test_without_a_provider_each_command_says_what_to_install(without_provider: Environment, tmp_path: Path) -> None:
    said = {
        command: without_provider.command("polycall", *command.split(), cwd=tmp_path)
        for command in ("providers", "init", "check", "demo", "call --tools json x --provider openai/m")
    }

    assert {name: done.returncode for name, done in said.items()} == {
        "providers": 0,
        "init": 4,
        "check": 1,
        "demo": 4,
        "call --tools json x --provider openai/m": 2,
    }
    assert 'pip install "polycall[openai]"' in said["providers"].stderr
    assert 'pip install "polycall[openai]"' in said["init"].stderr
    assert 'pip install "polycall[openai]"' in said["check"].stdout
    assert 'pip install "polycall[local]"' in said["demo"].stderr
    assert all("Traceback" not in done.stderr for done in said.values())


def test_a_broken_provider_is_listed_and_found_and_harms_no_other(with_providers: Environment, tmp_path: Path) -> None:
    listed = run(with_providers, tmp_path, "providers --json")
    checked = run(with_providers, tmp_path, "check --json")
    shown = run(with_providers, tmp_path, "providers show acme")
    written = run(with_providers, tmp_path, "init")

    assert [one["name"] for one in json.loads(listed.stdout)] == ["acme", "broken"]
    findings = {one["name"]: one for one in json.loads(checked.stdout)["findings"]}
    assert checked.returncode == 1
    assert findings["acme"]["ok"]
    assert findings["broken"]["message"] == (
        "Plugin 'broken' (polycall-broken 1.0) cannot be imported: ModuleNotFoundError: No module named "
        "'a_module_that_is_not_there'. Reinstall it with what it needs: pip install --upgrade polycall-broken."
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "token_env" in shown.stdout
    assert written.stderr.startswith("Wrote polycall.toml. Profiles: acme; ")


def test_a_broken_extension_is_found_and_can_be_left_out(with_providers: Environment, tmp_path: Path) -> None:
    listed = run(with_providers, tmp_path, "extensions --json")
    checked = with_providers.command("polycall", "check", "--json", cwd=tmp_path)

    assert [(one["name"], one["allowed"]) for one in json.loads(listed.stdout)] == [("loud", False), ("mute", True)]
    findings = {one["name"]: one for one in json.loads(checked.stdout)["findings"]}
    assert (findings["acme"]["ok"], findings["mute"]["ok"], findings["loud"]["ok"]) == (True, True, False)
    assert "POLYCALL_EXTENSIONS can leave it out." in findings["loud"]["message"]


def run(environment: Environment, folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run the command without the extension that is broken."""
    return environment.command("polycall", *line.split(), cwd=folder, variables={"POLYCALL_EXTENSIONS": "mute"})
