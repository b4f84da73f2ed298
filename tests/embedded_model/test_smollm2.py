"""The embedded model answers through every public way."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationInfo, field_validator

import polycall
from polycall_llamacpp._model.server import LlamaServer

from .conftest import QUESTION, THREADS, GoogleSearch, Weather

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]


def assert_the_example(calls: Iterable[Weather | GoogleSearch]) -> None:
    """All three calls of the design's example, whole values, texts as typed; only the units are the model's taste."""
    first, second, third = calls
    assert isinstance(first, Weather)
    assert isinstance(second, Weather)
    assert [first, second, third] == [
        Weather(location="toronto", units=first.units),
        Weather(location="dallas", units=second.units),
        GoogleSearch(query="who won the super bowl"),
    ]


class TestTheExample:
    def test_sync(self, client: polycall.Client) -> None:
        calls = client.chat.completions.create(messages=QUESTION, response_model=Iterable[Weather | GoogleSearch])

        assert_the_example(calls)
        assert [call.name for call in calls.tool_calls] == ["Weather", "Weather", "GoogleSearch"]
        assert calls.finish_reason is polycall.FinishReason.TOOL_CALLS
        assert calls.usage is not None
        assert calls.usage.total_tokens == (calls.usage.input_tokens or 0) + (calls.usage.output_tokens or 0)
        assert isinstance(calls.raw_response, dict)
        assert calls.raw_response["subquestions"] == [
            "What is the weather in toronto",
            "What is the weather in dallas",
            "who won the super bowl",
        ]

    def test_stream_gives_each_call_before_the_reply_is_complete(self, client: polycall.Client) -> None:
        with client.stream(QUESTION, Iterable[Weather | GoogleSearch]) as stream:
            first = next(stream)
            assert stream.calls.finish_reason is None
            assert_the_example([first, *stream])
            assert stream.calls.finish_reason is polycall.FinishReason.TOOL_CALLS

    async def test_async_does_not_block_the_event_loop(self) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)

        async with polycall.from_provider("llamacpp/smollm2", async_client=True, threads=THREADS) as client:
            ticking = asyncio.create_task(tick())
            calls = await client.create(QUESTION, Iterable[Weather | GoogleSearch])
            ticking.cancel()

        assert_the_example(calls)
        assert ticks > 5

    async def test_async_stream(self) -> None:
        async with (
            polycall.from_provider("llamacpp/smollm2", async_client=True, threads=THREADS) as client,
            client.stream(QUESTION, Iterable[Weather | GoogleSearch]) as stream,
        ):
            assert_the_example([call async for call in stream])


class Spied:
    """A server in this process that keeps the bodies of the requests."""

    def __init__(self, server: LlamaServer) -> None:
        self.bodies: list[Mapping[str, object]] = []
        self._server = server

    @property
    def listening_address(self) -> str:
        return self._server.listening_address

    def handle_chat_completions(
        self, body: Mapping[str, object], callback: Callable[[dict[str, object]], bool]
    ) -> None:
        self.bodies.append(json.loads(json.dumps(body)))
        self._server.handle_chat_completions(body, callback)

    def handle_completions(self, body: Mapping[str, object]) -> dict[str, object]:
        return self._server.handle_completions(body)


class TestRendering:
    def test_it_shows_what_the_server_gets(
        self, constrained_client: polycall.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = constrained_client._hooks.session.loaded().server
        spied = Spied(server.llama)
        monkeypatch.setattr(server, "llama", spied)
        options: dict[str, Any] = {"max_tokens": 4, "temperature": 0.5, "tool_choice": "auto", "max_calls": 2}

        rendered = constrained_client.render(QUESTION, Iterable[Weather], **options)
        with pytest.raises(polycall.IncompleteOutputError):
            constrained_client.create(QUESTION, Iterable[Weather], **options)
        with (
            pytest.raises(polycall.IncompleteOutputError),
            constrained_client.stream(QUESTION, Iterable[Weather], **options) as stream,
        ):
            list(stream)

        assert spied.bodies == [rendered.body, rendered.body]
        assert (rendered.method, rendered.url) == (None, "/v1/chat/completions")
        assert '"maxItems":2' in str(rendered.body)

    def test_a_strategy_of_several_steps_shows_what_it_is_asked(self, client: polycall.Client) -> None:
        rendered = client.render(QUESTION, Iterable[Weather | GoogleSearch], temperature=0.5)

        assert rendered.body == {
            "strategy": "split",
            "question": QUESTION[1]["content"],
            "tools": ["Weather", "GoogleSearch"],
            "max_tokens": 1024,
            "max_calls": 16,
        }
        assert [change.setting for change in rendered.adaptations] == ["messages", "options.temperature"]


class SetLight(BaseModel):
    """Turn a light in a room on or off"""

    room: str = Field(description="Name of the room")
    on: bool = Field(description="true to switch on, false to switch off")


class SetTemperature(BaseModel):
    """Set the thermostat to a temperature"""

    degrees: int


class PlaySong(BaseModel):
    """Play a song"""

    title: str


class AddToQueue(BaseModel):
    """Add a song to the queue"""

    title: str


class SetVolume(BaseModel):
    """Set the volume"""

    percent: int = Field(ge=0, le=100)


class TestOtherDomains:
    def test_a_house(self, client: polycall.Client) -> None:
        calls = client.create(
            [{"role": "user", "content": "Set the temperature to 21 and turn on the light in the kitchen."}],
            Iterable[SetLight | SetTemperature],
        )

        assert [type(call) for call in calls] == [SetTemperature, SetLight]
        assert calls[0] == SetTemperature(degrees=21)

    def test_music(self, client: polycall.Client) -> None:
        calls = client.create(
            [{"role": "user", "content": "Play Yesterday and set the volume to 40."}],
            list[PlaySong | AddToQueue | SetVolume],
        )

        assert calls == [PlaySong(title="Yesterday"), SetVolume(percent=40)]


class Leg(BaseModel):
    stops: list[Literal["Rome", "Oslo", "Lima"]] = Field(min_length=1, max_length=2)
    seats: int = Field(ge=1, le=9)


class Journey(BaseModel):
    """Book a journey"""

    legs: list[Leg] = Field(min_length=1, max_length=2)
    note: str | None = None


@pytest.mark.parametrize("strategy", ["split", "constrained"])
def test_nested_arguments_follow_the_schema(strategy: str) -> None:
    with polycall.from_provider("llamacpp/smollm2", threads=THREADS, strategy=strategy, max_calls=1) as client:
        calls = client.create(
            [{"role": "user", "content": "Book a journey from Rome to Oslo"}], Iterable[Journey], max_retries=0
        )

    assert [type(call) for call in calls] == [Journey]


class Picky(BaseModel):
    """Look up the weather of a place"""

    location: str

    @field_validator("location")
    @classmethod
    def refuse_the_second(cls, value: str, info: ValidationInfo) -> str:
        seen = info.context
        assert isinstance(seen, list)
        seen.append(value)
        if len(seen) == 2:
            raise ValueError("this place is closed")
        return value


def test_a_bad_call_is_asked_for_again_and_takes_its_place(client: polycall.Client) -> None:
    seen: list[str] = []

    calls = client.create(
        [{"role": "user", "content": "What is the weather in Toronto, Dallas and Oslo?"}],
        Iterable[Picky],
        context=seen,
        max_retries=1,
    )

    assert seen[:3] == ["Toronto", "Dallas", "Oslo"]
    assert len(seen) == 4
    assert [call.location for call in calls] == ["Toronto", seen[3], "Oslo"]
    assert calls.usage is not None


def test_results_lead_to_the_next_turn(constrained_client: polycall.Client) -> None:
    calls = constrained_client.create(QUESTION, Iterable[Weather | GoogleSearch])
    messages = calls.continue_with([{"degrees": 21}, *["nothing found"] * (len(calls) - 1)])

    assert messages[: len(QUESTION)] == QUESTION
    messages = json.loads(json.dumps(messages))
    with constrained_client.stream(
        messages, Iterable[Weather | GoogleSearch], tool_choice="auto", deltas=True
    ) as stream:
        assert isinstance(next(stream.events()), polycall.TextDelta | polycall.CallStarted)


def test_a_named_tool_is_the_only_one(client: polycall.Client) -> None:
    calls = client.create(QUESTION, Iterable[Weather | GoogleSearch], tool_choice="GoogleSearch")

    assert {type(call) for call in calls} == {GoogleSearch}


def test_a_free_choice_allows_text(constrained_client: polycall.Client) -> None:
    with constrained_client.stream(
        [{"role": "user", "content": "Say hello to me."}],
        Iterable[GoogleSearch],
        tool_choice="auto",
        deltas=True,
        max_tokens=200,
    ) as stream:
        first = next(stream.events())

    assert isinstance(first, polycall.TextDelta | polycall.CallStarted)


def test_max_calls_bounds_the_output(client: polycall.Client, constrained_client: polycall.Client) -> None:
    for one in (client, constrained_client):
        calls = one.create(QUESTION, list[Weather | GoogleSearch], max_calls=1)

        assert (len(calls), len(calls.tool_calls)) == (1, 1)


def test_options_reach_the_model(constrained_client: polycall.Client) -> None:
    """``max_tokens`` cuts the reply off; what was cut off is told."""
    with pytest.raises(polycall.IncompleteOutputError) as caught:
        constrained_client.create(QUESTION, Iterable[Weather | GoogleSearch], max_tokens=8)

    assert len(caught.value.calls) == 0
    assert [call.name for call in caught.value.cut_off] == ["Weather"]


def test_the_length_limit_holds_for_the_split_strategy_too(client: polycall.Client) -> None:
    with pytest.raises(polycall.IncompleteOutputError) as caught:
        client.create(QUESTION, Iterable[Weather | GoogleSearch], max_tokens=5)

    assert len(caught.value.calls) < 3


class TestSharing:
    def test_threads_get_their_own_answers(self, client: polycall.Client) -> None:
        places = ["Rome", "Oslo", "Lima", "Cairo"]

        def ask(place: str) -> str:
            (call,) = client.create(
                [{"role": "user", "content": f"What is the weather in {place}?"}], Iterable[Weather]
            )
            return call.location

        with ThreadPoolExecutor(len(places)) as threads:
            assert list(threads.map(ask, places)) == places

    def test_one_file_is_loaded_once(self, client: polycall.Client, constrained_client: polycall.Client) -> None:
        one, other = (each._hooks.session.loaded() for each in (client, constrained_client))

        assert one is other


STORY = [{"role": "user", "content": "Write a very long story about a river."}]


class TestLeaving:
    def test_leaving_a_stream_stops_the_model(self, constrained_client: polycall.Client) -> None:
        """The next request waits for this one's end; 3000 tokens would take 3000 times as long as one."""
        with constrained_client.stream(
            STORY, Iterable[GoogleSearch], tool_choice="auto", deltas=True, max_tokens=3000
        ) as stream:
            events = stream.events()
            next(events)
            started = time.perf_counter()
            for _ in range(10):
                next(events)
            ten_tokens = time.perf_counter() - started

        started = time.perf_counter()
        with pytest.raises(polycall.IncompleteOutputError):
            constrained_client.create(STORY, Iterable[GoogleSearch], max_tokens=2)
        assert time.perf_counter() - started < 100 * ten_tokens

    async def test_a_cancelled_task_stops_the_model(self) -> None:
        async with polycall.from_provider(
            "llamacpp/smollm2", async_client=True, threads=THREADS, strategy="constrained"
        ) as client:
            begun = asyncio.Event()

            async def tell() -> None:
                stream = client.stream(STORY, Iterable[GoogleSearch], tool_choice="auto", deltas=True, max_tokens=3000)
                async with stream:
                    async for _ in stream.events():
                        begun.set()

            task = asyncio.create_task(tell())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            assert all(job._done.is_set() for job in client._hooks.session.loaded()._jobs)

    def test_closing_a_client_ends_its_waiting_requests(self) -> None:
        client = polycall.from_provider("llamacpp/smollm2", n_ctx=1024, threads=THREADS, strategy="constrained")
        begun = threading.Event()

        def tell() -> None:
            stream = client.stream(STORY, Iterable[GoogleSearch], tool_choice="auto", deltas=True, max_tokens=900)
            for _ in stream.events():
                begun.set()

        with ThreadPoolExecutor(1) as threads:
            telling = threads.submit(tell)
            begun.wait()
            client.close()
            with pytest.raises(RuntimeError, match="is closed"):
                telling.result()
        with pytest.raises(RuntimeError, match="is closed"):
            client.create(QUESTION, Iterable[Weather])
