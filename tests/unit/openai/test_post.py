"""The short way to post: what reaches the SDK's ``request`` is what ``client.post`` would hand it."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from polycall_openai._sdk.call_options import NO_OPTIONS, CallOptions
from polycall_openai._sdk.endpoint import CHAT_COMPLETIONS, RESPONSES, Endpoint, sdk_types
from polycall_openai._sdk.post import post
from polycall_openai._sdk.url_cache import UrlCache

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stop": None}


class Recorder(openai.OpenAI):
    """Keeps what comes to ``request``, and sends nothing."""

    def __init__(self) -> None:
        super().__init__(api_key="none")
        self.requests: list[tuple[Any, dict[str, Any], dict[str, Any]]] = []

    def request(self, cast_to: Any, options: Any, **stream: Any) -> Any:
        self.requests.append((cast_to, dict(vars(options)), stream))
        return type(options)


def by_post(client: Recorder, endpoint: Endpoint, options: CallOptions, **stream: Any) -> Any:
    sdk_options: Any = options.for_post({"X-Stainless-Raw-Response": "true"})
    return client.post(
        endpoint.path,
        cast_to=sdk_types(endpoint).reply,
        body=dict(BODY),
        options=sdk_options,
        stream=bool(stream),
        stream_cls=stream.get("stream_cls"),
    )


@pytest.mark.parametrize("endpoint", [CHAT_COMPLETIONS, RESPONSES])
@pytest.mark.parametrize(
    "options",
    [
        NO_OPTIONS,
        CallOptions(headers={"X-Test": "1"}),
        CallOptions(query={"a": "1"}),
        CallOptions(timeout=5.0),
        CallOptions(timeout=None),
    ],
)
def test_the_request_is_that_of_post(endpoint: Endpoint, options: CallOptions) -> None:
    client = Recorder()

    kind = post(client, endpoint, UrlCache(endpoint.path), dict(BODY), options)
    assert kind is by_post(client, endpoint, options)

    (type_, short, _), (expected_type, expected, _) = client.requests
    assert type_ is expected_type
    assert short.pop("url") == "https://api.openai.com/v1" + expected.pop("url")
    assert {name: repr(value) for name, value in short.items()} == {
        name: repr(value) for name, value in expected.items()
    }


def test_streams_ask_for_the_same_classes() -> None:
    client = Recorder()
    stream_class = sdk_types(CHAT_COMPLETIONS).stream

    post(
        client,
        CHAT_COMPLETIONS,
        UrlCache(CHAT_COMPLETIONS.path),
        dict(BODY),
        NO_OPTIONS,
        stream=True,
        stream_cls=stream_class,
    )
    by_post(client, CHAT_COMPLETIONS, NO_OPTIONS, stream_cls=stream_class)

    (_, _, stream), (_, _, expected) = client.requests
    assert stream == expected == {"stream": True, "stream_cls": stream_class}


def test_calls_share_nothing_that_can_be_changed() -> None:
    client = Recorder()

    post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), dict(BODY), NO_OPTIONS)
    for value in client.requests[0][1].values():
        if isinstance(value, dict):
            value["changed"] = True
    post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), dict(BODY), NO_OPTIONS)

    assert "changed" not in repr(client.requests[1])


def test_an_sdk_that_keeps_its_options_elsewhere_is_posted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Recorder()
    monkeypatch.setattr("polycall_openai._sdk.post._template", lambda path: None)

    post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), dict(BODY), NO_OPTIONS)
    by_post(client, CHAT_COMPLETIONS, NO_OPTIONS)

    (_, short, _), (_, expected, _) = client.requests
    assert short.pop("url") == "https://api.openai.com/v1" + expected.pop("url")
    assert repr(short) == repr(expected)
