"""What happened and what the user gets, through the public API, with a provider that plays a script."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pytest
from pydantic import BaseModel, ValidationInfo, field_validator
from unit.core.conftest import MakeAsyncClient, MakeClient

import polycall
from polycall import FinishReason, ToolCall, Usage
from support.toy_provider import Hooks, call, reply


class Weather(BaseModel):
    location: str
    units: Literal["metric", "imperial"] = "metric"


class Search(BaseModel):
    query: str


ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo, and who won the cup?"}]
ROME, OSLO, CUP = Weather(location="Rome"), Weather(location="Oslo"), Search(query="cup")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_CUP = call("Search", query="cup")
BAD_OSLO = call("Weather", location="Oslo", units="kelvin")
WHY_OSLO = "units: Input should be 'metric' or 'imperial' (given: 'kelvin')"
ASK_AGAIN = "Call this tool again with corrected arguments. Do not repeat the calls that were accepted."


class TestGoodReplies:
    def test_the_calls_in_the_order_of_the_reply(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply("say Here.", SAY_ROME, SAY_OSLO, SAY_CUP, usage=(10, 5)))

        calls = client.create(ASK, Iterable[Weather | Search])

        assert calls == [ROME, OSLO, CUP]
        assert calls.tool_calls == (
            ToolCall("0", "Weather", '{"location": "Rome"}', 0),
            ToolCall("1", "Weather", '{"location": "Oslo"}', 1),
            ToolCall("2", "Search", '{"query": "cup"}', 2),
        )
        assert calls.text == "Here."
        assert calls.usage == Usage(input_tokens=10, output_tokens=5, total_tokens=15)
        assert (calls.finish_reason, calls.raw_finish_reason) == (FinishReason.TOOL_CALLS, "calls")
        assert calls.raw_response == {"toy": reply("say Here.", SAY_ROME, SAY_OSLO, SAY_CUP, usage=(10, 5))}

    def test_the_openai_spelling_is_the_same(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME))

        assert client.chat.completions.create(messages=ASK, response_model=list[Weather]) == [ROME]

    async def test_async(self, make_async_client: MakeAsyncClient) -> None:
        client, toy = make_async_client(reply(SAY_ROME, BAD_OSLO), reply(SAY_OSLO))

        assert await client.chat.completions.create(messages=ASK, response_model=Iterable[Weather]) == [ROME, OSLO]
        assert len(toy.requests) == 2

    def test_what_the_provider_is_asked(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME))

        client.create(ASK, Iterable[Weather], model="toy-2", strict=True, tool_choice="Weather", temperature=0.5)

        (request,) = toy.requests
        assert request.provider == "toy"
        assert request.model == "toy-2"
        assert request.messages == ASK
        assert request.tool_payload == {"tools": ["Weather"], "choice": "Weather", "strict": True}
        assert (request.tool_choice, request.strict, request.options) == ("Weather", True, {"temperature": 0.5})
        assert (request.stream, request.deltas, request.round) == (False, False, 0)

    def test_the_clients_model_is_used_unless_the_call_names_one(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME))

        client.create(ASK, Iterable[Weather])

        assert toy.requests[0].model == client.model == "toy-1"

    def test_tools_are_rendered_once_for_each_combination(self, make_client: MakeClient, hooks: Hooks) -> None:
        client, _ = make_client(*[reply(SAY_ROME)] * 4)

        client.create(ASK, Iterable[Weather])
        client.create(ASK, Iterable[Weather], temperature=1)
        assert hooks.rendered == 1
        client.create(ASK, Iterable[Weather], strict=True)
        client.create(ASK, Iterable[Weather | Search])
        assert hooks.rendered == 3

    def test_validators_see_the_context(self, make_client: MakeClient) -> None:
        class Known(BaseModel):
            place: str

            @field_validator("place")
            @classmethod
            def look_up(cls, place: str, info: ValidationInfo) -> str:
                assert isinstance(info.context, dict)
                return str(info.context[place])

        client, _ = make_client(reply(call("Known", place="R")))

        assert client.create(ASK, list[Known], context={"R": "Rome"})[0].place == "Rome"

    def test_any_exception_of_a_validator_is_that_calls_failure(self, make_client: MakeClient) -> None:
        class Broken(BaseModel):
            place: str

            @field_validator("place")
            @classmethod
            def look_up(cls, place: str) -> str:
                raise ZeroDivisionError(place)

        client, toy = make_client(reply(call("Broken", place="R")), reply(call("Broken", place="O")))

        with pytest.raises(polycall.InvalidCallsError) as raised:
            client.create(ASK, list[Broken], max_retries=1)

        assert [failure.reason for failure in raised.value.failures] == ["ZeroDivisionError: O"]
        assert toy.requests[1].messages[-1] == {
            "role": "error",
            "id": "0",
            "content": f"Error: ZeroDivisionError: R. {ASK_AGAIN}",
        }


class TestCorrections:
    def test_only_the_bad_call_is_asked_for_again_and_takes_its_place(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, BAD_OSLO, SAY_CUP, usage=(10, 5)), reply(SAY_OSLO, usage=(20, 2)))

        calls = client.create(ASK, Iterable[Weather | Search], temperature=0.5)

        assert calls == [ROME, OSLO, CUP]
        assert calls.usage == Usage(input_tokens=30, output_tokens=7, total_tokens=37)
        first, second = toy.requests
        assert first.messages == ASK
        assert second.messages == [
            *ASK,
            {"role": "model", "calls": [["0", "Weather"], ["1", "Weather"], ["2", "Search"]]},
            {"role": "result", "id": "0", "content": "accepted"},
            {"role": "error", "id": "1", "content": f"Error: {WHY_OSLO}. {ASK_AGAIN}"},
            {"role": "result", "id": "2", "content": "accepted"},
        ]
        assert second.options == {"temperature": 0.5}
        assert second.round == 1

    @pytest.mark.parametrize(
        "again",
        [
            pytest.param([SAY_ROME, SAY_OSLO, SAY_CUP], id="all in order"),
            pytest.param([SAY_CUP, SAY_OSLO, SAY_ROME], id="all in another order"),
            pytest.param([SAY_CUP, SAY_OSLO], id="the bad ones in another order"),
            pytest.param([SAY_OSLO, SAY_CUP], id="the bad ones"),
        ],
    )
    def test_several_bad_calls_whatever_the_model_repeats(self, make_client: MakeClient, again: list[str]) -> None:
        client, toy = make_client(reply(SAY_ROME, BAD_OSLO, call("Search", query=5)), reply(*again))

        assert client.create(ASK, Iterable[Weather | Search]) == [ROME, OSLO, CUP]
        assert len(toy.requests) == 2

    def test_a_reply_with_fewer_is_asked_for_the_rest(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(BAD_OSLO, call("Search", query=5)), reply(SAY_CUP), reply(SAY_OSLO))

        assert client.create(ASK, Iterable[Weather | Search]) == [OSLO, CUP]
        assert toy.requests[2].messages[-1] == {
            "role": "user",
            "content": f"These calls still need a correction: Weather: {WHY_OSLO}. The tools are: Weather, Search.",
        }

    def test_a_reply_of_words_only_is_asked_again_for_what_is_missing(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply(SAY_ROME, BAD_OSLO), reply("say Sorry.", end="stop"), reply(SAY_OSLO))

        assert client.create(ASK, Iterable[Weather], tool_choice="auto") == [ROME, OSLO]
        assert toy.requests[2].messages[-1] == {
            "role": "user",
            "content": "You did not call a tool. These calls still need a correction: "
            f"Weather: {WHY_OSLO}. The tools are: Weather.",
        }

    def test_further_calls_are_appended(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO, SAY_CUP))

        assert client.create(ASK, Iterable[Weather | Search]) == [OSLO, ROME, CUP]

    def test_a_further_call_that_is_bad_is_corrected_too(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(BAD_OSLO, SAY_ROME), reply(SAY_OSLO, call("Search", query=5)), reply(SAY_CUP))

        assert client.create(ASK, Iterable[Weather | Search]) == [OSLO, ROME, CUP]

    @pytest.mark.parametrize(
        "bad",
        [
            pytest.param(call("Wether", location="Oslo"), id="a name that is no tool"),
            pytest.param(call("Weather", '{"location": "Oslo'), id="arguments that are no JSON"),
            pytest.param(call("Weather", "[]"), id="arguments that are no object"),
            pytest.param(call("Weather", ""), id="no arguments"),
        ],
    )
    def test_whatever_is_wrong_with_a_call(self, make_client: MakeClient, bad: str) -> None:
        client, _ = make_client(reply(SAY_ROME, bad, SAY_CUP), reply(SAY_OSLO))

        assert client.create(ASK, Iterable[Weather | Search]) == [ROME, OSLO, CUP]

    @pytest.mark.parametrize("max_retries", [0, 1, 3])
    def test_no_more_than_max_retries_are_asked(self, make_client: MakeClient, max_retries: int) -> None:
        client, toy = make_client(*[reply(SAY_ROME, BAD_OSLO, usage=(1, 1))] * (max_retries + 1))

        with pytest.raises(polycall.InvalidCallsError) as raised:
            client.create(ASK, Iterable[Weather], max_retries=max_retries)

        assert len(toy.requests) == max_retries + 1
        assert raised.value.calls == [ROME]
        assert raised.value.calls.usage == Usage(
            input_tokens=max_retries + 1, output_tokens=max_retries + 1, total_tokens=2 * max_retries + 2
        )
        (failure,) = raised.value.failures
        assert failure.reason == WHY_OSLO
        assert failure.fields == {"units"}
        assert failure.tool_call.arguments == '{"location": "Oslo", "units": "kelvin"}'
        assert raised.value.corrections == max_retries
        asked = {0: "", 1: " after 1 correction", 3: " after 3 corrections"}[max_retries]
        advice = {0: "with max_retries the model is asked to correct them"}.get(
            max_retries, "a clearer description of the fields helps, or a larger max_retries"
        )
        assert str(raised.value) == (
            f"1 of 2 tool calls are invalid{asked} (Weather: {WHY_OSLO}). The good ones are in .calls, the others in "
            f".failures; {advice}."
        )

    def test_the_callers_messages_are_left_alone(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(BAD_OSLO), reply(SAY_OSLO))
        messages = list(ASK)

        client.create(messages, Iterable[Weather])

        assert messages == ASK


class TestNoCalls:
    def test_auto_allows_an_answer_of_words(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply("say It rains.", end="stop"))

        calls = client.create(ASK, Iterable[Weather], tool_choice="auto")

        assert calls == []
        assert calls.text == "It rains."
        assert toy.requests[0].tool_choice == "auto"

    @pytest.mark.parametrize(("tool_choice", "tools"), [("required", "Weather, Search"), ("Weather", "Weather")])
    def test_required_is_asked_again(self, make_client: MakeClient, tool_choice: str, tools: str) -> None:
        client, toy = make_client(reply("say It rains.", end="stop"), reply(SAY_ROME))

        assert client.create(ASK, Iterable[Weather | Search], tool_choice=tool_choice) == [ROME]
        assert toy.requests[1].messages == [
            *ASK,
            {"role": "model", "calls": []},
            {"role": "user", "content": f"You did not call a tool. Reply only with calls to these tools: {tools}."},
        ]

    def test_and_in_the_end_the_last_words_are_in_the_error(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply("say Hello."), reply("say Which city?"))

        with pytest.raises(polycall.NoToolCallsError, match=r"no tool call\. Its text: 'Which city\?'") as raised:
            client.create(ASK, Iterable[Weather], max_retries=1)

        assert raised.value.text == "Which city?"
        assert raised.value.calls == []

    def test_the_text_of_a_result_is_that_of_the_first_round(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply("say Let me look.", BAD_OSLO), reply("say Sorry!", SAY_OSLO))

        assert client.create(ASK, Iterable[Weather]).text == "Let me look."


class TestUnusableReplies:
    def test_cut_off_by_the_length_limit(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO, "call 7 Search", '+{"que', end="length", usage=(3, 4)))

        with pytest.raises(polycall.IncompleteOutputError, match="cut off by the length limit") as raised:
            client.create(ASK, Iterable[Weather | Search])

        error = raised.value
        assert error.calls == [ROME]
        assert error.calls.usage == Usage(input_tokens=3, output_tokens=4, total_tokens=7)
        assert error.cut_off == (ToolCall("7", "Search", '{"que', 2),)
        assert [failure.reason for failure in error.failures] == [WHY_OSLO]

    def test_no_sign_that_the_reply_is_whole(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, end=None))

        with pytest.raises(polycall.IncompleteOutputError, match="without any sign that the reply is whole") as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value.calls == [ROME]

    def test_an_end_in_the_middle_of_a_call(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, "call 7 Search", '+{"query": "cup"}'))

        with pytest.raises(polycall.IncompleteOutputError, match="in the middle of a call") as raised:
            client.create(ASK, Iterable[Weather | Search])

        assert raised.value.calls == [ROME]
        assert raised.value.cut_off == (ToolCall("7", "Search", '{"query": "cup"}', 1),)

    def test_cut_off_in_a_correction_keeps_the_good_calls_of_all_rounds(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO, call("Search", query=5)), reply(SAY_CUP, end="length"))

        with pytest.raises(polycall.IncompleteOutputError) as raised:
            client.create(ASK, Iterable[Weather | Search])

        assert raised.value.calls == [ROME, CUP]
        assert [failure.reason for failure in raised.value.failures] == [WHY_OSLO]

    @pytest.mark.parametrize(
        ("parts", "end", "reason"),
        [
            (["refuse I cannot do that."], "calls", "I cannot do that."),
            (["say Not this."], "refusal", "Not this."),
            ([], "refusal", "the finish reason is 'refusal'"),
        ],
    )
    def test_refused(self, make_client: MakeClient, parts: list[str], end: str, reason: str) -> None:
        client, toy = make_client(reply(SAY_ROME, *parts, end=end))

        with pytest.raises(polycall.RefusalError) as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value.reason == reason
        assert raised.value.calls == [ROME]
        assert len(toy.requests) == 1

    def test_not_the_protocol(self, make_client: MakeClient) -> None:
        client, _ = make_client("<html>Bad gateway</html>")

        with pytest.raises(polycall.ResponseError, match="It begins: '<html>Bad gateway</html>'") as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value.excerpt == "<html>Bad gateway</html>"

    def test_not_the_protocol_in_a_correction_keeps_the_good_calls(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO), "<html>")

        with pytest.raises(polycall.ResponseError) as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value.calls == [ROME]

    async def test_async_alike(self, make_async_client: MakeAsyncClient) -> None:
        client, _ = make_async_client(reply(SAY_ROME, BAD_OSLO), "<html>")

        with pytest.raises(polycall.ResponseError) as raised:
            await client.create(ASK, Iterable[Weather])

        assert raised.value.calls == [ROME]

    def test_the_sdks_own_error_passes_unwrapped(self, make_client: MakeClient) -> None:
        limit = ConnectionResetError("by peer")
        client, _ = make_client(reply(BAD_OSLO), limit)

        with pytest.raises(ConnectionResetError) as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value is limit
        assert raised.value.__cause__ is None

    def test_the_sdks_own_error_instead_of_a_correction_carries_the_good_calls(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO), ConnectionResetError("by peer"))

        with pytest.raises(ConnectionResetError) as raised:
            client.create(ASK, Iterable[Weather])

        assert raised.value.polycall_calls == [ROME]  # type: ignore[attr-defined]
        assert raised.value.__notes__ == [
            "Raised while polycall was requesting a correction; the 1 valid calls so far are in error.polycall_calls."
        ]

    async def test_so_it_does_in_an_async_client(self, make_async_client: MakeAsyncClient) -> None:
        client, _ = make_async_client(reply(SAY_ROME, BAD_OSLO), ConnectionResetError("by peer"))

        with pytest.raises(ConnectionResetError) as raised:
            await client.create(ASK, Iterable[Weather])

        assert raised.value.polycall_calls == [ROME]  # type: ignore[attr-defined]

    def test_an_error_of_the_first_request_is_left_as_it_is(self, make_client: MakeClient) -> None:
        client, _ = make_client(ConnectionResetError("by peer"))

        with pytest.raises(ConnectionResetError) as raised:
            client.create(ASK, Iterable[Weather])

        assert not hasattr(raised.value, "polycall_calls")


class TestContinueWith:
    def test_the_results_take_the_place_of_accepted(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO, SAY_CUP), reply(SAY_CUP, SAY_OSLO))
        calls = client.create(ASK, Iterable[Weather | Search])

        assert calls.continue_with(["18 degrees", {"degrees": 4}, ValueError("no cup")]) == [
            *ASK,
            {"role": "model", "calls": [["0", "Weather"], ["1", "Weather"], ["2", "Search"]]},
            {"role": "result", "id": "0", "content": "18 degrees"},
            {"role": "error", "id": "1", "content": f"Error: {WHY_OSLO}. {ASK_AGAIN}"},
            {"role": "error", "id": "2", "content": "ValueError: no cup"},
            {"role": "model", "calls": [["0", "Search"], ["1", "Weather"]]},
            {"role": "result", "id": "0", "content": "accepted"},
            {"role": "result", "id": "1", "content": '{"degrees":4}'},
        ]

    def test_the_notes_of_the_rounds_are_in_it(self, make_client: MakeClient) -> None:
        client, toy = make_client(reply("say Hm.", end="stop"), reply(SAY_ROME))
        calls = client.create(ASK, Iterable[Weather])

        assert calls.continue_with(["18"])[: len(toy.requests[1].messages)] == toy.requests[1].messages

    def test_models_are_written_as_json(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME))

        assert client.create(ASK, Iterable[Weather]).continue_with([CUP])[-1] == {
            "role": "result",
            "id": "0",
            "content": '{"query":"cup"}',
        }

    @pytest.mark.parametrize("results", [[], ["a", "b"]])
    def test_one_result_for_each_call(self, make_client: MakeClient, results: list[object]) -> None:
        client, _ = make_client(reply(SAY_ROME))

        with pytest.raises(ValueError, match=f"one result per call, in order: 1 calls, {len(results)} results"):
            client.create(ASK, Iterable[Weather]).continue_with(results)

    def test_the_good_calls_of_an_error_can_be_continued(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, BAD_OSLO))

        with pytest.raises(polycall.InvalidCallsError) as raised:
            client.create(ASK, Iterable[Weather], max_retries=0)

        assert raised.value.calls.continue_with(["18"])[-2:] == [
            {"role": "result", "id": "0", "content": "18"},
            {"role": "error", "id": "1", "content": f"Error: {WHY_OSLO}. {ASK_AGAIN}"},
        ]


class TestCalls:
    def test_a_sequence_like_the_list_of_the_objects(self, make_client: MakeClient) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_CUP))
        calls = client.create(ASK, Iterable[Weather | Search])

        assert (calls[0], calls[-1], calls[:1], len(calls), ROME in calls) == (ROME, CUP, (ROME,), 2, True)
        assert calls == (ROME, CUP)
        assert calls != [ROME]
        assert calls != "other"
        assert repr(calls) == f"Calls([{ROME!r}, {CUP!r}])"

    def test_the_raw_response_is_built_once_and_only_when_asked_for(self) -> None:
        built: list[object] = []

        def build() -> object:
            built.append(object())
            return built[-1]

        calls: polycall.Calls[object] = polycall.Calls([], make_raw_response=build)

        assert built == []
        assert calls.raw_response is calls.raw_response
        assert len(built) == 1

    def test_a_count_that_no_round_knows_stays_unknown(self) -> None:
        assert Usage(input_tokens=1) + Usage(input_tokens=2, output_tokens=3) == Usage(input_tokens=3, output_tokens=3)


class TestWrongArguments:
    @pytest.mark.parametrize("messages", ["Hello", b"Hello", {"role": "user", "content": "Hello"}, None, 5])
    def test_messages_that_are_no_list(self, make_client: MakeClient, messages: object) -> None:
        client, toy = make_client()

        with pytest.raises(
            polycall.MessageError, match=r"messages must be a list of messages, got .*write messages=\[\{"
        ):
            client.create(messages, Iterable[Weather])  # type: ignore[call-overload]
        assert toy.requests == []

    @pytest.mark.parametrize("max_retries", [-1, 1.5, True, "2"])
    def test_max_retries_that_is_no_count(self, make_client: MakeClient, max_retries: object) -> None:
        client, _ = make_client()

        with pytest.raises(polycall.ConfigurationError, match="max_retries must be an integer >= 0, got"):
            client.create(ASK, Iterable[Weather], max_retries=max_retries)  # type: ignore[call-overload]

    @pytest.mark.parametrize("tool_choice", ["none", "Wether", None, {"type": "function"}])
    def test_a_tool_choice_that_is_none(self, make_client: MakeClient, tool_choice: object) -> None:
        client, _ = make_client()

        with pytest.raises(
            polycall.ConfigurationError,
            match=r"must be 'auto', 'required', the name of a tool or a list of names \(Weather\), got",
        ):
            client.create(ASK, Iterable[Weather], tool_choice=tool_choice)  # type: ignore[call-overload]

    def test_a_response_model_of_another_form(self, make_client: MakeClient) -> None:
        client, toy = make_client()

        with pytest.raises(polycall.ResponseModelError, match=r"Write response_model=Iterable\[Weather\]"):
            client.create(ASK, Weather)  # type: ignore[type-var]  # what is tested
        assert toy.requests == []
