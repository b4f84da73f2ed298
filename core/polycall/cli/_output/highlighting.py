"""Colours of JSON and of Python objects, for rich."""

from __future__ import annotations

from rich.highlighter import JSONHighlighter, ReprHighlighter
from rich.text import Text


def highlight_json(text: Text) -> Text:
    """Colour a JSON text."""
    JSONHighlighter().highlight(text)
    return text


def highlight_repr(text: Text) -> Text:
    """Colour a Python ``repr``."""
    ReprHighlighter().highlight(text)
    return text
