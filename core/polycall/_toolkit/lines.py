"""An incremental reader of lines over bytes, for providers that stream newline-delimited JSON."""

from __future__ import annotations

from polycall._toolkit.reply_meter import ReplyMeter

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineReader:
    """Cuts a body into its lines that are not blank, as NDJSON (https://github.com/ndjson/ndjson-spec) has them.

    Linear in its input, however that is cut. Lines end with LF or CR LF; white space around them, which means nothing
    in JSON, and a byte order mark before the first are stripped.

    Args:
        meter: Counts the pieces; by default nobody does.
    """

    __slots__ = ("_at_start", "_meter", "_tail")

    def __init__(self, meter: ReplyMeter | None = None) -> None:
        self._meter = meter
        self._tail = bytearray()
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that became complete with a piece of the body.

        Raises:
            IncompleteOutputError: The body is larger than the meter allows.
        """
        if self._meter is not None:
            self._meter.take(len(chunk))
        lines = chunk.split(b"\n")
        last = lines.pop()
        if not lines:
            self._tail += last
            return []
        if self._tail:
            self._tail += lines[0]
            lines[0] = bytes(self._tail)
            self._tail.clear()
        self._tail += last
        return self._with_data(lines)

    def finish(self) -> list[bytes]:
        """The last line, if the body does not end with a line break; it may be cut off."""
        tail = bytes(self._tail)
        self._tail.clear()
        return self._with_data([tail])

    def _with_data(self, lines: list[bytes]) -> list[bytes]:
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        return [stripped for line in lines if (stripped := line.strip())]
