"""Faults that were found in the field, by kind; each test names where one was reported."""

from __future__ import annotations

import gc
import json
import time
from typing import Any

import openai
import pytest

import polycall
from polycall.plugin import ReasoningDelta
from polycall_openai._responses.decoder import create_decoder
from support.openai_replies import USAGE, Call, chunk, completion, error_body, sse
from support.openai_responses import REASONING, events, function_call, message, output_items, response, typed_sse
from support.openai_server import (
    CHAT_WAYS,
    RESPONSES_WAYS,
    ChatServer,
    GoogleSearch,
    Way,
    neutral_request,
    session,
    tool_payload,
)
from support.wire_server import Reply, reply_json, reply_stream

CALLS: list[Call] = [("GoogleSearch", {"query": "a"}), ("GoogleSearch", {"query": "b"})]
VALUES = [GoogleSearch(query="a"), GoogleSearch(query="b")]
chat = pytest.mark.parametrize("way", CHAT_WAYS, indirect=True)
responses = pytest.mark.parametrize("way", RESPONSES_WAYS, indirect=True)
streams = pytest.mark.parametrize("way", ["stream", "stream async"], indirect=True)


def chat_reply(way: Way, *messages: dict[str, Any], reasons: list[str | None] | None = None, **fields: Any) -> Reply:
    """A reply of as many choices as there are messages."""
    endings = reasons or ["stop"] * len(messages)
    if not way.streamed:
        choices = [
            {"index": at, "message": {"role": "assistant", **one}, "finish_reason": reason}
            for at, (one, reason) in enumerate(zip(messages, endings, strict=True))
        ]
        return reply_json({"id": "c", "model": "m", "choices": choices, **fields})
    stream: list[Any] = [{"choices": [{"index": at, "delta": one}]} for at, one in enumerate(messages)]
    stream += [{"choices": [{"index": at, "delta": {}, "finish_reason": one}]} for at, one in enumerate(endings)]
    return reply_stream(sse([*stream, {"choices": [], **fields}]))


def entry(id_: str, query: object) -> dict[str, Any]:
    function = {"name": "GoogleSearch", "arguments": json.dumps({"query": query})}
    return {"id": id_, "type": "function", "function": function}


class TestOtherPlacesOfTheProtocol:
    @chat
    async def test_a_reply_that_is_spread_over_choices_is_one(self, server: ChatServer, way: Way) -> None:
        """HKUDS/nanobot#1555, BerriAI/litellm#35444."""
        server.enqueue(
            chat_reply(
                way,
                {"content": "Let me look."},
                {"tool_calls": [entry("x", "a")]},
                {"tool_calls": [entry("y", "b")]},
                reasons=["stop", "tool_calls", "tool_calls"],
            )
        )

        calls = await way.ask()

        assert list(calls) == VALUES
        assert calls.text == "Let me look."
        turn: Any = calls.continue_with(["1", "2"])[1]
        assert [call["id"] for call in turn["tool_calls"]] == ["x", "y"]

    @chat
    @pytest.mark.parametrize(
        ("reasons", "error"),
        [
            (["stop", "length"], polycall.IncompleteOutputError),
            (["length", "content_filter"], polycall.RefusalError),
            (["tool_calls", "network_error"], polycall.IncompleteOutputError),
        ],
    )
    async def test_the_strictest_finish_reason_of_the_choices_counts(
        self, server: ChatServer, way: Way, reasons: list[str | None], error: type[Exception]
    ) -> None:
        server.enqueue(
            chat_reply(way, {"tool_calls": [entry("x", "a")]}, {"tool_calls": [entry("y", "b")]}, reasons=reasons)
        )

        with pytest.raises(error):
            await way.ask()

    @chat
    @pytest.mark.parametrize(
        "usage",
        [
            {"prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 3},  # DeepSeek API reference
            {"cached_tokens": 7},  # Moonshot API reference
            {"prompt_tokens_details": {"cached_tokens": 7}},
            {"cache_read_input_tokens": 7},  # BerriAI/litellm
        ],
    )
    async def test_cached_tokens_under_all_their_names(
        self, server: ChatServer, way: Way, usage: dict[str, Any]
    ) -> None:
        counts = {"prompt_tokens": 10, "completion_tokens": 5, **usage}
        server.enqueue(chat_reply(way, {"tool_calls": [entry("x", "a")]}, usage=counts))

        read = (await way.ask()).usage

        assert read == polycall.Usage(input_tokens=10, output_tokens=5, cached_input_tokens=7)

    @streams
    async def test_counts_in_the_places_where_groq_and_moonshot_put_them(self, server: ChatServer, way: Way) -> None:
        end = chunk({}, finish_reason="tool_calls")
        start = chunk({"tool_calls": [{"index": 0, **entry("x", "a")}]})
        in_choice = {**end, "choices": [{**end["choices"][0], "usage": USAGE}]}
        server.enqueue(
            reply_stream(sse([start, {**end, "x_groq": {"usage": USAGE}}])), reply_stream(sse([start, in_choice]))
        )

        for _ in range(2):
            usage = (await way.ask()).usage
            assert usage is not None
            assert usage.total_tokens == USAGE["total_tokens"]

    @chat
    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
    async def test_visible_reasoning_is_told_apart_from_the_text(
        self, server: ChatServer, way: Way, field: str
    ) -> None:
        server.enqueue(chat_reply(way, {field: "Hm.", "content": "Let me look.", "tool_calls": [entry("x", "a")]}))

        calls = await way.ask()

        assert (calls.reasoning, calls.text) == ("Hm.", "Let me look.")

    @responses
    async def test_summaries_of_the_reasoning_of_a_response(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.output([REASONING, *output_items(CALLS)]))

        calls = await way.ask()

        assert calls.reasoning == "Two things are asked."
        assert (calls.response_id is not None, calls.model is not None) == (True, True)

    def test_reasoning_is_shown_while_it_grows(self, server: ChatServer) -> None:
        pieces = [chunk({"reasoning_content": "H"}), chunk({"reasoning_content": "m."})]
        call = chunk({"tool_calls": [{"index": 0, **entry("x", "a")}]})
        server.enqueue(reply_stream(sse([*pieces, call, chunk({}, finish_reason="tool_calls")])))

        with server.client() as sdk:
            stream = polycall.from_openai(sdk).stream(["?"], list[GoogleSearch], "m", deltas=True)
            shown = [event.text for event in stream.events() if isinstance(event, ReasoningDelta)]

        assert shown == ["H", "m."]


class TestWordsForTheEnd:
    @chat
    @pytest.mark.parametrize(
        "word", ["model_context_window_exceeded", "network_error", "insufficient_system_resource", "a new word"]
    )
    async def test_a_word_that_is_no_natural_end_means_that_the_reply_is_not_whole(
        self, server: ChatServer, way: Way, word: str
    ) -> None:
        """mozilla-ai/any-llm#1200; DeepSeek API reference."""
        server.enqueue(way.reply(CALLS, finish_reason=word))

        with pytest.raises(polycall.IncompleteOutputError) as caught:
            await way.ask()

        assert list(caught.value.calls) == VALUES[:1]
        assert caught.value.calls.raw_finish_reason == word

    @chat
    @pytest.mark.parametrize("word", ["sensitive", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"])
    async def test_the_words_of_filters_are_refusals_at_the_first_request(
        self, server: ChatServer, way: Way, word: str
    ) -> None:
        """Vibe-Trading#308: Gemini behind a compatible endpoint; z.ai."""
        server.enqueue(way.reply(finish_reason=word))

        with pytest.raises(polycall.RefusalError, match=word):
            await way.ask()

        assert len(server.requests) == 1

    @chat
    @pytest.mark.parametrize("word", ["stop", "STOP", "tool_calls", "function_call", "end_turn", "tool_use", "eos"])
    async def test_natural_ends(self, server: ChatServer, way: Way, word: str) -> None:
        server.enqueue(way.reply(CALLS, finish_reason=word))

        assert list(await way.ask()) == VALUES


def with_new_ids(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a response in which each has an item id of its own."""
    number = iter(range(10_000))
    made: list[dict[str, Any]] = []
    for event in events(items):
        one = json.loads(json.dumps(event))
        if "item_id" in one:
            one["item_id"] = f"f{next(number)}"
        if "item" in one:
            one["item"]["id"] = f"f{next(number)}"
        for item in one.get("response", {}).get("output", ()):
            item["id"] = f"f{next(number)}"
        made.append(one)
    return made


@pytest.mark.parametrize("way", ["responses stream", "responses stream async"], indirect=True)
class TestIdentity:
    async def test_items_whose_id_changes_with_each_event_come_once(self, server: ChatServer, way: Way) -> None:
        """vercel/ai#18548, mistral.rs#1944, litellm#36375."""
        items = [message("Let me look."), *output_items(CALLS, ids=["c1", "c2"])]
        server.enqueue(reply_stream(typed_sse(with_new_ids(items))), way.reply(text="Fine."))

        calls = await way.ask()
        await way.ask(messages=calls.continue_with(["1", "2"]), tool_choice="auto")

        assert list(calls) == VALUES
        assert calls.text == "Let me look."
        assert [call.id for call in calls.tool_calls] == ["c1", "c2"]
        conversation = way.conversation(1)
        assert [id_ for id_, _, _ in conversation.calls] == ["c1", "c2"]
        assert conversation.texts[1:] == [("assistant", "Let me look.")]


class TestReplay:
    @pytest.mark.parametrize("arguments", ["{oops", "[1]", '"text"', "7", '{"query": NaN}'])
    async def test_arguments_that_are_no_object_are_replayed_as_one(
        self, server: ChatServer, way: Way, arguments: str
    ) -> None:
        """vllm#43995, kimi-cli#2165: servers parse what is replayed, and refuse the whole request."""
        server.enqueue(way.reply([("GoogleSearch", arguments), CALLS[1]]), way.reply(CALLS[:1], ids=["again"]))

        await way.ask()

        (_, _, bad), (_, _, good) = way.conversation(1).calls
        assert isinstance(json.loads(bad), dict)
        assert arguments in json.loads(bad).values()
        assert good == json.dumps({"query": "b"})

    @streams
    async def test_reasoning_in_pieces_is_replayed_as_one_block(self, server: ChatServer, way: Way) -> None:
        """agno#8794: OpenRouter streams a block in pieces of one index, the signature in the last."""
        server.unknown_fields = True
        block: dict[str, Any] = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
        pieces: list[dict[str, Any]] = [
            {"text": "Hm", "signature": None},
            {"text": ".", "signature": None},
            {"text": "", "signature": "sig"},
        ]
        stream = [chunk({"reasoning_details": [{**block, **piece}]}) for piece in pieces]
        stream.append(chunk({"reasoning_details": [{"type": "reasoning.encrypted", "index": 0, "data": "x"}]}))
        call = chunk({"tool_calls": [{"index": 0, **entry("x", 1)}]})
        server.enqueue(reply_stream(sse([*stream, call, chunk({}, finish_reason="tool_calls")])), way.reply(CALLS[:1]))

        await way.ask()

        assert server.bodies[1]["messages"][1]["reasoning_details"] == [
            {**block, "text": "Hm.", "signature": "sig"},
            {"type": "reasoning.encrypted", "index": 0, "data": "x"},
        ]

    @chat
    async def test_a_conversation_is_data_and_moves_between_the_two_apis(self, server: ChatServer, way: Way) -> None:
        other = Way(server, api="responses", streamed=way.streamed, asynchronous=way.asynchronous)
        server.enqueue(
            other.output([REASONING, message("Looking."), *output_items(CALLS[:1], ids=["c1"])]),
            way.reply(CALLS[1:], ids=["c2"]),
            other.reply(text="Thanks."),
        )

        first = (await other.ask()).continue_with(["one"])
        second = (await way.ask(messages=json.loads(json.dumps(first)))).continue_with(["two"])
        await other.ask(messages=json.loads(json.dumps(second)), tool_choice="auto")

        for at, said in ((1, way.conversation(1)), (2, other.conversation(2))):
            assert said.results == [("c1", "one"), ("c2", "two")][:at]
            assert [call_id for call_id, _, _ in said.calls] == ["c1", "c2"][:at]
        assert REASONING in server.bodies[2]["input"]
        assert "provider_data" not in json.dumps(server.bodies)

    async def test_what_only_others_understand_is_not_sent(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))

        await way.ask(
            messages=[
                {"role": "assistant", "content": None, "tool_calls": [entry("c", "x")], "provider_data": {"acme": {}}},
                {"role": "tool", "tool_call_id": "c", "content": "Error", "is_error": True},
            ]
        )

        sent = json.dumps(server.bodies[0])
        assert "provider_data" not in sent
        assert "is_error" not in sent
        assert way.conversation(0).results == [("c", "Error")]

    @responses
    async def test_pictures_in_a_result_are_sent_as_parts(self, server: ChatServer, way: Way) -> None:
        """hermes-agent#55426."""
        picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        server.enqueue(way.reply(CALLS[:1], ids=["c"]), way.reply(text="Nice."))

        calls = await way.ask()
        results: list[Any] = [[{"type": "text", "text": "This:"}, picture]]
        await way.ask(messages=calls.continue_with(results), tool_choice="auto")

        assert server.bodies[1]["input"][-1]["output"] == [
            {"type": "input_text", "text": "This:"},
            {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
        ]


class TestAdditions:
    @streams
    @pytest.mark.parametrize("status", [400, 422])
    async def test_what_polycall_adds_is_left_out_once_the_server_refuses_it(
        self, server: ChatServer, way: Way, status: int
    ) -> None:
        """BerriAI/litellm#11696: a model of Mistral's behind Azure's endpoint."""
        way.settings["stream_usage"] = True
        refused = {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Not permitted"}]}
        server.enqueue(reply_json(refused, status=status), way.reply(CALLS))

        calls = await way.ask()

        assert list(calls) == VALUES
        assert ["stream_options" in body for body in server.bodies] == [True, False]
        (adaptation,) = calls.adaptations
        assert (adaptation.setting, adaptation.kind) == ("stream_options", "dropped")

    def test_it_is_left_out_of_later_requests_for_that_model(self, server: ChatServer) -> None:
        way = Way(server, streamed=True, asynchronous=False)
        refused = reply_json(error_body("Unknown parameter: stream_options", param="stream_options"), status=400)
        server.enqueue(refused, way.reply(CALLS), way.reply(CALLS), way.reply(CALLS))

        with server.client() as sdk:
            client = polycall.from_openai(sdk, stream_usage=True)
            for model in ("m", "m", "other"):
                client.stream(["?"], list[GoogleSearch], model).collect()

        sent = [(body["model"], "stream_options" in body) for body in server.bodies]
        assert sent == [("m", True), ("m", False), ("m", False), ("other", True)]

    def test_a_model_that_does_not_know_parallel_calls_is_asked_without(self, server: ChatServer) -> None:
        """Azure/azure-sdk-for-net#45719."""
        problem = error_body("Unrecognized request argument supplied: parallel_tool_calls")
        server.enqueue(reply_json(problem, status=400), reply_json(completion(CALLS)))

        with server.client() as sdk:
            calls = polycall.from_openai(sdk, server="azure").create(["?"], list[GoogleSearch], "m", max_calls=1)

        assert list(calls) == VALUES[:1]
        assert [body.get("parallel_tool_calls") for body in server.bodies] == [False, None]
        assert [(one.setting, one.kind) for one in calls.adaptations] == [("parallel_tool_calls", "dropped")]

    async def test_a_choice_that_a_thinking_model_refuses_is_weakened(self, server: ChatServer, way: Way) -> None:
        """cloudwego/eino#994, QwenLM/qwen-code#7659."""
        server.unknown_fields = True
        words = "The tool_choice parameter does not support being set to required or object in thinking mode"
        server.enqueue(reply_json(error_body(words), status=400), way.reply(CALLS))

        calls = await way.ask(extra_body={"enable_thinking": True})

        assert [body["tool_choice"] for body in server.bodies] == ["required", "auto"]
        (adaptation,) = calls.adaptations
        assert (adaptation.setting, adaptation.given, adaptation.sent) == ("tool_choice", "required", "auto")

    async def test_what_the_caller_asked_for_stays_and_the_error_names_the_switch(
        self, server: ChatServer, way: Way
    ) -> None:
        words = "Invalid schema: strict is not supported"
        server.enqueue(reply_json(error_body(words), status=400))

        with pytest.raises(openai.BadRequestError) as caught:
            await way.ask(strict=True)

        assert len(server.requests) == 1
        assert any("strict=False" in note for note in caught.value.__notes__)

    @chat
    async def test_a_model_that_wants_the_responses_api_for_tools(self, server: ChatServer, way: Way) -> None:
        """BerriAI/litellm#34569."""
        words = "Function tools with reasoning_effort are not supported in /v1/chat/completions; use /v1/responses."
        server.enqueue(reply_json(error_body(words), status=400))

        with pytest.raises(openai.BadRequestError) as caught:
            await way.ask()

        assert any("api='responses'" in note for note in caught.value.__notes__)


class TestEmptyEntries:
    @chat
    @pytest.mark.parametrize("empty", [None, {}])
    async def test_an_empty_entry_is_a_failed_call_and_no_gap(
        self, server: ChatServer, way: Way, empty: object
    ) -> None:
        server.enqueue(chat_reply(way, {"tool_calls": [entry("x", "a"), empty]}, reasons=["tool_calls"]))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await way.ask(max_retries=0)

        assert list(caught.value.calls) == VALUES[:1]
        assert len(caught.value.failures) == 1

    @pytest.mark.parametrize("way", ["responses create"], indirect=True)
    @pytest.mark.parametrize("empty", [None, {}])
    async def test_an_empty_item_of_a_response_is_one(self, server: ChatServer, way: Way, empty: Any) -> None:
        server.enqueue(reply_json(response([*output_items(CALLS[:1]), empty])))

        with pytest.raises(polycall.InvalidCallsError) as caught:
            await way.ask(max_retries=0)

        assert list(caught.value.calls) == VALUES[:1]


class TestGrowth:
    @pytest.mark.parametrize("listed_only", [False, True])
    def test_sixteen_thousand_calls_of_a_response_take_linear_time(self, listed_only: bool) -> None:
        """Each twice as many calls take about twice as long: those of events, and those of the final response alone."""

        def seconds(count: int) -> float:
            items = [function_call("Search", {"query": str(at)}, f"c{at}") for at in range(count)]
            end: dict[str, Any] = {"type": "response.completed", "response": response(items)}
            stream = [end] if listed_only else [*[*events(items)][:-1], end]
            made = create_decoder(
                session("http://localhost/v1", api="responses").server, neutral_request(tool_payload("Search"))
            )
            gc.disable()  # a collection takes a second in a process that has run all the other tests
            try:
                began = time.process_time()
                for event in stream:
                    made.feed(event)
                assert len(made.finish().tool_calls) == count
                return time.process_time() - began
            finally:
                gc.enable()

        seconds(1000)
        assert seconds(16_000) < 10 * seconds(4_000) + 0.5


@chat
async def test_a_reply_of_an_instrumented_client_is_measured_too(server: ChatServer, way: Way) -> None:
    def wrap(sdk: Any) -> None:
        create = sdk.chat.completions.create
        sdk.chat.completions.create = lambda **options: create(**options)

    way.patch = wrap
    way.settings["max_reply_bytes"] = 300
    server.enqueue(way.reply([("GoogleSearch", {"query": "x" * 20_000})]))

    with pytest.raises(polycall.IncompleteOutputError, match="max_reply_bytes=300"):
        await way.ask()
