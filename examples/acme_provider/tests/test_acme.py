"""The Acme plugin, registered in code, against its server: what any plugin's own tests would check."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from typing import Literal

import pytest
from pydantic import BaseModel

import polycall
import polycall_acme
from acme_server import AcmeServer
from polycall_acme._client import encode_line


class Weather(BaseModel):
    """Get the weather."""

    location: str
    units: Literal["imperial", "metric"] = "metric"


class GoogleSearch(BaseModel):
    query: str


MESSAGES = [
    {"role": "system", "content": "You must always use tools"},
    {"role": "user", "content": "Toronto, Dallas?"},
]


def call(id: int, name: str, **arguments: object) -> str:
    return encode_line("CALL", str(id), name, json.dumps(arguments))


TORONTO = call(1, "Weather", location="Toronto", units="metric")
DALLAS = call(2, "Weather", location="Dallas, Texas")
SEARCH = call(3, "GoogleSearch", query="super bowl")
CALLS = [Weather(location="Toronto"), Weather(location="Dallas, Texas"), GoogleSearch(query="super bowl")]
WEATHER_SCHEMA = {
    "type": "object",
    "properties": {
        "location": {"type": "string"},
        "units": {"type": "string", "enum": ["imperial", "metric"], "default": "metric"},
    },
    "required": ["location"],
}
SEARCH_SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
REQUEST = [
    "MODEL coyote-1",
    encode_line("TOOL", "Weather", json.dumps(WEATHER_SCHEMA), "Get the weather."),
    encode_line("TOOL", "GoogleSearch", json.dumps(SEARCH_SCHEMA), ""),
    "CHOICE required",
    "SAY system You%20must%20always%20use%20tools",
    "SAY user Toronto%2C%20Dallas%3F",
]


@pytest.fixture(autouse=True)
def acme_is_registered() -> Iterator[None]:
    polycall.register_provider("acme", polycall_acme)
    yield
    polycall.unregister("acme")


def connect(server: AcmeServer, token: str | None = None) -> polycall.Client:
    return polycall.from_provider("acme/coyote-1", host="127.0.0.1", port=server.port, token=token)


def test_calls_become_objects_in_order() -> None:
    with AcmeServer([TORONTO, DALLAS, "TEXT Here.", SEARCH, "USAGE 21 12", "DONE stop"]) as server:
        calls = connect(server).create(MESSAGES, Iterable[Weather | GoogleSearch])

    assert list(calls) == CALLS
    assert calls.text == "Here."
    assert calls.usage == polycall.Usage(input_tokens=21, output_tokens=12)
    assert calls.finish_reason is polycall.FinishReason.STOP
    assert server.requests == [REQUEST]


async def test_async_does_the_same() -> None:
    with AcmeServer([TORONTO, DALLAS, SEARCH, "DONE stop"]) as server:
        client = polycall.from_provider("acme/coyote-1", async_client=True, host="127.0.0.1", port=server.port)
        calls = await client.create(MESSAGES, Iterable[Weather | GoogleSearch])

    assert list(calls) == CALLS
    assert server.requests == [REQUEST]


def test_a_stream_yields_each_call_before_the_next_is_sent() -> None:
    more, rest = threading.Event(), threading.Event()
    with (
        AcmeServer([TORONTO, more, DALLAS, rest, SEARCH, "DONE stop"]) as server,
        connect(server).stream(MESSAGES, Iterable[Weather | GoogleSearch]) as stream,
    ):
        seen: list[object] = [next(stream)]
        more.set()
        seen.append(next(stream))
        rest.set()
        seen.extend(stream)

    assert seen == CALLS


async def test_an_async_stream_yields_each_call_before_the_next_is_sent() -> None:
    more, rest = threading.Event(), threading.Event()
    with AcmeServer([TORONTO, more, DALLAS, rest, SEARCH, "DONE stop"]) as server:
        client = polycall.from_provider("acme/coyote-1", async_client=True, host="127.0.0.1", port=server.port)
        async with client.stream(MESSAGES, Iterable[Weather | GoogleSearch]) as stream:
            seen: list[object] = [await anext(stream)]
            more.set()
            seen.append(await anext(stream))
            rest.set()
            seen.extend([call async for call in stream])

    assert seen == CALLS


def test_events_show_calls_that_begin_and_text() -> None:
    with (
        AcmeServer(["TEXT Well%2C", TORONTO, "DONE stop"]) as server,
        connect(server).stream(MESSAGES, Iterable[Weather], deltas=True) as stream,
    ):
        events = list(stream.events())

    (tool_call,) = stream.calls.tool_calls
    assert events == [
        polycall.TextDelta("Well,"),
        polycall.CallStarted(0, "1", "Weather"),
        polycall.CallReady(CALLS[0], tool_call),
    ]


def test_a_correction_repeats_the_models_turn_and_answers_each_call() -> None:
    kelvin = call(2, "Weather", location="Dallas, Texas", units="kelvin")
    with AcmeServer([TORONTO, kelvin, SEARCH, "DONE stop"], [DALLAS, "DONE stop"]) as server:
        calls = connect(server).create(MESSAGES, Iterable[Weather | GoogleSearch])

    assert list(calls) == CALLS
    first, second = server.requests
    assert second[: len(first) + 3] == [*first, TORONTO, kelvin, SEARCH]
    accepted_1, error_2, accepted_3 = second[len(first) + 3 :]
    assert (accepted_1, accepted_3) == ("RESULT 1 ok accepted", "RESULT 3 ok accepted")
    assert error_2.startswith("RESULT 2 error ")
    assert "units" in error_2


def test_a_reply_without_its_end_keeps_the_whole_calls() -> None:
    with (
        AcmeServer([TORONTO, DALLAS, SEARCH[:-4].encode()]) as server,
        pytest.raises(polycall.IncompleteOutputError) as caught,
    ):
        connect(server).create(MESSAGES, Iterable[Weather | GoogleSearch])

    assert list(caught.value.calls) == CALLS[:2]


async def test_an_async_reply_without_its_end_keeps_the_whole_calls() -> None:
    with AcmeServer([TORONTO, DALLAS, SEARCH[:-4].encode()]) as server:
        client = polycall.from_provider("acme/coyote-1", async_client=True, host="127.0.0.1", port=server.port)
        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await client.create(MESSAGES, Iterable[Weather | GoogleSearch])

    assert list(caught.value.calls) == CALLS[:2]


def test_a_line_that_is_not_the_protocol_is_a_response_error() -> None:
    with AcmeServer(["HTTP/1.1 400 Bad Request"]) as server, pytest.raises(polycall.ResponseError) as caught:
        connect(server).create(MESSAGES, Iterable[Weather])

    assert caught.value.excerpt == "HTTP/1.1 400 Bad Request"


def test_the_services_own_error_reaches_the_caller_as_it_is() -> None:
    with (
        AcmeServer(["ERROR not_found No%20such%20model"]) as server,
        pytest.raises(polycall_acme.AcmeError, match="No such model"),
    ):
        connect(server).create(MESSAGES, Iterable[Weather])


@pytest.mark.parametrize(("word", "kind"), [("auth", "auth"), ("not_found", "bad_request"), ("of its own", None)])
def test_the_kind_of_the_services_own_error(word: str, kind: str | None) -> None:
    assert polycall.kind_of(polycall_acme.AcmeError(word, "no")) == kind


class Part(BaseModel):
    name: str
    parts: list[Part] = []


def test_a_field_that_acme_has_no_word_for_is_refused_before_anything_is_sent() -> None:
    with AcmeServer() as server, pytest.raises(polycall.SchemaError) as caught:
        connect(server).create(MESSAGES, Iterable[Part])

    assert caught.value.path.startswith("Part.parts")
    assert server.requests == []


def test_strict_is_refused_because_acme_has_no_such_thing() -> None:
    with AcmeServer() as server, pytest.raises(polycall.SchemaError, match="Leave out strict"):
        connect(server).create(MESSAGES, Iterable[Weather], strict=True)

    assert server.requests == []


def test_settings_and_options_are_sent() -> None:
    with AcmeServer([TORONTO, "DONE stop"]) as server:
        connect(server, token="s3cret").create(MESSAGES, Iterable[Weather], temperature=0.5)

    assert server.requests[0][:2] == ["TOKEN s3cret", "MODEL coyote-1"]
    assert "OPTION temperature 0.5" in server.requests[0]


def test_a_client_of_ones_own_is_recognised() -> None:
    with AcmeServer([TORONTO, "DONE stop"]) as server:
        client = polycall.from_client(polycall_acme.AcmeClient("127.0.0.1", server.port), async_client=False)
        calls = client.create(MESSAGES, Iterable[Weather])

    assert list(calls) == CALLS[:1]
