"""Events that differ in a few values only are not read as a whole: the reply is the same as if they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycall import ResponseError
from polycall.plugin import NotJsonError, Reply, Request, StreamEvent, parse_json
from polycall.plugin import ServerSentEvent as Event
from polycall_openai._chat.decoder import StreamedCompletion
from polycall_openai._chat.decoder import create_decoder as chat_decoder
from polycall_openai._responses.decoder import StreamedResponse
from polycall_openai._responses.decoder import create_decoder as responses_decoder
from polycall_openai._servers.server import Server
from polycall_openai._streaming.event_template import make_template
from polycall_openai._streaming.reply_decoder import ReplyDecoder
from support.openai_replies import USAGE, call_chunk, chunk, sse
from support.openai_responses import events, output_items, typed_sse
from support.openai_server import neutral_request, session, tool_payload

JsonObject = dict[str, Any]
Api = Literal["chat", "responses"]

DECODERS: Mapping[Api, Callable[[Server, Request], ReplyDecoder]] = {
    "chat": chat_decoder,
    "responses": responses_decoder,
}


def decoder(api: Api, *, deltas: bool = False, limit: object = None) -> ReplyDecoder:
    made = session("http://localhost:8000/v1", api=api)
    options = {} if limit is None else {"max_tokens": limit}
    request = neutral_request(tool_payload("Search", "Ping", "Pinger"), deltas=deltas, options=options)
    decoder = DECODERS[api](made.server, request)
    decoder._streamed.calls.maker.ids._make = iter(map(str, range(999))).__next__
    return decoder


def decode(made: ReplyDecoder, pieces: Iterable[bytes]) -> tuple[list[StreamEvent], str]:
    """The events, and the reply or the error; what of them is made anew for each reply has no equality."""
    seen: list[StreamEvent] = []
    try:
        for piece in pieces:
            seen += made.feed(piece)
        reply = made.finish()
    except Exception as error:
        return seen, repr(error)
    return seen, repr(shown(reply))


def shown(reply: Reply) -> object:
    return {**{name: getattr(reply, name) for name in reply.__slots__}, "raw_response": None}


def without_templates(made: ReplyDecoder) -> ReplyDecoder:
    made._reader._templates_left = 0
    return made


# Streams

TEXTS = st.text(st.sampled_from('{}[]":, \\abcé😀\n\u2028\x00\ud800'), max_size=6)
EXTRAS: Mapping[str, st.SearchStrategy[object]] = {
    "obfuscation": st.text(st.sampled_from('abcXYZ0"\\'), max_size=5),
    "created": st.integers(0, 3),
    "usage": st.sampled_from([None, {}, USAGE, {"prompt_tokens": 1}]),
    "service_tier": st.just("default"),
    "error": st.sampled_from([None, ""]),
}
MORE_OF_A_DELTA: Mapping[str, st.SearchStrategy[object]] = {
    "content": st.sampled_from([None, "", "x"]),
    "role": st.just("assistant"),
    "refusal": st.sampled_from([None, ""]),
    "reasoning_content": st.sampled_from([None, "", "r"]),
    "function_call": st.none(),
}


PIECES = st.one_of(TEXTS, TEXTS, st.sampled_from(["{", "}", '{"a":1}', '"', "{}"]))


@st.composite
def fragments(draw: st.DrawFn) -> JsonObject:
    function: JsonObject = {"arguments": draw(st.one_of(PIECES, PIECES, PIECES, st.none()))}
    made: JsonObject = {"function": function}
    shape = draw(st.integers(0, 9))
    if shape != 9:
        made = {"index": draw(st.sampled_from([0, 0, 0, 1])), **made}
    if shape in (5, 7):
        made["id"] = draw(st.sampled_from([None, "", "c0", "b"]))
    if shape in (6, 7):
        function["name"] = draw(st.sampled_from([None, "", "Search", "Ping"]))
    if shape == 8:
        made |= {"type": "function", "custom": draw(st.sampled_from([None, {"name": "Search", "input": "x"}]))}
    return made


@st.composite
def runs_of_chat_chunks(draw: st.DrawFn) -> list[JsonObject]:
    """Chunks of one form, as a server sends them, each with a piece of its own."""
    extras = draw(st.sets(st.sampled_from(sorted(EXTRAS))))
    more = {
        key: draw(MORE_OF_A_DELTA[key]) for key in draw(st.sets(st.sampled_from(sorted(MORE_OF_A_DELTA)), max_size=2))
    }
    first = draw(fragments())
    others = [draw(fragments()) for _ in range(draw(st.sampled_from([0, 0, 0, 1])))]
    index = draw(st.sampled_from([0, 0, 0, None, 1]))
    finish_reason = draw(st.sampled_from([None, None, None, "", "stop", "length"]))
    made = []
    for _ in range(draw(st.integers(1, 6))):
        fragment = {**first, "function": {**first["function"], "arguments": draw(PIECES)}}
        one = call_chunk(fragment if draw(st.integers(0, 7)) else draw(fragments()), *others)
        (choice,) = one["choices"]
        choice |= {"index": index, "finish_reason": finish_reason}
        choice["delta"] |= more if draw(st.integers(0, 7)) else {}
        one |= {key: draw(EXTRAS[key]) for key in extras}
        if draw(st.integers(0, 29)) == 0:
            one["choices"].append({"index": draw(st.integers(0, 1)), "delta": {"tool_calls": [draw(fragments())]}})
        made.append(one)
    return made


OTHER_CHUNKS = st.sampled_from(
    [
        chunk({}, finish_reason="tool_calls"),
        chunk({"content": "text"}),
        chunk(None),
        {"choices": [], "usage": USAGE},
        {"error": {"message": "overloaded"}},
    ]
)


@st.composite
def chat_bodies(draw: st.DrawFn) -> list[bytes]:
    begun = [
        call_chunk({"index": at, "id": f"c{at}", "function": {"name": "Search", "arguments": ""}}) for at in (0, 1)
    ]
    stream: list[JsonObject] = begun[: draw(st.integers(1, 2))]
    for run in draw(st.lists(runs_of_chat_chunks(), min_size=1, max_size=4)):
        stream += run
        if draw(st.integers(0, 4)) == 0:
            stream.append(draw(OTHER_CHUNKS))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return with_noise(draw, sse(stream, newline=newline, space=draw(st.booleans())))


@st.composite
def responses_bodies(draw: st.DrawFn) -> list[bytes]:
    items = output_items([("Search", {"query": "a"})] * draw(st.integers(1, 2)))
    stream = [one for one in events(items) if not one["type"].endswith("arguments.delta")]
    at = draw(st.integers(0, len(stream) - 1))
    number = 100
    has_obfuscation, has_numbers = draw(st.booleans()), draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, 1))
        for _ in range(draw(st.integers(1, 6))):
            delta: JsonObject = {
                "type": "response.function_call_arguments.delta",
                "item_id": draw(st.sampled_from([items[min(index, len(items) - 1)]["id"], "fc_other"])),
                "output_index": index,
                "delta": draw(TEXTS),
            }
            if has_numbers:
                delta = {"type": delta["type"], "sequence_number": number, **delta}
                number += 1
            if has_obfuscation:
                delta["obfuscation"] = draw(EXTRAS["obfuscation"])
            stream.insert(at, delta)
            at += 1
    return with_noise(draw, typed_sse(stream) if draw(st.booleans()) else sse(stream))


def with_noise(draw: st.DrawFn, body: list[bytes]) -> list[bytes]:
    """Events, some with a comment before them, some twice, one of them perhaps broken."""
    made: list[bytes] = []
    for event in body:
        noise = draw(st.integers(0, 30))
        if noise == 0:
            made.append(b": keepalive\n\n")
        if noise == 1:
            made.append(event)
        made.append(event[: len(event) // 2] + b"\n\n" if noise == 2 else event)
    return made


def recut(body: list[bytes], cuts: list[int]) -> Iterator[bytes]:
    whole, start = b"".join(body), 0
    for place in sorted({cut % (len(whole) + 1) for cut in cuts}):
        yield whole[start:place]
        start = place
    yield whole[start:]


BODIES: Mapping[Api, st.SearchStrategy[list[bytes]]] = {"chat": chat_bodies(), "responses": responses_bodies()}


@pytest.mark.parametrize("api", BODIES)
@pytest.mark.parametrize("deltas", [False, True])
@settings(deadline=None)
@given(data=st.data())
def test_the_reply_is_that_of_reading_each_event(api: Api, deltas: bool, data: st.DataObject) -> None:
    body = data.draw(BODIES[api])
    expected = decode(without_templates(decoder(api, deltas=deltas)), body)

    assert decode(decoder(api, deltas=deltas), body) == expected

    cuts = data.draw(st.lists(st.integers(0, 10_000), max_size=8))
    assert decode(decoder(api, deltas=deltas), recut(body, cuts))[1] == expected[1]


# One template

CHAT_EVENT = {**call_chunk({"index": 0, "function": {"arguments": "piece"}}), "obfuscation": "aB"}
RESPONSES_EVENT = {
    "type": "response.function_call_arguments.delta",
    "sequence_number": 7,
    "item_id": "fc_1",
    "output_index": 0,
    "delta": "piece",
    "obfuscation": "aB",
}


def chat_holders(value: Any) -> Mapping[str, JsonObject]:
    return StreamedCompletion.varying_values(value)


SAMPLES = {
    "chat": (CHAT_EVENT, StreamedCompletion.varying_values),
    "chat, without obfuscation": (
        {key: value for key, value in CHAT_EVENT.items() if key != "obfuscation"},
        StreamedCompletion.varying_values,
    ),
    "responses": (RESPONSES_EVENT, StreamedResponse.varying_values),
    "responses, the piece first": (
        {"delta": "piece", **RESPONSES_EVENT},
        StreamedResponse.varying_values,
    ),
}


def text_of(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_text_that_fits_says_the_same_but_for_its_values(name: str, data: st.DataObject) -> None:
    sample, find_values = SAMPLES[name]
    template = make_template(Event(text_of(sample), b""), json.loads(text_of(sample)), find_values)
    assert template is not None
    other = json.loads(text_of(sample))
    for key, holder in find_values(other).items():
        holder[key] = data.draw(TEXTS if isinstance(holder[key], str) else st.integers(0, 120))
    text = bytearray(text_of(other))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text)))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b'"', b"\\", b"0", b" ", b"\n", b"}"])
        )

    piece = template.piece_of_event(Event(bytes(text), b""))

    if piece is not None:
        value = parse_json(bytes(text))
        assert isinstance(value, dict)
        held = find_values(value)
        assert next(iter(held.values()))[next(iter(held))] == piece
        for key, holder in find_values(json.loads(text_of(sample))).items():
            assert type(held[key][key]) is type(holder[key])
            held[key][key] = holder[key]
        assert value == sample


@pytest.mark.parametrize("name", SAMPLES)
@given(piece=st.text(max_size=8), number=st.integers(0, 10**6), letters=st.text("abcXYZ", max_size=9))
def test_every_event_of_the_form_fits(name: str, piece: str, number: int, letters: str) -> None:
    sample, find_values = SAMPLES[name]
    template = make_template(Event(text_of(sample), b""), json.loads(text_of(sample)), find_values)
    assert template is not None
    other = json.loads(text_of(sample))
    values = {"arguments": piece, "delta": piece, "sequence_number": number, "obfuscation": letters}
    for key, holder in find_values(other).items():
        holder[key] = values[key]

    assert template.piece_of_event(Event(text_of(other), b"")) == piece
    assert template.piece_of_chunk(b"data: " + text_of(other) + b"\n\n") == piece


@pytest.mark.parametrize(
    "data",
    [
        b'{"delta":"x","a":{"delta":"x"}}',
        b'{"a":{"delta":"x"},"delta":"x"}',
        b'{"delta":"y","delta":"x"}',
        b'{"a":"\\"delta\\":\\"x\\"","delta" : "x"}',
    ],
)
def test_what_is_learnt_is_proven(data: bytes) -> None:
    """If the value that was found is another than the one that was meant, there is no template."""
    template = make_template(Event(data, b""), json.loads(data), lambda value: {"delta": value})

    for old in (b'"x"', b'"y"'):
        for text in (data.replace(old, b'"z"', 1), b'"z"'.join(data.rsplit(old, 1))):
            piece = None if template is None else template.piece_of_event(Event(text, b""))
            assert piece in (None, json.loads(text)["delta"])


def test_lines_that_were_joined_are_no_template() -> None:
    """In the stream they stand apart, each behind a ``data:`` of its own."""
    data = b'{"a":"b",\n"delta":"x"}'

    assert make_template(Event(data, b""), json.loads(data), lambda value: {"delta": value}) is None


def test_a_number_has_to_be_one() -> None:
    text = text_of(RESPONSES_EVENT)
    template = make_template(Event(text, b""), json.loads(text), StreamedResponse.varying_values)
    assert template is not None

    for number, fits in {
        b"0": True,
        b"10": True,
        b"": False,
        b"00": False,
        b"07": False,
        b"-1": False,
        b" 1": False,
    }.items():
        piece = template.piece_of_event(Event(text.replace(b":7,", b":" + number + b","), b""))
        assert piece == ("piece" if fits else None)


def test_a_piece_of_the_body_has_to_be_just_one_event() -> None:
    text = text_of(CHAT_EVENT)
    template = make_template(Event(text, b"delta"), json.loads(text), StreamedCompletion.varying_values)
    assert template is not None

    assert template.piece_of_chunk(b"event: delta\ndata: " + text + b"\n\n") == "piece"
    for other in (
        b"data: " + text + b"\n\n",
        b"event: delta\ndata: " + text + b"\n",
        b"event: delta\ndata: " + text + b"\n\n\n",
        b"event: delta\ndata: " + text.replace(b'"piece"', b'"piece"\n') + b"\n\n",
        2 * (b"event: delta\ndata: " + text + b"\n\n"),
    ):
        assert template.piece_of_chunk(other) is None


@pytest.mark.parametrize("before", [b"event: error\n", b"event: err", b"data: {", b"data: {\n", b"event: error\r"])
def test_an_event_that_is_open_is_not_passed_over(before: bytes) -> None:
    made = decoder("chat")
    for event in sse([FIRST, grow("{"), grow("}"), grow(" ")], done=False):
        made.feed(event)
    rest = b"or\n" if before.endswith(b"err") else b""

    with pytest.raises(ResponseError):
        made.feed(before)
        made.feed(rest)
        made.feed(sse([grow(" ")], done=False)[0])


@pytest.mark.parametrize(
    ("form", "pieces"),
    [
        ({"finish_reason": "stop"}, ["", " ", "{}", "x"]),
        ({"name": "Search"}, ["", " ", '{"a":1}', '{"b":2}']),
        ({"id": "c0"}, ["", " ", '{"a":1}', "{}"]),
        ({"content": "x"}, ["", " ", "{", "}"]),
        ({"reasoning": "x"}, ["", " ", "{", "}"]),
    ],
)
def test_what_does_more_than_add_a_piece_is_read_as_a_whole(form: JsonObject, pieces: list[str]) -> None:
    stream = [FIRST]
    for piece in pieces:
        one = grow(piece)
        (choice,) = one["choices"]
        (fragment,) = choice["delta"]["tool_calls"]
        for key, value in form.items():
            holder = {"finish_reason": choice, "name": fragment["function"], "id": fragment}.get(key, choice["delta"])
            holder[key] = value
        stream.append(one)

    for deltas in (False, True):
        expected = decode(without_templates(decoder("chat", deltas=deltas)), sse(stream))
        assert decode(decoder("chat", deltas=deltas), sse(stream)) == expected


# What is learnt, and when

FIRST = call_chunk({"index": 0, "id": "c0", "function": {"name": "Search", "arguments": ""}})


def grow(piece: str, **extras: object) -> JsonObject:
    return {**call_chunk({"index": 0, "function": {"arguments": piece}}), **extras}


def test_two_events_that_add_to_one_call_make_a_template() -> None:
    made = decoder("chat")

    states = []
    for one in sse([FIRST, grow("{"), grow("}"), grow(" "), chunk({}, finish_reason="tool_calls"), grow("x")]):
        made.feed(one)
        states.append(made._reader._template is not None)

    assert states == [False, False, True, True, False, False, False]


def test_events_that_are_all_different_are_soon_given_up() -> None:
    made = decoder("chat")

    for number in range(40):
        made.feed(sse([grow("x", usage={"completion_tokens": number})], done=False)[0])

    assert made._reader._templates_left == 0
    assert made._reader._template is None


def test_a_template_that_fits_restores_the_right_to_make_more() -> None:
    """A stream of a hundred calls has a hundred forms."""
    made = decoder("chat")

    for index in range(20):
        form = call_chunk({"index": index, "id": f"c{index}", "function": {"name": "Search", "arguments": ""}})
        rest = [call_chunk({"index": index, "function": {"arguments": piece}}) for piece in ("{", '"a"', ":1", "}")]
        for one in sse([form, *rest], done=False):
            made.feed(one)

    assert made._reader._template is not None
    assert len(made.finish().tool_calls) == 19


@pytest.mark.parametrize("data", [b"\xff", b'"\\ud800"', b'"a\x01"'])
def test_a_text_that_only_the_slower_reader_takes_does_not_fit(data: bytes) -> None:
    text = text_of(grow("piece"))
    template = make_template(Event(text, b""), json.loads(text), StreamedCompletion.varying_values)
    assert template is not None
    other = text.replace(b'"piece"', data)

    assert template.piece_of_event(Event(other, b"")) is None
    try:
        parse_json(other)
    except (NotJsonError, UnicodeDecodeError):
        assert data == b"\xff"
