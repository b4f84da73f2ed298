"""An incremental reader of server-sent events, over bytes. Linear in what it is fed, however that is cut."""

from __future__ import annotations

from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", _BYTE_ORDER_MARK + b"data:")


class Event(NamedTuple):
    """One event with data."""

    data: bytes
    """Several ``data`` lines are joined with line feeds."""
    type: bytes
    """Empty where the server gave none."""


class EventReader:
    """Cuts a body into events, as https://html.spec.whatwg.org/multipage/server-sent-events.html says.

    Beyond the standard: an event that is not closed by a blank line when the body ends is given out by `finish`, and
    what is no event stream at all is kept as ``foreign``, for whoever has to say what came instead.
    """

    __slots__ = (
        "_data",
        "_saw_event",
        "_skip_line_feed",
        "_tail",
        "_type",
        "foreign",
        "is_between_events",
        "total_bytes",
    )

    def __init__(self) -> None:
        self.foreign = bytearray()
        """Lines that are no field of an event, while there has been no event."""
        self.total_bytes = 0
        self.is_between_events = True
        """Nothing is kept of what came: the next byte begins an event."""
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._type = b""
        self._skip_line_feed = False
        self._saw_event = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that became complete with a piece of the body."""
        self.total_bytes += len(chunk)
        if self._saw_event and chunk.find(b"\n") == len(chunk) - 2 and self._is_one_event(chunk):
            return [Event(chunk[6:-2], b"")]
        if self._skip_line_feed or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        lines = chunk.split(b"\n")
        if len(lines) == 1:
            self._tail += chunk
            self._note_what_is_open()
            return []
        if self._tail:
            self._tail += lines[0]
            lines[0] = bytes(self._tail)
            self._tail.clear()
        self._tail += lines.pop()
        events: list[Event] = []
        for line in lines:
            if line:
                self._take_line(line)
            elif self._data or self._type:
                self._dispatch(events)
        self._note_what_is_open()
        return events

    def finish(self) -> list[Event]:
        """The event that the end of the body left open, if there is one; it may be cut off."""
        events: list[Event] = []
        tail = bytes(self._tail)
        self._tail.clear()
        if tail and not any(field.startswith(tail) for field in _FIELDS):
            self._take_line(tail)
        if self._data:
            self._dispatch(events)
        return events

    def _is_one_event(self, chunk: bytes) -> bool:
        """Whether a piece of the body is one event of one line, and nothing before it is open: nearly every piece."""
        return chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") and b"\r" not in chunk and self.is_between_events

    def _note_what_is_open(self) -> None:
        self.is_between_events = not (self._tail or self._data or self._type)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """CR and CRLF as LF. A CR at the end counts at once, and an LF that comes after it then no more."""
        if self._skip_line_feed and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_line_feed = False
        if chunk.endswith(b"\r"):
            self._skip_line_feed = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._saw_event = True
        elif line.startswith(b"event:"):
            self._type = line[6:].strip()
        elif not self._saw_event and not line.startswith((b":", b"id:", b"retry:")):
            if line.startswith(_BYTE_ORDER_MARK) and not self.foreign:
                self._take_line(line[3:])
            else:
                self.foreign += line + b"\n"

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._data[0] if len(self._data) == 1 else b"\n".join(self._data), self._type))
            self._data.clear()
        self._type = b""
