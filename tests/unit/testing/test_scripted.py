"""A provider that follows a script: the client is real, and so is all that it does with the replies."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator

import polycall
from polycall.plugin import Request, hookimpl
from polycall.testing import (
    AsyncScriptedClient,
    Gate,
    ScriptedClient,
    ScriptedProvider,
    ScriptError,
    call,
    cut_off,
    made_up,
    refusal,
    reply,
)
from polycall.testing.contract import checked


class Weather(BaseModel):
    """Get the weather."""

    location: str
    days: int = 1


class Search(BaseModel):
    query: str = Field(alias="q")


@dataclasses.dataclass
class Sum:
    numbers: list[int]


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo", days=3)
ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo?"}]


class Way:
    """One of the ways to ask: whole or streamed, sync or async."""

    def __init__(self, *, asynchronous: bool, streams: bool) -> None:
        self.asynchronous = asynchronous
        self.streams = streams

    async def ask(
        self,
        provider: ScriptedProvider,
        response_model: Any = list[Weather | Search],
        messages: list[object] = ASK,
        **arguments: Any,
    ) -> polycall.Calls[Any]:
        """Ask once, and read the reply to its end. All of it happens under the eyes of the contract checker."""
        with checked():
            if self.asynchronous:
                async with provider.async_client() as async_client:
                    if self.streams:
                        return await async_client.stream(messages, response_model, **arguments).collect()
                    return await async_client.create(messages, response_model, **arguments)  # type: ignore[no-any-return]
            with provider.client() as client:
                if self.streams:
                    return client.stream(messages, response_model, **arguments).collect()
                return client.create(messages, response_model, **arguments)  # type: ignore[no-any-return]


@pytest.fixture(
    params=[(False, False), (False, True), (True, False), (True, True)],
    ids=["create", "stream", "async create", "async stream"],
)
def way(request: pytest.FixtureRequest) -> Way:
    asynchronous, streams = request.param
    return Way(asynchronous=asynchronous, streams=streams)


class TestReplies:
    @pytest.mark.parametrize("deltas", [False, True], ids=["calls", "deltas"])
    async def test_typed_objects_come_back_equal(self, way: Way, deltas: bool) -> None:
        provider = ScriptedProvider([ROME, Search(q="cup"), OSLO])

        calls = await way.ask(provider, deltas=deltas)

        assert calls == [ROME, Search(q="cup"), OSLO]
        assert calls[0] is not ROME
        assert [one.id for one in calls.tool_calls] == ["call_1", "call_2", "call_3"]
        assert calls.finish_reason is polycall.FinishReason.TOOL_CALLS

    async def test_one_object_alone_is_a_reply(self, way: Way) -> None:
        assert await way.ask(ScriptedProvider(ROME)) == [ROME]

    async def test_dataclasses_are_objects_too(self, way: Way) -> None:
        assert await way.ask(ScriptedProvider([Sum([1, 2])]), list[Sum]) == [Sum([1, 2])]

    async def test_an_object_finds_its_tool_under_another_name(self, way: Way) -> None:
        named = Annotated[Weather, polycall.ToolName("get_weather")]
        provider = ScriptedProvider([ROME])

        calls = await way.ask(provider, list[named | Search])

        assert calls == [ROME]
        assert calls.tool_calls[0].name == "get_weather"

    async def test_raw_calls_are_validated(self, way: Way) -> None:
        provider = ScriptedProvider([call("Weather", {"location": "Rome"}, id="abc"), ("Search", '{"q": "cup"}')])

        calls = await way.ask(provider)

        assert calls == [ROME, Search(q="cup")]
        assert calls.tool_calls[0].id == "abc"

    async def test_tools_that_are_only_a_schema_are_called_by_name(self, way: Way) -> None:
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        tool = polycall.Tool("read", "Read a file.", schema)

        (made,) = await way.ask(ScriptedProvider([call("read", {"path": "a.txt"})]), [tool])

        assert (made.name, made.arguments) == ("read", {"path": "a.txt"})

    async def test_text_stands_beside_calls(self, way: Way) -> None:
        calls = await way.ask(ScriptedProvider(["Hm, let ", "me see.", ROME]))

        assert calls == [ROME]
        assert calls.text == "Hm, let me see."

    async def test_text_alone_is_an_answer_without_calls(self, way: Way) -> None:
        calls = await way.ask(ScriptedProvider("Hello."), tool_choice="auto")

        assert calls == []
        assert calls.text == "Hello."
        assert calls.finish_reason is polycall.FinishReason.STOP

    async def test_the_details_of_a_reply(self, way: Way) -> None:
        usage = polycall.Usage(input_tokens=5, output_tokens=7)
        scripted = reply(
            ROME,
            reasoning="It is sunny.",
            usage=usage,
            finish_reason=polycall.FinishReason.STOP,
            raw_finish_reason="end_turn",
            model="model-1",
            response_id="response-1",
        )

        calls = await way.ask(ScriptedProvider(scripted), deltas=True)

        assert (calls.reasoning, calls.usage, calls.model) == ("It is sunny.", usage, "model-1")
        assert (calls.finish_reason, calls.raw_finish_reason) == (polycall.FinishReason.STOP, "end_turn")
        assert calls.response_id == "response-1"
        assert calls.raw_response is scripted

    async def test_a_refusal(self, way: Way) -> None:
        with pytest.raises(polycall.RefusalError) as raised:
            await way.ask(ScriptedProvider(["Hm.", refusal("I must not.")]))

        assert raised.value.reason == "I must not."

    @pytest.mark.parametrize("cut", [cut_off(OSLO), cut_off(call("Weather", '{"location": "O'))], ids=["half", "text"])
    async def test_a_call_that_is_cut_off(self, way: Way, cut: object) -> None:
        with pytest.raises(polycall.IncompleteOutputError) as raised:
            await way.ask(ScriptedProvider([ROME, cut]), deltas=True)

        assert raised.value.calls == [ROME]
        (begun,) = raised.value.cut_off
        assert begun.arguments_text.startswith('{"location":')
        assert len(begun.arguments_text) < len('{"location":"Oslo","days":3}')

    @pytest.mark.parametrize("error", [ConnectionError("reset"), TimeoutError], ids=["object", "class"])
    async def test_an_error_is_raised_as_it_is(self, way: Way, error: Any) -> None:
        with pytest.raises((ConnectionError, TimeoutError)) as raised:
            await way.ask(ScriptedProvider(error))

        assert raised.value is error or type(raised.value) is error

    async def test_an_error_within_a_reply_comes_after_the_calls_before_it(self, way: Way) -> None:
        with pytest.raises(ConnectionError) as raised:
            await way.ask(ScriptedProvider([ROME, ConnectionError("reset"), OSLO]))

        assert getattr(raised.value, "polycall_calls", []) == ([ROME] if way.streams else [])

    async def test_a_function_of_the_request(self, way: Way) -> None:
        def answer(request: Request) -> object:
            return [Weather(location=request.messages[-1]["content"])]  # type: ignore[index]

        assert await way.ask(ScriptedProvider(answer), messages=[{"role": "user", "content": "Bonn"}]) == [
            Weather(location="Bonn")
        ]

    async def test_an_object_of_model_construct_is_a_wrong_call(self, way: Way) -> None:
        wrong = Weather.model_construct(location=0)

        with pytest.raises(polycall.InvalidCallsError, match="location: Input should be a valid string"):
            await way.ask(ScriptedProvider([wrong]), max_retries=0)


class TestCorrections:
    async def test_a_correction_is_asked_for_and_takes_its_place(self, way: Way) -> None:
        provider = ScriptedProvider([ROME, call("Weather", {"location": 0}), Search(q="cup")], [OSLO])

        calls = await way.ask(provider)

        assert calls == [ROME, OSLO, Search(q="cup")]
        assert [sent.request.round for sent in provider.requests] == [0, 1]
        wrong = provider.requests[1].messages[-2]
        assert wrong["is_error"] is True
        assert "location" in str(wrong["content"])

    async def test_ids_are_unique_in_the_conversation(self, way: Way) -> None:
        provider = ScriptedProvider([call("Weather", "{}")], [call("Weather", "{}")], [OSLO])

        calls = await way.ask(provider)

        assert calls.tool_calls[0].id == "call_3"

    async def test_calls_continue_with_results(self, way: Way) -> None:
        provider = ScriptedProvider([ROME, OSLO], "Sunny and rainy.")
        calls = await way.ask(provider)

        answer = await way.ask(provider, messages=calls.continue_with(["sunny", "rainy"]), tool_choice="auto")

        assert answer.text == "Sunny and rainy."
        assert [message["role"] for message in provider.requests[1].messages] == ["user", "assistant", "tool", "tool"]
        assert [message["content"] for message in provider.requests[1].messages[2:]] == ["sunny", "rainy"]


class TestRequests:
    async def test_they_show_what_the_model_was_told(self, way: Way) -> None:
        provider = ScriptedProvider([ROME])

        await way.ask(provider, list[Weather], temperature=0.5, tool_choice="Weather", messages=["Rome?"])

        (sent,) = provider.requests
        assert sent.request.provider == "scripted"
        assert sent.request.tool_choice == "Weather"
        assert sent.body == {
            "model": "scripted-model",
            "messages": [{"role": "user", "content": "Rome?"}],
            "tools": [
                {
                    "name": "Weather",
                    "description": "Get the weather.",
                    "parameters": {
                        "type": "object",
                        "properties": {
                            "location": {"title": "Location", "type": "string"},
                            "days": {"title": "Days", "type": "integer", "default": 1},
                        },
                        "required": ["location"],
                    },
                }
            ],
            "tool_choice": "Weather",
            "temperature": 0.5,
        }

    def test_a_client_has_them_too(self) -> None:
        client = ScriptedProvider([ROME]).client("model-1")

        client.create(ASK, list[Weather])

        assert [(sent.request.model, sent.messages) for sent in client.requests] == [("model-1", ASK)]

    async def test_an_async_client_has_them_too(self) -> None:
        client = ScriptedProvider([ROME]).async_client()

        await client.create(ASK, list[Weather])

        assert [sent.messages for sent in client.requests] == [ASK]

    def test_rendering_asks_for_nothing(self) -> None:
        with ScriptedProvider() as provider:
            rendered = provider.client().render(ASK, list[Weather])

        assert rendered.body["messages"] == ASK  # type: ignore[index]
        assert provider.requests == []

    async def test_messages_that_no_provider_takes_are_refused(self, way: Way) -> None:
        with pytest.raises(polycall.MessageError, match="the role 'usr' is unknown"):
            await way.ask(ScriptedProvider([ROME]), messages=[{"role": "usr", "content": "?"}])

    def test_the_clients_are_clients(self) -> None:
        provider = ScriptedProvider()

        assert isinstance(provider.client(), polycall.Client | ScriptedClient)
        assert isinstance(provider.async_client(), polycall.AsyncClient | AsyncScriptedClient)
        assert polycall.providers() == [one for one in polycall.providers() if one.name != "scripted"]

    async def test_extensions_serve_them(self, way: Way) -> None:
        class Redact:
            polycall_hook_api = 1

            @hookimpl
            def polycall_before_request(self, request: Request) -> None:
                request.messages = ["[card]"]

        polycall.register_extension("redact", Redact())
        try:
            provider = ScriptedProvider([ROME])
            await way.ask(provider)
        finally:
            polycall.unregister("redact")

        assert provider.requests[0].messages == [{"role": "user", "content": "[card]"}]


class TestGates:
    """In place of delays: a reply goes on when the test says so."""

    def test_a_stream_yields_what_was_before_the_gate(self) -> None:
        gate = Gate()
        with ScriptedProvider([ROME, gate, OSLO]).client().stream(ASK, list[Weather]) as stream:
            assert next(stream) == ROME
            gate.open()

            assert list(stream) == [OSLO]

    async def test_an_async_stream_too(self) -> None:
        gate = Gate()
        async with ScriptedProvider([ROME, gate, OSLO]).async_client().stream(ASK, list[Weather]) as stream:
            assert await anext(stream) == ROME
            waiting = asyncio.create_task(anext(stream))
            await gate.reached()
            assert not waiting.done()
            gate.open()

            assert await waiting == OSLO

    def test_a_whole_reply_waits(self) -> None:
        gate, results = Gate(), list[object]()
        client = ScriptedProvider([gate, ROME]).client()
        thread = threading.Thread(target=lambda: results.append(client.create(ASK, list[Weather])))
        thread.start()
        gate.wait_until_reached()
        assert results == []
        gate.open()
        thread.join()

        assert results == [[ROME]]

    async def test_a_whole_async_reply_can_be_cancelled_while_it_waits(self) -> None:
        gate = Gate()
        client = ScriptedProvider([gate, ROME]).async_client()
        asking = asyncio.create_task(client.create(ASK, list[Weather]))
        await gate.reached()
        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asking

    def test_a_stream_that_is_closed_from_another_thread_ends(self) -> None:
        gate = Gate()
        stream = ScriptedProvider([ROME, gate, OSLO]).client().stream(ASK, list[Weather])

        def close() -> None:
            gate.wait_until_reached()
            stream.close()

        closing = threading.Thread(target=close)
        closing.start()

        with pytest.raises(polycall.IncompleteOutputError) as raised:
            list(stream)
        closing.join()

        assert raised.value.calls == [ROME]

    async def test_a_stream_that_is_closed_from_another_task_ends(self) -> None:
        gate = Gate()
        stream = ScriptedProvider([ROME, gate, OSLO]).async_client().stream(ASK, list[Weather])
        reading = asyncio.create_task(stream.collect())
        await gate.reached()
        await stream.close()

        with pytest.raises(polycall.IncompleteOutputError) as raised:
            await reading
        assert raised.value.calls == [ROME]

    async def test_a_gate_that_nobody_opens_is_an_error(self, way: Way) -> None:
        with pytest.raises(ScriptError, match=r"waited at a gate that nobody opened, for 0\.01 s"):
            await way.ask(ScriptedProvider([Gate(patience_s=0.01), ROME]))

    async def test_so_is_one_that_no_reply_comes_to(self) -> None:
        gate = Gate(patience_s=0.01)

        with pytest.raises(ScriptError, match="No reply came to a gate"):
            gate.wait_until_reached()
        with pytest.raises(ScriptError, match="No reply came to a gate"):
            await gate.reached()

    async def test_tasks_at_once(self) -> None:
        gate = Gate()
        client = ScriptedProvider(then=[gate, ROME]).async_client()
        asking = [asyncio.create_task(client.create(ASK, list[Weather])) for _ in range(20)]
        await gate.reached()
        gate.open()

        assert await asyncio.gather(*asking) == [[ROME]] * 20


class TestTheScript:
    async def test_a_request_too_many_is_an_error_that_shows_it(self, way: Way) -> None:
        provider = ScriptedProvider([ROME])
        await way.ask(provider)

        with pytest.raises(ScriptError) as raised:
            await way.ask(provider, messages=[{"role": "user", "content": "And Oslo?"}])

        assert str(raised.value) == (
            "The script has 1 reply, and the application sent request 2 which ends with the message of the role "
            "'user': 'And Oslo?'. Add a reply to the script, or then=... for all further requests."
        )

    async def test_a_correction_that_the_script_lacks_says_so(self, way: Way) -> None:
        with pytest.raises(
            ScriptError, match=r"request 2, correction 1 of an earlier request, which ends .* 'tool'.*days"
        ):
            await way.ask(ScriptedProvider([call("Weather", {"location": "Rome", "days": "many"})]))

    async def test_a_request_too_many_fails_the_check_whoever_caught_it(self, way: Way) -> None:
        with pytest.raises(ScriptError, match="The script has 0 replies"), ScriptedProvider() as provider:
            try:
                await way.ask(provider)
            except Exception:
                """An application that goes on whatever happens."""

    async def test_replies_that_are_left_fail_the_check(self, way: Way) -> None:
        with pytest.raises(ScriptError) as raised, ScriptedProvider([ROME], [OSLO], "Fine.") as provider:
            await way.ask(provider)

        assert str(raised.value) == (
            "2 of the 3 replies of the script were not asked for: 2. [Weather(location='Oslo', days=3)]; 3. 'Fine.'. "
            "The application sent 1 request."
        )

    def test_an_error_of_the_test_is_not_hidden_by_what_is_left(self) -> None:
        with pytest.raises(LookupError), ScriptedProvider([ROME]):
            raise LookupError("The test failed.")

    async def test_then_answers_all_further_requests(self, way: Way) -> None:
        with ScriptedProvider([ROME], then=[OSLO]) as provider:
            answers = [await way.ask(provider) for _ in range(3)]

        assert answers == [[ROME], [OSLO], [OSLO]]

    def test_then_need_not_be_asked_for(self) -> None:
        with ScriptedProvider(then=[OSLO]):
            """Nobody asks."""

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ([Sum([1])], "Sum is not a tool of the request, which has: Weather, Search"),
            (5, "cannot answer with 5; a reply is made of typed objects"),
            ({"location": "Rome"}, "cannot answer with {'location': 'Rome'}"),
            ([refusal("No."), ROME], "Nothing can follow refusal\\('No.'\\) in a reply"),
            ([cut_off(ROME), ROME], "Nothing can follow cut_off"),
            (made_up("Sum"), "'Sum' is not a tool of the request"),
            ([made_up()], "cannot answer with made_up\\(seed=0\\)"),
            (lambda request: 5, "cannot answer with 5"),
        ],
        ids=[
            "a foreign object",
            "a number",
            "a dict",
            "after a refusal",
            "after a cut",
            "a foreign name",
            "an item",
            "?",
        ],
    )
    async def test_an_answer_that_does_not_fit_is_an_error(self, way: Way, answer: object, says: str) -> None:
        provider = ScriptedProvider(answer)

        with pytest.raises(ScriptError, match=says):
            await way.ask(provider)
        with pytest.raises(ScriptError, match=says):
            provider.check()

    async def test_an_async_function_is_an_error(self, way: Way) -> None:
        async def answer(request: Request) -> object:
            return ROME

        with pytest.raises(ScriptError, match="is async"):
            await way.ask(ScriptedProvider(answer))


class TestObjectsWithAliases:
    """Arguments are written as validation takes them."""

    async def test_an_alias_for_both(self, way: Way) -> None:
        assert await way.ask(ScriptedProvider([Search(q="cup")]), list[Search]) == [Search(q="cup")]

    async def test_an_alias_that_only_serialising_knows(self, way: Way) -> None:
        class Place(BaseModel):
            name: str = Field(serialization_alias="placeName")

        assert await way.ask(ScriptedProvider([Place(name="Rome")]), list[Place]) == [Place(name="Rome")]

    async def test_validators_see_what_a_model_would_send(self, way: Way) -> None:
        seen: list[object] = []

        class Place(BaseModel):
            name: str

            @field_validator("name")
            @classmethod
            def see(cls, value: str) -> str:
                seen.append(value)
                return value

        await way.ask(ScriptedProvider([call("Place", {"name": "Rome"})]), list[Place])

        assert seen == ["Rome"]


def test_the_fixture_makes_providers(scripted_provider: Callable[..., ScriptedProvider]) -> None:
    client = scripted_provider([ROME], then=made_up()).client()

    assert client.create(ASK, list[Weather]) == [ROME]
