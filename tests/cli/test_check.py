"""``polycall check``: every plugin and every profile, what is wrong, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.command import Run
from support.openai_replies import completion
from support.openai_server import ChatServer
from support.wire_server import reply_json

READY = completion([("Ready", {"ready": True})])


@pytest.fixture
def file(project: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MY_KEY", "sk-of-the-test-123")
    path = project / "polycall.toml"
    path.write_text(f"""
default = "good"

[profiles.good]
provider = "openai"
model = "gpt-4o-mini"
api_key_env = "MY_KEY"
base_url = "{server.url}"
max_retries = 0

[profiles.keyless]
provider = "openai"
model = "gpt-4o-mini"
api_key_env = "NOT_SET"
""")
    return path


def findings(run: Run, *arguments: str, status: int) -> dict[str, dict[str, Any]]:
    """By name."""
    result = run("check", "--json", *arguments)
    said: Any = result.json
    assert (result.status, said["ok"], result.err) == (status, status == 0, "")
    return {one["name"]: one for one in said["findings"]}


def test_plugins_and_profiles_are_looked_at_and_a_problem_is_status_1(run: Run, file: Path) -> None:
    result = run("check")

    assert result.status == 1
    sections = [line for line in result.out.splitlines() if line and not line.startswith(" ")]
    assert sections == ["polycall", "Providers", "Profiles", "1 problem found."]
    assert "  \N{CHECK MARK} openai  polycall-openai " in result.out
    assert "  \N{CHECK MARK} good  openai/gpt-4o-mini\n" in result.out
    assert (
        f"  \N{BALLOT X} keyless  {file}: profiles.keyless.api_key_env: the environment variable 'NOT_SET' is not set. "
        "Set it and try again.\n"
    ) in result.out


def test_without_a_problem_the_status_is_0(run: Run, file: Path) -> None:
    assert findings(run, "-p", "good", status=0)["good"]["ok"]


def test_doctor_is_the_same_and_no_file_is_not_a_problem(run: Run) -> None:
    result = run("doctor")

    assert result.status == 0
    assert "no config file  'polycall init' writes one\n" in result.out
    assert result.out.endswith("\nEverything is in order.\n")


class TestOnline:
    def test_one_tiny_call_for_each_profile(self, run: Run, file: Path, server: ChatServer) -> None:
        server.enqueue(reply_json(READY))

        said = findings(run, "--online", "-p", "good", status=0)

        assert said["good"]["message"].startswith("openai/gpt-4o-mini, answered in ")
        (body,) = server.bodies
        assert [tool["function"]["name"] for tool in body["tools"]] == ["Ready"]

    @pytest.mark.parametrize(
        ("reply", "message"),
        [
            (reply_json({"error": {"message": "bad key"}}, status=401), "the provider refused the key: 401 bad key"),
            (reply_json({"error": {"message": "no model"}}, status=404), "the provider rejected the request: 404"),
            (reply_json(completion(text="I am.")), "the model made no tool call. It said: 'I am.'."),
        ],
        ids=["key", "model", "no call"],
    )
    def test_what_fails_is_told_with_the_next_step(
        self, run: Run, file: Path, server: ChatServer, reply: Any, message: str
    ) -> None:
        server.enqueue(reply)

        said = findings(run, "--online", "-p", "good", status=1)["good"]

        assert said["message"].startswith(message)
        assert said["hint"]

    def test_a_profile_that_is_wrong_is_not_asked(self, run: Run, file: Path, server: ChatServer) -> None:
        findings(run, "--online", "-p", "keyless", status=1)

        assert server.bodies == []


def test_names_that_are_nowhere_are_problems(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_PLUGINS", "openai,vertx")
    monkeypatch.setenv("POLYCALL_EXTENSIONS", "audit")

    said = findings(run, "-p", "god", status=1)

    assert said["god"]["message"] == "there is no such profile. Did you mean 'good'?"
    assert said["vertx"]["message"] == "POLYCALL_PLUGINS lists it, and no such provider is installed"
    assert said["audit"]["message"] == "POLYCALL_EXTENSIONS lists it, and no such extension is installed"
    assert said["llamacpp"]["message"].endswith("left out by POLYCALL_PLUGINS")


def test_a_file_that_cannot_be_read_is_a_problem(run: Run, file: Path) -> None:
    file.write_text("x")

    assert "not a TOML file" in findings(run, status=1)["config file"]["message"]
    assert "there is no such file" in findings(run, "-c", "no.toml", status=1)["config file"]["message"]
