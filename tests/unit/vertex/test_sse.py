"""Cutting a genai stream into the data of its events."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall_vertex._sse import EventReader


def read(*pieces: bytes) -> list[bytes]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_line_ends(end: bytes) -> None:
    assert read(b"data: 1" + end + end + b"data: 2" + end + end) == [b"1", b"2"]


def test_an_event_is_out_with_its_blank_line() -> None:
    reader = EventReader()

    assert reader.feed(b"data: 1\r\n\r\n") == [b"1"]
    assert reader.feed(b"data: 2\n") == []
    assert reader.feed(b"\n") == [b"2"]


def test_an_event_without_a_blank_line_counts_at_the_end() -> None:
    assert read(b"data: 1\n\nda", b"ta: 2") == [b"1", b"2"]


def test_what_is_no_data_is_silent() -> None:
    body = b"\xef\xbb\xbf: hello\nevent: x\ndata:1\nid: 3\nretry: 4\n\n\n\ndata: [DONE]\n\n"

    assert read(body) == [b"1"]
    assert read(b"data: [DONE]\r\n\r\n") == []


def test_several_lines_of_data_are_one_event() -> None:
    assert read(b"data: [1,\ndata: 2]\n\n") == [b"[1,\n2]"]


def test_json_that_is_no_event_is_complete_with_its_braces() -> None:
    assert read(b'{\n "error": {\n  "code": 1\n }\n}\n', b"data: 2\n\n") == [
        b'{\n "error": {\n  "code": 1\n }\n}',
        b"2",
    ]
    assert read(b"<html>") == [b"<html>"]
    assert read(b'{"cut": ') == [b'{"cut": ']


texts = st.dictionaries(st.text(max_size=4), st.text(), max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)


@given(
    st.lists(texts),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", b": comment", b"event: x"]),
    st.lists(st.integers(0, 2000)),
)
def test_however_the_body_is_cut(events: list[bytes], end: bytes, beside: bytes, cuts: list[int]) -> None:
    lines = [*([beside] if beside else []), b"data: %b", b"", b""]
    body = b"".join(end.join(lines) % event for event in events)
    places = sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})

    assert read(*(body[start:stop] for start, stop in itertools.pairwise(places))) == events
