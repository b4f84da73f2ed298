"""What a reply means, the same for whole and streamed replies, sync and async."""

from __future__ import annotations

import re

import pytest

import polycall
from support.openai_replies import ERROR_BODIES, ERROR_EVENTS, ERROR_MESSAGE, Call, call_ids, chunks, sse
from support.openai_server import CHAT_WAYS, ChatServer, GoogleSearch, Way, Weather
from support.wire_server import reply_json, reply_stream

CALLS: list[Call] = [
    ("Weather", {"location": "Toronto", "units": "metric"}),
    ("GoogleSearch", {"query": "wer gewann? 🏈"}),
]
VALUES = [Weather(location="Toronto", units="metric"), GoogleSearch(query="wer gewann? 🏈")]


class TestGoodReplies:
    async def test_calls_come_typed_and_in_order_with_all_that_was_said(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS, text="Let me look."))

        calls = await way.ask()

        assert list(calls) == VALUES
        assert [(call.id, call.name, call.index) for call in calls.tool_calls] == [
            (call_ids(2)[0], "Weather", 0),
            (call_ids(2)[1], "GoogleSearch", 1),
        ]
        assert calls.text == "Let me look."
        assert calls.finish_reason is polycall.FinishReason.TOOL_CALLS
        assert calls.usage == polycall.Usage(
            input_tokens=82, output_tokens=34, total_tokens=116, cached_input_tokens=0, reasoning_tokens=0
        )

    async def test_calls_with_finish_reason_stop_are_calls(self, server: ChatServer, way: Way) -> None:
        """As a named tool_choice gives (vllm#25054) and Gemini's endpoint streams (python-genai#2868)."""
        server.enqueue(way.reply(CALLS, finish_reason="stop"))

        assert list(await way.ask()) == VALUES

    async def test_an_answer_without_calls_is_allowed_with_auto(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(text="No need to."))

        calls = await way.ask(tool_choice="auto")

        assert (list(calls), calls.text) == ([], "No need to.")

    @pytest.mark.parametrize("id_", ["", "same"])
    async def test_ids_that_are_empty_or_double_are_replaced_in_the_call_and_its_answer(
        self, server: ChatServer, way: Way, id_: str
    ) -> None:
        """llama.cpp#11992, OpenRouterTeam/ai-sdk-provider#471."""
        server.enqueue(way.reply(CALLS, ids=[id_, id_]))

        calls = await way.ask()

        ids = [call.id for call in calls.tool_calls]
        assert list(calls) == VALUES
        assert len(set(ids)) == 2
        assert all(ids)
        server.enqueue(way.reply(text="Fine."))
        await way.ask(messages=calls.continue_with(["sunny", "Eagles"]), tool_choice="auto")
        assert way.conversation(1).results == [(ids[0], "sunny"), (ids[1], "Eagles")]

    async def test_ids_are_echoed_byte_for_byte(self, server: ChatServer, way: Way) -> None:
        """MoonshotAI/kimi-code#2503: a model that loses its call if the id is rewritten."""
        server.enqueue(way.reply(CALLS, ids=["functions.Weather:0", "call_1__thought__" + "x" * 900]))

        calls = await way.ask()

        assert [call.id for call in calls.tool_calls] == ["functions.Weather:0", "call_1__thought__" + "x" * 900]

    async def test_a_wrapper_for_parallel_calls_is_unwrapped_in_its_place(self, server: ChatServer, way: Way) -> None:
        """multi_tool_use.parallel: OpenAI community, thread 490653. The history shows its calls as plain ones."""
        uses = [
            {"recipient_name": "functions.Weather", "parameters": {"location": "Dallas", "units": "imperial"}},
            {"recipient_name": "GoogleSearch", "parameters": '{"query": 7}'},
        ]
        server.enqueue(
            way.reply([CALLS[0], ("multi_tool_use.parallel", {"tool_uses": uses}), CALLS[1]]),
            way.reply([("GoogleSearch", {"query": "seven"})], ids=["again"]),
        )

        calls = await way.ask()

        assert list(calls) == [
            VALUES[0],
            Weather(location="Dallas", units="imperial"),
            GoogleSearch(query="seven"),
            VALUES[1],
        ]
        conversation = way.conversation(1)
        assert [name for _, name, _ in conversation.calls] == ["Weather", "Weather", "GoogleSearch", "GoogleSearch"]
        assert [id_ for id_, _ in conversation.results] == [id_ for id_, _, _ in conversation.calls]

    @pytest.mark.parametrize("prefix", ["functions.", "default_api.", "default_api:"])
    async def test_a_name_space_before_a_tools_name_is_taken_off(
        self, server: ChatServer, way: Way, prefix: str
    ) -> None:
        """tontinton/maki#505; Gemini's endpoint: Gitlawb/openclaude#67."""
        server.enqueue(way.reply([(f"{prefix}GoogleSearch", {"query": "q"})]))

        assert list(await way.ask()) == [GoogleSearch(query="q")]

    async def test_arguments_that_mean_the_same_are_accepted(self, server: ChatServer, way: Way) -> None:
        """Encoded twice (vllm#54964); raw control characters (rhesis#2488); sent two times (litellm#20480)."""
        server.enqueue(
            way.reply(
                [
                    ("GoogleSearch", '"{\\"query\\": \\"twice\\"}"'),
                    ("GoogleSearch", '{"query": "a\nb"}'),
                    ("GoogleSearch", '{"query": "q"}{"query": "q"}'),
                ]
            )
        )

        assert [call.query for call in await way.ask()] == ["twice", "a\nb", "q"]


class TestCorrections:
    async def test_each_call_gets_its_own_result_and_only_the_bad_one_is_replaced(
        self, server: ChatServer, way: Way
    ) -> None:
        bad: Call = ("Weather", {"location": "Dallas", "units": "kelvin"})
        server.enqueue(
            way.reply([CALLS[0], bad, CALLS[1]], text="Looking."),
            way.reply([("Weather", {"location": "Dallas", "units": "imperial"})], ids=["call_b"]),
        )

        calls = await way.ask()

        assert list(calls) == [VALUES[0], Weather(location="Dallas", units="imperial"), VALUES[1]]
        conversation = way.conversation(1)
        ids = call_ids(3)
        assert conversation.texts[1:] == [("assistant", "Looking.")]
        assert [id_ for id_, _, _ in conversation.calls] == ids
        assert [id_ for id_, _ in conversation.results] == ids
        contents = [content for _, content in conversation.results]
        assert [content == "accepted" for content in contents] == [True, False, True]
        assert "units" in contents[1]
        assert calls.usage is not None
        assert calls.usage.total_tokens == 2 * 116

    async def test_an_unknown_name_is_answered_like_a_bad_call(self, server: ChatServer, way: Way) -> None:
        """Names with dots are refused in a request, so the echo has a name that can be sent."""
        server.enqueue(way.reply([CALLS[0], ("web.search", {"q": "x"})]), way.reply([CALLS[1]], ids=["call_second"]))

        assert list(await way.ask()) == VALUES
        conversation = way.conversation(1)
        (_, first, _), (_, second, _) = conversation.calls
        assert first == "Weather"
        assert re.fullmatch(r"web_search[A-Za-z0-9_-]*", second)
        assert "no tool named 'web.search'" in conversation.results[1][1]

    async def test_no_call_is_asked_for_again(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(text="I would rather talk."), way.reply(CALLS))

        assert list(await way.ask()) == VALUES
        _, assistant, note = way.conversation(1).texts
        assert assistant == ("assistant", "I would rather talk.")
        assert note[0] == "user"
        assert "You did not call a tool" in note[1]

    async def test_what_stays_bad_is_raised_with_the_good_ones(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply([CALLS[0], ("GoogleSearch", "{nonsense")]))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await way.ask(max_retries=0)

        assert list(caught.value.calls) == [VALUES[0]]
        assert [failure.tool_call.arguments for failure in caught.value.failures] == ["{nonsense"]

    @pytest.mark.parametrize("way", CHAT_WAYS, indirect=True)
    async def test_unknown_fields_of_a_call_and_of_the_turn_are_echoed(self, server: ChatServer, way: Way) -> None:
        """Thought signatures of Gemini's endpoint (langroid#969); reasoning, which DeepSeek wants to see again."""
        server.unknown_fields = True
        signature = {"google": {"thought_signature": "c2ln"}}
        function = {"name": "GoogleSearch", "arguments": '{"query": 1}'}
        call = {"id": "call_1", "type": "function", "function": function, "extra_content": signature}
        message = {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [call]}
        choice = {"index": 0, "finish_reason": "tool_calls"}
        if way.streamed:
            fragments = [
                {"choices": [{"index": 0, "delta": {"reasoning_content": "H"}}]},
                {"choices": [{"index": 0, "delta": {**message, "reasoning_content": "m."}}]},
                {"choices": [{**choice, "delta": {}}]},
            ]

            server.enqueue(reply_stream(sse(fragments)))
        else:
            server.enqueue(reply_json({"choices": [{**choice, "message": message}]}))
        server.enqueue(way.reply([("GoogleSearch", {"query": "one"})], ids=["call_2"]))

        await way.ask()

        assert server.bodies[1]["messages"][1] == message

    @pytest.mark.parametrize("way", CHAT_WAYS, indirect=True)
    async def test_a_legacy_function_call_is_answered_in_its_own_form(self, server: ChatServer, way: Way) -> None:
        """Deprecated, but still in OpenAI's description: message.function_call, without an id."""
        function = {"name": "GoogleSearch", "arguments": '{"query": 1}'}
        choice = {"index": 0, "finish_reason": "function_call"}
        message = {"role": "assistant", "content": None, "function_call": function}
        if way.streamed:
            deltas = [message, {"function_call": {"arguments": ""}}]
            server.enqueue(
                reply_stream(sse([{"choices": [{"index": 0, "delta": d}]} for d in deltas] + [{"choices": [choice]}]))
            )
        else:
            server.enqueue(reply_json({"choices": [{**choice, "message": message}]}))
        server.enqueue(way.reply([("GoogleSearch", {"query": "one"})]))

        assert list(await way.ask()) == [GoogleSearch(query="one")]
        _, assistant, answer = server.bodies[1]["messages"]
        assert assistant == message
        assert (answer["role"], answer["name"]) == ("function", "GoogleSearch")


class TestRepliesThatAreNotWhole:
    @pytest.mark.parametrize("arguments", ['{"query": "whole?"}', '{"query": "cut'])
    async def test_the_length_limit_keeps_the_calls_before_the_last(
        self, server: ChatServer, way: Way, arguments: str
    ) -> None:
        """The last one may be a valid beginning of what was meant (vllm#58228)."""
        server.enqueue(way.reply([CALLS[0], ("GoogleSearch", arguments)], finish_reason="length"))

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await way.ask()

        assert list(caught.value.calls) == [VALUES[0]]
        assert [call.arguments for call in caught.value.cut_off] == [arguments]

    async def test_a_refusal_is_an_error_with_its_words(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(refusal="I cannot help with that."))

        with pytest.raises(polycall.RefusalError) as caught:
            await way.ask()

        assert caught.value.reason == "I cannot help with that."

    async def test_a_content_filter_is_a_refusal_with_the_calls_before_it(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS, finish_reason="content_filter"))

        with pytest.raises(polycall.RefusalError, match="content_filter") as caught:
            await way.ask()

        assert list(caught.value.calls) == VALUES[:1]


class TestErrorsInsideA200:
    @pytest.mark.parametrize("name", ERROR_BODIES)
    async def test_a_body_that_is_no_completion_is_a_response_error(
        self, server: ChatServer, way: Way, name: str
    ) -> None:
        """pydantic-ai#3994, #6900, magentic#382; a server may answer a streamed request like this, too."""
        body = ERROR_BODIES[name]
        server.enqueue(reply_json(body))

        with pytest.raises(polycall.ResponseError) as caught:
            await way.ask()

        assert caught.value.excerpt
        if ERROR_MESSAGE in repr(body):
            assert ERROR_MESSAGE in str(caught.value)

    @pytest.mark.parametrize("name", ERROR_EVENTS)
    @pytest.mark.parametrize("way", ["stream", "stream async"], indirect=True)
    async def test_an_error_event_is_a_response_error_with_the_calls_before_it(
        self, server: ChatServer, way: Way, name: str
    ) -> None:
        """agentjido/req_llm#661, OmniRoute#8210, vercel/ai#1835."""

        begun = sse(chunks(CALLS, finish_reason=None), done=False)
        server.enqueue(
            reply_stream([*begun, ERROR_EVENTS[name]]), reply_stream([b"".join([*begun, ERROR_EVENTS[name]])])
        )

        for _ in range(2):  # with each event in a read of its own, and all in one
            with pytest.raises(polycall.ResponseError, match=ERROR_MESSAGE) as caught:
                await way.ask()
            assert list(caught.value.calls) == VALUES[:1]
