"""Default options and corrections of a client: from a profile, from code; a call's own win. The real plugins render."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from pydantic import BaseModel
from unit.core.conftest import Extend, MakeClient, Way

import polycall
from polycall.plugin import Request, hookimpl
from support.toy_provider import call, reply

ASK = [{"role": "user", "content": "Weather in Rome?"}]


class Weather(BaseModel):
    location: str


TOOLS = list[Weather]
SETTINGS: dict[str, dict[str, Any]] = {
    "openai": {"api_key": "k"},
    "vertex": {"api_key": "k"},
    "gemini": {"api_key": "k"},
}


def client(provider: str, **settings: Any) -> polycall.Client:
    made = polycall.from_provider(f"{provider}/m", **SETTINGS[provider], **settings)
    assert isinstance(made, polycall.Client)
    return made


def body(client: polycall.Client, **options: Any) -> Any:
    """What would be sent; for Gemini, the part with the options."""
    rendered: Any = client.render(ASK, TOOLS, **options).body
    return rendered.get("generationConfig", rendered)


class TestEachProviderByProfileAlone:
    FILE = """
    [profiles.openai]
    provider = "openai"
    model = "m"
    api_key_env = "MY_KEY"
    options = { temperature = 0.2, max_tokens = 500, stop = "x" }

    [profiles.groq]
    provider = "groq"
    model = "m"
    api_key_env = "MY_KEY"
    options = { temperature = 0.2, max_tokens = 500, stop = "x" }

    [profiles.vertex]
    provider = "vertex"
    model = "m"
    api_key_env = "MY_KEY"
    options = { temperature = 0.2, max_tokens = 500, stop = "x" }
    """

    @pytest.mark.parametrize(
        ("profile", "expected"),
        [
            ("openai", {"temperature": 0.2, "max_tokens": 500, "stop": "x"}),
            ("groq", {"temperature": 0.2, "max_tokens": 500, "stop": "x"}),
            ("vertex", {"temperature": 0.2, "maxOutputTokens": 500, "stopSequences": ["x"]}),
        ],
    )
    def test_the_same_options_mean_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, expected: dict[str, object]
    ) -> None:
        monkeypatch.setenv("MY_KEY", "k")
        file = tmp_path / "polycall.toml"
        file.write_text(self.FILE, encoding="utf-8")

        sent = body(polycall.from_config(file, profile))

        assert {name: sent[name] for name in expected} == expected

    def test_overrides_are_joined_with_the_profiles(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", "k")
        file = tmp_path / "polycall.toml"
        file.write_text(self.FILE, encoding="utf-8")

        sent = body(polycall.from_config(file, "openai", options={"temperature": 1, "seed": 7}), stop="y")

        assert (sent["temperature"], sent["seed"], sent["stop"], sent["max_tokens"]) == (1, 7, "y", 500)


class TestACallsOwnWin:
    @pytest.mark.parametrize("provider", [*SETTINGS])
    def test_of_the_same_name(self, provider: str) -> None:
        made = client(provider, options={"temperature": 0.2})

        assert body(made)["temperature"] == 0.2
        assert body(made, temperature=1)["temperature"] == 1

    @pytest.mark.parametrize(
        ("provider", "option", "sent"),
        [
            ("vertex", "max_output_tokens", "maxOutputTokens"),
            ("gemini", "max_output_tokens", "maxOutputTokens"),
        ],
    )
    def test_under_the_providers_own_name(self, provider: str, option: str, sent: str) -> None:
        made = client(provider, options={"max_tokens": 500})

        assert body(made, **{option: 9})[sent] == 9
        assert body(made)[sent] == 500  # what is kept for equal options tells defaults from a call's own
        assert body(client(provider, options={option: 9}), max_tokens=500)[sent] == 500

    def test_under_the_other_name_of_openai(self) -> None:
        made = client("openai", options={"max_tokens": 500, "temperature": 0})

        sent = body(made, max_completion_tokens=9)

        assert (sent["max_completion_tokens"], sent["temperature"]) == (9, 0)
        assert "max_tokens" not in sent

    def test_two_names_in_one_call_are_still_an_error(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="are the same option"):
            body(client("vertex"), max_tokens=1, max_output_tokens=2)

    @pytest.mark.parametrize("option", ["config", "generation_config"])
    def test_inside_the_sdks_own_object(self, option: str) -> None:
        made = client("vertex", options={"temperature": 0.2, "top_p": 0.5})
        config: object = types.GenerateContentConfig(temperature=1) if option == "config" else {"temperature": 1}

        sent = body(made, **{option: config})

        assert (sent["temperature"], sent["topP"]) == (1, 0.5)

    def test_headers_are_joined_whatever_their_case(self) -> None:
        made = client("openai", options={"extra_headers": {"User-Agent": "a", "X-Request-Id": "1"}})

        headers = made.render(ASK, TOOLS, extra_headers={"x-request-id": "2"}).headers

        shown = {name.lower(): value for name, value in headers.items()}
        assert (shown["user-agent"], shown["x-request-id"]) == ("a", "2")

    def test_fields_of_the_body_are_joined(self) -> None:
        made = client("openai", options={"extra_body": {"a": 1, "b": 1}})

        sent = body(made, extra_body={"b": 2})

        assert (sent["a"], sent["b"]) == (1, 2)


class TestWhenTheyAreChecked:
    def test_when_the_client_is_made(self) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            client("openai", options={"temprature": 1})

        assert raised.value.key == "temprature"

    def test_headers_too(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="line break"):
            client("openai", options={"extra_headers": {"x": "a\nb"}})

    def test_for_a_model_that_only_the_call_names_in_the_call(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_KEY", "k")
        file = tmp_path / "polycall.toml"
        file.write_text(
            '[profiles.a]\nprovider = "openai"\napi_key_env = "MY_KEY"\noptions = { temprature = 1 }', encoding="utf-8"
        )
        made = polycall.from_config(file)  # without a model nothing can be rendered

        with pytest.raises(polycall.ConfigurationError) as raised:
            made.create(ASK, TOOLS, model="m")

        assert str(raised.value) == (
            f"{file}: profiles.a.options.temprature: 'temprature' is not an option of provider 'openai'. "
            "Did you mean 'temperature'?"
        )
        assert (raised.value.source, raised.value.key) == (str(file), "profiles.a.options.temprature")

    def test_a_mistake_of_the_call_is_not_put_down_to_the_file(self) -> None:
        made = client("openai", options={"temperature": 1})

        with pytest.raises(polycall.ConfigurationError) as raised:
            body(made, temprature=1)

        assert (raised.value.source, raised.value.key) == (None, "temprature")

    def test_extensions_are_not_told(self, extend: Extend) -> None:
        told: list[Request] = []

        @hookimpl
        def polycall_before_request(request: Request) -> None:
            told.append(request)

        extend("watcher", polycall_before_request=polycall_before_request)
        made = client("openai", options={"temperature": 1})
        assert told == []

        body(made)
        assert told[0].default_options == {"temperature"}


class TestCorrections:
    BAD = reply(call("Weather", '{"location": 5}'))
    GOOD = reply(call("Weather", location="Rome"))

    async def test_a_client_has_two_unless_it_says_otherwise(self, hooks: object, way: Way) -> None:
        assert len(await way.ask(self.BAD, self.BAD, self.GOOD, response_model=Iterable[Weather])) == 1

        with pytest.raises(polycall.InvalidCallsError):
            await way.ask(self.BAD, self.BAD, self.BAD, self.GOOD, response_model=Iterable[Weather])

    @pytest.mark.parametrize("corrections", [0, 1, 3])
    def test_a_client_that_says_otherwise(self, make_client: MakeClient, corrections: int) -> None:
        _, toy = make_client(*[self.BAD] * 5)
        made = polycall.from_client(toy, max_corrections=corrections, async_client=False)

        with pytest.raises(polycall.InvalidCallsError):
            made.create(ASK, Iterable[Weather])
        assert len(toy.requests) == corrections + 1

        with pytest.raises(polycall.InvalidCallsError):
            made.create(ASK, Iterable[Weather], max_retries=0)
        assert len(toy.requests) == corrections + 2

    def test_a_profile(self, tmp_path: Path, hooks: object) -> None:
        file = tmp_path / "polycall.toml"
        file.write_text('[profiles.a]\nprovider = "toy"\nmax_corrections = 0', encoding="utf-8")

        assert polycall.from_config(file)._hooks.defaults.max_corrections == 0
        assert polycall.from_config(file, max_corrections=4)._hooks.defaults.max_corrections == 4

    @pytest.mark.parametrize("value", [-1, 1.5, True, "2"])
    def test_a_number_that_is_not_one(self, hooks: object, value: object) -> None:
        with pytest.raises(polycall.ConfigurationError) as raised:
            polycall.from_provider("toy/m", max_corrections=value)

        assert str(raised.value) == f"max_corrections must be an integer >= 0, got {value!r}."
