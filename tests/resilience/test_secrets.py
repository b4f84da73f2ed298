"""Keys and tokens are in no repr, no error with all that it is chained to, and no line of the log."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from resilience.providers import KEY, Provider, Said, Search, Way, only

import polycall
from polycall.plugin import Reply, Request, hookimpl
from support.wire_server import FAULTS, reply_json

WIRED = ("openai", "vertex-genai", "vertex-rest", "vertex-grpc")


def everything_said(error: BaseException) -> str:
    """What a traceback shows, with all that the error is chained to, and its attributes."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


class Witness:
    """An extension that looks at every request."""

    polycall_hook_api = 1

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def polycall_round_ended(self, request: Request, reply: Reply) -> None:
        self.seen += [repr(request), repr(reply)]


@only(*WIRED)
async def test_what_is_seen_while_all_goes_well(provider: Provider, way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Clients, requests, replies, results and the log at DEBUG; a correction included."""
    witness = Witness()
    polycall.register_extension("witness", witness)
    try:
        provider.script(Said([("Search", {})]), Said([("Search", {"query": "a"})]))
        with caplog.at_level(logging.DEBUG, logger="polycall"):
            calls = await provider.ask(way)
    finally:
        polycall.unregister("witness")

    assert list(calls) == [Search(query="a")]
    client = provider.async_client() if way.asynchronous else provider.client()
    shown = [repr(client), repr(calls), repr(calls.tool_calls), *witness.seen, caplog.text]
    assert len(witness.seen) == 4
    assert len(caplog.records) >= 3
    assert KEY not in "\n".join(shown)


@only("openai", "vertex-genai", "vertex-rest")
@pytest.mark.parametrize("fault", ["html", "broken json", "500", "429", "reset in the body", "garbage"])
async def test_what_an_error_says(provider: Provider, way: Way, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    provider.script(FAULTS[fault])

    with caplog.at_level(logging.DEBUG, logger="polycall"), pytest.raises(Exception) as caught:  # noqa: PT011
        await provider.ask(way)

    assert KEY not in everything_said(caught.value)
    assert KEY not in caplog.text


@only("openai")
def test_headers_of_a_call_are_not_in_the_request_that_extensions_see(provider: Provider) -> None:
    witness = Witness()
    polycall.register_extension("witness", witness)
    try:
        provider.script(Said([("Search", {"query": "a"})]))
        provider.client().create(**provider.arguments(extra_headers={"authorization": KEY}))
    finally:
        polycall.unregister("witness")

    assert len(witness.seen) == 2
    assert KEY not in "".join(witness.seen)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("openai/m", {"api_key": [KEY]}),
        ("openai/m", {"api_key": f"{KEY}\n{KEY}"}),
        ("openai/m", {"api_key": KEY, "default_headers": {"x-key": [KEY]}}),
        ("openai/m", {"api_key": KEY, "apikey": KEY}),
        ("openai/m", {"api_key": KEY, "max_reply_bytes": 0}),
        ("vertex/m", {"api_key": f"{KEY}\r\n{KEY}"}),
        ("vertex/m", {"api_key": KEY, "project": "p", "location": "l"}),
        ("vertex/m", {"api_key": KEY, "http_options": {"headers": {"x-key": [KEY]}}}),
    ],
    ids=str,
)
def test_settings_that_are_refused_are_not_shown(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(polycall.ConfigurationError) as caught:
        polycall.from_provider(name, **settings)

    assert KEY not in everything_said(caught.value)


def test_a_key_from_the_environment_with_a_line_break_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sent, it would be an illegal header, which an HTTP library shows in full."""
    monkeypatch.setenv("MY_KEY", f"{KEY}\n{KEY}")

    with pytest.raises(polycall.ConfigurationError, match=r"api_key_env: .*line break") as caught:
        polycall.from_provider("openai/m", api_key_env="MY_KEY")

    assert KEY not in everything_said(caught.value)


@only("vertex-genai")
async def test_options_of_a_call_that_are_refused_are_not_shown(provider: Provider, way: Way) -> None:
    with pytest.raises(polycall.ConfigurationError) as caught:
        await provider.ask(way, http_options={"headers": {"x-key": [KEY]}})

    assert KEY not in everything_said(caught.value)


SECRET_HEADERS: dict[str, dict[str, Any]] = {
    "a key with a line break": {"api_key": f"{KEY}\n"},
    "a key that is not ASCII": {"api_key": f"{KEY}é"},
    "a default header": {"default_headers": {"x-key": f"{KEY}\n"}},
    "the organization": {"organization": f"{KEY}\r\nx: y"},
}


@only("openai")
@pytest.mark.parametrize("name", SECRET_HEADERS)
def test_a_client_whose_headers_cannot_be_sent_is_refused_without_showing_them(provider: Provider, name: str) -> None:
    """An HTTP library shows a header that it refuses; the SDK reads keys by itself, from the environment too."""
    with pytest.raises(polycall.ConfigurationError) as caught:
        provider.client(**SECRET_HEADERS[name])

    assert KEY not in everything_said(caught.value)


@only("openai")
@pytest.mark.parametrize("text", [f"{KEY}\n", f"{KEY}é"])
async def test_a_header_of_a_call_that_cannot_be_sent_is_refused_without_showing_it(
    provider: Provider, way: Way, text: str
) -> None:
    with pytest.raises(polycall.ConfigurationError, match="x-key") as caught:
        await provider.ask(way, extra_headers={"x-key": text})

    assert KEY not in everything_said(caught.value)


@only("openai")
@pytest.mark.parametrize("text", [f"{KEY}\n", f"{KEY}é"])
async def test_a_key_that_is_asked_for_later_and_cannot_be_sent_is_not_shown(
    provider: Provider, way: Way, text: str
) -> None:
    async def key_async() -> str:
        return text

    key = key_async if way.asynchronous else lambda: text
    with pytest.raises(polycall.ConfigurationError) as caught:
        await provider.ask(way, client_options={"api_key": key})

    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in everything_said(error)
        error = error.__context__


@only("openai")
async def test_the_password_of_an_address_is_in_no_error(provider: Provider, way: Way) -> None:
    provider.script(FAULTS["html"])
    address = provider.server.url.replace("://", f"://user:{KEY}@")  # type: ignore[attr-defined]

    with pytest.raises(polycall.ResponseError) as caught:
        await provider.ask(way, client_options={"base_url": address})

    assert KEY not in everything_said(caught.value)


@only("openai")
def test_an_error_of_the_service_is_the_sdks_own(provider: Provider) -> None:
    """polycall adds nothing to it."""
    provider.script(reply_json({"error": {"message": "Incorrect API key provided: sk-****"}}, status=401))

    with pytest.raises(Exception, match="Incorrect API key provided") as caught:
        provider.client().create(**provider.arguments())

    assert KEY not in everything_said(caught.value)
