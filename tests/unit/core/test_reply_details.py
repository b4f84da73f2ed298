"""What a reply holds next to its calls: reasoning, ids, the model that answered, adaptations of the request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Provide, Way

import polycall
from polycall import Adaptation, CallReady, CallStarted, ReasoningDelta, TextDelta
from polycall.plugin import Reply, Request, StreamEvent, hookimpl
from support.toy_provider import AsyncToyClient, ToyClient, ToyDecoder, call, reply


class Weather(BaseModel):
    location: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
SAY_ROME, SAY_OSLO, BAD = (
    call("Weather", location="Rome"),
    call("Weather", location="Oslo"),
    call("Weather", location=5),
)


class Detailed(ToyDecoder):
    """Reads the lines ``think TEXT`` and ``from MODEL ID`` too."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._deltas = request.deltas

    def feed(self, chunk: str) -> Iterable[StreamEvent]:
        word, _, rest = chunk.partition(" ")
        if word == "think":
            self._reply.reasoning = (self._reply.reasoning or "") + rest
            return [ReasoningDelta(rest)] if self._deltas else []
        if word == "from":
            self._reply.model, self._reply.response_id = rest.split()
            return []
        return super().feed(chunk)


@pytest.fixture
def _detailed(provide: Provide) -> None:
    @hookimpl
    def polycall_create_decoder(request: Request) -> Detailed:
        return Detailed(request)

    @hookimpl
    def polycall_extract_reply(request: Request, response: str) -> Reply:
        decoder = Detailed(request)
        for line in response.split("\n"):
            decoder.feed(line)
        return decoder.finish()

    provide(polycall_create_decoder=polycall_create_decoder, polycall_extract_reply=polycall_extract_reply)


@pytest.mark.usefixtures("_detailed")
class TestReasoning:
    async def test_is_joined(self, way: Way) -> None:
        calls = await way.ask(reply("think Where is ", "think Rome?", SAY_ROME), response_model=Iterable[Weather])

        assert calls.reasoning == "Where is Rome?"
        assert calls.text is None

    async def test_of_a_corrected_result_is_that_of_the_first_round(self, way: Way) -> None:
        calls = await way.ask(
            reply("think First.", BAD), reply("think Second.", SAY_ROME), response_model=Iterable[Weather]
        )

        assert calls.reasoning == "First."

    async def test_is_in_errors_too(self, way: Way) -> None:
        with pytest.raises(polycall.NoToolCallsError) as raised:
            await way.ask(reply("think Hm."), response_model=Iterable[Weather], max_retries=0)

        assert raised.value.calls.reasoning == "Hm."

    async def test_there_may_be_none(self, way: Way) -> None:
        assert (await way.ask(reply(SAY_ROME), response_model=Iterable[Weather])).reasoning is None

    def test_grows_in_the_events_of_a_stream_with_deltas(self) -> None:
        text = reply("think Where is ", "think Rome?", "say Here.", SAY_ROME)
        for deltas in (True, False):
            client = polycall.from_client(ToyClient(text), async_client=False)
            events = list(client.stream(ASK, Iterable[Weather], deltas=deltas).events())

            shown = [event for event in events if isinstance(event, (ReasoningDelta, TextDelta))]
            assert shown == [ReasoningDelta("Where is "), ReasoningDelta("Rome?"), TextDelta("Here.")] * deltas

    async def test_async_too(self) -> None:
        client = polycall.from_client(AsyncToyClient(reply("think Hm.", SAY_ROME)), async_client=True)
        events = [event async for event in client.stream(ASK, Iterable[Weather], deltas=True).events()]

        assert [type(event) for event in events if type(event).__name__ != "ArgumentsDelta"] == [
            ReasoningDelta,
            CallStarted,
            CallReady,
        ]


@pytest.mark.usefixtures("_detailed")
class TestWhoAnswered:
    async def test_the_model_as_served_and_the_id_of_the_response(self, way: Way) -> None:
        calls = await way.ask(reply("from toy-1-0125 r-7", SAY_ROME), response_model=Iterable[Weather])

        assert (calls.model, calls.response_id, calls.provider) == ("toy-1-0125", "r-7", "toy")

    async def test_of_several_rounds_those_of_the_last(self, way: Way) -> None:
        calls = await way.ask(
            reply("from toy-1-a r-7", BAD), reply("from toy-1-b r-8", SAY_ROME), response_model=Iterable[Weather]
        )

        assert (calls.model, calls.response_id) == ("toy-1-b", "r-8")

    async def test_a_provider_need_not_say(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME), response_model=Iterable[Weather])

        assert (calls.model, calls.response_id) == (None, None)


WEAKENED = Adaptation(
    setting="tool_choice", kind="substituted", given="required", sent="auto", reason="toy has no other"
)
CLAMPED = Adaptation(setting="options.temperature", kind="clamped", given=3, sent=2, reason="toy takes 0 to 2")
DROPPED = Adaptation(setting="options.seed", kind="dropped", given=7)


class TestAdaptations:
    @pytest.fixture(autouse=True)
    def _adapting(self, provide: Provide) -> None:
        @hookimpl
        def polycall_render_tools(adaptations: list[Adaptation]) -> object:
            adaptations.append(WEAKENED)
            return []

        @hookimpl
        def polycall_render_request(request: Request) -> dict[str, object]:
            options = dict(request.options)
            if request.options.get("temperature") == 3:
                request.adaptations.append(CLAMPED)
                options["temperature"] = 2
            if options.pop("seed", None) and request.round:
                request.adaptations.append(DROPPED)
            return {"messages": request.messages, **options}

        provide(polycall_render_tools=polycall_render_tools, polycall_render_request=polycall_render_request)

    async def test_of_tools_and_request_are_shown(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME), response_model=Iterable[Weather], temperature=3)

        assert calls.adaptations == (WEAKENED, CLAMPED)
        assert way.toy.bodies[0]["temperature"] == 2

    async def test_of_several_rounds_each_once(self, way: Way) -> None:
        calls = await way.ask(
            *[reply(BAD)] * 2, reply(SAY_ROME), response_model=Iterable[Weather], temperature=3, seed=7
        )

        assert calls.adaptations == (WEAKENED, CLAMPED, DROPPED)

    async def test_those_of_kept_tools_are_shown_again_and_nothing_else(self, way: Way) -> None:
        await way.ask(*[reply(SAY_ROME)] * 2, response_model=Iterable[Weather], temperature=3)
        ask: Callable[..., Any] = way.client.stream if way.streams else way.client.create
        again = ask(ASK, Iterable[Weather])
        if way.streams:
            again = again.collect()
        calls: polycall.Calls[Weather] = await again if way.asynchronous else again

        assert calls.adaptations == (WEAKENED,)

    @pytest.mark.parametrize(
        ("script", "error"),
        [
            ([reply(SAY_ROME, "refuse No.")], polycall.RefusalError),
            ([reply(SAY_ROME, end="length")], polycall.IncompleteOutputError),
            (["<html>"], polycall.ResponseError),
            ([reply(BAD)], polycall.InvalidCallsError),
            ([reply("say Hm.")], polycall.NoToolCallsError),
        ],
    )
    async def test_are_on_errors_too(self, way: Way, script: list[str], error: type[polycall.OutputError]) -> None:
        with pytest.raises(error) as raised:
            await way.ask(*script, response_model=Iterable[Weather], temperature=3, max_retries=0)

        assert raised.value.calls.adaptations == (WEAKENED, CLAMPED)

    async def test_and_on_what_an_sdk_raises_in_a_correction(self, way: Way) -> None:
        with pytest.raises(ConnectionResetError) as raised:
            await way.ask(
                reply(SAY_ROME, BAD),
                ConnectionResetError("by peer"),
                response_model=Iterable[Weather],
                temperature=3,
                seed=7,
            )

        assert raised.value.polycall_calls == [ROME]  # type: ignore[attr-defined]
        assert raised.value.polycall_calls.adaptations == (WEAKENED, CLAMPED, DROPPED)  # type: ignore[attr-defined]

    def test_of_a_left_stream_are_on_its_error(self) -> None:
        client = polycall.from_client(ToyClient(reply(SAY_ROME, SAY_OSLO)), async_client=False)
        stream = client.stream(ASK, Iterable[Weather], temperature=3)
        assert next(stream) == ROME
        stream.close()

        with pytest.raises(polycall.IncompleteOutputError) as raised:
            stream.collect()
        assert raised.value.calls.adaptations == (WEAKENED, CLAMPED)


async def test_a_request_that_was_not_changed_has_no_adaptations(way: Way, hooks: object) -> None:
    assert (await way.ask(reply(SAY_ROME), response_model=Iterable[Weather])).adaptations == ()
