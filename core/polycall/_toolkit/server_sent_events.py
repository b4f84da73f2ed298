"""An incremental reader of server-sent events, over bytes, for every provider that streams them."""

from __future__ import annotations

from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SILENT = (b":", b"id:", b"retry:")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", _BYTE_ORDER_MARK + b"data:")


class ServerSentEvent(NamedTuple):
    """One event with data.

    Attributes:
        data: Several ``data`` lines are joined with line feeds.
        type: Empty where the server gave none.
    """

    data: bytes
    type: bytes


class EventReader:
    """Cuts a body into events, as https://html.spec.whatwg.org/multipage/server-sent-events.html says.

    Linear in what it is fed, however that is cut. Beyond the standard: an event that is not closed by a blank line when
    the body ends is returned by `finish`, and lines that are not fields are kept.

    Args:
        bare_json: Such lines are JSON, which is an event once as many braces are closed as were opened: so come errors
            of servers that break off a stream. Without it, those before the first event are kept as ``foreign``.

    Attributes:
        foreign: Lines that are not a field of an event, while there has been no event: the reply in place of a stream.
        is_between_events: Nothing is kept: the next byte begins an event.
        total_bytes: The size of the body so far.
    """

    __slots__ = (
        "_balance",
        "_bare",
        "_data",
        "_saw_event",
        "_skip_line_feed",
        "_tail",
        "_takes_bare_json",
        "_type",
        "foreign",
        "is_between_events",
        "total_bytes",
    )

    def __init__(self, *, bare_json: bool = False) -> None:
        self.foreign = bytearray()
        self.total_bytes = 0
        self.is_between_events = True
        self._takes_bare_json = bare_json
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._type = b""
        self._bare: list[bytes] = []
        self._balance = 0
        self._skip_line_feed = False
        self._saw_event = False

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that became complete with a piece of the body."""
        self.total_bytes += len(chunk)
        if self._saw_event and self.is_between_events and chunk.startswith(b"data: "):
            # One event of one line, as nearly every piece is.
            end = chunk.find(b"\n") - len(chunk)
            if end == -2 and chunk.endswith(b"\n\n") and b"\r" not in chunk:
                return [ServerSentEvent(chunk[6:-2], b"")]
            if end == -3 and chunk.endswith(b"\r\n\r\n") and chunk.find(b"\r") == len(chunk) - 4:
                return [ServerSentEvent(chunk[6:-4], b"")]
        if self._skip_line_feed or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        events: list[ServerSentEvent] = []
        lines = chunk.split(b"\n")
        if len(lines) == 1:
            self._tail += chunk
        else:
            if self._tail:
                self._tail += lines[0]
                lines[0] = bytes(self._tail)
                self._tail.clear()
            self._tail += lines.pop()
            for line in lines:
                if line:
                    self._take_line(line, events)
                elif self._data or self._type:
                    self._end_event(events)
        self.is_between_events = not (self._tail or self._data or self._type or self._bare)
        return events

    def finish(self) -> list[ServerSentEvent]:
        """What the end of the body left open, if anything; it may be cut off."""
        events: list[ServerSentEvent] = []
        tail = bytes(self._tail)
        self._tail.clear()
        if tail and not any(field.startswith(tail) for field in _FIELDS):
            self._take_line(tail, events)
        if self._data:
            self._end_event(events)
        if self._bare:
            self._end_bare(events)
        return events

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """CR and CRLF as LF. A CR at the end counts at once, and an LF that comes after it then no more."""
        if self._skip_line_feed and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_line_feed = False
        if chunk.endswith(b"\r"):
            self._skip_line_feed = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._saw_event = True
        elif line.startswith(b"event:"):
            self._type = line[6:].strip()
        elif line.startswith(_SILENT):
            return
        elif line.startswith(_BYTE_ORDER_MARK) and not (self._saw_event or self.foreign or self._bare):
            self._take_line(line[len(_BYTE_ORDER_MARK) :], events)
        elif self._takes_bare_json:
            self._bare.append(line)
            self._balance += line.count(b"{") - line.count(b"}")
            if self._balance == 0:
                self._end_bare(events)
        elif not self._saw_event:
            self.foreign += line + b"\n"

    def _end_event(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            events.append(ServerSentEvent(data, self._type))
            self._data.clear()
        self._type = b""

    def _end_bare(self, events: list[ServerSentEvent]) -> None:
        events.append(ServerSentEvent(b"\n".join(self._bare), b""))
        self._bare.clear()
