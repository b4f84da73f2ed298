"""Finds the elements of a JSON array in text that arrives in pieces, each as soon as it is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INSIDE_STRING = re.compile(r'["\\]')
_OUTSIDE_STRING = re.compile(r'["{}\[\]]')


@dataclass(frozen=True, slots=True)
class ElementText:
    """An element grew."""

    index: int
    text: str
    complete: bool
    """This piece closes the element."""


class ArrayScanner:
    """Splits ``[{...}, {...}]`` into its elements; linear in the length of the text, however it is cut.

    Only objects are elements; the text between them is ignored. Text that is not JSON is not an error here: it just
    never completes.
    """

    def __init__(self) -> None:
        self.closed = False
        """Whether the array's closing bracket has arrived."""
        self._index = -1
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: str) -> Iterator[ElementText]:
        """Take the next piece of text; it may be cut anywhere."""
        position = 0
        start = 0  # of the part of the current element that is not yielded yet
        while position < len(text) and not self.closed:
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            match = (_INSIDE_STRING if self._in_string else _OUTSIDE_STRING).search(text, position)
            if match is None:
                break
            position = match.end()
            character = match[0]
            if character == '"':
                self._in_string = not self._in_string
            elif character == "\\":
                self._escaped = True
            elif character in "[{":
                self._depth += 1
                if self._depth == 2:
                    self._index += 1
                    start = match.start()
            else:
                self._depth -= 1
                if self._depth == 1:
                    yield ElementText(self._index, text[start:position], complete=True)
                    start = position
                self.closed = self._depth <= 0
        if self._depth >= 2 and start < len(text):
            yield ElementText(self._index, text[start:], complete=False)
