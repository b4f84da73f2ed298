"""Assembles arguments that the model streams piece by piece, each with the JSONPath of its place.

Documented: ``PartialArg`` of the Gemini API on Vertex AI (``json_path``, one value, ``will_continue``). Observed only
(recordings in the tests of vercel/ai): the pieces of a string repeat its path, an empty last piece closes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import TypeAlias

from polycall_vertex._protocol.chunk import PartialArgument

_MAX_DEPTH = 64
_MAX_INDEX = 9_999
_MAX_PLACES = 1_000_000
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"]+)
      | \[(?P<index>\d{1,6})\]
      | \[(?P<quote>['"])(?P<quoted>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\]""",
    re.VERBOSE | re.DOTALL,
)

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
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            break
        position = match.end()
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] if match["name"] is not None else re.sub(r"\\(.)", r"\1", match["quoted"]))
    if not text.startswith("$") or position < len(text) or not steps or isinstance(steps[0], int):
        raise PartialArgumentsError(f"the path {text[:80]!r} of a partial argument cannot be read")
    if len(steps) > _MAX_DEPTH or any(isinstance(step, int) and step > _MAX_INDEX for step in steps):
        raise PartialArgumentsError(f"the path {text[:80]!r} of a partial argument is out of bounds")
    return tuple(steps)


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
                raise PartialArgumentsError(f"the partial argument {piece.path!r} was sent twice")
            self._written.add(path)
            pieces = self._open[path] = []
            self._set(path, value)
        elif not isinstance(value, str | None):
            raise PartialArgumentsError(f"the partial argument {piece.path!r} continues with a value that is not text")
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
    return ".".join(str(step) for step in path)
