"""What networks and servers do wrong: always an error of the SDK or of polycall, in bounded time and memory."""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, repeat
from types import FrameType
from typing import Any, Literal

import google.api_core.exceptions
import httpx
import openai
import pytest
import requests
from google.genai import errors as genai_errors
from pydantic import BaseModel
from resilience.providers import HttpProvider, Provider, Said, Search, Way, only

import polycall
from support.openai_replies import call_chunk, chunk, sse
from support.vertex_wires import candidate
from support.wire_server import FAULTS, SILENCES, endless, nobody_listening, reply_bytes, reply_stream

HTTP = ("openai", "vertex-genai", "vertex-rest")
WITH_LIMIT = (*HTTP, "vertex-grpc")
A = ("Search", {"query": "a"})

Kind = Literal["connection", "response", "rate limit", "server", "time-out"]

CLASSES: Mapping[str, Mapping[Kind, tuple[type[Exception], ...]]] = {
    "openai": {
        "connection": (openai.APIConnectionError,),
        "time-out": (openai.APITimeoutError,),
        "rate limit": (openai.RateLimitError,),
        "server": (openai.InternalServerError,),
    },
    "vertex-genai": {
        "connection": (httpx.TransportError, httpx.DecodingError),
        "time-out": (httpx.ReadTimeout,),
        "rate limit": (genai_errors.ClientError,),
        "server": (genai_errors.ServerError,),
    },
    "vertex-rest": {
        "connection": (
            requests.exceptions.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ),
        "time-out": (requests.exceptions.Timeout, requests.exceptions.ConnectionError),
        "rate limit": (google.api_core.exceptions.TooManyRequests,),
        "server": (google.api_core.exceptions.ServerError,),
    },
}
"""The exceptions that each SDK documents for it."""

WHAT_IT_IS: Mapping[str, tuple[Kind, ...]] = {
    "close before the reply": ("connection",),
    "reset before the reply": ("connection",),
    "reset in the head": ("connection",),
    # Where the SDK looks at what came so far, it may find first that this is no reply.
    "reset in the body": ("connection", "response"),
    "truncated body": ("connection", "response"),
    "truncated chunk": ("connection", "response"),
    "missing final chunk": ("connection", "response"),
    "garbage": ("connection",),
    "html": ("response",),
    "empty body": ("response",),
    "invalid utf-8": ("response",),
    "broken json": ("response",),
    "broken gzip": ("connection",),
    "429": ("rate limit",),
    "500": ("server",),
    "502 html": ("server",),
}


def classes(provider: Provider, *kinds: Kind) -> tuple[type[Exception], ...]:
    known: dict[Kind, tuple[type[Exception], ...]] = {
        **CLASSES[provider.name],
        "response": (polycall.ResponseError,),
    }
    return tuple(one for kind in kinds for one in known[kind])


class TestTheNetwork:
    @only(*HTTP)
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_each_fault_has_its_error(self, provider: Provider, way: Way, fault: str) -> None:
        provider.script(FAULTS[fault])

        with pytest.raises(classes(provider, *WHAT_IT_IS[fault])):
            await provider.ask(way)

        assert provider.asked == 1

    @only(*HTTP)
    async def test_silence_ends_with_the_time_out(self, provider: Provider, way: Way) -> None:
        provider.script(SILENCES["nothing"])

        with pytest.raises(classes(provider, "time-out")):
            await provider.ask(way, timeout=0.2)

    @only(*HTTP)
    async def test_silence_after_the_head_ends_with_the_time_out(self, provider: Provider, way: Way) -> None:
        provider.script(SILENCES["head only"])

        with pytest.raises(classes(provider, "time-out")):
            await provider.ask(way, timeout=0.2)

    @only("openai", "vertex-genai")
    async def test_a_refused_connection(self, provider: Provider, way: Way) -> None:
        with nobody_listening() as url, pytest.raises(classes(provider, "connection")):
            await provider.ask(way, client_options={"base_url": url})

    @only(*HTTP, "toy")
    async def test_a_fault_in_a_correction_is_raised_as_it_is(self, provider: Provider, way: Way) -> None:
        """The SDK's exception has no place for the good calls; a stream has given them out."""
        expected, reply = type(provider).rate_limited
        provider.script(Said([A, ("Search", {})]), reply)

        with pytest.raises(expected):
            await provider.ask(way)

    @only("openai")
    async def test_retry_after_is_the_sdks_affair(self, provider: Provider, way: Way) -> None:
        provider.script(FAULTS["429"], FAULTS["429"], Said([A]))

        calls = await provider.ask(way, client_options={"max_retries": 2})

        assert (list(calls), provider.asked) == ([Search(query="a")], 3)


# -- what breaks parsers -----------------------------------------------------------------------------------------------

DEEP = 100_000


class Numbers(BaseModel):
    whole: int = 0
    real: float = 0.0
    anything: Any = None


class TestWhatBreaksParsers:
    @only(*HTTP)
    @pytest.mark.parametrize(
        "body",
        [
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b'{"choices": ' + b"[" * DEEP + b"]" * DEEP + b', "candidates": ' + b"[" * DEEP + b"]" * DEEP + b"}",
            b"9" * 5_000,
            b"\x00" * 5_000,
            b'"' + b"x" * 100_000,
            b"nul",
        ],
        ids=["arrays", "objects", "closed", "digits", "zeros", "open text", "word"],
    )
    async def test_a_body_is_a_response_error(self, provider: HttpProvider, way: Way, body: bytes) -> None:
        # What the SDK reads byte by byte in Python is a tenth as deep.
        body = body[: DEEP // 4] if provider.name == "vertex-rest" and way.streamed else body
        event = {"openai": b"data: %b\n\n", "vertex-genai": b"data: %b\r\n\r\n", "vertex-rest": b"[%b"}[provider.name]
        whole = reply_bytes(body, content_type="application/json")
        provider.script(lambda streamed: provider.stream_of([event % body]) if streamed else whole)

        with pytest.raises(polycall.ResponseError) as caught:
            await provider.ask(way)

        assert len(str(caught.value)) < 2_000

    @only("openai", "toy")
    @pytest.mark.parametrize(
        "arguments",
        [
            '{"anything": ' + "[" * DEEP + "]" * DEEP + "}",
            '{"anything": ' * 5_000 + "1" + "}" * 5_000,
            '{"real": 1e999}',
            '{"real": -1e999}',
            '{"anything": [1e999]}',
            '{"anything": NaN}',
            '{"real": Infinity}',
            '{"whole": ' + "9" * 5_000 + "}",
            '{"whole": 1e400}',
            '{"anything": "\\ud800"}',
        ],
        ids=lambda text: text[:24],
    )
    async def test_arguments_are_the_fault_of_their_call_alone(
        self, provider: Provider, way: Way, arguments: str
    ) -> None:
        """Never a float's infinity, which the model did not write, and never a loss of the other calls."""
        provider.script(Said([("Numbers", {"whole": 1}), ("Numbers", arguments), ("Numbers", {"whole": 3})]))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await provider.ask(way, response_model=list[Numbers], max_retries=0)

        assert list(caught.value.calls) == [Numbers(whole=1), Numbers(whole=3)]
        assert len(str(caught.value)) < 1_000

    @only("vertex-genai", "vertex-rest")
    @pytest.mark.parametrize(
        "arguments",
        ['{"anything": %s}' % ("[" * DEEP + "]" * DEEP), '{"real": 1e999}', '{"whole": %s}' % ("9" * 5_000)],
        ids=lambda text: text[:24],
    )
    async def test_arguments_inside_a_reply_are_never_a_wrong_object(
        self, provider: HttpProvider, way: Way, arguments: str
    ) -> None:
        """Here arguments are a part of the reply's JSON: what breaks its parser breaks the reply."""
        provider.script(
            lambda streamed: _with_arguments(provider, arguments, streamed),
        )

        with pytest.raises((polycall.ResponseError, polycall.InvalidCallsError)):
            await provider.ask(way, response_model=list[Numbers], max_retries=0)

    @only("openai", "vertex-genai", "toy")  # over protobuf numbers are doubles: see tests/wire/vertex
    async def test_a_large_number_within_the_limits_keeps_every_digit(self, provider: Provider, way: Way) -> None:
        number = int("9" * 300)
        provider.script(Said([("Numbers", {"whole": number})]))

        calls = await provider.ask(way, response_model=list[Numbers], max_retries=0)

        assert list(calls) == [Numbers(whole=number)]


def _with_arguments(provider: HttpProvider, arguments: str, streamed: bool) -> Any:
    text = json.dumps(provider.whole(Said([("Numbers", {"anything": "HERE"})])))
    body = text.replace('{"anything": "HERE"}', arguments).encode()
    if not streamed:
        return reply_bytes(body, content_type="application/json")
    return provider.stream_of([(b"data: %b\r\n\r\n" if provider.name == "vertex-genai" else b"[%b") % body])


# -- much of something -------------------------------------------------------------------------------------------------


def function_calls(action: Callable[[], object]) -> int:
    """How many functions an action calls, in this thread: work that a busy machine does not change."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def peak_bytes(action: Callable[[], object]) -> int:
    """What an action needs of memory at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestMuch:
    """Ten times as much costs at most about ten times as much."""

    @only("openai", "vertex-genai", "toy")
    @pytest.mark.parametrize("streamed", [False, True], ids=["create", "stream"])
    def test_many_calls_cost_linear_work(self, provider: Provider, streamed: bool) -> None:
        scale = 2 if provider.name == "vertex-genai" and streamed else 20
        costs = []
        for number in (10 * scale, 100 * scale):
            said = Said([("Search", {"query": str(one)}) for one in range(number)])
            costs.append(function_calls(lambda said=said: self._ask(provider, said, streamed)))  # type: ignore[misc]

        assert costs[1] < 12 * costs[0]

    @only("openai", "toy")
    @pytest.mark.parametrize("streamed", [False, True], ids=["create", "stream"])
    def test_many_bad_calls_and_their_corrections_cost_linear_work(self, provider: Provider, streamed: bool) -> None:
        costs = []
        for number in (200, 2_000):
            bad = [("Weather", {"location": str(one), "units": "?"}) for one in range(number)]
            good = [("Weather", {"location": str(one), "units": "metric"}) for one in reversed(range(number))]
            rounds = (Said(bad), Said(good))
            costs.append(function_calls(lambda rounds=rounds: self._ask(provider, *rounds, streamed=streamed)))  # type: ignore[misc]

        assert costs[1] < 13 * costs[0]

    @only("openai", "vertex-genai")
    def test_a_long_argument_in_small_fragments_costs_linear_work(self, provider: HttpProvider) -> None:
        """4 bytes at a time; measured by what is called, not by time."""
        sizes = (20_000, 200_000) if provider.name == "openai" else (1_000, 10_000)
        costs = [function_calls(lambda size=size: self._read(provider, size)) for size in sizes]  # type: ignore[misc]

        assert costs[1] < 12 * costs[0]

    @only("openai")
    def test_and_memory_in_proportion_to_its_size(self, provider: HttpProvider) -> None:
        small, large = (peak_bytes(lambda size=size: self._read(provider, size)) for size in (10_000, 100_000))  # type: ignore[misc]

        assert large < 12 * small
        assert large < 40 * 100_000

    @staticmethod
    def _ask(provider: Provider, *rounds: Any, streamed: bool | None = None) -> None:
        *said, flag = (*rounds, streamed) if streamed is not None else rounds
        provider.script(*said)
        client = provider.client()
        arguments = provider.arguments(response_model=provider.tools)
        calls = client.stream(**arguments).collect() if flag else client.create(**arguments)
        assert len(calls) == len(said[0].calls)

    @staticmethod
    def _read(provider: HttpProvider, size: int) -> None:
        text = "".join(f"{number:07}-" for number in range(size // 8))
        provider.script(lambda streamed: provider.stream_of(_in_fragments(provider.name, text)))
        with provider.client().stream(**provider.arguments(response_model=list[Search])) as stream:
            [made] = stream.collect()
        assert made.query == text


def _in_fragments(name: str, text: str) -> Iterator[bytes]:
    """One call whose argument comes in fragments of 4 bytes."""
    events = (_openai_fragments if name == "openai" else _gemini_fragments)(text)
    while some := b"".join(islice(events, 500)):
        yield some


def _openai_fragments(text: str) -> Iterator[bytes]:
    def event(fragment: dict[str, Any]) -> bytes:
        return sse([call_chunk({"index": 0, **fragment})], done=False)[0]

    yield event({"id": "c1", "function": {"name": "Search", "arguments": '{"query":"'}})
    for at in range(0, len(text), 4):
        yield event({"function": {"arguments": text[at : at + 4]}})
    yield event({"function": {"arguments": '"}'}})
    yield from sse([chunk({}, finish_reason="tool_calls")])


def _gemini_fragments(text: str) -> Iterator[bytes]:
    def event(function: dict[str, Any], **end: str) -> bytes:
        return b"data: " + json.dumps(candidate({"functionCall": function}, **end)).encode() + b"\r\n\r\n"

    yield event({"name": "Search", "willContinue": True})
    for at in range(0, len(text), 4):
        piece = {"jsonPath": "$.query", "stringValue": text[at : at + 4], "willContinue": True}
        yield event({"partialArgs": [piece], "willContinue": True})
    yield event({"partialArgs": [{"jsonPath": "$.query", "stringValue": ""}]}, finishReason="STOP")


# -- replies without an end --------------------------------------------------------------------------------------------


class TestEndless:
    @only("openai", streamed=True)
    async def test_keep_alives_without_end_are_ended_by_the_limit(self, provider: HttpProvider, way: Way) -> None:
        """Bytes that come keep the SDK's time-out from striking."""
        provider.settings = {"max_reply_bytes": 100_000}
        provider.script(endless(interval_s=0))

        with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=100000"):
            await provider.ask(way)

        assert await asyncio.to_thread(provider.server.requests[0].client_closed.wait, 5)

    @only("openai", "vertex-genai")
    @pytest.mark.parametrize("streamed", [False, True], ids=["create", "stream"])
    async def test_keep_alives_are_ended_by_a_time_out_of_the_callers(
        self, provider: HttpProvider, streamed: bool
    ) -> None:
        """The connection goes with the task."""
        provider.script(endless(b"\r\n"))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await provider.ask(Way(streamed, asynchronous=True))

        assert await asyncio.to_thread(provider.server.requests[0].client_closed.wait, 5)

    @only(*WITH_LIMIT, streamed=True)
    async def test_words_without_end_are_ended_by_the_limit(self, provider: Provider, way: Way) -> None:
        """What was complete before is in the error."""
        provider.settings = {"max_reply_bytes": 300_000}
        provider.script(lambda streamed: _words_without_end(provider))

        with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=300000") as caught:
            await provider.ask(way)

        assert list(caught.value.calls) == [Search(query="a"), Search(query="b")]

    @only("openai", streamed=True)
    async def test_the_events_of_a_stream_may_weigh_four_times_the_limit(self, provider: Provider, way: Way) -> None:
        """They are mostly envelope: 2,000 characters in fragments of 8 are some 80 kB."""
        provider.settings = {"max_reply_bytes": 30_000}
        provider.script(Said([("Search", {"query": "x" * 2_000})]), Said([("Search", {"query": "x" * 4_000})]))

        assert list(await provider.ask(way)) == [Search(query="x" * 2_000)]
        with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=30000"):
            await provider.ask(way)

    @only(*WITH_LIMIT, streamed=False)
    async def test_a_whole_reply_that_is_too_large(self, provider: Provider, way: Way) -> None:
        provider.settings = {"max_reply_bytes": 10_000}
        provider.script(Said([("Search", {"query": "x" * 10_000})]))

        with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=10000"):
            await provider.ask(way)

    @only(*WITH_LIMIT)
    async def test_the_limit_is_for_one_reply_and_not_for_their_sum(self, provider: Provider, way: Way) -> None:
        # Over Chat Completions a fragment of 8 characters weighs 200 bytes.
        provider.settings = {"max_reply_bytes": 60_000 if provider.name == "openai" else 6_000}
        bad = ("Search", {"query": None, "why": "x" * 1_000})
        provider.script(*[Said([A, bad])] * 5, Said([("Search", {"query": "b"})]))

        calls = await provider.ask(way, max_retries=5)

        assert list(calls) == [Search(query="a"), Search(query="b")]


def _words_without_end(provider: Provider) -> Any:
    calls = Said([A, ("Search", {"query": "b"}), ("Search", {"query": "c"})], end="missing")
    words = "w" * 1_000
    if isinstance(provider, HttpProvider):
        more = provider.words(words)

        def pieces() -> Iterator[bytes]:
            yield from provider.events(calls)
            yield from repeat(more)

        return reply_stream(pieces(), content_type="text/event-stream")

    def chunks() -> Iterator[dict[str, Any]]:
        from resilience.providers import gemini_chunks

        yield from gemini_chunks(calls)
        yield from repeat({"candidates": [{"content": {"role": "model", "parts": [{"text": words}]}}]})

    return chunks()


class TestLoneSurrogates:
    """Half of a character pair is no text that can be sent: JSON can write it, UTF-8 cannot (found by test_fuzz)."""

    @only("openai")
    @pytest.mark.parametrize("rounds", [0, 1])
    async def test_in_the_arguments_of_a_call(self, provider: HttpProvider, way: Way, rounds: int) -> None:
        """Corrected like any other bad call, without the others."""
        bad = Said([A, ("Search", "SPLIT")])
        body = provider.streamed_body(bad) if way.streamed else json.dumps(provider.whole(bad)).encode()
        assert body.count(b"SPLIT") == 1
        body = body.replace(b"SPLIT", rb"\ud800")
        content_type = "text/event-stream" if way.streamed else "application/json"
        provider.script(reply_stream([body], content_type=content_type), Said([("Search", {"query": "b"})]))
        if rounds:
            assert list(await provider.ask(way, max_retries=1)) == [Search(query="a"), Search(query="b")]
            return
        provider.queue.pop()

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await provider.ask(way, max_retries=0)

        assert list(caught.value.calls) == [Search(query="a")]
