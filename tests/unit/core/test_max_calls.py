"""``max_calls``: the first so many calls are used, the others are kept apart, and the model is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Extend, MakeClient, Way

import polycall
from polycall import CallFailed, CallReady, ToolCall
from polycall.plugin import CallFailure, hookimpl
from support.toy_provider import call, reply


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


MODEL = Iterable[Weather | Search]
ROME, OSLO, CUP = Weather(location="Rome"), Weather(location="Oslo"), Search(query="cup")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_CUP, BAD_OSLO, BAD_CUP = call("Search", query="cup"), call("Weather", location=5), call("Search", query=5)
TOO_MANY = "Not used: at most 2 calls are allowed. Do not make this call again."


def names(calls: Sequence[ToolCall]) -> list[str]:
    return [tool_call.name for tool_call in calls]


@pytest.mark.usefixtures("hooks")
class TestWhatIsUsed:
    async def test_the_first_ones_and_the_others_are_kept_apart(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME, SAY_OSLO, SAY_CUP), response_model=MODEL, max_calls=2)

        assert calls == [ROME, OSLO]
        assert calls.surplus == (ToolCall("2", "Search", '{"query": "cup"}', 2),)
        assert names(calls.tool_calls) == ["Weather", "Weather"]
        assert len(way.toy.requests) == 1

    @pytest.mark.parametrize("limit", [3, 4, None])
    async def test_a_limit_that_is_not_reached_changes_nothing(self, way: Way, limit: int | None) -> None:
        calls = await way.ask(reply(SAY_ROME, SAY_OSLO, SAY_CUP), response_model=MODEL, max_calls=limit)

        assert calls == [ROME, OSLO, CUP]
        assert calls.surplus == ()
        assert way.toy.requests[0].max_calls == limit

    async def test_what_is_not_used_need_not_be_valid(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME, SAY_OSLO, BAD_CUP), response_model=MODEL, max_calls=2)

        assert calls == [ROME, OSLO]
        assert names(calls.surplus) == ["Search"]

    async def test_a_bad_call_counts_and_its_correction_takes_its_place(self, way: Way) -> None:
        calls = await way.ask(reply(BAD_OSLO, SAY_ROME, SAY_CUP), reply(SAY_OSLO), response_model=MODEL, max_calls=2)

        assert calls == [OSLO, ROME]
        assert names(calls.surplus) == ["Search"]

    async def test_further_calls_of_a_correction_are_not_used(self, way: Way) -> None:
        calls = await way.ask(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO, SAY_CUP), response_model=MODEL, max_calls=2)

        assert calls == [OSLO, ROME]
        assert names(calls.surplus) == ["Search"]

    async def test_unless_there_is_room(self, way: Way) -> None:
        calls = await way.ask(reply(BAD_OSLO), reply(SAY_OSLO, SAY_CUP, SAY_ROME), response_model=MODEL, max_calls=2)

        assert calls == [OSLO, CUP]
        assert names(calls.surplus) == ["Weather"]

    async def test_a_place_is_kept_for_each_tool_that_must_be_called(self, way: Way) -> None:
        calls = await way.ask(
            reply(SAY_ROME, SAY_OSLO), reply(SAY_CUP), response_model=MODEL, max_calls=2, tool_choice=["Search"]
        )

        assert calls == [ROME, CUP]
        assert [tool_call.arguments for tool_call in calls.surplus] == ['{"location": "Oslo"}']

    async def test_and_used_for_another_once_it_was_called(self, way: Way) -> None:
        calls = await way.ask(
            reply(SAY_CUP, SAY_ROME, SAY_OSLO), response_model=MODEL, max_calls=2, tool_choice=["Search"]
        )

        assert calls == [CUP, ROME]
        assert names(calls.surplus) == ["Weather"]

    async def test_a_garbled_repetition_that_leaves_the_result_frees_its_place(self, way: Way) -> None:
        garbled = call("Weather", "{")
        calls = await way.ask(
            *[reply(SAY_ROME, BAD_CUP), reply(SAY_ROME, garbled, BAD_CUP), reply(SAY_ROME, BAD_CUP)],
            reply(SAY_CUP, SAY_OSLO),
            response_model=MODEL,
            max_calls=3,
            max_retries=3,
        )

        assert calls == [ROME, CUP, OSLO]
        assert calls.surplus == ()

    async def test_the_surplus_is_in_errors_too(self, way: Way) -> None:
        with pytest.raises(polycall.InvalidCallsError) as raised:
            await way.ask(reply(SAY_ROME, BAD_OSLO, SAY_CUP), response_model=MODEL, max_calls=2, max_retries=0)

        assert raised.value.calls == [ROME]
        assert names(raised.value.calls.surplus) == ["Search"]

    @pytest.mark.parametrize("limit", [0, -1, 1.5, True, "2"])
    async def test_a_limit_of_another_form_is_refused(self, way: Way, limit: object) -> None:
        with pytest.raises(polycall.ConfigurationError, match="max_calls must be an integer >= 1, got") as raised:
            await way.ask(response_model=MODEL, max_calls=limit)

        assert raised.value.key == "max_calls"
        assert way.toy.requests == []

    async def test_a_limit_that_the_required_tools_do_not_fit_in_is_refused(self, way: Way) -> None:
        with pytest.raises(polycall.ConfigurationError, match=r"max_calls=1 .* 2 tools"):
            await way.ask(response_model=MODEL, max_calls=1, tool_choice=["Weather", "Search"])

        assert way.toy.requests == []


@pytest.mark.usefixtures("hooks")
class TestWhatTheModelIsTold:
    async def test_in_a_correction(self, way: Way) -> None:
        await way.ask(reply(SAY_ROME, BAD_OSLO, SAY_CUP), reply(SAY_OSLO), response_model=MODEL, max_calls=2)

        accepted, failed, surplus = way.toy.requests[1].messages[-3:]
        assert accepted == {"role": "result", "id": "0", "content": "accepted"}
        assert isinstance(failed, dict)
        assert failed["role"] == "error"
        assert surplus == {"role": "error", "id": "2", "content": TOO_MANY}

    async def test_when_the_conversation_goes_on(self, way: Way) -> None:
        calls = await way.ask(reply(SAY_ROME, SAY_OSLO, SAY_CUP), response_model=MODEL, max_calls=2)

        assert calls.continue_with(["18", "4"])[-3:] == [
            {"role": "result", "id": "0", "content": "18"},
            {"role": "result", "id": "1", "content": "4"},
            {"role": "error", "id": "2", "content": TOO_MANY},
        ]

    async def test_of_the_surplus_of_a_correction_too(self, way: Way) -> None:
        calls = await way.ask(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO, SAY_CUP), response_model=MODEL, max_calls=2)

        assert calls.continue_with(["4", "18"])[-2:] == [
            {"role": "result", "id": "0", "content": "4"},
            {"role": "error", "id": "1", "content": TOO_MANY},
        ]


class TestStreams:
    def test_no_more_are_yielded(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO, SAY_CUP, BAD_CUP), reply(SAY_OSLO))
        stream = client.stream(ASK, MODEL, max_calls=2)

        assert [type(event) for event in stream.events()] == [CallReady, CallFailed, CallReady]
        assert stream.calls == [ROME, OSLO]
        assert names(stream.calls.surplus) == ["Search", "Search"]

    def test_the_first_are_out_while_the_rest_is_pending(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, SAY_OSLO, SAY_CUP))
        with client.stream(ASK, MODEL, max_calls=1) as stream:
            assert next(stream) == ROME
            assert toy.streams[0].read == 4
            assert list(stream) == []


@pytest.mark.usefixtures("hooks")
async def test_extensions_hear_of_the_used_calls_only(way: Way, extend: Extend) -> None:
    heard: list[tuple[list[str], list[str], bool]] = []

    @hookimpl
    def polycall_calls_validated(calls: Sequence[ToolCall], failures: Sequence[CallFailure], correction: bool) -> None:
        heard.append((names(calls), [failure.tool_call.name for failure in failures], correction))

    extend("count", polycall_calls_validated=polycall_calls_validated)
    await way.ask(reply(SAY_ROME, SAY_OSLO, BAD_CUP), response_model=MODEL, max_calls=2)

    assert heard == [(["Weather", "Weather"], [], False)]
