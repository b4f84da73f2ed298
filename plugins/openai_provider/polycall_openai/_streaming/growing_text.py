"""A JSON text that arrives in pieces, and whether its value is closed. Looks at each character once."""

from __future__ import annotations

import re

from polycall.plugin import NotJsonError, parse_json

_OUTSIDE_STRING = re.compile(r'["{}\[\]]')
_INSIDE_STRING = re.compile(r'["\\]')
_BEFORE_VALUE = ("", ":", ",", "[", "{")
_PIECES_PER_BLOCK = 1024
_FEW = 4
_EMPTY = (["{}"], ["{", "}"])
"""The words of an empty object; it comes in a few pieces at most."""


class GrowingText:
    """Text in pieces that knows whether the JSON value in it is closed.

    Closed is an object, an array or a string that has ended; a number or a word never is, since it could continue.
    That is a sign that the value is complete, not that it is valid.
    """

    __slots__ = ("_blocks", "_depth", "_escaped", "_in_string", "_last", "_pieces", "_snapshot", "_started")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._blocks: list[str] = []
        """Pieces that were joined and scanned."""
        self._last = ""  # the last character that is not white space
        self._snapshot: str | None = ""  # the last piece, while each repeats the one before it and continues it
        self._depth = 0
        self._started = False
        self._in_string = False
        self._escaped = False

    @property
    def is_blank(self) -> bool:
        """Nothing but white space so far."""
        return not self._last

    def append(self, piece: str) -> None:
        """Add a piece; not empty."""
        self._pieces.append(piece)
        if self._snapshot is not None:
            self._snapshot = piece if piece.startswith(self._snapshot) else None
        last = piece[-1]
        if last.isspace():
            last = piece.rstrip()[-1:]
        if last:
            self._last = last
        if len(self._pieces) >= _PIECES_PER_BLOCK:
            self._scan()

    def text(self) -> str:
        """All of it."""
        if self._pieces:
            self._scan()
        if len(self._blocks) > 1:
            self._blocks = ["".join(self._blocks)]
        return self._blocks[0] if self._blocks else ""

    def length(self) -> int:
        """How many characters it has."""
        return sum(map(len, self._blocks)) + sum(map(len, self._pieces))

    def may_continue_with_value(self) -> bool:
        """Whether nothing has begun yet, or a name or a value may begin here. Within a string this is not known."""
        return self._last in _BEFORE_VALUE

    def is_in_string(self) -> bool:
        """Whether the text ends in a string that is open."""
        if self._pieces:
            self._scan()
        return self._in_string

    def value_text(self) -> str:
        """The text; or the last piece, if each of them repeated the text so far, so that it alone is JSON."""
        text, snapshot = self.text(), self._snapshot
        if snapshot and len(snapshot) < len(text) and not _is_json(text) and _is_json(snapshot):
            return snapshot
        return text

    def comes_in_snapshots(self, piece: str) -> bool:
        """Whether each piece so far, of several, repeated the one before it, and so does the next one."""
        return (
            bool(self._snapshot)
            and len(self._snapshot or "") < self.length()
            and piece.startswith(self._snapshot or "")
        )

    def is_empty_object(self) -> bool:
        """Whether the text is ``{}``."""
        return self._last == "}" and len(self._pieces) + len(self._blocks) <= _FEW and self.text().split() in _EMPTY

    def is_null(self) -> bool:
        """Whether the text is ``null``."""
        return self._last == "l" and len(self._pieces) + len(self._blocks) <= _FEW and self.text().strip() == "null"

    def is_closed(self) -> bool:
        """Whether the value has ended."""
        if self._last not in ("}", "]", '"'):
            return False  # the usual answer, without a look at the text
        if self._pieces:
            self._scan()
        return self._started and self._depth == 0 and not self._in_string

    def _scan(self) -> None:
        block = "".join(self._pieces)
        self._pieces.clear()
        self._blocks.append(block)
        at = 0
        if self._escaped:
            self._escaped = False
            at = 1
        while at < len(block):
            found = (_INSIDE_STRING if self._in_string else _OUTSIDE_STRING).search(block, at)
            if found is None:
                return
            at = found.end()
            character = found.group()
            if character == "\\":
                self._escaped = at == len(block)
                at += 1
            elif character == '"':
                self._in_string = not self._in_string
                self._started = True
            elif character in "{[":
                self._depth += 1
                self._started = True
            else:
                self._depth -= 1


def _is_json(text: str) -> bool:
    """Whether a text is JSON; one that is encoded twice, inside too."""
    try:
        value = parse_json(text)
        if isinstance(value, str):
            parse_json(value)
    except NotJsonError:
        return False
    return True
