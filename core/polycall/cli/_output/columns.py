"""Plain tables: columns that line up, or one block per row where the terminal is too narrow for that."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from polycall.cli._output.terminal import is_terminal, styled, width

_GAP = "  "


def print_columns(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, stream: TextIO | None = None, wrap_last: bool = False
) -> None:
    """Print a table.

    Args:
        headings: Of the columns.
        rows: The cells, as many as headings. The first cell is the row's name.
        stream: Where to; standard output by default.
        wrap_last: The last column holds prose, which is wrapped.
    """
    stream = stream or sys.stdout
    rows = [tuple(row) for row in rows]
    used = [at for at, _ in enumerate(headings) if any(row[at] for row in rows)]
    sizes = {at: max(len(headings[at]), *(len(row[at]) for row in rows)) for at in used}
    available = width() if is_terminal(stream) else sys.maxsize
    fixed = sum(sizes[at] + len(_GAP) for at in used[:-1])
    needed = fixed + (min(sizes[used[-1]], 30) if wrap_last and used else sizes[used[-1]] if used else 0)
    if needed > available:
        _print_blocks(headings, rows, used, stream, available)
        return
    room = max(available - fixed, 1)
    _print_line([styled(headings[at].ljust(sizes[at]), "bold", stream) for at in used], stream)
    for row in rows:
        cells = [row[at].ljust(sizes[at]) for at in used]
        first, *more = textwrap.wrap(row[used[-1]], room) if wrap_last and len(row[used[-1]]) > room else [cells[-1]]
        cells[-1] = first
        cells[0] = styled(cells[0], "cyan", stream)
        _print_line(cells, stream)
        for line in more:
            stream.write(f"{' ' * fixed}{line}\n")


def _print_line(cells: Sequence[str], stream: TextIO) -> None:
    stream.write(f"{_GAP.join(cells).rstrip()}\n")


def _print_blocks(
    headings: Sequence[str], rows: Sequence[Sequence[str]], used: Sequence[int], stream: TextIO, available: int
) -> None:
    name, *others = used
    for row in rows:
        stream.write(f"{styled(row[name], 'cyan', stream)}\n")
        for at in others:
            if row[at]:
                heading = f"{headings[at].lower()}: "
                text = textwrap.fill(
                    f"{heading}{row[at]}", available, initial_indent=_GAP, subsequent_indent=_GAP * 2
                ).replace(heading, styled(heading, "dim", stream), 1)
                stream.write(f"{text}\n")
