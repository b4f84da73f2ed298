"""No test reaches a provider by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from polycall.plugin import SessionTraits, hookimpl
from polycall.testing import NetworkBlockedError, ScriptedProvider, block_network, use_scripted
from support.toy_provider import AsyncToyClient, Hooks, ToyClient, call, make_plugin, reply

from .conftest import Register


class Weather(BaseModel):
    location: str


ROME = Weather(location="Rome")
ASK: list[object] = [{"role": "user", "content": "Rome?"}]
SCRIPT = reply(call("Weather", location="Rome"))


@pytest.fixture(autouse=True)
def _toy(register: Register) -> None:
    traits = hookimpl(lambda: SessionTraits(host="api.toy.example"))
    register("toy", make_plugin(Hooks(), polycall_describe_session=traits))


def ask(way: str, toy: Any, client: Any) -> Any:
    return client.stream(ASK, list[Weather]).collect() if "stream" in way else client.create(ASK, list[Weather])


@pytest.mark.parametrize("way", ["create", "stream"])
def test_a_request_is_refused_before_it_is_sent(way: str) -> None:
    toy = ToyClient(SCRIPT)

    with block_network():
        client = polycall.from_client(toy)
        with pytest.raises(NetworkBlockedError) as raised:
            ask(way, toy, client)

    assert str(raised.value) == (
        f"The test tests/unit/testing/test_network.py::test_a_request_is_refused_before_it_is_sent[{way}] was about to "
        "send a request to the provider 'toy' at api.toy.example, and block_network() refuses it; nothing was sent. "
        "Answer with polycall.testing.ScriptedProvider, or allow it: block_network(allow=['toy'])."
    )
    assert toy.requests == []


@pytest.mark.parametrize("way", ["create", "stream"])
async def test_an_async_one_too(way: str) -> None:
    toy = AsyncToyClient(SCRIPT)

    with block_network():
        client = polycall.from_client(toy, async_client=True)
        with pytest.raises(NetworkBlockedError, match="test_an_async_one_too"):
            await ask(way, toy, client)

    assert toy.requests == []


@pytest.mark.parametrize("allowed", ["toy", "api.toy.example"])
def test_a_provider_or_a_host_can_be_allowed(allowed: str) -> None:
    with block_network(allow=[allowed]):
        assert polycall.from_client(ToyClient(SCRIPT)).create(ASK, list[Weather]) == [ROME]


def test_the_innermost_block_decides() -> None:
    with block_network():
        client = polycall.from_client(ToyClient(SCRIPT, SCRIPT))
        with block_network(allow=["toy"]):
            client.create(ASK, list[Weather])
        with pytest.raises(NetworkBlockedError):
            client.create(ASK, list[Weather])


def test_scripts_and_rendering_send_nothing() -> None:
    with block_network(), use_scripted([ROME]):
        assert polycall.from_client(ToyClient()).create(ASK, list[Weather]) == [ROME]
        assert ScriptedProvider([ROME]).client().create(ASK, list[Weather]) == [ROME]
    with block_network():
        assert polycall.from_client(ToyClient()).render(ASK, list[Weather]).body


def test_after_the_block_requests_are_sent_by_its_clients_too() -> None:
    with block_network():
        client = polycall.from_client(ToyClient(SCRIPT))

    assert client.create(ASK, list[Weather]) == [ROME]
    assert polycall.extensions() == []


def test_a_variable_that_leaves_the_block_out_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_EXTENSIONS", "redact")

    with pytest.raises(polycall.ConfigurationError, match="POLYCALL_EXTENSIONS does not list"), block_network():
        """Never reached."""
