"""The options of a call."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel

from polycall._data.contract import NEW_CLIENT_ONLY
from polycall._data.errors import ConfigurationError
from polycall._toolkit.options import (
    NEUTRAL_OPTIONS,
    Translation,
    almost_polycall_s,
    check_timeout,
    client_settings,
    translate_options,
)

NEUTRAL: dict[str, Translation] = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "seed": None,
    "stop": lambda value: {"stopSequences": value if isinstance(value, list) else [value]},
    "timeout": lambda value: {"http": {"timeout": value}},
}
RESERVED = {"tools": "the tools come from response_model", "n": "polycall reads one reply"}
KNOWN = ("maxOutputTokens", "temperature", "stopSequences", "topK")


def translate(known: tuple[str, ...] | None = KNOWN, /, **options: object) -> dict[str, object]:
    return translate_options(
        options,
        provider="acme",
        neutral=NEUTRAL,
        reserved=RESERVED,
        known=known,
        aliases=None if known is None else {"max_completion_tokens": "maxOutputTokens"},
    )


def refused(known: tuple[str, ...] | None = KNOWN, /, **options: object) -> str:
    """The error's words; its key is the last option's name."""
    with pytest.raises(ConfigurationError) as caught:
        translate(known, **options)
    assert caught.value.key == list(options)[-1]
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_neutral_names_become_the_provider_s() -> None:
    assert translate(max_tokens=5, temperature=0, stop="x", timeout=3) == {
        "maxOutputTokens": 5,
        "temperature": 0,
        "stopSequences": ["x"],
        "http": {"timeout": 3},
    }


@pytest.mark.parametrize("known", [KNOWN, None])
def test_the_provider_s_own_names_pass(known: tuple[str, ...] | None) -> None:
    assert translate(known, maxOutputTokens=5, topK=None) == {"maxOutputTokens": 5, "topK": None}
    assert translate(known) == {}


def test_one_option_under_two_names() -> None:
    assert translate(max_tokens=5, maxOutputTokens=5, stop="x", stopSequences=["x"]) == {
        "maxOutputTokens": 5,
        "stopSequences": ["x"],
    }
    assert refused(max_tokens="secret 1", maxOutputTokens="secret 2") == (
        "'max_tokens' and 'maxOutputTokens' are the same option of provider 'acme', with different values. "
        "Leave one of them out."
    )
    assert refused(stopSequences=["y"], stop="x").startswith("'stopSequences' and 'stop' are the same option")


def test_an_option_that_the_provider_lacks() -> None:
    assert refused(seed="secret") == "Provider 'acme' has no 'seed'. Leave it out."
    assert translate(seed=None) == {}


@pytest.mark.parametrize("known", [KNOWN, None])
def test_an_option_that_polycall_sets_itself(known: tuple[str, ...] | None) -> None:
    assert refused(known, tools=["secret"]) == (
        "polycall does not accept the option 'tools': the tools come from response_model."
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "Did you mean 'temperature'?"),
        ("top_k", "Did you mean 'topK'?"),
        ("max_token", "Did you mean 'max_tokens'?"),
        ("max_completion_tokens", "Did you mean 'maxOutputTokens'?"),
        ("max_completion_token", "Did you mean 'maxOutputTokens'?"),
        ("colour", "Known: maxOutputTokens, max_tokens, stop, stopSequences, temperature, timeout, topK."),
    ],
)
def test_an_unknown_option_has_a_hint(name: str, hint: str) -> None:
    assert refused(**{name: "secret"}) == f"{name!r} is not an option of provider 'acme'. {hint}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("temprature", "temperature"),
        ("max_retry", "max_retries"),
        ("max_retires", "max_retries"),
        ("maxRetries", "max_retries"),
        ("streaming", "stream"),
        ("validation_context", "context"),
        ("tool-choice", "tool_choice"),
        ("tool_choices", "tool_choice"),
        ("Timeout", "timeout"),
        ("max_toknes", "max_tokens"),
        ("topP", "top_p"),
        ("extra_header", "extra_headers"),
    ],
)
def test_a_name_that_is_almost_polycall_s_is_refused_where_any_name_may_pass(name: str, meant: str) -> None:
    assert refused(None, **{name: "secret"}).endswith(f"is not an option of provider 'acme'. Did you mean {meant!r}?")


@pytest.mark.parametrize(
    "name",
    [
        "top_k",
        "top_a",
        "models",
        "speed",
        "min_tokens",
        "store",
        "user",
        "reasoning_effort",
        "stop_sequences",
        "max_completion_tokens",
        "response_format",
        "extra_body",
        "service_tier",
        "n_probs",
        "",
    ],
)
def test_options_of_providers_are_not_taken_for_polycall_s(name: str) -> None:
    assert translate(None, **{name: 1}) == {name: 1}


def test_a_name_that_only_other_providers_have_is_refused_where_any_name_may_pass() -> None:
    with pytest.raises(ConfigurationError) as caught:
        translate_options(
            {"stop_sequences": ["x"]},
            provider="acme",
            neutral=NEUTRAL,
            reserved={},
            known=None,
            aliases={"stop_sequences": "stop"},
        )

    assert str(caught.value) == "'stop_sequences' is not an option of provider 'acme'. Did you mean 'stop'?"


@pytest.mark.parametrize("order", [1, -1])
def test_a_default_yields_to_an_option_that_means_the_same(order: int) -> None:
    options = dict([("max_tokens", 500), ("maxOutputTokens", 9), ("temperature", 0.2)][::order])
    translated = translate_options(
        options,
        provider="acme",
        neutral=NEUTRAL,
        reserved={},
        known=None,
        defaults={"max_tokens", "temperature"},
    )

    assert translated == {"maxOutputTokens": 9, "temperature": 0.2}


def test_two_defaults_that_contradict_each_other_are_refused() -> None:
    options = {"max_tokens": 500, "maxOutputTokens": 9}
    with pytest.raises(ConfigurationError, match="are the same option"):
        translate_options(
            options, provider="acme", neutral=NEUTRAL, reserved={}, known=None, defaults=frozenset(options)
        )


def test_settings_of_a_client_are_not_options_of_a_call() -> None:
    """A key would be sent in the body."""

    class Settings(BaseModel):
        api_key: Annotated[str, NEW_CLIENT_ONLY] = ""
        timeout: Annotated[float, NEW_CLIENT_ONLY] = 1
        style: str = ""

    reserved = client_settings(Settings)

    assert reserved == {"api_key": "it is a setting of the client: pass it where the client is made"}


@pytest.mark.parametrize("value", [-1, 0, float("nan"), float("inf"), True, "5", b"5", [5], {"read": 5}])
def test_a_timeout_that_is_not_one(value: object) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a positive number of seconds, got"):
        check_timeout(value)


@pytest.mark.parametrize("value", [None, 1, 0.5, (5.0, 5.0, 5.0, 5.0), object()])
def test_a_timeout_that_is_one(value: object) -> None:
    check_timeout(value)


def test_polycall_s_own_names_mean_themselves() -> None:
    assert [almost_polycall_s(name) for name in NEUTRAL_OPTIONS] == [None] * len(NEUTRAL_OPTIONS)


def test_a_name_of_the_provider_that_looks_like_polycall_s_passes() -> None:
    neutral: dict[str, Translation] = {"top_p": "topP"}

    assert translate_options({"topP": 1}, provider="acme", neutral=neutral, reserved={}, known=None) == {"topP": 1}


def test_values_that_cannot_be_compared_differ() -> None:
    class Array:
        def __eq__(self, other: object) -> bool:
            raise ValueError("secret")

        __hash__ = None  # type: ignore[assignment]

    assert "with different values" in refused(max_tokens=Array(), maxOutputTokens=Array())
