"""Clients from config files and settings; secrets are named there and never shown."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr
from unit.core.conftest import Extend, Provide

import polycall
from polycall.plugin import NEW_CLIENT_ONLY, ClientTraits, hookimpl
from support.toy_provider import Hooks, ToySettings, make_plugin

SECRET = "sk-do-not-show-this"  # a made-up one

FILE = """
default = "fast"

[profiles.fast]
provider = "toy"
model = "toy-mini"
api_key_env = "TOY_KEY"
timeout_s = 2

[profiles.plain]
provider = "toy"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: Hooks) -> Path:
    """An empty working directory; ``TOY_KEY`` is set."""
    monkeypatch.setenv("TOY_KEY", SECRET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str = FILE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class TestProfiles:
    def test_the_default_profile(self, folder: Path, hooks: Hooks) -> None:
        write(folder / "polycall.toml")

        client = polycall.from_config()

        assert isinstance(client, polycall.Client)
        assert (client.provider, client.model) == ("toy", "toy-mini")
        assert hooks.created == [(ToySettings(api_key=SecretStr(SECRET), timeout_s=2), "toy-mini", False)]

    def test_async(self, folder: Path, hooks: Hooks) -> None:
        write(folder / "polycall.toml")

        assert isinstance(polycall.from_config(async_client=True), polycall.AsyncClient)
        assert hooks.created[0][2] is True

    def test_by_name(self, folder: Path) -> None:
        write(folder / "polycall.toml")

        assert polycall.from_config(profile="plain").model is None

    def test_polycall_profile_selects_one(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(folder / "polycall.toml")
        monkeypatch.setenv("POLYCALL_PROFILE", "plain")

        assert polycall.from_config().model is None
        assert polycall.from_config(profile="fast").model == "toy-mini"

    def test_the_only_profile_needs_no_default(self, folder: Path) -> None:
        write(folder / "polycall.toml", '[profiles.one]\nprovider = "toy"\nmodel = "m"')

        assert polycall.from_config().model == "m"

    def test_the_environment_does_not_mix_in(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(folder / "polycall.toml")
        monkeypatch.setenv("DEFAULT", "other")
        monkeypatch.setenv("PROFILES", "{}")

        assert polycall.from_config().model == "toy-mini"


class TestFinding:
    def test_a_path(self, folder: Path) -> None:
        assert polycall.from_config(write(folder / "else" / "my.toml")).model == "toy-mini"
        assert polycall.from_config(str(folder / "else" / "my.toml")).model == "toy-mini"

    def test_polycall_config(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(folder / "polycall.toml", '[profiles.one]\nprovider = "toy"\nmodel = "nearer"')
        monkeypatch.setenv("POLYCALL_CONFIG", str(write(folder / "else" / "my.toml")))

        assert polycall.from_config().model == "toy-mini"

    def test_upwards_from_the_working_directory(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(folder / "polycall.toml")
        (folder / ".git").mkdir()
        write(folder / "a" / "pyproject.toml", "[tool.other]\nx = 1")
        write(folder / "a" / "b" / "pyproject.toml", "[project]\nname = 'a-part'")
        (folder / "a" / "b" / "c").mkdir()
        monkeypatch.chdir(folder / "a" / "b" / "c")

        assert polycall.from_config().model == "toy-mini"

    def test_the_table_of_pyproject(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        table = FILE.replace("[profiles", "[tool.polycall.profiles").replace("default", "[tool.polycall]\ndefault", 1)
        path = write(folder / "pyproject.toml", f'[project]\nname = "mine"\n{table}')

        assert polycall.from_config().model == "toy-mini"
        assert polycall.from_config(path).model == "toy-mini"

    def test_polycall_toml_comes_before_pyproject(self, folder: Path) -> None:
        write(folder / "polycall.toml")
        write(folder / "pyproject.toml", '[tool.polycall.profiles.one]\nprovider = "toy"\nmodel = "farther"')

        assert polycall.from_config().model == "toy-mini"

    def test_nothing_found(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "is_file", lambda self: False)

        with pytest.raises(polycall.ConfigurationError, match=r"No polycall.toml, and no pyproject.toml with a table"):
            polycall.from_config()


class TestMistakes:
    """File, key and reason."""

    @pytest.mark.parametrize(
        ("text", "key", "reason"),
        [
            ("", "default", 'no profile was chosen. Write default = "NAME", set POLYCALL_PROFILE or pass profile=.'),
            ('default = "fsat"\n[profiles.fast]\nprovider = "toy"', "default", "Did you mean 'fast'?"),
            ('defualt = "fast"', "defualt", "'defualt' is not a known key. Did you mean 'default'?"),
            ('[profile.fast]\nprovider = "toy"', "profile", "Did you mean 'profiles'?"),
            ('[profiles.fast]\nmodel = "m"', "profiles.fast.provider", "there is none. Write provider ="),
            ("[profiles.fast]\nprovider = 5", "profiles.fast.provider", "Input should be a valid string."),
            ("profiles = 5", "profiles", "Input should be a valid dictionary."),
            ("default = 5", "default", "Input should be a valid string."),
            ('[profiles.a]\nprovider = "toy"\ntimeout_ms = 5', "profiles.a.timeout_ms", "Did you mean 'timeout_s'?"),
            ('[profiles.a]\nprovider = "toy"\napi_kye_env = "X"', "profiles.a.api_kye_env", "mean 'api_key_env'?"),
            ('[profiles.a]\nprovider = "toy"\nzzz = 5', "profiles.a.zzz", "Known: api_key_env, base_url,"),
            ('[profiles.a]\nprovider = "toy"\nstyle = "odd"', "profiles.a.style", "should be 'plain' or 'fancy'"),
            ('[profiles.a]\nprovider = "toy"\napi_key_env = "UNSET"', "profiles.a.api_key_env", "'UNSET' is not set"),
            ('[profiles.a]\nprovider = "toy"\napi_key_env = 5', "profiles.a.api_key_env", "the name of an environment"),
            (f'[profiles.a]\nprovider = "toy"\napi_key = "{SECRET}"', "profiles.a.api_key", "named, never written"),
            ("[profiles", None, "not a TOML file"),
        ],
    )
    def test_a_mistake_in_the_file(self, folder: Path, text: str, key: str | None, reason: str) -> None:
        path = write(folder / "polycall.toml", text)

        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_config()

        assert str(raised.value).startswith(f"{path}: ")
        assert reason in str(raised.value)
        assert SECRET not in str(raised.value)
        assert (raised.value.source, raised.value.key) == (str(path), key)
        assert isinstance(raised.value, ValueError)

    def test_a_key_of_pyproject(self, folder: Path) -> None:
        write(folder / "pyproject.toml", '[tool.polycall]\ndefualt = "fast"')

        with pytest.raises(polycall.ConfigurationError, match="Did you mean 'default'"):
            polycall.from_config()

    @pytest.mark.parametrize("text", ["[tool]\npolycall = 5", "[tool.polycall.profiles]\na = 5", "tool = 5"])
    def test_a_table_that_is_none(self, folder: Path, text: str) -> None:
        path = write(folder / "pyproject.toml", text)

        with pytest.raises(polycall.ConfigurationError, match=r"pyproject\.toml: "):
            polycall.from_config(path)

    def test_text_that_is_no_text(self, folder: Path) -> None:
        (folder / "polycall.toml").write_bytes(b"default = '\xff'")

        with pytest.raises(polycall.ConfigurationError, match="not a TOML file"):
            polycall.from_config()

    def test_no_such_file(self, folder: Path) -> None:
        with pytest.raises(polycall.ConfigurationError, match=r"nothing\.toml: there is no such file"):
            polycall.from_config("nothing.toml")
        with pytest.raises(polycall.ConfigurationError, match="A profile is chosen with profile='fast'"):
            polycall.from_config("fast")

    def test_a_profile_that_is_no_table(self, folder: Path) -> None:
        write(folder / "polycall.toml", '[profiles]\na = "toy/toy-mini"')

        with pytest.raises(polycall.ConfigurationError, match=r"profiles\.a: must be a table: \[profiles\.a\]"):
            polycall.from_config()

    def test_an_unknown_provider(self, folder: Path) -> None:
        write(folder / "polycall.toml", '[profiles.a]\nprovider = "tyo"')

        with pytest.raises(polycall.ProviderNotFoundError, match="Did you mean 'toy'"):
            polycall.from_config()


class TestSettings:
    def test_keyword_arguments_may_hold_the_secret_or_its_name(self, folder: Path, hooks: Hooks) -> None:
        polycall.from_provider("toy/m", api_key=SECRET, base_url="toy://far")
        polycall.from_provider("toy/m", api_key_env="TOY_KEY", base_url="toy://far")

        assert hooks.created == [(ToySettings(api_key=SecretStr(SECRET), base_url="toy://far"), "m", False)] * 2

    def test_everything_after_the_first_slash_is_the_model(self, hooks: Hooks) -> None:
        assert polycall.from_provider("toy/org/model:7b").model == "org/model:7b"
        assert polycall.from_provider("toy").model is None

    @pytest.mark.parametrize("settings", [{"api_key": 5}, {"api_key": [SECRET]}, {"timeout_s": SECRET}])
    def test_a_wrong_value_is_not_shown(self, hooks: Hooks, settings: dict[str, object]) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("toy/m", False, **settings)

        assert SECRET not in "".join(traceback.format_exception(raised.value)).replace(f'SECRET = "{SECRET}"', "")
        assert raised.value.key == next(iter(settings))
        assert raised.value.source is None

    def test_a_client_shows_nothing_of_its_settings(self, hooks: Hooks) -> None:
        client = polycall.from_provider("toy/m", api_key=SECRET)

        assert repr(client) == "<polycall.Client provider='toy' model='m'>"

    def test_a_secret_is_one_under_its_alias_and_in_a_container_too(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Settings(BaseModel):
            token: SecretStr = Field(alias="key")
            more: dict[str, list[SecretStr] | None] | None = None

        @hookimpl
        def polycall_settings_type() -> type[BaseModel]:
            return Settings

        polycall.register_provider("other", make_plugin(polycall_settings_type=polycall_settings_type))
        try:
            for line, key in ((f'key = "{SECRET}"', "key"), (f'key_env = "TOY_KEY"\nmore.a = ["{SECRET}"]', "more")):
                path = write(folder / "polycall.toml", f'[profiles.a]\nprovider = "other"\n{line}')
                with pytest.raises(polycall.ConfigurationError, match="never written") as raised:
                    polycall.from_config(path)
                assert raised.value.key == f"profiles.a.{key}"
        finally:
            polycall.unregister("other")

    def test_a_provider_without_settings_takes_none(self) -> None:
        polycall.register_provider("bare", make_plugin(without=["polycall_settings_type"]))
        try:
            assert polycall.from_provider("bare/m").model == "m"
            with pytest.raises(polycall.ConfigurationError, match="size: Provider 'bare' takes no settings"):
                polycall.from_provider("bare/m", size=5)
        finally:
            polycall.unregister("bare")


class TestSecretsInMaps:
    @pytest.fixture(autouse=True)
    def _provider(self, folder: Path, provide: Provide, made: list[BaseModel]) -> None:
        class Settings(BaseModel):
            headers: dict[str, SecretStr] = {}

        @hookimpl
        def polycall_settings_type() -> type[BaseModel]:
            return Settings

        @hookimpl
        def polycall_create_client(settings: BaseModel) -> object:
            made.append(settings)
            return object()

        provide(
            "mapped",
            polycall_settings_type=polycall_settings_type,
            polycall_create_client=polycall_create_client,
        )

    @pytest.fixture
    def made(self) -> list[BaseModel]:
        return []

    def config(self, folder: Path, line: str) -> None:
        polycall.from_config(write(folder / "polycall.toml", f'[profiles.a]\nprovider = "mapped"\n{line}'))

    def test_a_file_names_the_variable_of_each(
        self, folder: Path, made: list[BaseModel], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTHER", "more")
        self.config(folder, 'headers_env = { Authorization = "TOY_KEY", "X-Other" = "OTHER" }')

        (settings,) = made
        assert settings.model_dump() == {
            "headers": {"Authorization": SecretStr(SECRET), "X-Other": SecretStr("more")},
        }

    def test_keyword_arguments_may_hold_them_or_name_them(self, made: list[BaseModel]) -> None:
        polycall.from_provider("mapped/m", headers={"Authorization": SECRET})
        polycall.from_provider("mapped/m", headers_env={"Authorization": "TOY_KEY"})

        assert [one.model_dump() for one in made] == [{"headers": {"Authorization": SecretStr(SECRET)}}] * 2

    @pytest.mark.parametrize(
        ("line", "key", "reason"),
        [
            (
                f'headers = {{ Authorization = "{SECRET}" }}',
                "headers",
                'put the value into an environment variable and write headers_env = {NAME = "THE_VARIABLE"}.',
            ),
            (
                'headers_env = { Authorization = "UNSET" }',
                "headers_env.Authorization",
                "the environment variable 'UNSET' is not set",
            ),
            (
                "headers_env = { Authorization = 5 }",
                "headers_env.Authorization",
                "must be the name of an environment variable",
            ),
        ],
    )
    def test_mistakes_name_the_entry_and_what_to_write(self, folder: Path, line: str, key: str, reason: str) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            self.config(folder, line)

        assert reason in str(raised.value)
        assert SECRET not in str(raised.value)
        assert raised.value.key == f"profiles.a.{key}"

    def test_one_that_no_header_can_carry_is_named_without_its_value(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match=r"headers\.Authorization: has a line break") as raised:
            polycall.from_provider("mapped/m", headers={"Authorization": f"{SECRET}\n"})

        assert SECRET not in str(raised.value)


class TestForNewClientsOnly:
    @pytest.fixture(autouse=True)
    def _provider(self, folder: Path, provide: Provide) -> None:
        class Settings(BaseModel):
            base_url: Annotated[str | None, NEW_CLIENT_ONLY] = None
            token: Annotated[SecretStr | None, Field(alias="api_key"), NEW_CLIENT_ONLY] = None
            api: Literal["chat", "responses"] = "chat"

        @hookimpl
        def polycall_settings_type() -> type[BaseModel]:
            return Settings

        @hookimpl
        def polycall_recognize_client(client: object) -> ClientTraits | None:
            return ClientTraits(sync=True, asynchronous=True) if isinstance(client, bytearray) else None

        provide(
            "marking",
            polycall_settings_type=polycall_settings_type,
            polycall_recognize_client=polycall_recognize_client,
        )

    def test_they_are_refused_for_a_client_that_was_handed_in(self) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_client(bytearray(), base_url="toy://far", api_key=SECRET, api="responses")

        assert str(raised.value) == (
            "api_key, base_url: the client that was handed in is configured already. "
            "Give these to the SDK's client, or create one by name with polycall.from_provider()."
        )
        assert raised.value.key == "api_key"

    def test_so_are_the_names_of_their_variables(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match=r"api_key_env: .*Give this to the SDK's client"):
            polycall.from_client(bytearray(), api_key_env="TOY_KEY")

    def test_the_others_fit(self) -> None:
        assert polycall.from_client(bytearray(), api="responses").provider == "marking"

    def test_a_new_client_takes_them(self, folder: Path) -> None:
        polycall.from_provider("marking/m", base_url="toy://far", api_key=SECRET)
        text = '[profiles.a]\nprovider = "marking"\nbase_url = "toy://far"\napi_key_env = "TOY_KEY"'
        assert polycall.from_config(write(folder / "polycall.toml", text)).provider == "marking"


class TestRequiredExtensions:
    TEXT = 'required_extensions = ["redact"]\n[profiles.a]\nprovider = "toy"\nmodel = "m"'

    def test_one_that_is_loaded_is_well(self, folder: Path, extend: Extend) -> None:
        extend("redact")
        write(folder / "polycall.toml", self.TEXT)

        assert polycall.from_config().model == "m"

    def test_without_it_no_client_is_made(self, folder: Path, hooks: Hooks, extend: Extend) -> None:
        extend("other")
        path = write(folder / "polycall.toml", self.TEXT)

        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_config()

        assert str(raised.value) == (
            f"{path}: required_extensions: no installed distribution offers 'redact'. Loaded: other. Nothing was sent."
        )
        assert (raised.value.source, raised.value.key) == (str(path), "required_extensions")
        assert hooks.created == []

    def test_one_that_the_environment_leaves_out_is_missing_too(
        self, folder: Path, hooks: Hooks, extend: Extend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        extend("redact")
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "other")
        write(folder / "polycall.toml", self.TEXT)

        with pytest.raises(polycall.ConfigurationError, match="POLYCALL_EXTENSIONS does not list 'redact'"):
            polycall.from_config()
        assert hooks.created == []

    def test_the_environment_may_leave_out_others(
        self, folder: Path, extend: Extend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        extend("redact")
        extend("other")
        monkeypatch.setenv("POLYCALL_EXTENSIONS", "redact")
        write(folder / "polycall.toml", self.TEXT)

        assert polycall.from_config().model == "m"

    def test_in_pyproject_too(self, folder: Path) -> None:
        text = '[tool.polycall]\nrequired_extensions = ["redact"]\n[tool.polycall.profiles.a]\nprovider = "toy"'
        write(folder / "pyproject.toml", text)

        with pytest.raises(polycall.ConfigurationError, match="no installed distribution offers 'redact'"):
            polycall.from_config()

    def test_a_list_of_names_is_due(self, folder: Path) -> None:
        write(folder / "polycall.toml", self.TEXT.replace('["redact"]', '"redact"'))

        with pytest.raises(polycall.ConfigurationError, match=r"required_extensions: Input should be a valid list"):
            polycall.from_config()


class TestSettingsOfAdoptedClients:
    @pytest.fixture
    def bound(self) -> Iterator[list[tuple[object, object]]]:
        seen: list[tuple[object, object]] = []

        class Settings(BaseModel):
            api: Literal["chat", "responses"] = "chat"

        @hookimpl
        def polycall_settings_type() -> type[BaseModel]:
            return Settings

        @hookimpl
        def polycall_bind_client(client: object, settings: BaseModel) -> object:
            seen.append((client, settings.model_dump()))
            return client

        polycall.register_provider(
            "adopting",
            make_plugin(polycall_settings_type=polycall_settings_type, polycall_bind_client=polycall_bind_client),
        )
        yield seen
        polycall.unregister("adopting")

    def test_they_are_passed_along_with_the_client(self, bound: list[tuple[object, object]]) -> None:
        from support.toy_provider import ToyClient

        toy = ToyClient()
        polycall.from_client(toy, async_client=False, api="responses")

        assert bound == [(toy, {"api": "responses"})]
        with pytest.raises(polycall.ConfigurationError, match="'ap' is not a setting of provider 'adopting'"):
            polycall.from_client(toy, async_client=False, ap="responses")
