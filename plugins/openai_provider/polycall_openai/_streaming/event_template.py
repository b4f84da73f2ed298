"""Templates for repetitive events: nearly every event of a stream differs from the last in a few values only.

Of such an event only the values are read. The rest is known from the one before: JSON is read from left to right, so
where the texts around the values are the same bytes, and each value is one token of the same kind, the events differ
in these values only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import from_json, to_json

from polycall.plugin import JsonObject, NotJsonError, ServerSentEvent, parse_json

FindValues = Callable[[JsonObject], Mapping[str, JsonObject]]
"""Finds the values of an event that differ from event to event: by key, the object that has it. The first is the piece
of the arguments."""

_SCALAR = rb'("(?:[^"\\]|\\.)*"|[1-9][0-9]*|0)'
_QUOTE = ord('"')
_ZERO = ord("0")


class _Value(NamedTuple):
    """A value that differs from event to event."""

    is_text: bool
    is_piece: bool
    after: bytes
    """The text between it and the next value, its own closing quote included; empty for the last, whose end is known
    from the tail."""


class _TextTemplate:
    """A text with gaps for values.

    Args:
        head: The text before the first value; its opening quote included.
        values: In their order.
        tail: The text after the last value; its closing quote included.
    """

    __slots__ = ("_ends", "_values")

    def __init__(self, head: bytes, values: tuple[_Value, ...], tail: bytes) -> None:
        self._ends = head, len(head), tail, len(tail)
        self._values = values

    def piece_of(self, text: bytes) -> str | None:
        """The piece of the arguments; ``None`` if a text does not match."""
        head, at, tail, tail_length = self._ends
        if not (text.startswith(head) and text.endswith(tail)):
            return None
        piece: str | None = None
        last = len(text) - tail_length
        for is_text, is_piece, after in self._values:
            end = text.find(after, at) if after else last
            if end < at:
                return None
            if is_text:
                if not is_piece and text[at:end].isalnum():  # as what hides the length is: certainly one text
                    at = end + len(after)
                    continue
                try:
                    value = from_json(text[at - 1 : end + 1])  # with its quotes
                except ValueError:
                    return None  # a text that continues, or one that only the slower reader accepts
                if is_piece:
                    piece = value
            elif not text[at:end].isdigit() or (text[at] == _ZERO and end > at + 1):
                return None
            at = end + len(after)
        return piece


class EventTemplate:
    """The common text of similar events.

    Args:
        head: The text before the first value; its opening quote included.
        values: In their order.
        tail: The text after the last value; its closing quote included.
        event_type: The type in the stream; may be empty.
    """

    __slots__ = ("_event_type", "_parts", "_piece_of_data", "piece_of_chunk")

    def __init__(self, head: bytes, values: tuple[_Value, ...], tail: bytes, event_type: bytes) -> None:
        frame = b"event: " + event_type + b"\ndata: " if event_type else b"data: "
        self._event_type = event_type
        self._parts = head, values, tail
        self._piece_of_data: Callable[[bytes], str | None] | None = None
        self.piece_of_chunk = _TextTemplate(frame + head, values, tail + b"\n\n").piece_of
        """The piece of the arguments in a piece of the body, if that is just one event that matches."""

    def piece_of_event(self, event: ServerSentEvent) -> str | None:
        """The piece of the arguments; ``None`` if an event does not match."""
        if event.type != self._event_type:
            return None
        if self._piece_of_data is None:  # never asked where each piece of the body is one event
            self._piece_of_data = _TextTemplate(*self._parts).piece_of
        return self._piece_of_data(event.data)


def make_template(event: ServerSentEvent, value: JsonObject, find_values: FindValues) -> EventTemplate | None:
    """Make the template of the events that are like this one; ``None`` if it cannot be proven.

    Proven, not guessed: with other values in their places the text has to mean the same apart from them.

    Args:
        event: One of them.
        value: The event's value.
        find_values: Finds the values that may differ.
    """
    data = event.data
    holders = find_values(value)
    others: dict[str, object] = {}
    places: list[tuple[int, int, str]] = []
    for key, holder in holders.items():
        found = _scalar_of(key).search(data)
        if found is None:
            return None
        places.append((*found.span(1), key))
        one = holder[key]
        others[key] = one + 1 if isinstance(one, int) else "another" if one == "other" else "other"
    places.sort()
    if b"\n" in data or not _is_proven(data, value, find_values, places, others):
        return None
    return _build(event, places, next(iter(holders)))


@lru_cache(maxsize=16)
def _scalar_of(key: str) -> re.Pattern[bytes]:
    return re.compile(b'"' + key.encode() + b'" ?: ?' + _SCALAR, re.DOTALL)


def _is_proven(
    data: bytes,
    value: JsonObject,
    find_values: FindValues,
    places: list[tuple[int, int, str]],
    others: Mapping[str, object],
) -> bool:
    """Whether other values in these places change those values, and nothing else."""
    parts: list[bytes] = []
    at = 0
    for start, end, key in places:
        parts += (data[at:start], to_json(others[key]))
        at = end
    try:
        probe = parse_json(b"".join(parts) + data[at:])
        if not isinstance(probe, dict):
            return False
        probed = find_values(probe)
        if {key: holder[key] for key, holder in probed.items()} != others:
            return False
        for key, holder in find_values(value).items():
            probed[key][key] = holder[key]
    except (NotJsonError, LookupError, TypeError, AttributeError):
        return False
    return probe == value


def _build(event: ServerSentEvent, places: list[tuple[int, int, str]], piece_key: str) -> EventTemplate:
    data = event.data
    quoted = [data[start] == _QUOTE for start, _, _ in places]
    begins = [start + is_text for (start, _, _), is_text in zip(places, quoted, strict=True)]
    ends = [end - is_text for (_, end, _), is_text in zip(places, quoted, strict=True)]
    values = tuple(
        _Value(is_text, key == piece_key, data[end:until])
        for (_, _, key), is_text, end, until in zip(places, quoted, ends, [*begins[1:], ends[-1]], strict=True)
    )
    return EventTemplate(data[: begins[0]], values, data[ends[-1] :], event.type)
