"""``polycall render``: the request that would be sent, for any provider, without a key and without sending it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.command import Run

WEATHER = ("--tools", "app.models:Weather")


def body(run: Run, *arguments: str) -> Any:
    result = run("render", *WEATHER, *arguments)
    assert result.status == 0, result.err
    return result.json["body"]  # type: ignore[index]  # a JSON object


def test_it_shows_method_url_headers_without_secrets_and_body(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test-123")

    result = run("render", "--provider", "openai/gpt-4o", *WEATHER, "-o", "temperature=0.2", "weather in Rome")

    request: Any = result.json
    assert (result.status, result.err) == (0, "")
    assert (request["method"], request["url"]) == ("POST", "https://api.openai.com/v1/chat/completions")
    assert request["headers"]["authorization"] == "***"
    assert request["body"]["temperature"] == 0.2
    assert request["body"]["messages"] == [{"role": "user", "content": "weather in Rome"}]
    assert request["adaptations"] == []
    assert "sk-of-the-test" not in result.out


def test_without_a_key_it_says_so_and_without_a_prompt_it_has_a_stand_in(run: Run, project: Path) -> None:
    (project / "polycall.toml").write_text('[profiles.a]\nprovider = "openai"\nmodel = "m"\napi_key_env = "NOT_SET"\n')

    for target in (("--provider", "openai/gpt-4o"), ("-p", "a")):
        result = run("render", *target, *WEATHER)

        assert (result.status, result.err) == (0, "No key is set; the request is shown as if one were.\n")
        assert result.json["body"]["messages"] == [{"role": "user", "content": "..."}]  # type: ignore[index]


def test_each_provider_has_its_own_form(run: Run, project: Path) -> None:
    (project / "polycall.toml").write_text(
        'default = "b"\n[profiles.b]\nprovider = "vertex"\nmodel = "gemini-2.5-flash"\nproject = "p"\n'
        'location = "global"\n'
    )

    by_profile = body(run, "rome")
    by_name = body(run, "--provider", "vertex/gemini-2.5-pro", "-s", "project=p", "-s", "location=global", "rome")

    for rendered in (by_profile, by_name):
        assert rendered["contents"] == [{"parts": [{"text": "rome"}], "role": "user"}]
        assert rendered["tools"][0]["functionDeclarations"][0]["name"] == "Weather"


def test_choice_strictness_and_stream_are_those_of_the_call(run: Run) -> None:
    rendered = body(run, "--provider", "openai/gpt-4o", "--tool-choice", "auto", "--strict", "--stream")

    assert rendered["tool_choice"] == "auto"
    assert rendered["tools"][0]["function"]["strict"] is True
    assert rendered["stream"] is True


def test_adaptations_are_shown(run: Run, project: Path) -> None:
    (project / "app" / "count.py").write_text(
        "from pydantic import BaseModel, Field\nclass Count(BaseModel):\n    n: int = Field(multiple_of=3)\n"
    )

    target = ("--provider", "vertex/gemini-2.5-flash", "-s", "project=p", "-s", "location=global")
    request: Any = run("render", *target, "--tools", "app.count").json

    assert [(one["setting"], one["given"]) for one in request["adaptations"]] == [("tools.Count.n", {"multipleOf": 3})]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--provider", "opnai/x"], 4, "error: No provider named 'opnai'."),
        (["-p", "nothing"], 3, "error: No polycall.toml"),
        ([], 3, "hint:  'polycall init' writes one. Without a file, name the provider: --provider openai/gpt-4o-mini."),
        (["--provider", "openai/m", "-s", "nothing=1"], 3, "error: nothing: 'nothing' is not a setting"),
        (
            ["--provider", "openai/m", "--tool-choice", "Nothing"],
            3,
            "hint:  Write --tool-choice auto, required, or the",
        ),
        (["--provider", "openai"], 3, "error: No model is named"),
    ],
)
def test_what_cannot_be_rendered_is_a_line_and_a_status(run: Run, arguments: list[str], status: int, said: str) -> None:
    result = run("render", *WEATHER, *arguments)

    assert (result.status, result.out) == (status, "")
    assert said in result.err
