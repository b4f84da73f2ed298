"""Events that say the same but for a few values: nearly all that carry a call's arguments.

Of such an event only the values are read. What it means as a whole is known from the one before: JSON is read from
left to right, so where the texts around the values are the same bytes, and each value is one token of the same kind,
the whole is the same but for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import from_json, to_json

from polycall.plugin import ServerSentEvent
from polycall_openai._json import JsonObject, NotJsonError, parse

FindHolders = Callable[[JsonObject], Mapping[str, JsonObject]]
"""From an event to its values that differ from event to event: key, and the object that has it. The first is the piece
of the arguments."""

_SCALAR = rb'("(?:[^"\\]|\\.)*"|[1-9][0-9]*|0)'
_QUOTE = ord('"')
_ZERO = ord("0")


class _Slot(NamedTuple):
    """A value that differs."""

    is_text: bool
    is_piece: bool
    after: bytes
    """What stands between it and the next value; its own closing quote included."""
    length: int
    """Of that; 0 of the last, whose place is known."""


class _Ends(NamedTuple):
    """How a text begins and ends, with the lengths."""

    head: bytes
    head_length: int
    tail: bytes
    tail_length: int


class EventTemplate:
    """What an event has in common with those that came before.

    Args:
        head: The text before the first value; its opening quote included.
        slots: The values, as they follow each other.
        event_type: The type that the stream gives them; may be empty.
    """

    __slots__ = ("_event_type", "_framed_ends", "_plain_ends", "_slots")

    def __init__(self, head: bytes, slots: tuple[_Slot, ...], event_type: bytes) -> None:
        frame = b"event: " + event_type + b"\ndata: " if event_type else b"data: "
        *inner, last = slots
        self._event_type = event_type
        self._plain_ends = _Ends(head, len(head), last.after, len(last.after))
        self._framed_ends = _Ends(frame + head, len(frame + head), last.after + b"\n\n", len(last.after) + len(b"\n\n"))
        self._slots = (*inner, last._replace(length=0))

    def piece_of_event(self, event: ServerSentEvent) -> str | None:
        """The piece of the arguments, if an event is one of these; ``None`` for every other."""
        return self._piece(event.data, self._plain_ends) if event.type == self._event_type else None

    def piece_of_chunk(self, chunk: bytes) -> str | None:
        """The same for a piece of the body, if it is just one event."""
        return self._piece(chunk, self._framed_ends)

    def _piece(self, text: bytes, ends: _Ends) -> str | None:
        head, at, tail, tail_length = ends
        if not (text.startswith(head) and text.endswith(tail)):
            return None
        piece: str | None = None
        last = len(text) - tail_length
        for is_text, is_piece, after, length in self._slots:
            end = text.find(after, at) if length else last
            if end < at:
                return None
            if is_text:
                try:
                    value = from_json(text[at - 1 : end + 1])  # with its quotes
                except ValueError:
                    return None  # a text that goes on, or one that only the slower reader takes
                if is_piece:
                    piece = value
            elif not text[at:end].isdigit() or (text[at] == _ZERO and end > at + 1):
                return None
            at = end + length
        return piece


def learn(event: ServerSentEvent, value: JsonObject, find_holders: FindHolders) -> EventTemplate | None:
    """What the events that are like this one have in common.

    Proven, not guessed: with other values in their places the text has to say the same but for them.

    Args:
        event: One of them.
        value: What it says.
        find_holders: Where the values are that may differ.
    """
    data = event.data
    holders = find_holders(value)
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
    if b"\n" in data or not _is_so(data, value, find_holders, places, others):
        return None
    return _made(event, places, next(iter(holders)))


@lru_cache(maxsize=16)
def _scalar_of(key: str) -> re.Pattern[bytes]:
    return re.compile(b'"' + key.encode() + b'" ?: ?' + _SCALAR, re.DOTALL)


def _is_so(
    data: bytes,
    value: JsonObject,
    find_holders: FindHolders,
    places: list[tuple[int, int, str]],
    others: Mapping[str, object],
) -> bool:
    """Whether other values in these places are other values there, and nothing else."""
    parts: list[bytes] = []
    at = 0
    for start, end, key in places:
        parts += (data[at:start], to_json(others[key]))
        at = end
    try:
        probe = parse(b"".join(parts) + data[at:])
        if not isinstance(probe, dict):
            return False
        probed = find_holders(probe)
        if {key: holder[key] for key, holder in probed.items()} != others:
            return False
        for key, holder in find_holders(value).items():
            probed[key][key] = holder[key]
    except (NotJsonError, LookupError, TypeError, AttributeError):
        return False
    return probe == value


def _made(event: ServerSentEvent, places: list[tuple[int, int, str]], piece_key: str) -> EventTemplate:
    data = event.data
    quoted = [data[start] == _QUOTE for start, _, _ in places]
    begins = [start + is_text for (start, _, _), is_text in zip(places, quoted, strict=True)]
    ends = [end - is_text for (_, end, _), is_text in zip(places, quoted, strict=True)]
    slots = tuple(
        _Slot(is_text, key == piece_key, data[end:until], until - end)
        for (_, _, key), is_text, end, until in zip(places, quoted, ends, [*begins[1:], len(data)], strict=True)
    )
    return EventTemplate(data[: begins[0]], slots, event.type)
