"""``examples/any_provider.py``: the profile alone decides which provider, with neutral options and error handling."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

import polycall
import polycall_acme
from acme_server import AcmeServer
from support.openai_replies import completion
from support.openai_server import ChatServer
from support.vertex_rest_server import Reply, VertexRestServer
from support.wire_server import reply_json

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "any_provider.py"
FOUND = ["Rome", "Oslo"]


@contextmanager
def openai_server() -> Iterator[tuple[str, Any]]:
    with ChatServer() as server:
        server.enqueue(reply_json({"error": {"message": "slow down"}}, status=429))
        server.enqueue(reply_json(completion([("Weather", {"location": place}) for place in FOUND])))
        yield f'base_url = "{server.url}"', server


@contextmanager
def google_server() -> Iterator[tuple[str, Any]]:
    calls = [{"functionCall": {"name": "Weather", "args": {"location": place}}} for place in FOUND]
    with VertexRestServer() as server:
        server.enqueue(Reply({"error": {"code": 429, "message": "slow down", "status": "EXHAUSTED"}}, status=429))
        server.enqueue({"candidates": [{"content": {"role": "model", "parts": calls}, "finishReason": "STOP"}]})
        yield f'base_url = "{server.base_url}"', server


@contextmanager
def acme_server() -> Iterator[tuple[str, Any]]:
    calls = [f"CALL {n} Weather %7B%22location%22%3A%22{place}%22%7D" for n, place in enumerate(FOUND, 1)]
    with AcmeServer(["ERROR rate_limit Slow%20down"], [*calls, "DONE stop"]) as server:
        yield f'host = "127.0.0.1"\nport = {server.port}', server


PROFILES = {
    "openai": (openai_server, 'model = "gpt-4o-mini"\napi_key_env = "MY_KEY"\nmax_retries = 0'),
    "groq": (openai_server, 'model = "llama-3.3-70b"\napi_key_env = "MY_KEY"\nmax_retries = 0'),
    "vertex": (google_server, 'model = "gemini-2.5-flash"\napi_key_env = "MY_KEY"'),
    "gemini": (google_server, 'model = "gemini-2.5-flash"\napi_key_env = "MY_KEY"'),
    "acme": (acme_server, 'model = "coyote-1"\ntoken_env = "MY_KEY"'),
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config file that the program finds."""
    file = tmp_path / "polycall.toml"
    monkeypatch.setenv("POLYCALL_CONFIG", str(file))
    monkeypatch.setenv("MY_KEY", "k3y-of-the-profile")
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "What is the weather in Rome and in Oslo?"])
    return file


def run(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_PROFILE", profile)
    runpy.run_path(str(PROGRAM), run_name="__main__")


@pytest.mark.parametrize("provider", PROFILES)
def test_the_same_program_with_another_profile(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], provider: str
) -> None:
    serve, settings = PROFILES[provider]
    if provider == "acme":  # installed as a distribution it needs no registration: tests/install/test_third_party.py
        polycall.register_provider("acme", polycall_acme)
    try:
        with serve() as (address, server):
            file.write_text(
                f'[profiles.mine]\nprovider = "{provider}"\n{settings}\n{address}\noptions = {{ seed = 7 }}\n'
            )
            run("mine", monkeypatch)
    finally:
        if provider == "acme":
            polycall.unregister("acme")

    said = capsys.readouterr()
    assert said.out.split() == FOUND
    assert said.err == f"{provider}: attempt 1: rate_limit\n"
    assert options_of(server) == {"temperature": 0.2, "limit": 200, "seed": 7}


def options_of(server: Any) -> dict[str, object]:
    """The options of the last request, each protocol's own names undone."""
    if isinstance(server, AcmeServer):
        sent = dict(line.split()[1:] for line in server.requests[-1] if line.startswith("OPTION"))
        return {"temperature": float(sent["temperature"]), "limit": int(sent["max_words"]), "seed": int(sent["seed"])}
    if isinstance(server, VertexRestServer):
        config = server.requests[-1].body["generationConfig"]
        return {"temperature": config["temperature"], "limit": config["maxOutputTokens"], "seed": config["seed"]}
    body = server.requests[-1].json
    return {"temperature": body["temperature"], "limit": body["max_tokens"], "seed": body["seed"]}


@pytest.mark.model
def test_and_with_a_model_in_the_process(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        '[profiles.offline]\nprovider = "llamacpp"\nmodel = "smollm2"\n'
        'threads = 1\nstrategy = "constrained"\noptions = { seed = 7 }\n'
    )

    run("offline", monkeypatch)

    assert capsys.readouterr().out.split() == FOUND


def test_an_error_that_another_attempt_cannot_mend_is_raised(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer() as server:
        server.enqueue(reply_json({"error": {"message": "wrong key"}}, status=401))
        file.write_text(
            '[profiles.mine]\nprovider = "groq"\nmodel = "m"\napi_key_env = "MY_KEY"\nmax_retries = 0\n'
            f'base_url = "{server.url}"\n'
        )
        with pytest.raises(openai.AuthenticationError, match="wrong key"):
            run("mine", monkeypatch)

    assert capsys.readouterr().err == "groq: attempt 1: auth\n"
    assert len(server.requests) == 1
