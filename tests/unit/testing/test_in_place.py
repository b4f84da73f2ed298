"""Doubles for code that makes its clients itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from polycall.testing import Gate, ScriptedProvider, ScriptError, use_profile, use_scripted
from polycall.testing.contract import checked
from support.toy_provider import AsyncToyClient, Hooks, ToyClient, make_plugin, reply
from support.toy_provider import call as toy_call

from .conftest import Register


class Weather(BaseModel):
    location: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
ASK: list[object] = [{"role": "user", "content": "Rome?"}]
TOY = """
default = "fast"
[profiles.fast]
provider = "toy"
model = "toy-1"
api_key_env = "TOY_KEY_THAT_IS_NOT_SET"
timeout_s = 5
"""


@pytest.fixture
def hooks(register: Register) -> Hooks:
    """The provider ``toy``, which would answer by itself."""
    hooks = Hooks()
    hooks.script = (reply(toy_call("Weather", location="real")),)
    register("toy", make_plugin(hooks))
    return hooks


class TestUseScripted:
    def test_clients_by_name_follow_the_script(self, hooks: Hooks) -> None:
        with use_scripted([ROME]) as provider, polycall.from_provider("toy/toy-1", style="fancy") as client:
            assert client.create(ASK, list[Weather]) == [ROME]

        assert [(sent.request.provider, sent.request.model) for sent in provider.requests] == [("toy", "toy-1")]
        assert hooks.created == []

    async def test_async_clients_by_name_too(self, hooks: Hooks) -> None:
        with use_scripted([ROME, OSLO]):
            async with polycall.from_provider("toy/toy-1", async_client=True) as client:
                assert [call async for call in client.stream(ASK, list[Weather])] == [ROME, OSLO]

    def test_clients_from_a_file_too_without_the_secrets_that_it_names(self, hooks: Hooks, tmp_path: Path) -> None:
        (tmp_path / "polycall.toml").write_text(TOY)

        with use_scripted([ROME]), polycall.from_config(tmp_path / "polycall.toml") as client:
            assert client.model == "toy-1"
            assert client.create(ASK, list[Weather]) == [ROME]

    def test_a_misspelt_setting_is_an_error_still(self, hooks: Hooks) -> None:
        with use_scripted(then=[ROME]), pytest.raises(polycall.ConfigurationError, match="Did you mean 'base_url'"):
            polycall.from_provider("toy", base_ulr="?")

    def test_clients_of_an_sdk_too(self, hooks: Hooks) -> None:
        toy = ToyClient()

        with use_scripted([ROME]):
            assert polycall.from_client(toy).create(ASK, list[Weather]) == [ROME]

        assert toy.requests == []

    async def test_async_clients_of_an_sdk_too(self, hooks: Hooks) -> None:
        with use_scripted([ROME]):
            assert await polycall.from_client(AsyncToyClient(), async_client=True).create(ASK, list[Weather]) == [ROME]

    def test_conversations_continue(self, hooks: Hooks) -> None:
        with use_scripted([ROME]), polycall.from_provider("toy") as client:
            continued = client.create(ASK, list[Weather]).continue_with(["sunny"])

        assert [message["role"] for message in continued] == ["user", "assistant", "tool"]  # type: ignore[index]

    def test_without_any_provider_there_is_one_named_scripted(self) -> None:
        with use_scripted([ROME]), polycall.from_provider("scripted/any") as client:
            assert client.create(ASK, list[Weather]) == [ROME]

    def test_a_provider_that_exists_can_be_used(self, hooks: Hooks) -> None:
        provider = ScriptedProvider([ROME], [OSLO])

        with use_scripted(provider) as same:
            polycall.from_provider("toy").create(ASK, list[Weather])
            provider.client().create(ASK, list[Weather])

        assert same is provider
        assert [sent.request.provider for sent in provider.requests] == ["toy", "scripted"]

    def test_another_providers_client_keeps_its_own_script(self, hooks: Hooks) -> None:
        with use_scripted([ROME]):
            polycall.from_provider("toy").create(ASK, list[Weather])

            assert ScriptedProvider([OSLO]).client().create(ASK, list[Weather]) == [OSLO]

    def test_what_is_left_of_the_script_fails(self, hooks: Hooks) -> None:
        with pytest.raises(ScriptError, match="1 of the 1 replies"), use_scripted([ROME]):
            """Nobody asks."""

    def test_afterwards_the_provider_answers_by_itself(self, hooks: Hooks) -> None:
        with use_scripted(then=[ROME]):
            pass

        assert polycall.from_provider("toy").create(ASK, list[Weather]) == [Weather(location="real")]
        assert "scripted" not in [one.name for one in polycall.providers()]

    def test_a_client_that_was_made_before_keeps_its_provider(self, hooks: Hooks) -> None:
        client = polycall.from_provider("toy")

        with use_scripted(then=[ROME]):
            assert client.create(ASK, list[Weather]) == [Weather(location="real")]

    def test_two_blocks_at_once_are_an_error(self) -> None:
        second = use_scripted(then=[OSLO])

        with use_scripted(then=[ROME]), pytest.raises(polycall.PluginError, match="registered already"), second:
            """Never reached."""

    def test_it_keeps_the_hook_contract(self, hooks: Hooks) -> None:
        with checked(), use_scripted([ROME, "Hm."], [OSLO]):
            client = polycall.from_provider("toy")
            client.create(ASK, list[Weather])
            client.stream(ASK, list[Weather], deltas=True).collect()

    def test_errors_and_gates_too(self, hooks: Hooks) -> None:
        gate = Gate()
        gate.open()

        with use_scripted([gate, ROME], ConnectionError("reset")):
            client = polycall.from_provider("toy")
            client.create(ASK, list[Weather])
            with pytest.raises(ConnectionError):
                client.create(ASK, list[Weather])


class TestUseProfile:
    def test_a_program_finds_its_profile(self, hooks: Hooks) -> None:
        with use_profile("toy/toy-2", base_url="toy://here", timeout_s=2.5), polycall.from_config() as client:
            assert (client.provider, client.model) == ("toy", "toy-2")

        ((settings, model, _),) = hooks.created
        assert (settings.base_url, settings.timeout_s, model) == ("toy://here", 2.5, "toy-2")  # type: ignore[union-attr]

    def test_by_its_name(self, hooks: Hooks) -> None:
        with use_profile("toy", profile="fast one"):
            assert polycall.from_config(profile="fast one").provider == "toy"

    def test_whatever_profile_the_environment_names(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLYCALL_PROFILE", "production")

        with use_profile("toy"):
            polycall.from_config()

        assert os.environ["POLYCALL_PROFILE"] == "production"
        assert "POLYCALL_CONFIG" not in os.environ

    async def test_with_a_script_no_provider_is_needed(self) -> None:
        with use_profile(), use_scripted([ROME]):
            assert await polycall.from_config(async_client=True).create(ASK, list[Weather]) == [ROME]

    def test_the_file_is_gone_afterwards(self) -> None:
        with use_profile() as file:
            assert file.is_file()

        assert not file.exists()

    def test_settings_of_every_kind_that_a_file_can_hold(self) -> None:
        import tomllib

        settings: dict[str, Any] = {
            "text": 'a "b" \\ \n ü',
            "yes": True,
            "number": 1.5,
            "list": [1, 2],
            "map": {"X-A": "b"},
        }

        with use_profile("toy", **settings) as file:
            profile = tomllib.loads(file.read_text(encoding="utf-8"))["profiles"]["test"]

        assert profile == {"provider": "toy", **settings}

    def test_one_that_it_cannot_hold_is_an_error(self) -> None:
        says = r"use_profile\(transport=...\): .* cannot hold object"
        with pytest.raises(polycall.ConfigurationError, match=says), use_profile("toy", transport=object()):
            """Never reached."""
