"""The terminal, as far as it matters: whether there is one, its colours, its width. Without rich, which costs 0.1 s."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TextIO

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
_NARROWEST = 20


def is_terminal(stream: TextIO) -> bool:
    """Whether a person reads a stream."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def has_colours(stream: TextIO) -> bool:
    """Whether a stream takes colours: those of a terminal, unless ``NO_COLOR`` or ``TERM=dumb``; ``FORCE_COLOR``."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM", "") not in ("dumb", "unknown")


def can_redraw(stream: TextIO) -> bool:
    """Whether a line can be drawn over, as a spinner does."""
    return is_terminal(stream) and os.environ.get("TERM", "") not in ("dumb", "unknown")


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST)


def styled(text: str, style: str, stream: TextIO) -> str:
    """A text in a style (``"bold red"``), if the stream takes colours."""
    if not text or not has_colours(stream):
        return text
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def visible(text: str) -> str:
    """Words of a model or a server without control characters, which could draw over the terminal; lines stay."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def wrapped(text: str, stream: TextIO, *, after: int, indent: int) -> str:
    """A text broken into lines where a terminal would break it; elsewhere as it is.

    Args:
        text: The text.
        stream: Where it is written to.
        after: Columns of its first line that are taken.
        indent: Columns that its further lines leave free.
    """
    if not is_terminal(stream):
        return text
    lines = textwrap.wrap(text, width(), initial_indent=" " * after, subsequent_indent=" " * indent)
    return "\n".join(lines)[after:]
