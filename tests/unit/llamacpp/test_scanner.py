"""The scanner finds the elements of a JSON array however the text is cut."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall_llamacpp._reply.array_scanner import ArrayScanner, ElementText

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
arrays = st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=5)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted({min(cut, len(text)) for cut in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def elements_of(scanner: ArrayScanner, pieces: list[str]) -> tuple[list[str], dict[int, str]]:
    """The complete elements in order, and what came of the one that is not complete."""
    growing: dict[int, str] = {}
    complete: list[str] = []
    for piece in pieces:
        for part in scanner.feed(piece):
            growing[part.index] = growing.get(part.index, "") + part.text
            if part.complete:
                assert part.index == len(complete)
                complete.append(growing.pop(part.index))
    return complete, growing


@given(arrays, st.lists(st.integers(0, 400), max_size=40), st.sampled_from([None, 2]), st.booleans())
def test_any_cut_gives_the_same_elements(
    array: list[dict[str, object]], cuts: list[int], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(array, indent=indent, ensure_ascii=ascii_only)
    scanner = ArrayScanner()

    complete, growing = elements_of(scanner, pieces_of(text, cuts))

    assert [json.loads(element) for element in complete] == array
    assert growing == {}
    assert scanner.closed


@given(arrays, st.integers(0, 400))
def test_an_element_is_complete_with_its_closing_brace_and_not_before(
    array: list[dict[str, object]], length: int
) -> None:
    text = json.dumps(array)[:length]

    complete, growing = elements_of(ArrayScanner(), [text])

    ends = []
    position = 1
    decoder = json.JSONDecoder()
    whole = json.dumps(array)
    for _ in array:
        position = whole.index("{", position)
        position = decoder.raw_decode(whole, position)[1]
        ends.append(position)
    assert len(complete) == sum(end <= length for end in ends)
    assert "".join(complete) + "".join(growing.values()) == "".join(
        whole[whole.index("{", start) : min(end, length)]
        for start, end in zip([0, *ends], ends, strict=False)
        if whole.index("{", start) < length
    )


def test_what_follows_the_array_is_not_looked_at() -> None:
    assert list(ArrayScanner().feed('[{"a":1}] [{"b":2}]')) == [ElementText(0, '{"a":1}', complete=True)]


def test_a_backslash_at_the_end_of_a_piece_escapes_the_next_one() -> None:
    complete, growing = elements_of(ArrayScanner(), ['[{"a":"\\', '"}"', "}]"])

    assert (complete, growing) == (['{"a":"\\"}"}'], {})


@pytest.mark.parametrize("piece_length", [1, 4])
def test_the_time_is_linear_in_the_length(piece_length: int) -> None:
    """A million characters in tiny pieces: quadratic work would take minutes."""
    text = '[{"a":"' + "x" * 1_000_000 + '"}]'
    scanner = ArrayScanner()

    started = time.process_time()
    count = sum(
        part.complete
        for start in range(0, len(text), piece_length)
        for part in scanner.feed(text[start : start + piece_length])
    )

    assert count == 1
    assert time.process_time() - started < 20
