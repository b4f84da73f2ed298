"""The events of a genai stream, cut from the bytes of its body.

The SDK's own reader (google-genai 2.34) ends with an error at comments, ``event:`` lines, ``data:`` without a space and
``[DONE]``, all of which proxies send, and over httpx it also ends a line at U+2028, which JSON may hold.
"""

from __future__ import annotations

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SILENT = (b":", b"event:", b"id:", b"retry:")
_DONE = b"[DONE]"


class EventReader:
    """Cuts a body into the data of its events. Linear in what it is fed, however that is cut.

    As https://html.spec.whatwg.org/multipage/server-sent-events.html says, and beyond it, as the SDK does: an event
    that no blank line closes counts when the body ends, and text that is no field is JSON, complete when its braces
    are: so come errors of servers that answer a stream with a whole reply.
    """

    __slots__ = ("_balance", "_bare", "_began", "_data", "_skip_line_feed", "_tail")

    def __init__(self) -> None:
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._bare: list[bytes] = []
        self._balance = 0
        self._began = False
        self._skip_line_feed = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that became complete with a piece of the body; ``[DONE]`` is none."""
        if self._is_one_event(piece):
            data = piece[6:].rstrip(b"\r\n")
            return [] if data == _DONE else [data]
        if self._skip_line_feed or b"\r" in piece:
            piece = self._with_line_feeds(piece)
        lines = piece.split(b"\n")
        if len(lines) == 1:
            self._tail += piece
            return []
        if self._tail:
            self._tail += lines[0]
            lines[0] = bytes(self._tail)
            self._tail.clear()
        self._tail += lines.pop()
        events: list[bytes] = []
        for line in lines:
            self._take_line(line, events)
        return events

    def finish(self) -> list[bytes]:
        """What the end of the body left open; it may be cut off."""
        events: list[bytes] = []
        if self._tail:
            self._take_line(bytes(self._tail), events)
            self._tail.clear()
        self._end_event(events)
        if self._bare:
            events.append(b"\n".join(self._bare))
            self._bare.clear()
        return events

    def _is_one_event(self, piece: bytes) -> bool:
        """Whether a piece is one event of one line, and nothing before it is open: so the service sends them."""
        if not piece.startswith(b"data: ") or self._tail or self._data or self._bare or self._skip_line_feed:
            return False
        if piece.endswith(b"\r\n\r\n"):
            self._began = True
            return piece.find(b"\n") == len(piece) - 3 and piece.find(b"\r") == len(piece) - 4
        return False

    def _with_line_feeds(self, piece: bytes) -> bytes:
        """CR and CRLF as LF. A CR at the end counts at once, and an LF that comes after it then no more."""
        if self._skip_line_feed and piece:
            piece = piece.removeprefix(b"\n")
            self._skip_line_feed = False
        if piece.endswith(b"\r"):
            self._skip_line_feed = True
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take_line(self, line: bytes, events: list[bytes]) -> None:
        if not self._began:
            self._began = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            self._end_event(events)
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif not line.startswith(_SILENT):
            self._bare.append(line)
            self._balance += line.count(b"{") - line.count(b"}")
            if self._balance == 0:
                events.append(b"\n".join(self._bare))
                self._bare.clear()

    def _end_event(self, events: list[bytes]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            self._data.clear()
            if data and data.strip() != _DONE:
                events.append(data)
