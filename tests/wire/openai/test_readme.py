"""What the README shows after its first example, run as it stands: streams, the turn after the calls, a config file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import polycall
from support.openai_replies import chunks, completion, sse
from support.openai_server import ChatServer, GoogleSearch, Weather
from support.wire_server import reply_json, reply_stream

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
CALLS = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]


def block(heading: str, language: str = "python") -> str:
    """The first block of a language under a heading of the README."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def client(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[polycall.Client]:
    """The client of the README's config file; where the server is comes from the environment."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "polycall.toml").write_text(block("Choose a provider by name", "toml"), encoding="utf-8")
    with polycall.from_config() as client:
        yield client


def names(client: polycall.Client, **more: object) -> dict[str, object]:
    """What the blocks take from the ones before them."""
    models = {"Iterable": Iterable, "Weather": Weather, "GoogleSearch": GoogleSearch}
    return {"client": client, "messages": [{"role": "user", "content": "What ...?"}], **models, **more}


def test_the_config_file(client: polycall.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_PROFILE", "offline")

    assert (client.provider, client.model) == ("openai", "gpt-4o-mini")
    with polycall.from_config() as offline:
        assert (offline.provider, offline.model) == ("llamacpp", "smollm2")


def test_streams(server: ChatServer, client: polycall.Client, capsys: pytest.CaptureFixture[str]) -> None:
    server.enqueue(reply_stream(sse(chunks(CALLS))))

    exec(block("Streams"), names(client))

    assert capsys.readouterr().out == "location='Toronto' units='metric'\nquery='who won the super bowl'\n"


def test_after_the_calls(server: ChatServer, client: polycall.Client) -> None:
    server.enqueue(reply_json(completion(CALLS)), reply_json(completion(text="Sunny; the Eagles.")))
    calls = client.create([{"role": "user", "content": "What ...?"}], Iterable[Weather | GoogleSearch])
    scope = names(client, calls=calls, run=lambda call: f"did {type(call).__name__}")

    exec(block("After the calls"), scope)

    answer = scope["calls"]
    assert isinstance(answer, polycall.Calls)
    assert (list(answer), answer.text) == ([], "Sunny; the Eagles.")
    _, turn, *results = server.bodies[1]["messages"]
    assert [call["id"] for call in turn["tool_calls"]] == [result["tool_call_id"] for result in results]
    assert [result["content"] for result in results] == ["did Weather", "did GoogleSearch"]
