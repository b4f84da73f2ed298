"""Assembles arguments that the model streams piece by piece, each with the JSONPath of its place.

Documented: ``PartialArg`` of the Gemini API on Vertex AI (``json_path``, one value, ``will_continue``). Observed only
(recordings in the tests of vercel/ai): the pieces of a string repeat its path, an empty last piece closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import TypeAlias

from polycall_vertex._protocol.chunk import PartialArgument

_MAX_DEPTH = 64
_MAX_INDEX = 9_999
_MAX_PLACES = 1_000_000
_MAX_PATH_LENGTH = 10_000
_MAX_INDEX_DIGITS = 6
_SHOWN = 80

Path: TypeAlias = tuple[str | int, ...]


class _Gap:
    """A place of a list that was not written yet."""


_GAP = _Gap()


class PartialArgumentsError(ValueError):
    """The pieces do not make an object; the message says why."""


def parse_path(text: str) -> Path:
    """Read a JSONPath of names and indices, such as ``$.ops[0].price`` or ``$['odd name']``.

    Raises:
        PartialArgumentsError: It has another form, more than 64 steps, or an index beyond 9999.
    """
    if len(text) > _MAX_PATH_LENGTH:
        raise PartialArgumentsError(f"the path {_clip(text)} of a partial argument is out of bounds")
    steps: list[str | int] = []
    at = 1 if text.startswith("$") else len(text) + 1
    while at < len(text):
        step, at = _read_step(text, at)
        steps.append(step)
        if len(steps) > _MAX_DEPTH or (isinstance(step, int) and step > _MAX_INDEX):
            raise PartialArgumentsError(f"the path {_clip(text)} of a partial argument is out of bounds")
    if at > len(text) or not steps or isinstance(steps[0], int):
        raise _unreadable(text)
    return tuple(steps)


def _read_step(text: str, at: int) -> tuple[str | int, int]:
    """The step that begins at a place, and the place behind it. Looks at each character once."""
    if text[at] == ".":
        end = at + 1
        while end < len(text) and text[end] not in ".[]'\"":
            end += 1
        if end > at + 1:
            return text[at + 1 : end], end
    elif text[at] == "[" and text[at + 1 : at + 2] in ("'", '"'):
        return _read_quoted(text, at + 2, text[at + 1])
    elif text[at] == "[":
        end = text.find("]", at, at + _MAX_INDEX_DIGITS + 2)
        digits = text[at + 1 : end]
        if end > 0 and digits.isascii() and digits.isdecimal():
            return int(digits), end + 1
    raise _unreadable(text)


def _read_quoted(text: str, at: int, quote: str) -> tuple[str, int]:
    characters: list[str] = []
    while at < len(text) and text[at] != quote:
        at += text[at] == "\\"  # the next character stands for itself
        characters.append(text[at : at + 1])
        at += 1
    if text[at : at + 2] != f"{quote}]":
        raise _unreadable(text)
    return "".join(characters), at + 2


def _unreadable(text: str) -> PartialArgumentsError:
    return PartialArgumentsError(f"the path {_clip(text)} of a partial argument cannot be read")


def _clip(text: str) -> str:
    return repr(text[:_SHOWN])


class PartialArguments:
    """Writes pieces to their places. Bounded: depth 64, index 9999, a million places in lists.

    The text itself is bounded by the setting ``max_reply_bytes``; a path of a few bytes can ask for long lists.

    Args:
        start: Complete arguments that preceded the pieces.
    """

    def __init__(self, start: dict[str, object] | None = None) -> None:
        self._root: dict[str, object] = {} if start is None else deepcopy(start)
        self._open: dict[Path, list[str]] = {}
        self._written: set[Path] = set()
        self._places = 0

    @property
    def is_open(self) -> bool:
        """Whether a string is incomplete."""
        return bool(self._open)

    @property
    def written(self) -> dict[str, object] | None:
        """The arguments so far; ``None`` while a string is open."""
        return None if self._open else self._root

    def continues(self, piece: PartialArgument) -> bool:
        """Whether a piece goes on with a string that is open."""
        try:
            return parse_path(piece.path) in self._open
        except PartialArgumentsError:
            return False

    def write(self, piece: PartialArgument) -> None:
        """Put a piece in its place.

        Raises:
            PartialArgumentsError: Its path cannot be read, contradicts earlier pieces, or is out of bounds.
        """
        path = parse_path(piece.path)
        value = piece.value
        pieces = self._open.get(path)
        if pieces is None:
            if path in self._written:
                if not piece.will_continue and self._at(path) == value:
                    return  # once more
                raise PartialArgumentsError(f"the partial argument {_clip(piece.path)} was sent twice")
            self._written.add(path)
            pieces = self._open[path] = []
            self._set(path, value)
        elif not isinstance(value, str | None):
            raise PartialArgumentsError(
                f"the partial argument {_clip(piece.path)} continues with a value that is not text"
            )
        if isinstance(value, str):
            pieces.append(value)
        if not piece.will_continue:
            del self._open[path]
            if len(pieces) > 1:
                self._set(path, "".join(pieces), replace=True)

    def value(self) -> dict[str, object]:
        """The arguments; incomplete strings are as long as received.

        Raises:
            PartialArgumentsError: A place of a list was skipped.
        """
        for path, pieces in self._open.items():
            if pieces:
                self._set(path, "".join(pieces), replace=True)
        _refuse_gaps(self._root)
        return self._root

    def _at(self, path: Path) -> object:
        node: object = self._root
        for step in path:
            node = _child(node, step)
        return node

    def _set(self, path: Path, value: object, *, replace: bool = False) -> None:
        node: object = self._root
        for step, next_step in pairwise(path):
            child = _child(node, step)
            if isinstance(child, _Gap):
                child = [] if isinstance(next_step, int) else {}
                self._assign(node, step, child)
            node = child
        if not replace and not isinstance(_child(node, path[-1]), _Gap):
            raise PartialArgumentsError(f"the partial arguments contradict each other at {_show(path)}")
        self._assign(node, path[-1], value)

    def _assign(self, node: object, step: str | int, value: object) -> None:
        if isinstance(node, dict):
            node[step] = value
        elif isinstance(node, list) and isinstance(step, int):
            new = step + 1 - len(node)
            self._places += max(new, 0)
            if self._places > _MAX_PLACES:
                raise PartialArgumentsError(f"the partial arguments have more than {_MAX_PLACES} places in lists")
            node.extend([_GAP] * new)
            node[step] = value


def _child(node: object, step: str | int) -> object:
    if isinstance(node, dict) and isinstance(step, str):
        return node.get(step, _GAP)
    if isinstance(node, list) and isinstance(step, int):
        return node[step] if step < len(node) else _GAP
    raise PartialArgumentsError(f"the partial arguments contradict each other at {_show((step,))}")


def _refuse_gaps(value: object) -> None:
    if isinstance(value, _Gap):
        raise PartialArgumentsError("the partial arguments leave out an element of a list")
    if isinstance(value, dict):
        for one in value.values():
            _refuse_gaps(one)
    elif isinstance(value, list):
        for one in value:
            _refuse_gaps(one)


def _show(path: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in path)[:_SHOWN]
