"""Requests go where the SDK would send them, also where it is not asked to work that out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import openai
import pytest

from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._sdk.endpoint import CHAT_COMPLETIONS, Endpoint
from polycall_openai._sdk.post import post
from polycall_openai._sdk.url_cache import UrlCache

_HTTPX: Any = importlib.import_module("httpx2" if int(openai.__version__.partition(".")[0]) > 2 else "httpx")
PATH = CHAT_COMPLETIONS.path


class Recorder:
    """Keeps the URLs of the requests, and answers with nothing."""

    def __init__(self) -> None:
        self.urls: list[tuple[str, bytes]] = []

    def __call__(self, request: Any) -> Any:
        self.urls.append((str(request.url), request.url.raw_path))
        return _HTTPX.Response(200, json={})

    @property
    def options(self) -> dict[str, Any]:
        http_client = _HTTPX.Client(transport=_HTTPX.MockTransport(self))
        return {"api_key": "none", "http_client": http_client, "max_retries": 0}


class WithAPathOfItsOwn(openai.OpenAI):
    def _prepare_url(self, url: str) -> Any:
        return super()._prepare_url("/elsewhere" + url)


class WithOptionsOfItsOwn(openai.OpenAI):
    def _prepare_options(self, options: Any) -> Any:
        options.url = "/elsewhere" + options.url
        return super()._prepare_options(options)


CLIENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "as made": lambda options: openai.OpenAI(base_url="https://test/v1", **options),
    "a slash at the end": lambda options: openai.OpenAI(base_url="https://test:8443/v1/", **options),
    "two slashes": lambda options: openai.OpenAI(base_url="https://test//v1//", **options),
    "no path": lambda options: openai.OpenAI(base_url="http://127.0.0.1:8000", **options),
    "a path to escape": lambda options: openai.OpenAI(base_url="http://test/a b/%2F/\u00fc/v1", **options),
    "a query": lambda options: openai.OpenAI(base_url="http://test/v1?key=1", **options),
    "a fragment": lambda options: openai.OpenAI(base_url="http://test/v1#part", **options),
    "a default query": lambda options: openai.OpenAI(base_url="http://test/v1", default_query={"v": "1"}, **options),
    "a user in the URL": lambda options: openai.OpenAI(base_url="http://me:secret@test/v1", **options),
    "an international name": lambda options: openai.OpenAI(base_url="http://b\u00fccher.example/v1", **options),
    "Azure": lambda options: openai.AzureOpenAI(azure_endpoint="https://test", api_version="1", **options),
    "Azure, a deployment": lambda options: openai.AzureOpenAI(
        azure_endpoint="https://test", azure_deployment="d", api_version="1", **options
    ),
    "a path of its own": lambda options: WithAPathOfItsOwn(base_url="https://test/v1", **options),
    "options of its own": lambda options: WithOptionsOfItsOwn(base_url="https://test/v1", **options),
}


def send(client: Any, urls: UrlCache, endpoint: Endpoint = CHAT_COMPLETIONS) -> None:
    post(client, endpoint, urls, {"model": "m"}, CallOptions())
    post(client, endpoint, urls, {"model": "m"}, CallOptions(query={"q": "1"}))


@pytest.mark.parametrize("name", CLIENTS)
def test_the_url_is_that_of_the_sdk(name: str) -> None:
    ours, theirs = Recorder(), Recorder()

    send(CLIENTS[name](ours.options), UrlCache(PATH))
    sdk = CLIENTS[name](theirs.options)
    sdk.post(PATH, cast_to=object, body={"model": "m"})
    sdk.post(PATH, cast_to=object, body={"model": "m"}, options={"params": {"q": "1"}})

    assert ours.urls == theirs.urls


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("as made", "https://test/v1/chat/completions"),
        ("a slash at the end", "https://test:8443/v1/chat/completions"),
        ("a fragment", PATH),
        ("Azure", PATH),
        ("a path of its own", PATH),
        ("options of its own", PATH),
    ],
)
def test_only_where_nothing_depends_on_the_path_is_it_put_together_before(name: str, url: str) -> None:
    assert UrlCache(PATH).of(CLIENTS[name](Recorder().options)) == url


def test_another_base_url_counts_from_the_next_call_on() -> None:
    recorder = Recorder()
    client, urls = CLIENTS["as made"](recorder.options), UrlCache(PATH)

    post(client, CHAT_COMPLETIONS, urls, {}, CallOptions())
    client.base_url = "http://other/v2"
    post(client, CHAT_COMPLETIONS, urls, {}, CallOptions())

    assert [url for url, _ in recorder.urls] == ["https://test/v1/chat/completions", "http://other/v2/chat/completions"]


def test_a_client_whose_requests_a_provider_transforms_gets_the_path() -> None:
    """``openai.OpenAI(provider=...)`` of 3.x: the provider may look at the path."""
    client = CLIENTS["as made"](Recorder().options)
    client._provider_runtime = object()

    assert UrlCache(PATH).of(client) == PATH


@pytest.mark.parametrize("name", ["_prepare_url", "_build_request", "_prepare_options"])
def test_a_method_that_was_replaced_on_the_client_sees_the_path(name: str) -> None:
    client = CLIENTS["as made"](Recorder().options)
    setattr(client, name, getattr(client, name))

    assert UrlCache(PATH).of(client) == PATH
