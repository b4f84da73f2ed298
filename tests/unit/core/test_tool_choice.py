"""``tool_choice``: whatever the provider enforces, the core checks which tools were called."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, MakeClient, Provide, Way

import polycall
from polycall import Adaptation, CallFailed, CallReady
from polycall.plugin import hookimpl
from support.toy_provider import call, reply


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


class Move(BaseModel):
    to: str


MODEL = Iterable[Weather | Search | Move]
ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
CUP, HOME = Search(query="cup"), Move(to="home")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_HOME, SAY_CUP, BAD_CUP = call("Move", to="home"), call("Search", query="cup"), call("Search", query=5)
ASK_AGAIN = "Call a tool that may be called in its place. Do not repeat the calls that were accepted."


@pytest.mark.usefixtures("hooks")
class TestOneName:
    async def test_a_call_of_another_tool_fails_and_is_corrected(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME, SAY_CUP), reply(SAY_OSLO), response_model=MODEL, tool_choice="Weather")

        assert calls == [ROME, OSLO]
        assert way.toy.requests[1].messages[-2:] == [
            {"role": "result", "id": "0", "content": "accepted"},
            {
                "role": "error",
                "id": "1",
                "content": f"Error: only Weather may be called now, not Search. {ASK_AGAIN}",
            },
        ]

    async def test_and_is_the_error_if_no_correction_is_left(self, way: Way) -> None:
        with pytest.raises(polycall.InvalidCallsError) as raised:
            await way.ask(reply(SAY_ROME, SAY_CUP), response_model=MODEL, tool_choice="Weather", max_retries=0)

        assert raised.value.calls == [ROME]
        assert [failure.tool_call.name for failure in raised.value.failures] == ["Search"]

    async def test_a_name_that_nobody_offered_is_told_the_one_tool(self, way: Way) -> None:
        await way.ask(
            reply(call("Wether", location="Rome")), reply(SAY_ROME), response_model=MODEL, tool_choice="Weather"
        )

        assert "no tool named 'Wether'; the tools are: Weather. " in str(way.toy.requests[1].messages[-1])

    def test_a_stream_does_not_yield_it(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_CUP, SAY_ROME), reply(SAY_OSLO))
        stream = client.stream(ASK, MODEL, tool_choice="Weather")

        assert [type(event) for event in stream.events()] == [CallFailed, CallReady, CallReady]
        assert stream.calls == [OSLO, ROME]


async def test_a_choice_that_the_plugin_had_to_weaken_is_checked_all_the_same(way: Way, provide: Provide) -> None:
    weakened = Adaptation(setting="tool_choice", kind="client_side", given="Weather", sent="auto")

    @hookimpl
    def polycall_render_tools(tool_choice: str, adaptations: list[Adaptation]) -> object:
        assert tool_choice == "Weather"
        adaptations.append(weakened)
        return {"choice": "auto"}

    provide(polycall_render_tools=polycall_render_tools)
    calls = await way.ask(reply(SAY_CUP), reply(SAY_ROME), response_model=MODEL, tool_choice="Weather")

    assert calls == [ROME]
    assert calls.adaptations == (weakened,)


@pytest.mark.usefixtures("hooks")
class TestSeveralNames:
    async def test_a_reply_that_calls_them_all_is_whole(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_CUP, SAY_ROME), response_model=MODEL, tool_choice=["Weather", "Search"])

        assert calls == [CUP, ROME]
        (request,) = way.toy.requests
        assert (request.tool_choice, request.required_tools) == ("required", ("Weather", "Search"))

    async def test_others_may_be_called_too(self, way: Way) -> None:
        assert await way.ask(reply(SAY_HOME, SAY_ROME), response_model=MODEL, tool_choice=["Weather"]) == [HOME, ROME]

    async def test_what_is_missing_is_asked_for(self, way: Way) -> None:
        calls = await way.ask(
            reply(SAY_ROME), reply(SAY_CUP, SAY_HOME), response_model=MODEL, tool_choice=["Weather", "Search", "Move"]
        )

        assert calls == [ROME, CUP, HOME]
        assert way.toy.requests[1].messages == [
            *ASK,
            {"role": "model", "calls": [["0", "Weather"]]},
            {"role": "result", "id": "0", "content": "accepted"},
            {
                "role": "user",
                "content": "These tools must be called: Search, Move. Do not repeat the calls that were accepted.",
            },
        ]

    async def test_and_asked_for_again_until_it_is_there(self, way: Way) -> None:
        calls = await way.ask(
            reply(SAY_ROME), reply(SAY_CUP), reply(SAY_HOME), response_model=MODEL, tool_choice=["Search", "Move"]
        )

        assert calls == [ROME, CUP, HOME]
        assert way.toy.requests[2].messages[-1] == {
            "role": "user",
            "content": "These tools must be called: Move. Do not repeat the calls that were accepted.",
        }

    async def test_a_reply_of_words_is_asked_for_them(self, way: Way) -> None:
        calls = await way.ask(reply("say Hm."), reply(SAY_ROME), response_model=MODEL, tool_choice=["Weather"])

        assert calls == [ROME]
        assert way.toy.requests[1].messages[-1] == {
            "role": "user",
            "content": "You did not call a tool. These tools must be called: Weather. "
            "Do not repeat the calls that were accepted.",
        }

    async def test_in_the_end_the_error_names_what_is_missing_and_keeps_the_calls(self, way: Way) -> None:
        with pytest.raises(polycall.NoToolCallsError, match="The model did not call Search, Move") as raised:
            await way.ask(
                *[reply(SAY_ROME)] * 2,
                response_model=MODEL,
                tool_choice=["Weather", "Search", "Move"],
                max_retries=1,
            )

        assert raised.value.missing == ("Search", "Move")
        assert raised.value.calls[0] == ROME
        assert len(way.toy.requests) == 2

    async def test_a_bad_call_is_corrected_and_is_not_missing(self, way: Way) -> None:
        calls = await way.ask(
            reply(BAD_CUP), reply(SAY_CUP, SAY_ROME), response_model=MODEL, tool_choice=["Weather", "Search"]
        )

        assert calls == [CUP, ROME]
        correction, note = way.toy.requests[1].messages[-2:]
        assert isinstance(correction, dict)
        assert correction["role"] == "error"
        assert note == {
            "role": "user",
            "content": "These tools must be called: Weather. Do not repeat the calls that were accepted.",
        }

    async def test_while_bad_calls_are_left_they_are_the_error(self, way: Way) -> None:
        with pytest.raises(polycall.InvalidCallsError):
            await way.ask(reply(BAD_CUP), response_model=MODEL, tool_choice=["Weather", "Search"], max_retries=0)

    async def test_any_collection_of_names_will_do(self, way: Way) -> None:
        for names in (("Weather",), {"Weather"}, frozenset({"Weather"}), ["Weather", "Weather"]):
            await way.ask(reply(SAY_ROME), response_model=MODEL, tool_choice=names)
            assert way.toy.requests[0].required_tools == ("Weather",)

    @pytest.mark.parametrize("names", [[], ["Wether"], ["Weather", "auto"], ["Weather", 5], ["Weather", ["Search"]]])
    async def test_names_of_no_tools_are_refused(self, way: Way, names: list[object]) -> None:
        with pytest.raises(polycall.ConfigurationError, match="a list of names") as raised:
            await way.ask(response_model=MODEL, tool_choice=names)

        assert raised.value.key == "tool_choice"
        assert way.toy.requests == []
