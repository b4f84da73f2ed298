"""Servers by name: further names of a provider, from entry points of the group ``polycall.servers``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from unit.core.conftest import Extend

import polycall
from polycall._plugins.registry import registry
from polycall.plugin import Request, hookimpl
from support.toy_provider import make_plugin

Install = Callable[..., None]

GROUPS = {"providers": "polycall.providers", "servers": "polycall.servers"}
PLUGIN = """
import support.toy_provider as toy
from polycall.plugin import Request, hookimpl
from pydantic import BaseModel

class Settings(BaseModel):
    server: str | None = None
    other: int = 0

@hookimpl
def polycall_settings_type():
    return Settings

@hookimpl
def polycall_create_client(settings):
    client = toy.ToyClient(toy.reply(toy.call("Weather", location="Rome")))
    client.settings = settings
    return client

globals().update({
    name: hook for name, hook in vars(toy.make_plugin()).items()
    if name not in ("polycall_settings_type", "polycall_create_client", "polycall_recognize_client")
})
"""


class Weather(BaseModel):
    location: str


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put distributions on the path: metadata with entry points, and the module that they name."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(
        distribution: str, *, providers: str = "", servers: str = "", target: str | None = None, code: str = PLUGIN
    ) -> None:
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        entries = ""
        for group, names in (("providers", providers), ("servers", servers)):
            lines = "".join(f"{name} = {target or module}\n" for name in names.split())
            entries += f"[{GROUPS[group]}]\n{lines}" if lines else ""
        (info / "entry_points.txt").write_text(entries)
        registry.refresh()

    yield install
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", None)):
            del sys.modules[module]
    monkeypatch.undo()
    registry.refresh()


def settings_of(client: polycall.Client) -> object:
    settings: object = client._hooks.session.settings
    return settings


def names() -> list[str]:
    return [plugin.name for plugin in polycall.providers()]


class TestAServersName:
    def test_makes_the_providers_client_with_the_server_as_a_setting(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north south")

        client = polycall.from_provider("south/model-1", other=3)

        assert repr(client) == "<polycall.Client provider='south' model='model-1'>"
        assert repr(settings_of(client)) == "Settings(server='south', other=3)"
        assert client.create(["?"], list[Weather]) == [Weather(location="Rome")]

    def test_can_stand_in_a_profile(self, install: Install, tmp_path: Path) -> None:
        install("acme-llm", providers="acme", servers="north south")
        file = tmp_path / "polycall.toml"
        file.write_text('[profiles.one]\nprovider = "north"\nmodel = "m"\nother = 2\n')

        client = polycall.from_config(file)

        assert (client.provider, client.model) == ("north", "m")
        assert repr(settings_of(client)) == "Settings(server='north', other=2)"

    def test_is_listed_from_metadata_with_its_provider(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north", code="raise ValueError('imported')")

        assert polycall.InstalledPlugin("north", "acme-llm", "1.0", "acme_llm", "acme") in polycall.providers()
        assert polycall.InstalledPlugin("acme", "acme-llm", "1.0", "acme_llm") in polycall.providers()

    def test_is_in_the_requests_that_extensions_see(self, install: Install, extend: Extend) -> None:
        seen: list[str] = []

        @hookimpl
        def polycall_before_request(request: Request) -> None:
            seen.append(request.provider)

        install("acme-llm", providers="acme", servers="north")
        extend("spy", polycall_before_request=polycall_before_request)
        polycall.from_provider("north/m").create(["?"], list[Weather])

        assert seen == ["north"]

    def test_may_come_from_another_distribution_than_the_provider(self, install: Install) -> None:
        install("acme-llm", providers="acme")
        install("our-gateway", servers="gateway", target="acme_llm")

        assert repr(settings_of(polycall.from_provider("gateway/m"))) == "Settings(server='gateway', other=0)"

    def test_is_not_asked_whose_client_an_object_is(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north")

        assert [name for name, _ in registry.every_provider() if name in ("acme", "north")] == ["acme"]


class TestPrecedence:
    def test_a_provider_wins_over_a_server_of_another_distribution(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north")
        install("north-llm", providers="north")

        assert repr(settings_of(polycall.from_provider("north/m"))) == "Settings(server=None, other=0)"
        assert [one.distribution for one in polycall.providers() if one.name == "north"] == ["north-llm"]

    def test_so_does_one_that_is_registered_in_code(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north")
        polycall.register_provider("north", make_plugin())
        try:
            assert [one.target for one in polycall.providers() if one.name == "north"] == ["registered in code"]
            assert not hasattr(polycall.from_provider("north/m")._hooks.session, "settings")
        finally:
            polycall.unregister("north")

    def test_two_claims_of_one_server_are_an_error_that_names_both(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north")
        install("other-llm", providers="other", servers="north")

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("north/m")

        assert str(raised.value) == (
            "Several distributions claim the name 'north' in the group polycall.servers: acme-llm 1.0 and "
            "other-llm 1.0. Uninstall all but one."
        )
        assert names().count("north") == 2


class TestMistakes:
    def test_a_setting_that_names_another_server(self, install: Install, tmp_path: Path) -> None:
        install("acme-llm", providers="acme", servers="north south")

        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("north/m", server="south")

        assert str(raised.value) == (
            "server: the name 'north' stands for this server already, and server names another. Leave it out, or write "
            "'acme' as the provider's name."
        )
        assert polycall.from_provider("north/m", server="north").provider == "north"

    def test_settings_without_the_field(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north", code=PLUGIN.replace("server: str", "serving: str"))

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("north/m")

        assert str(raised.value) == (
            "Plugin 'acme' (acme-llm 1.0) offers the server 'north' by name, but its settings have no field 'server' "
            "to tell it so."
        )
        assert (raised.value.plugin, raised.value.distribution) == ("acme", "acme-llm 1.0")

    def test_an_entry_point_that_is_no_providers(self, install: Install) -> None:
        install("acme-llm", servers="north")

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("north/m")

        assert str(raised.value) == (
            "Server 'north' (acme-llm 1.0) cannot be reached: its entry point names 'acme_llm', which is not the "
            "target of any provider's entry point."
        )

    def test_a_broken_plugin_is_named_as_the_provider_that_it_is(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north", code="raise ValueError('half-written')")

        with pytest.raises(polycall.PluginError) as raised:
            polycall.from_provider("north/m")

        assert str(raised.value).startswith("Plugin 'acme' (acme-llm 1.0) cannot be imported: ValueError: half-written")


class TestPolycallPlugins:
    """A server may be selected if the variable lists it, or its provider."""

    @pytest.fixture(autouse=True)
    def _installed(self, install: Install) -> None:
        install("acme-llm", providers="acme", servers="north south")
        install("zeta-llm", providers="zeta", servers="")

    def test_a_provider_brings_its_servers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "acme")

        assert names() == ["acme", "north", "south"]
        assert polycall.from_provider("north/m").provider == "north"

    def test_a_server_alone_brings_neither_its_provider_nor_the_other_servers(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POLYCALL_PLUGINS", "north")

        assert names() == ["north"]
        assert polycall.from_provider("north/m").provider == "north"
        for name in ("acme", "south"):
            with pytest.raises(polycall.ProviderNotFoundError) as raised:
                polycall.from_provider(f"{name}/m")
            assert str(raised.value) == (
                f"Provider {name!r} is installed, but POLYCALL_PLUGINS does not list {name!r}: its value is 'north'. "
                f"Add {name!r} to it, or unset the variable to allow all."
            )

    def test_a_provider_that_may_not_load_does_not_lend_its_name_to_a_server(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install("south-llm", providers="south")
        monkeypatch.setenv("POLYCALL_PLUGINS", "acme")

        with pytest.raises(polycall.ProviderNotFoundError, match="'south' is installed, but POLYCALL_PLUGINS does not"):
            polycall.from_provider("south/m")
