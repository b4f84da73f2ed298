"""The short way to post: what reaches the SDK's ``request`` is what ``client.post`` would hand it.

But for two things: the body may be JSON already, and a key for retries is there that the SDK would make up.
"""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from polycall_openai._sdk.call_options import NO_OPTIONS, CallOptions
from polycall_openai._sdk.endpoint import CHAT_COMPLETIONS, RESPONSES, Endpoint, sdk_types
from polycall_openai._sdk.post import post
from polycall_openai._sdk.url_cache import UrlCache

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stop": None}


class Point(BaseModel):
    """Of the caller's; the SDK leaves out fields that were not set."""

    x: int
    y: int = 0


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
    key, none = short.pop("idempotency_key"), expected.pop("idempotency_key")
    assert none is None
    assert (key is not None) == (options is NO_OPTIONS)
    if short.get("content") is not None:
        short["json_data"], short["content"] = json.loads(short["content"]), None
    assert {name: repr(value) for name, value in short.items()} == {
        name: repr(value) for name, value in expected.items()
    }


# What the SDK rides on; both may be installed.
_HTTPX: Any = importlib.import_module("httpx2" if int(openai.__version__.partition(".")[0]) > 2 else "httpx")


def sent_by(send: Any) -> tuple[bytes, dict[str, str]] | str:
    """Body and headers as they leave the SDK; or the error that it raises instead."""
    requests: list[Any] = []

    def handle(request: Any) -> Any:
        requests.append(request)
        return _HTTPX.Response(200, json={})

    client = openai.OpenAI(api_key="none", http_client=_HTTPX.Client(transport=_HTTPX.MockTransport(handle)))
    try:
        send(client)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return requests[0].content, dict(requests[0].headers)


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'a "quoted"\\path/with \n\x00\x7f controls',
        "Montréal 😀 \u2028",
        [1, -1, 0.1, True, False, None, 10**30],
        {"a": {"b": [{}, []]}, "": ""},
        {1: "a key that is a number"},
        ("a", "tuple"),
        "\ud800",
        float("nan"),
        float("-inf"),
        "NaN and Infinity in a text",
        object(),
        b"bytes",
        Decimal("1.5"),
        {1, 2},
        datetime(2026, 1, 2, tzinfo=UTC),
        Point(x=1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_same_bytes_are_sent_or_the_same_error_is_raised(value: object) -> None:
    body = {**BODY, "value": value}
    options: Any = NO_OPTIONS.for_post({"X-Stainless-Raw-Response": "true"})
    reply = sdk_types(CHAT_COMPLETIONS).reply

    def by_the_sdk(client: openai.OpenAI) -> object:
        return client.post(CHAT_COMPLETIONS.path, cast_to=reply, body=body, options=options)

    short = sent_by(lambda client: post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), body, NO_OPTIONS))

    assert short == sent_by(by_the_sdk)


def test_each_request_has_a_key_of_its_own() -> None:
    client = Recorder()

    for _ in range(2):
        post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), dict(BODY), NO_OPTIONS)

    keys = [options["idempotency_key"] for _, options, _ in client.requests]
    assert None not in keys
    assert keys[0] != keys[1]


def test_a_client_that_prepares_its_options_itself_sees_the_body_as_data() -> None:
    class Preparing(Recorder):
        def _prepare_options(self, options: Any) -> Any:
            raise NotImplementedError

    client = Preparing()
    post(client, CHAT_COMPLETIONS, UrlCache(CHAT_COMPLETIONS.path), dict(BODY), NO_OPTIONS)
    [(_, options, _)] = client.requests

    assert (options["json_data"], options.get("content")) == (BODY, None)  # openai 2.0.0 has no such option


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
