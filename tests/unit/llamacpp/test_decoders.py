"""From chunks of llama.cpp to calls, without a model."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall import FinishReason, ResponseError, ToolCall, Usage
from polycall.plugin import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    ReasoningDelta,
    Request,
    StreamEvent,
    TextDelta,
    ToolSpec,
)
from polycall_llamacpp._model.jobs import Chunk
from polycall_llamacpp._reply.decoders import ReplyDecoder
from polycall_llamacpp._request.tools import render_tools
from polycall_llamacpp.strategies import ReplyEnd, WholeCall

TOOLS = (
    ToolSpec("Weather", None, {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}),
    ToolSpec("Search", None, {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}),
)
CALLS = '[{"name":"Weather","arguments":{"place":"Rome"}},{"name":"Search","arguments":{"query":"a {b} \\"c\\""}}]'
ROME = ("Weather", '{"place":"Rome"}')
SEARCH = ("Search", '{"query":"a {b} \\"c\\""}')


def text_chunk(text: str | None) -> Chunk:
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def end_chunks(finish_reason: str) -> list[Chunk]:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return [
        {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]},
        {"id": "x", "model": "some.gguf", "choices": [], "usage": usage},
    ]


def call_chunk(index: int, arguments: str, name: str | None = None) -> Chunk:
    function: dict[str, str] = {"arguments": arguments}
    part: dict[str, object] = {"index": index, "function": function}
    if name is not None:
        function["name"] = name
        part |= {"id": f"id{index}", "type": "function"}
    return {"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]}


def decoder_of(
    strategy: str, choice: str = "required", *, deltas: bool = False, messages: list[object] | None = None
) -> ReplyDecoder:
    request = Request(
        provider="llamacpp",
        model=None,
        messages=messages or [],
        tools=TOOLS,
        tool_payload=render_tools(TOOLS, choice, strategy, []),
        tool_choice=choice,
        strict=None,
        options={},
        deltas=deltas,
    )
    return ReplyDecoder(request)


def feed_all(decoder: ReplyDecoder, chunks: list[Chunk]) -> list[StreamEvent]:
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def said(calls: list[ToolCall] | tuple[ToolCall, ...]) -> list[tuple[str, object]]:
    return [(call.name, call.arguments) for call in calls]


class TestConstrainedOutput:
    @given(st.lists(st.integers(0, len(CALLS)), max_size=30), st.booleans())
    def test_any_cut_gives_the_same_calls_and_the_same_deltas(self, cuts: list[int], deltas: bool) -> None:
        places = [0, *sorted(cuts), len(CALLS)]
        decoder = decoder_of("constrained", deltas=deltas)

        pieces = [CALLS[start:end] for start, end in pairwise(places)]
        events = feed_all(decoder, [text_chunk(piece) for piece in pieces])
        reply = (feed_all(decoder, end_chunks("stop")), decoder.finish())[1]

        completed = [event.tool_call for event in events if isinstance(event, CallCompleted)]
        assert said(completed) == [ROME, SEARCH]
        assert list(reply.tool_calls) == completed
        if deltas:
            begun = [event for event in events if isinstance(event, CallStarted)]
            assert [(event.index, event.id, event.name) for event in begun] == [
                (call.index, call.id, call.name) for call in completed
            ]
            for call in completed:
                pieces = [e.text for e in events if isinstance(e, ArgumentsDelta) and e.index == call.index]
                assert "".join(pieces) == call.arguments
        else:
            assert len(events) == 2

    def test_a_call_is_out_with_the_chunk_that_closes_its_element(self) -> None:
        decoder = decoder_of("constrained")
        first_end = CALLS.index("}}") + 2

        assert feed_all(decoder, [text_chunk(CALLS[: first_end - 1])]) == []
        (event,) = feed_all(decoder, [text_chunk(CALLS[first_end - 1 : first_end])])

        assert isinstance(event, CallCompleted)
        assert said([event.tool_call]) == [ROME]

    def test_a_reply_is_told_whole_with_usage_turn_and_raw_response(self) -> None:
        decoder = decoder_of("constrained")
        feed_all(decoder, [text_chunk(None), text_chunk(CALLS), *end_chunks("stop")])

        reply = decoder.finish()

        assert (reply.response_id, reply.model) == ("x", "some.gguf")

        assert reply.finish_reason is FinishReason.TOOL_CALLS
        assert reply.usage == Usage(input_tokens=7, output_tokens=3, total_tokens=10)
        assert reply.text is None
        turn = {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in reply.tool_calls
            ],
        }
        assert reply.turn == turn
        assert reply.raw_response is not None
        assert reply.raw_response() == {
            "id": "x",
            "model": "some.gguf",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": turn, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }

    def test_a_call_that_the_length_limit_cut_off_is_no_call(self) -> None:
        decoder = decoder_of("constrained")
        feed_all(decoder, [text_chunk(CALLS[:-6]), *end_chunks("length")])

        reply = decoder.finish()

        assert reply.finish_reason is FinishReason.LENGTH
        assert said(list(reply.tool_calls)) == [ROME]
        assert said(list(reply.cut_off)) == [("Search", '{"query":"a {b} \\"c')]

    def test_a_call_that_was_cut_off_before_its_arguments_has_its_name(self) -> None:
        decoder = decoder_of("constrained")
        feed_all(decoder, [text_chunk('[{"name":"Weather","arg'), *end_chunks("length")])

        assert said(list(decoder.finish().cut_off)) == [("Weather", "")]

    def test_text_is_an_answer_where_the_choice_is_free(self) -> None:
        decoder = decoder_of("constrained", "auto", deltas=True)

        events = feed_all(decoder, [text_chunk("Hello"), text_chunk(" [you]"), *end_chunks("stop")])

        assert events == [TextDelta("Hello"), TextDelta(" [you]")]
        reply = decoder.finish()
        assert (reply.text, reply.tool_calls, reply.finish_reason) == ("Hello [you]", [], FinishReason.STOP)

    def test_text_where_calls_were_required_means_that_the_grammar_was_not_enforced(self) -> None:
        decoder = decoder_of("constrained")
        feed_all(decoder, [text_chunk("Hello"), *end_chunks("stop")])

        with pytest.raises(ResponseError, match=r"output violates the tool-call grammar\. It begins: 'Hello'"):
            decoder.finish()

    def test_an_end_without_a_finish_reason_is_not_whole(self) -> None:
        decoder = decoder_of("constrained")
        feed_all(decoder, [text_chunk(CALLS)])

        reply = decoder.finish()

        assert (reply.saw_end, reply.finish_reason, len(reply.tool_calls)) == (False, None, 2)


class TestNativeToolCalls:
    CHUNKS = (
        call_chunk(0, "{", "Weather"),
        call_chunk(0, '"place":"Rome"}'),
        call_chunk(1, "", "Search"),
        call_chunk(1, SEARCH[1]),
    )

    def test_a_call_is_out_when_the_next_one_begins(self) -> None:
        decoder = decoder_of("native")

        assert feed_all(decoder, list(self.CHUNKS[:2])) == []
        (event,) = feed_all(decoder, [self.CHUNKS[2]])

        assert event == CallCompleted(ToolCall("id0", *ROME, index=0))

    def test_the_last_call_is_complete_when_the_reply_has_ended(self) -> None:
        decoder = decoder_of("native")
        feed_all(decoder, [*self.CHUNKS, *end_chunks("tool_calls")])

        reply = decoder.finish()

        assert reply.tool_calls == [ToolCall("id0", *ROME, index=0), ToolCall("id1", *SEARCH, index=1)]
        assert reply.finish_reason is FinishReason.TOOL_CALLS

    @pytest.mark.parametrize("end", [end_chunks("length"), []], ids=["length limit", "no end"])
    def test_the_last_call_is_cut_off_when_the_reply_has_no_good_end(self, end: list[Chunk]) -> None:
        decoder = decoder_of("native")
        feed_all(decoder, [*self.CHUNKS, *end])

        reply = decoder.finish()

        assert said(list(reply.tool_calls)) == [ROME]
        assert said(list(reply.cut_off)) == [SEARCH]

    def test_text_beside_calls_is_kept(self) -> None:
        decoder = decoder_of("native", deltas=True)

        events = feed_all(decoder, [text_chunk("Well: "), *self.CHUNKS, *end_chunks("tool_calls")])

        assert events[0] == TextDelta("Well: ")
        assert decoder.finish().text == "Well: "

    def test_reasoning_is_not_text(self) -> None:
        decoder = decoder_of("native", deltas=True)
        thought = {"id": "x", "choices": [{"index": 0, "delta": {"reasoning_content": "Rome?"}}]}

        events = feed_all(decoder, [thought, *self.CHUNKS, *end_chunks("tool_calls")])
        reply = decoder.finish()

        assert events[0] == ReasoningDelta("Rome?")
        assert (reply.reasoning, reply.text) == ("Rome?", None)
        assert isinstance(reply.turn, dict)
        assert reply.turn["reasoning_content"] == "Rome?"

    def test_an_id_that_the_conversation_has_already_is_replaced(self) -> None:
        decoder = decoder_of("native", messages=[{"role": "tool", "tool_call_id": "id0", "content": "21"}])
        feed_all(decoder, [*self.CHUNKS, *end_chunks("tool_calls")])

        first, second = (call.id for call in decoder.finish().tool_calls)

        assert first not in ("", "id0")
        assert second == "id1"


class TestWholeCalls:
    USAGE: ClassVar = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

    def test_each_call_is_out_at_once(self) -> None:
        decoder = decoder_of("split")

        (event,) = feed_all(decoder, [WholeCall(*ROME)])

        assert isinstance(event, CallCompleted)
        assert said([event.tool_call]) == [ROME]
        feed_all(decoder, [ReplyEnd("tool_calls", self.USAGE, {"steps": [{"step": 1}]}, model="small")])
        reply = decoder.finish()
        assert reply.model == "small"
        assert reply.tool_calls == [event.tool_call]
        assert reply.raw_response is not None
        assert reply.raw_response() == {"steps": [{"step": 1}]}

    def test_a_value_that_the_length_limit_cut_off_is_told(self) -> None:
        decoder = decoder_of("split")
        feed_all(decoder, [ReplyEnd("length", self.USAGE, {}, WholeCall("Search", '{"query":'))])

        reply = decoder.finish()

        assert (reply.finish_reason, reply.tool_calls) == (FinishReason.LENGTH, [])
        assert said(list(reply.cut_off)) == [("Search", '{"query":')]


def test_a_chunk_that_is_no_object_is_a_response_error() -> None:
    with pytest.raises(ResponseError, match="not an object"):
        feed_all(decoder_of("native"), [json.loads("[]")])
