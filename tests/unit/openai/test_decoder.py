"""The decoder of streams: the same calls however the bytes are cut, in linear time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycall import ResponseError
from polycall.plugin import ArgumentsDelta, CallCompleted, CallStarted, Reply, StreamEvent
from polycall_openai._chat.decoder import create_decoder
from polycall_openai._streaming.reply_decoder import ReplyDecoder
from polycall_openai._tools import ToolPayload
from support.openai_corpus import FINISH, NOT_CLOSED, A, Stream, body, each, fragment
from support.openai_corpus import STREAMS as CORPUS
from support.openai_replies import call_chunk, chunk, chunks, sse
from support.openai_server import neutral_request, session, tool_payload

STREAMS = {**CORPUS, **NOT_CLOSED}
PAYLOAD = tool_payload("Search", "Ping")


def decoder(*, deltas: bool = False, payload: ToolPayload = PAYLOAD) -> ReplyDecoder:
    return create_decoder(
        session("http://localhost:8000/v1").server,
        neutral_request(payload, deltas=deltas),
    )


def decode(pieces: Iterable[bytes], *, deltas: bool = False) -> tuple[list[StreamEvent], Reply]:
    made = decoder(deltas=deltas)
    events = [event for piece in pieces for event in made.feed(piece)]
    return events, made.finish()


def cut_at(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted({place % (len(data) + 1) for place in places}):
        yield data[start:place]
        start = place
    yield data[start:]


def check(stream: Stream, pieces: Iterable[bytes]) -> None:
    events, reply = decode(pieces)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == list(stream.calls)
    assert [call.index for call in reply.tool_calls] == list(range(len(stream.calls)))
    assert len({call.id for call in reply.tool_calls}) == len(stream.calls)
    assert not reply.cut_off
    assert reply.saw_end
    # What was reported early is what the reply holds.
    early = [event.tool_call for event in events if isinstance(event, CallCompleted)]
    assert all(reply.tool_calls[call.index] == call for call in early)
    assert len({call.index for call in early}) == len(early)


@pytest.mark.parametrize("name", STREAMS)
class TestCorpus:
    def test_in_one_piece(self, name: str) -> None:
        check(STREAMS[name], [STREAMS[name].body])

    def test_byte_by_byte(self, name: str) -> None:
        data = STREAMS[name].body
        check(STREAMS[name], (data[at : at + 1] for at in range(len(data))))

    @settings(deadline=None)
    @given(places=st.lists(st.integers(0, 20_000), max_size=30))
    def test_cut_anywhere(self, name: str, places: list[int]) -> None:
        check(STREAMS[name], cut_at(STREAMS[name].body, places))

    def test_deltas_add_up_to_the_calls(self, name: str) -> None:
        stream = STREAMS[name]
        events, reply = decode([stream.body], deltas=True)
        started = {event.index: event for event in events if isinstance(event, CallStarted)}
        texts = dict.fromkeys(started, "")
        for event in events:
            if isinstance(event, ArgumentsDelta):
                texts[event.index] += event.text
        assert [(started[call.index].id, started[call.index].name) for call in reply.tool_calls] == [
            (call.id, call.name) for call in reply.tool_calls
        ]
        assert [texts[call.index] for call in reply.tool_calls if isinstance(call.arguments, str)] == [
            call.arguments for call in reply.tool_calls if isinstance(call.arguments, str)
        ]

    @settings(deadline=None)
    @given(length=st.integers(0, 20_000))
    def test_a_cut_stream_reports_no_call_that_was_not_complete(self, name: str, length: int) -> None:
        stream = STREAMS[name]
        length %= len(stream.body)
        events, _ = decode([stream.body[:length] or b"\n"])
        early = [event.tool_call for event in events if isinstance(event, CallCompleted)]
        assert all(stream.calls[call.index] == (call.name, call.arguments) for call in early)


ARGUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)  # other processes may have the cores
@given(
    calls=st.lists(st.tuples(st.sampled_from(["Search", "Ping"]), st.dictionaries(st.text(), ARGUMENTS)), max_size=5),
    interleaved=st.booleans(),
    piece_chars=st.integers(1, 20),
    places=st.lists(st.integers(0, 20_000), max_size=20),
)
def test_any_calls_come_through(
    calls: list[tuple[str, dict[str, object]]], interleaved: bool, piece_chars: int, places: list[int]
) -> None:
    stream = b"".join(sse(chunks(calls, interleaved=interleaved, piece_chars=piece_chars)))
    check(
        Stream("", stream, [(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in calls]),
        cut_at(stream, places),
    )


NOT_THE_PROTOCOL: dict[str, dict[str, object]] = {
    "choices that are no list": {"choices": {"delta": {}}},
    "a choice that is no object": {"choices": [1.5]},
    "an index of a choice that is no number": {"choices": [{"index": [None], "delta": {}}]},
    "a delta that is no object": {"choices": [{"index": 0, "delta": "x"}]},
    "calls that are no list": {"choices": [{"index": 0, "delta": {"tool_calls": {"x": 1}}}]},
    "a call that is no object": {"choices": [{"index": 0, "delta": {"tool_calls": [7]}}]},
}


@pytest.mark.parametrize("event", NOT_THE_PROTOCOL.values(), ids=list(NOT_THE_PROTOCOL))
def test_an_event_of_another_shape_is_an_error_and_no_gap_in_the_arguments(event: dict[str, object]) -> None:
    first, second = each(fragment(0, "x", "Search", A[:11]), fragment(0, None, None, A[11:]))
    with pytest.raises(ResponseError):
        decode(sse([first, event, second, FINISH]))


@pytest.mark.parametrize(
    "broken",
    [{"index": 0, "function": "x"}, fragment(0, None, None, 7), fragment(0, None, None, [])],
    ids=["a function that is no object", "a piece that is a number", "a piece that is a list"],
)
def test_a_piece_of_another_type_is_the_fault_of_its_call(broken: dict[str, object]) -> None:
    stream = each(fragment(0, "x", "Search", '{"query": "a'), broken, fragment(0, None, None, '"}'))
    _, reply = decode([*sse(stream, done=False), *sse([FINISH])])

    assert [call.problem is None for call in reply.tool_calls] == [False]


def test_a_broken_piece_is_not_forgotten_when_the_arguments_come_again() -> None:
    given: list[object] = [[], 'b"}', '{"query": "c"}']
    pieces = [fragment(0, None, None, piece) for piece in given]
    _, reply = decode(sse([*each(fragment(0, "x", "Search", '{"query": "a'), *pieces), FINISH]))

    assert [call.problem is None for call in reply.tool_calls] == [False, True]


def test_an_empty_entry_after_a_call_that_is_cut_off_does_not_make_it_whole() -> None:
    stream = [*each(fragment(0, "x", "Search", A)), call_chunk(None), chunk({}, finish_reason="length")]  # type: ignore[arg-type]
    _, reply = decode(sse(stream))

    assert not reply.tool_calls
    assert reply.cut_off[0].id == "x"


def test_an_empty_entry_is_no_sign_that_the_call_before_it_is_complete() -> None:
    stream = each(fragment(0, "x", "Search", ""), fragment(1, "y", "Ping", "{}"))
    turns = [call_chunk(None), *each(fragment(0, None, None, A))]  # type: ignore[arg-type]
    _, reply = decode(sse([*stream, *turns, chunk({}, finish_reason="length")]))

    assert [call.id for call in reply.tool_calls] == ["x"]
    assert reply.cut_off[0].id == "y"


class TestWhenACallIsComplete:
    def events_by_chunk(self, *fragments: dict[str, object]) -> list[list[str]]:
        made = decoder()
        events = [made.feed(sse([one], done=False)[0]) for one in [*each(*fragments), FINISH]]
        return [[str(one.tool_call.arguments) for one in some if isinstance(one, CallCompleted)] for some in events]

    def test_when_the_next_has_begun(self) -> None:
        assert self.events_by_chunk(
            fragment(0, "x", "Search", '{"query": "a"}'), fragment(1, "y", "Search", ""), fragment(1, None, None, "{}")
        ) == [[], ['{"query": "a"}'], [], ["{}"]]

    def test_an_open_one_waits_until_it_is_closed_and_the_stream_turns_away(self) -> None:
        assert self.events_by_chunk(
            fragment(0, "x", "Search", '{"q'),
            fragment(1, "y", "Search", "{"),
            fragment(0, None, None, '": 1}'),
            fragment(1, None, None, "}"),
        ) == [[], [], [], ['{"q": 1}'], ["{}"]]

    def test_brackets_in_strings_do_not_count(self) -> None:
        assert self.events_by_chunk(
            fragment(0, "x", "Search", '{"q": "}\\"}'), fragment(1, "y", "Search", "{}"), fragment(0, None, None, '"}')
        ) == [[], [], [], ['{"q": "}\\"}"}', "{}"]]

    def test_what_is_not_closed_waits_for_the_end_of_the_reply(self) -> None:
        assert self.events_by_chunk(fragment(0, "x", "Search", '{"q": 1'), fragment(1, "y", "Search", "")) == [
            [],
            [],
            [],
        ]

    def test_a_wrapper_holds_back_what_comes_after_it_until_the_places_are_known(self) -> None:
        uses = '{"tool_uses": [{"recipient_name": "Search", "parameters": {}}, {"recipient_name": "Ping"}]}'
        stream = body(*each(fragment(0, "w", "multi_tool_use.parallel", uses[:9]), fragment(1, "x", "Search", "{}"),
                            fragment(2, "y", "Ping", "{}"), fragment(0, None, None, uses[9:])))  # fmt: skip

        events, reply = decode([stream])

        assert [(call.index, call.name) for call in reply.tool_calls] == [
            (0, "Search"), (1, "Ping"), (2, "Search"), (3, "Ping"),
        ]  # fmt: skip
        assert [event.tool_call for event in events if isinstance(event, CallCompleted)] == reply.tool_calls


class TestGrowth:
    """Counted, not timed: what a decoder does must not depend on what came before."""

    def test_an_argument_of_a_million_fragments_is_looked_at_once(self) -> None:
        made = decoder()
        made.feed(sse([call_chunk(fragment(0, "x", "Search", '{"query": "'))], done=False)[0])
        piece = sse([call_chunk(fragment(0, None, None, "abcd"))], done=False)[0]
        for _ in range(200):
            made.feed(piece * 1000)
        made.feed(body(*each(fragment(0, None, None, '"}'))))

        (call,) = made.finish().tool_calls
        assert call.arguments == '{"query": "' + "abcd" * 200_000 + '"}'

    def test_an_event_of_ten_megabytes_in_small_reads(self) -> None:
        stream = body(*each(fragment(0, "x", "Search", '{"query": "' + "x" * 10_000_000 + '"}')))

        _, reply = decode(stream[at : at + 64] for at in range(0, len(stream), 64))

        assert len(reply.tool_calls[0].arguments) == 10_000_013

    def test_a_hundred_thousand_calls(self) -> None:
        stream = [call_chunk(fragment(at, f"id{at}", "Ping", "{}")) for at in range(100_000)]

        _, reply = decode(sse([*stream, FINISH]))

        assert [call.index for call in reply.tool_calls] == list(range(100_000))


def fragments(*entries: dict[str, object]) -> list[bytes]:
    """A stream with one fragment of a call in each event."""
    choices: list[dict[str, object]] = [
        {"index": 0, "delta": {"tool_calls": [{"index": 0, **entry}]}, "finish_reason": None} for entry in entries
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    return [b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n" for choice in choices]


@pytest.mark.parametrize(
    ("later", "arguments"),
    [
        # vercel/ai, fixture mistral-incremental-tool-call
        ({"name": "", "arguments": 'ry": "a"}'}, '{"query": "a"}'),
        # ggml-org/llama.cpp#20198
        ({"arguments": {"query": "a"}}, {"query": "a"}),
    ],
    ids=["an empty name on a continuation", "an object after a beginning as text"],
)
def test_a_continuation_in_a_form_of_its_own_belongs_to_the_open_call(
    later: dict[str, object], arguments: object
) -> None:
    first: dict[str, object] = {"id": "c", "type": "function", "function": {"name": "Search", "arguments": '{"que'}}

    _, reply = decode(fragments(first, {"function": later}))

    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [("c", "Search", arguments)]
