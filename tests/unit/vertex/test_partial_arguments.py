"""Streamed arguments: whatever the model wants to say, piece by piece, comes out whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall_vertex._protocol.chunk import PartialArgument
from polycall_vertex._protocol.partial_arguments import PartialArguments, PartialArgumentsError, parse_path

NAMES = st.text(min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text()
# An empty object or list has no place to write to: the protocol cannot stream it.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, path + quote(name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, f"{path}[{index}]")
    else:
        yield path, value


@given(arguments=st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), data=st.data())
def test_any_split_gives_the_same_arguments(arguments: dict[str, Any], data: st.DataObject) -> None:
    writer = PartialArguments()
    for path, value in leaves(arguments, "$"):
        if not isinstance(value, str):
            writer.write(PartialArgument(path, value, will_continue=False))
            continue
        cuts = sorted(data.draw(st.lists(st.integers(0, len(value)), max_size=3)))
        pieces = [value[start:end] for start, end in zip([0, *cuts], [*cuts, len(value)], strict=True)]
        ends_apart = data.draw(st.booleans())
        for place, piece in enumerate(pieces):
            writer.write(PartialArgument(path, piece, will_continue=ends_apart or place < len(pieces) - 1))
        if ends_apart:
            writer.write(PartialArgument(path, "", will_continue=False))

    assert not writer.is_open
    assert writer.value() == arguments


@given(st.text())
def test_any_path_is_read_or_refused(text: str) -> None:
    for path in (text, "$" + text, "$." + text):
        try:
            steps = parse_path(path)
        except PartialArgumentsError:
            continue
        assert steps
        assert isinstance(steps[0], str)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ("a",)),
        ("$.ops[0].price", ("ops", 0, "price")),
        ("$['odd name'][\"it's\"]", ("odd name", "it's")),
        ("$.a-b.ü", ("a-b", "ü")),
        (r"$['it\'s \\ \a']", ("it's \\ a",)),
        ("$.a[007]", ("a", 7)),
    ],
)
def test_paths(path: str, steps: tuple[object, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    "path",
    ["", "$", "a", "$a", "$..a", "$.a[", "$.a[-1]", "$.a[*]", "$[0]", "$.a[10000]", "$.a" + ".b" * 64, "$.a "[:0]],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(PartialArgumentsError):
        parse_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "$['" + r"\a" * 4000,
        "$['" + "\\" * 9000,
        "$" + "['a" * 3000,
        "$." + "a" * 9_000 + "'",
        "$[" + "1" * 9_000,
        "$" + "." * 9_000,
    ],
    ids=lambda path: path[:8],
)
def test_hostile_paths_take_no_longer_than_their_length(path: str) -> None:
    """A regular expression took exponential time for ``$['`` and many ``\\a``: 259 bytes stopped every thread."""
    steps = 0

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, key: Any) -> str:
            nonlocal steps
            steps += 1
            return str.__getitem__(self, key)

    with pytest.raises(PartialArgumentsError, match=r"^.{0,300}$"):
        parse_path(Counted(path))

    assert steps <= 6 * len(path)


def test_a_path_of_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(PartialArgumentsError, match="out of bounds"):
        parse_path("$." + "a" * 1_000_000)


@pytest.mark.parametrize(
    "pieces",
    [
        [("$.a", "x", False), ("$.a", "y", False)],
        [("$.a", 1.0, False), ("$.a.b", 2.0, False)],
        [("$.a.b", 1.0, False), ("$.a", 2.0, False)],
        [("$.a[0]", 1.0, False), ("$.a.b", 2.0, False)],
        [("$.a", "x", True), ("$.a", 1.0, False)],
        [("$.a[1]", "x", False)],
    ],
)
def test_pieces_that_make_no_object(pieces: list[tuple[str, object, bool]]) -> None:
    writer = PartialArguments()

    with pytest.raises(PartialArgumentsError):
        for piece in pieces:
            writer.write(PartialArgument(*piece))
        writer.value()


def test_paths_that_ask_for_long_lists_do_not_fill_the_memory() -> None:
    writer = PartialArguments()

    with pytest.raises(PartialArgumentsError, match="more than 1000000 places"):
        for number in range(200):
            writer.write(PartialArgument(f"$.a{number}[9999]", 1.0, will_continue=False))


def test_what_came_of_an_open_string_is_shown() -> None:
    writer = PartialArguments({"given": {"before": 1}})
    writer.write(PartialArgument("$.given.after", 2.0, will_continue=False))
    writer.write(PartialArgument("$.s", "ab", will_continue=True))
    writer.write(PartialArgument("$.s", "c", will_continue=True))

    assert writer.is_open
    assert writer.value() == {"given": {"before": 1, "after": 2.0}, "s": "abc"}
