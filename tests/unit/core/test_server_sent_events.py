"""Cutting the body of a stream into its events."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall.plugin import EventReader, ServerSentEvent


def read(*pieces: bytes, bare_json: bool = False) -> list[bytes]:
    """The data of the events."""
    reader = EventReader(bare_json=bare_json)
    return [event.data for piece in pieces for event in reader.feed(piece)] + [event.data for event in reader.finish()]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_line_ends(end: bytes) -> None:
    assert read(b"data: 1" + end + end + b"data: 2" + end + end) == [b"1", b"2"]


def test_an_event_is_out_with_its_blank_line() -> None:
    reader = EventReader()

    assert reader.feed(b"data: 1\r\n\r\n") == [ServerSentEvent(b"1", b"")]
    assert reader.feed(b"data: 2\n") == []
    assert reader.feed(b"\n") == [ServerSentEvent(b"2", b"")]


def test_an_event_without_a_blank_line_counts_at_the_end() -> None:
    assert read(b"data: 1\n\nda", b"ta: 2") == [b"1", b"2"]


def test_what_is_no_data_is_silent() -> None:
    body = b"\xef\xbb\xbf: hello\nevent: x\ndata:1\nid: 3\nretry: 4\n\n\n\nevent: y\n\ndata: 2\n\n"

    for bare_json in (True, False):
        reader = EventReader(bare_json=bare_json)
        assert reader.feed(body) == [ServerSentEvent(b"1", b"x"), ServerSentEvent(b"2", b"")]
        assert (reader.finish(), bytes(reader.foreign), reader.total_bytes) == ([], b"", len(body))


def test_several_lines_of_data_are_one_event() -> None:
    assert read(b"data: [1,\ndata: 2]\n\n") == [b"[1,\n2]"]
    assert read(b"data: 0\n\n", b"data: [1,\n", b"data: 2]\n\n") == [b"0", b"[1,\n2]"]


@pytest.mark.parametrize("piece", [b"data: 1\rdata: 2\n\n", b"data: 1\rdata: 2\r\n\r\n", b"data: 1\rdata: 2\r\r"])
def test_a_carriage_return_alone_ends_a_line(piece: bytes) -> None:
    assert read(b"data: 0\n\n", piece) == [b"0", b"1\n2"]


def test_a_line_end_that_is_cut_is_one() -> None:
    assert read(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [b"1\n2"]


def test_a_byte_order_mark_is_one_at_the_beginning_only() -> None:
    assert read(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [b"1"]


def test_bare_json_is_complete_with_its_braces() -> None:
    body = b'{\n "error": {\n  "code": 1\n }\n}'

    assert read(body + b"\n", b"data: 2\n\n", body, bare_json=True) == [body, b"2", body]
    assert read(b"data: 1\n\n", body[:9], body[9:] + b"\n", b"data: 2\n\n", bare_json=True) == [b"1", body, b"2"]
    assert read(b"<html>", bare_json=True) == [b"<html>"]
    assert read(b'{"cut": ', bare_json=True) == [b'{"cut": ']


def test_what_came_in_place_of_a_stream_is_kept() -> None:
    reader = EventReader()

    assert reader.feed(b"<html>\r\n<body>") == []
    assert reader.finish() == []
    assert reader.foreign == b"<html>\n<body>\n"


def test_after_the_first_event_it_is_kept_no_more() -> None:
    reader = EventReader()

    assert reader.feed(b"data: 1\n\nnoise\ndata: 2\n\n") == [ServerSentEvent(b"1", b""), ServerSentEvent(b"2", b"")]
    assert reader.foreign == b""


def test_the_beginning_of_a_field_is_no_event() -> None:
    assert read(b"data: 1\n\ndat") == read(b"data: 1\n\ndat", bare_json=True) == [b"1"]


@pytest.mark.parametrize("before", [b"event: x\n", b"data: 1\n", b"da", b'{"a":\n'])
def test_whether_something_is_open_is_known(before: bytes) -> None:
    reader = EventReader(bare_json=True)

    assert reader.is_between_events
    reader.feed(b"data: 0\n\n" + before)
    assert not reader.is_between_events
    reader.feed(b"ta: 1\n\n" if before == b"da" else b"}\n" if before.startswith(b"{") else b"\n")
    assert reader.is_between_events


texts = st.dictionaries(st.text(max_size=4), st.text(), max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)


@given(
    st.lists(texts),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", b": comment", b"event: x"]),
    st.lists(st.integers(0, 2000)),
    st.booleans(),
)
def test_however_the_body_is_cut(
    events: list[bytes], end: bytes, beside: bytes, cuts: list[int], bare_json: bool
) -> None:
    lines = [*([beside] if beside else []), b"data: %b", b"", b""]
    body = b"".join(end.join(lines) % event for event in events)
    places = sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})

    assert read(*(body[start:stop] for start, stop in itertools.pairwise(places)), bare_json=bare_json) == events


@given(st.lists(texts), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_an_event_in_each_piece(events: list[bytes], end: bytes, bare_json: bool) -> None:
    assert read(*(b"data: " + event + end + end for event in events), bare_json=bare_json) == events
