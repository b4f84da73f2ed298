"""What is the Responses API's own: its tools, items and events, and who keeps the conversation."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall

import polycall
from polycall.plugin import ArgumentsDelta, CallStarted, TextDelta
from support.openai_replies import Call, call_ids
from support.openai_responses import (
    REASONING,
    RESPONSE_ID,
    WEB_SEARCH,
    events,
    function_call,
    message,
    output_items,
    response,
    typed_sse,
)
from support.openai_server import RESPONSES_WAYS, ChatServer, GoogleSearch, Way, Weather
from support.wire_server import Gate, reply_json, reply_stream

MESSAGES = [{"role": "user", "content": "?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": letter}) for letter in "abc"]
VALUES = [GoogleSearch(query=letter) for letter in "abc"]


@pytest.fixture(params=RESPONSES_WAYS)
def way(request: pytest.FixtureRequest, server: ChatServer) -> Way:
    api, streamed, asynchronous = RESPONSES_WAYS[request.param]
    return Way(server, api=api, streamed=streamed, asynchronous=asynchronous)


whole_only = pytest.mark.parametrize("way", ["responses create", "responses create async"], indirect=True)
one_way = pytest.mark.parametrize("way", ["responses create"], indirect=True)


class TestRequests:
    async def test_tools_are_flat_and_always_say_whether_they_are_strict(self, server: ChatServer, way: Way) -> None:
        """Without ``strict`` the API would try to make the schema strict by itself."""
        server.enqueue(way.reply(CALLS), way.reply(CALLS))

        await way.ask()
        await way.ask(strict=True)

        loose, strict = (body["tools"] for body in server.bodies)
        assert [(tool["type"], tool["name"], tool["strict"]) for tool in loose] == [
            ("function", "Weather", False),
            ("function", "GoogleSearch", False),
        ]
        assert [tool["strict"] for tool in strict] == [True, True]
        assert set(server.bodies[0]) - {"stream"} == {"model", "input", "tools", "tool_choice"}

    async def test_built_in_tools_are_offered_beside_ours_and_kept_apart_from_the_calls(
        self, server: ChatServer, way: Way
    ) -> None:
        """What the server ran by itself is no call, and goes back into the history as it came."""
        web_search = {"type": "web_search"}
        bad = function_call("GoogleSearch", {"query": 1}, "call_bad")
        server.enqueue(way.output([WEB_SEARCH, bad]), way.reply(CALLS[:1]))

        calls = await way.ask(tools=[web_search])

        assert list(calls) == VALUES[:1]
        assert [tool.get("name", tool["type"]) for tool in server.bodies[1]["tools"]] == [
            "Weather",
            "GoogleSearch",
            "web_search",
        ]
        assert server.bodies[1]["input"][1] == WEB_SEARCH

    @one_way
    @pytest.mark.parametrize("tool", [{"type": "function", "name": "F"}, {"type": "local_shell"}, "web_search"])
    async def test_tools_that_the_caller_would_have_to_run_are_refused(self, way: Way, tool: object) -> None:
        with pytest.raises(polycall.ConfigurationError, match="response_model"):
            await way.ask(tools=[tool])

    @one_way
    @pytest.mark.parametrize("option", [{"input": "x"}, {"background": True}, {"function_call": "auto"}])
    async def test_options_that_polycall_has_to_set_itself_are_refused(
        self, way: Way, option: dict[str, object]
    ) -> None:
        with pytest.raises(polycall.ConfigurationError, match=next(iter(option))):
            await way.ask(**option)

    async def test_messages_of_chat_completions_become_input_items(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))
        function = {"name": "GoogleSearch", "arguments": '{"query": "x"}'}
        picture = {"url": "https://example.com/a.png", "detail": "low"}

        await way.ask(
            messages=[
                {"role": "system", "content": "Use tools."},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "This?"}, {"type": "image_url", "image_url": picture}],
                },
                {
                    "role": "assistant",
                    "content": "Let me look.",
                    "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "nothing"},
                ResponseFunctionToolCall(type="function_call", call_id="call_2", name="Weather", arguments="{}"),
                {"type": "function_call_output", "call_id": "call_2", "output": "sunny"},
            ]
        )

        assert server.bodies[0]["input"] == [
            {"role": "system", "content": "Use tools."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "This?"},
                    {"type": "input_image", "image_url": picture["url"], "detail": "low"},
                ],
            },
            {"type": "message", "role": "assistant", "content": "Let me look."},
            {"type": "function_call", "call_id": "call_1", **function},
            {"type": "function_call_output", "call_id": "call_1", "output": "nothing"},
            {"type": "function_call", "call_id": "call_2", "name": "Weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_2", "output": "sunny"},
        ]

    @one_way
    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ({"role": "critic", "content": "x"}, "role 'critic' is unknown"),
            ({"role": "user", "content": "x", "name": "Ann"}, "no name"),
            ({"role": "user", "content": [{"type": "input_audio"}]}, "input_audio"),
            ({"role": "user", "content": 7}, "must be a text or a list of parts"),
            ({"role": "assistant", "function_call": {"name": "f", "arguments": ""}}, "function_call"),
            ({"hello": "you"}, "not a message that the Responses API reads"),
        ],
    )
    async def test_a_message_that_cannot_be_carried_is_named(self, way: Way, bad: object, words: str) -> None:
        with pytest.raises(polycall.MessageError, match=rf"messages\[1\].*{words}"):
            await way.ask(messages=[*MESSAGES, bad])

    async def test_the_items_of_a_response_of_the_sdk_go_on_as_they_are(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.output([REASONING, *output_items(CALLS[:1])]), way.reply(CALLS[:1]))
        raw: Any = (await way.ask()).raw_response
        assert isinstance(raw, Response)

        answer = {"type": "function_call_output", "call_id": call_ids(1)[0], "output": "found"}
        await way.ask(messages=[*MESSAGES, *raw.output, answer])

        assert server.bodies[1]["input"] == [*MESSAGES, REASONING, *output_items(CALLS[:1]), answer]


class TestCorrections:
    async def test_the_turn_is_replayed_as_it_came_with_its_reasoning(self, server: ChatServer, way: Way) -> None:
        """A call of a reasoning model is refused without the reasoning before it (continue#11785)."""
        turn = [
            REASONING,
            message("Looking."),
            function_call("GoogleSearch", {"query": 1}, "call_bad"),
            {**REASONING, "id": "rs_02"},
            function_call("Weather", {"location": "Dallas", "units": "metric"}, "call_good"),
        ]
        server.enqueue(way.output(turn), way.reply([("GoogleSearch", {"query": "one"})]))

        calls = await way.ask()

        assert list(calls) == [GoogleSearch(query="one"), Weather(location="Dallas", units="metric")]
        question, *replayed, bad, good = server.bodies[1]["input"]
        assert question["role"] == "user"
        assert replayed == turn
        assert (bad["type"], bad["call_id"], good["call_id"], good["output"]) == (
            "function_call_output",
            "call_bad",
            "call_good",
            "accepted",
        )
        assert "previous_response_id" not in server.bodies[1]

    async def test_with_previous_response_id_only_the_answers_are_sent(self, server: ChatServer, way: Way) -> None:
        """The server has the rest, and the correction goes on after the response that it corrects."""
        turn = [REASONING, *output_items([CALLS[0], ("GoogleSearch", {"query": 2})], ids=["call_a", "call_b"])]
        server.enqueue(way.output(turn, id="resp_1"), way.reply([("GoogleSearch", {"query": "two"})], ids=["call_c"]))

        calls = await way.ask(previous_response_id="resp_0")

        assert [call.query for call in calls] == ["a", "two"]
        first, second = server.bodies
        assert (first["previous_response_id"], second["previous_response_id"]) == ("resp_0", "resp_1")
        assert [(item["type"], item["call_id"]) for item in second["input"]] == [
            ("function_call_output", "call_a"),
            ("function_call_output", "call_b"),
        ]

    async def test_a_second_correction_repeats_the_first_so_that_results_can_still_take_its_place(
        self, server: ChatServer, way: Way
    ) -> None:
        """``continue_with`` puts the true results where the corrections said "accepted"."""
        bad: Call = ("GoogleSearch", {"query": 2})
        server.enqueue(
            way.output(output_items([CALLS[0], bad], ids=["a", "b"]), id="resp_1"),
            way.output(output_items([bad], ids=["c"]), id="resp_2"),
            way.output(output_items([("GoogleSearch", {"query": "two"})], ids=["d"]), id="resp_3"),
            way.reply(text="Thanks."),
        )

        calls = await way.ask(previous_response_id="resp_0")
        await way.ask(messages=calls.continue_with(["one", "two"]), tool_choice="auto")

        assert [body["previous_response_id"] for body in server.bodies] == ["resp_0", "resp_1", "resp_1", "resp_1"]
        assert [id_ for id_, _ in way.conversation(2).results] == ["a", "b", "c"]
        results = dict(way.conversation(3).results)
        assert (results["a"], results["d"]) == ("one", "two")
        assert set(results) == {"a", "b", "c", "d"}

    async def test_a_conversation_of_the_server_gets_the_answers_only(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply([("GoogleSearch", {"query": 1})]), way.reply(CALLS[:1]))

        assert list(await way.ask(conversation="conv_1")) == VALUES[:1]

        assert [body["conversation"] for body in server.bodies] == ["conv_1", "conv_1"]
        assert [item["type"] for item in server.bodies[1]["input"]] == ["function_call_output"]

    async def test_what_is_not_stored_is_replayed_even_with_previous_response_id(
        self, server: ChatServer, way: Way
    ) -> None:
        turn = [REASONING, function_call("GoogleSearch", {"query": 1}, "call_bad")]
        server.enqueue(way.output(turn, store=False), way.reply(CALLS[:1]))

        await way.ask(previous_response_id="resp_0", store=False)

        assert server.bodies[1]["previous_response_id"] == "resp_0"
        assert server.bodies[1]["input"][1:3] == turn

    @pytest.mark.parametrize(("model", "include"), [("o3", ["reasoning.encrypted_content"]), ("gpt-4o-mini", None)])
    async def test_unstored_reasoning_is_asked_for_encrypted_where_there_is_some(
        self, server: ChatServer, way: Way, model: str, include: object
    ) -> None:
        way.settings["server"] = "openai"
        server.enqueue(way.reply(CALLS))

        await way.ask(model=model, store=False)

        assert server.bodies[0].get("include") == include

    async def test_unstored_reasoning_that_came_without_its_content_is_left_out_with_the_ids(
        self, server: ChatServer, way: Way
    ) -> None:
        """The server could look neither up: 400 "Item with id 'rs_..' not found"."""
        call = function_call("GoogleSearch", {"query": 1}, "call_bad")
        server.enqueue(way.output([{**REASONING, "encrypted_content": None}, call], store=False), way.reply(CALLS[:1]))

        await way.ask(store=False)

        del call["id"]
        assert server.bodies[1]["input"][1:2] == [call]

    async def test_a_wrapper_has_one_answer_where_the_server_knows_it_as_one_call(
        self, server: ChatServer, way: Way
    ) -> None:
        uses = [
            {"recipient_name": "functions.GoogleSearch", "parameters": {"query": "a"}},
            {"recipient_name": "functions.GoogleSearch", "parameters": {"query": 2}},
        ]
        wrapper = function_call("multi_tool_use.parallel", {"tool_uses": uses}, "call_w")
        server.enqueue(way.output([wrapper]), way.reply([("GoogleSearch", {"query": "b"})]))

        calls = await way.ask(previous_response_id="resp_0")

        assert list(calls) == VALUES[:2]
        ((id_, result),) = way.conversation(1).results
        assert id_ == "call_w"
        assert "accepted" in result
        assert "Error" in result

    async def test_a_custom_call_is_answered_in_its_own_form(self, server: ChatServer, way: Way) -> None:
        custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_x", "name": "shell", "input": "ls"}
        server.enqueue(way.output([custom]), way.reply(CALLS[:1]))

        assert list(await way.ask()) == VALUES[:1]

        assert server.bodies[1]["input"][1] == custom
        assert server.bodies[1]["input"][2]["type"] == "custom_tool_call_output"

    async def test_a_status_that_the_server_does_not_take_back_is_null(self, server: ChatServer, way: Way) -> None:
        """vllm#26706."""
        server.unknown_fields = True
        way.settings["server_options"] = {"replays_call_status": False}
        server.enqueue(way.reply([("GoogleSearch", {"query": 1})]), way.reply(CALLS[:1]))
        server.check_requests = lambda: None  # type: ignore[method-assign]  # no request for OpenAI

        await way.ask()

        assert server.bodies[1]["input"][1]["status"] is None


class TestEndings:
    async def test_an_unknown_reason_to_be_incomplete(self, server: ChatServer, way: Way) -> None:
        reply = response(output_items(CALLS), status="incomplete", incomplete_details={"reason": "maintenance"})
        stream = events(output_items(CALLS), finish_reason=None)
        stream.append({"type": "response.incomplete", "response": reply})
        server.enqueue(reply_stream(typed_sse(stream)) if way.streamed else reply_json(reply))

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await way.ask()

        assert list(caught.value.calls) == VALUES
        assert caught.value.calls.raw_finish_reason == "maintenance"

    @pytest.mark.parametrize("status", ["failed", "cancelled"])
    async def test_a_failed_response_is_a_response_error_with_its_words(
        self, server: ChatServer, way: Way, status: str
    ) -> None:
        error = {"code": "server_error", "message": "The model crashed"} if status == "failed" else None
        reply = response([], status=status, error=error)
        stream = [*events(output_items(CALLS), finish_reason=None), {"type": f"response.{status}", "response": reply}]
        server.enqueue(reply_stream(typed_sse(stream)) if way.streamed else reply_json(reply))

        with pytest.raises(polycall.ResponseError, match="model crashed" if error else "cancelled") as caught:
            await way.ask()

        assert list(caught.value.calls) == (VALUES if way.streamed else [])

    @whole_only
    async def test_a_response_that_is_not_there_yet(self, server: ChatServer, way: Way) -> None:
        server.enqueue(reply_json(response([], status="queued")))

        with pytest.raises(polycall.ResponseError, match="'queued'"):
            await way.ask()

    async def test_the_other_api_is_recognised(self, server: ChatServer, way: Way) -> None:
        other = Way(server, streamed=way.streamed, asynchronous=way.asynchronous)
        server.enqueue(other.reply(CALLS), way.reply(CALLS))

        with pytest.raises(polycall.ResponseError, match=r"/responses was expected to speak .*api='chat'"):
            await way.ask()
        if not way.streamed:
            with pytest.raises(polycall.ResponseError, match="api='responses'"):
                await other.ask()
        else:
            with pytest.raises(polycall.IncompleteOutputError):
                await other.ask()

    @pytest.mark.parametrize("way", ["responses stream", "responses stream async"], indirect=True)
    @pytest.mark.parametrize(
        "event",
        [
            {"type": "error", "code": "server_error", "message": "Overloaded", "param": None},
            {"type": "error", "error": {"type": "server_error", "message": "Overloaded"}},
        ],
    )
    async def test_an_error_event_comes_after_the_calls_before_it(
        self, server: ChatServer, way: Way, event: dict[str, object]
    ) -> None:
        server.enqueue(reply_stream(typed_sse([*events(output_items(CALLS), finish_reason=None), event])))

        with pytest.raises(polycall.ResponseError, match="Overloaded") as caught:
            await way.ask()

        assert list(caught.value.calls) == VALUES


@one_way
class TestStreams:
    def test_a_call_is_out_with_its_done_event(self, server: ChatServer, way: Way) -> None:
        """Not with the last delta, though that makes it parse."""
        gate = Gate("the rest")
        stream = typed_sse(events(output_items(CALLS)))
        at = next(number for number, event in enumerate(stream) if b"output_item.done" in event) + 1
        server.enqueue(reply_stream([*stream[:at], gate, *stream[at:]]))

        with server.client() as sdk:
            client = polycall.from_openai(sdk, api="responses")
            with client.stream(MESSAGES, list[GoogleSearch], "m") as calls:
                assert next(calls) == VALUES[0]
                assert not gate.is_open
                gate.open()
                assert list(calls) == VALUES[1:]

    def test_events_show_how_calls_grow(self, server: ChatServer, way: Way) -> None:
        items = [message("Well."), *output_items(CALLS[:1])]
        server.enqueue(reply_stream(typed_sse(events(items, piece_chars=100))))

        with server.client() as sdk:
            client = polycall.from_openai(sdk, api="responses")
            *seen, ready = client.stream(MESSAGES, list[GoogleSearch], "m", deltas=True).events()

        assert seen == [
            TextDelta("Well."),
            CallStarted(0, call_ids(1)[0], "GoogleSearch"),
            ArgumentsDelta(0, '{"query": "a"}'),
        ]
        assert isinstance(ready, polycall.CallReady)

    def test_leaving_the_stream_closes_the_connection(self, server: ChatServer, way: Way) -> None:
        stream = typed_sse(events(output_items(CALLS)))
        server.enqueue(reply_stream([*stream[:12], Gate("never"), *stream[12:]]))

        with server.client() as sdk:
            client = polycall.from_openai(sdk, api="responses")
            with client.stream(MESSAGES, list[GoogleSearch], "m") as calls:
                assert next(calls) == VALUES[0]
            assert server.requests[0].client_closed.wait(10)

    def test_the_raw_response_is_the_sdks_own_object(self, server: ChatServer, way: Way) -> None:
        items = output_items(CALLS)
        server.enqueue(reply_json(response(items)), reply_json(response(items)), reply_stream(typed_sse(events(items))))

        with server.client() as sdk:
            own = sdk.responses.create(model="m", input="?")
            client = polycall.from_openai(sdk, api="responses")
            whole: Any = client.create(MESSAGES, list[GoogleSearch], "m").raw_response
            streamed: Any = client.stream(MESSAGES, list[GoogleSearch], "m").collect().raw_response

        assert (type(whole), whole, whole.id) == (Response, own, RESPONSE_ID)
        assert (type(streamed), streamed.output) == (Response, own.output)

    def test_azure(self, server: ChatServer, way: Way) -> None:
        server.enqueue(reply_json(response(output_items(CALLS))))
        with openai.AzureOpenAI(
            azure_endpoint=server.url,
            api_version="2025-03-01-preview",
            api_key="k",
            http_client=openai.DefaultHttpxClient(verify=False),
        ) as sdk:
            calls = polycall.from_openai(sdk, api="responses").create(MESSAGES, list[GoogleSearch], "gpt-4o")

        assert list(calls) == VALUES
        assert server.requests[0].path == "/openai/responses"
