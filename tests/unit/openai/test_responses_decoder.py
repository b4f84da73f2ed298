"""The decoder of the Responses API: the same calls whatever events a server leaves out, however the bytes are cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycall import ResponseError
from polycall.plugin import ArgumentsDelta, CallCompleted, CallStarted, Reply, StreamEvent
from polycall_openai._responses.decoder import create_decoder
from polycall_openai._streaming.reply_decoder import ReplyDecoder
from support.openai_responses import events, function_call, message, output_items, response, typed_sse
from support.openai_responses_corpus import RESPONSES_STREAMS, A, B, ResponsesStream
from support.openai_server import neutral_request, session, tool_payload

PAYLOAD = tool_payload("Search", "Ping")
SERVER = session("http://localhost:8000/v1", api="responses").server


def decoder(*, deltas: bool = False) -> ReplyDecoder:
    return create_decoder(
        SERVER,
        neutral_request(PAYLOAD, deltas=deltas),
    )


def decode(pieces: Iterable[bytes], *, deltas: bool = False) -> tuple[list[StreamEvent], Reply]:
    made = decoder(deltas=deltas)
    seen = [event for piece in pieces for event in made.feed(piece)]
    return seen, made.finish()


def cut_at(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted({place % (len(data) + 1) for place in places}):
        yield data[start:place]
        start = place
    yield data[start:]


def check(stream: ResponsesStream, pieces: Iterable[bytes]) -> None:
    seen, reply = decode(pieces)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == list(stream.calls)
    assert [call.index for call in reply.tool_calls] == list(range(len(stream.calls)))
    assert len({call.id for call in reply.tool_calls}) == len(stream.calls)
    assert not reply.cut_off
    assert reply.saw_end
    early = [event.tool_call for event in seen if isinstance(event, CallCompleted)]
    assert all(reply.tool_calls[call.index] == call for call in early)
    assert len({call.index for call in early}) == len(early)


@pytest.mark.parametrize("kind", ["response.output_item.done", "response.function_call_arguments.delta"])
@pytest.mark.parametrize("type_", [{}, [None], 7, True])
def test_an_event_whose_type_is_no_text_is_an_error(kind: str, type_: object) -> None:
    stream: list[Any] = events(output_items([("Search", A)]))
    broken = [{**event, "type": type_} if event["type"] == kind else event for event in stream]

    with pytest.raises(ResponseError):
        decode(f"data: {json.dumps(event)}\n\n".encode() for event in broken)


@pytest.mark.parametrize("type_", [{}, [None], 7, True])
@pytest.mark.parametrize("streamed", [True, False])
def test_an_item_whose_type_is_no_text_is_an_error_and_no_lost_call(type_: object, streamed: bool) -> None:
    first, second = output_items([("Search", A), ("Search", B)])
    items = [first, {**second, "type": type_}]

    with pytest.raises(ResponseError):
        if streamed:
            end: Any = {"type": "response.completed", "response": response(items)}
            decode(typed_sse([*events([first])[:-1], end]))
        else:
            decode([json.dumps(response(items)).encode()])


@pytest.mark.parametrize("name", RESPONSES_STREAMS)
class TestResponsesCorpus:
    def test_in_one_piece(self, name: str) -> None:
        check(RESPONSES_STREAMS[name], [RESPONSES_STREAMS[name].body])

    def test_byte_by_byte(self, name: str) -> None:
        data = RESPONSES_STREAMS[name].body
        check(RESPONSES_STREAMS[name], (data[at : at + 1] for at in range(len(data))))

    def test_every_call_is_in_the_history_once(self, name: str) -> None:
        _, reply = decode([RESPONSES_STREAMS[name].body])
        turn: Any = reply.turn
        items = [item for item in turn["provider_data"]["openai"]["output"] if item["type"] == "function_call"]
        ids = [call.id for call in reply.tool_calls]
        assert [item["call_id"] for item in items] == ids
        assert [call["id"] for call in turn["tool_calls"]] == ids

    def test_deltas_add_up_to_the_calls(self, name: str) -> None:
        stream = RESPONSES_STREAMS[name]
        seen, reply = decode([stream.body], deltas=True)
        started = {event.index: event for event in seen if isinstance(event, CallStarted)}
        texts = dict.fromkeys(started, "")
        for event in seen:
            if isinstance(event, ArgumentsDelta):
                texts[event.index] += event.text
        for call in reply.tool_calls:
            assert (started[call.index].id, started[call.index].name) == (call.id, call.name)
            if isinstance(call.arguments, str):
                assert texts[call.index] == call.arguments

    @settings(deadline=None)
    @given(length=st.integers(0, 20_000))
    def test_a_cut_stream_reports_no_call_that_was_not_complete(self, name: str, length: int) -> None:
        stream = RESPONSES_STREAMS[name]
        seen, reply = decode([stream.body[: length % len(stream.body)] or b"\n"])
        early = [event.tool_call for event in seen if isinstance(event, CallCompleted)]
        assert all(stream.calls[call.index] == (call.name, call.arguments) for call in early)
        assert not {call.index for call in reply.cut_off} & {call.index for call in early}


ARGUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)  # other processes may have the cores
@given(
    calls=st.lists(st.tuples(st.sampled_from(["Search", "Ping"]), st.dictionaries(st.text(), ARGUMENTS)), max_size=5),
    piece_chars=st.integers(1, 20),
    places=st.lists(st.integers(0, 20_000), max_size=20),
)
def test_any_calls_come_through(
    calls: list[tuple[str, dict[str, object]]], piece_chars: int, places: list[int]
) -> None:
    stream = b"".join(typed_sse(events([message("Hm."), *output_items(calls)], piece_chars=piece_chars)))
    wanted = [(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in calls]
    check(ResponsesStream("", stream, wanted), cut_at(stream, places))


class TestWhenACallIsComplete:
    def test_not_with_its_arguments_done_which_may_be_said_of_a_cut_off_call(self) -> None:
        made = decoder()
        item = function_call("Search", '{"query": "a"}', "c", status="incomplete")
        stream = events([item], finish_reason="length")

        seen = [one for event in typed_sse(stream) for one in made.feed(event)]

        assert seen == []
        reply = made.finish()
        assert [call.arguments for call in reply.cut_off] == [A]
        assert reply.tool_calls == []

    def test_a_complete_call_of_a_cut_off_response_is_kept(self) -> None:
        items = output_items([("Search", A), ("Search", '{"que')], finish_reason="length")

        _, reply = decode(typed_sse(events(items, finish_reason="length")))

        assert [call.arguments for call in reply.tool_calls] == [A]
        assert [call.arguments for call in reply.cut_off] == ['{"que']

    def test_without_status_the_last_call_of_a_cut_off_response_is_not_complete(self) -> None:
        made = decoder()
        for event in events(output_items([("Search", A), ("Search", B)]), finish_reason=None):
            if event["type"] not in ("response.output_item.done", "response.function_call_arguments.done"):
                list(made.feed(event))
        list(made.feed({"type": "response.incomplete", "response": response([], finish_reason="length")}))

        reply = made.finish()

        assert (reply.tool_calls, [call.arguments for call in reply.cut_off]) == ([], [A, B])

    @pytest.mark.parametrize("arguments", ["", '{"query": "a'])
    def test_without_status_a_done_event_is_no_sign_for_arguments_that_are_no_object(self, arguments: str) -> None:
        item = {key: one for key, one in function_call("Ping", arguments, "x").items() if key != "status"}
        whole: Any = {**response([], finish_reason="length"), "output": []}
        stream = [*events([item])[:-1], {"type": "response.incomplete", "response": whole}]

        seen, reply = decode(typed_sse(stream))

        assert not [event for event in seen if isinstance(event, CallCompleted)]
        assert (reply.tool_calls, [call.arguments for call in reply.cut_off]) == ([], [arguments])

    def test_interleaved_calls_keep_the_order_in_which_they_began(self) -> None:
        one, two = ([*events(output_items([("Search", text)], ids=[id_]))][2:-1] for text, id_ in ((A, "x"), (B, "y")))
        two = [{**event, "output_index": 1} for event in two]
        mixed = [one[0], two[0], two[1], one[1], *two[2:], *one[2:]]
        end = {"type": "response.completed", "response": response([])}

        seen, reply = decode(typed_sse([*mixed, end]))

        assert [call.arguments for call in reply.tool_calls] == [A, B]
        assert [event.tool_call.arguments for event in seen if isinstance(event, CallCompleted)] == [B, A]


@pytest.mark.parametrize("has_final_output", [True, False])
def test_an_event_without_a_type_may_only_say_what_the_final_response_says_again(has_final_output: bool) -> None:
    """Our random servers, number 149574055505232: the call of such an event was lost."""
    stream: list[Any] = events(output_items([("Search", A)]))
    broken = [{**event, "type": None} if "item" in event or "delta" in event else event for event in stream]
    kept = [event for event in broken if has_final_output or event["type"] != "response.completed"]
    pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in kept]

    if has_final_output:
        assert [call.name for call in decode(pieces)[1].tool_calls] == ["Search"]
    else:
        with pytest.raises(ResponseError, match="has no type"):
            decode([*pieces, b"data: [DONE]\n\n"])
