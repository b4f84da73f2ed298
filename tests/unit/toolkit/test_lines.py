"""Cutting a body of newline-delimited JSON into its lines."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall import IncompleteOutputError
from polycall._toolkit.lines import LineReader
from polycall._toolkit.reply_meter import ReplyMeter


def read(*pieces: bytes) -> list[bytes]:
    reader = LineReader()
    return [line for piece in pieces for line in reader.feed(piece)] + reader.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \r\n", b"\n\n", b"\n \t\r\n"])
def test_line_ends_and_blank_lines(end: bytes) -> None:
    assert read(b'{"a": 1}' + end + b"[2]" + end) == [b'{"a": 1}', b"[2]"]


def test_a_line_is_out_with_its_line_feed() -> None:
    reader = LineReader()

    assert reader.feed(b"1\n2") == [b"1"]
    assert reader.feed(b"3") == []
    assert reader.feed(b"\r\n\n4\n") == [b"23", b"4"]
    assert reader.finish() == []


def test_the_last_line_needs_no_line_feed() -> None:
    assert read(b"1\n2") == [b"1", b"2"]
    assert read(b"1\n ") == [b"1"]
    assert read() == []


def test_finishing_twice_gives_the_last_line_once() -> None:
    reader = LineReader()
    reader.feed(b"1")

    assert [reader.finish(), reader.finish()] == [[b"1"], []]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read(b"\xef\xbb", b"\xbf1\n\xef\xbb\xbf2\n") == [b"1", b"\xef\xbb\xbf2"]


def test_a_carriage_return_alone_does_not_end_a_line() -> None:
    assert read(b'{"a":\r1}\n') == [b'{"a":\r1}']


def test_the_meter_counts_the_pieces() -> None:
    reader = LineReader(ReplyMeter(10))
    reader.feed(b"12345")
    reader.feed(b"\n\n\n\n\n")

    with pytest.raises(IncompleteOutputError, match="max_reply_bytes=10"):
        reader.feed(b"1")


values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(values), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.lists(st.integers(0, 200)))
def test_any_values_cut_anywhere(sent: list[object], end: str, closed: bool, cuts: list[int]) -> None:
    body = end.join(json.dumps(value, ensure_ascii=False) for value in sent).encode() + (
        end.encode() if closed else b""
    )
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]

    lines = read(*(body[start:stop] for start, stop in itertools.pairwise(edges)))

    assert [json.loads(line) for line in lines] == sent


def test_the_cost_is_linear() -> None:
    def cost(size: int) -> float:
        reader = LineReader()
        begun = time.process_time()
        for _ in range(size):
            reader.feed(b"x" * 10)  # one long line
        reader.finish()
        return time.process_time() - begun

    cost(1000)
    small, large = (min(cost(size) for _ in range(3)) for size in (10_000, 80_000))

    assert large < 40 * small  # 64 times if it were quadratic
