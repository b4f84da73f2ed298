"""Measures which words of a subquestion a text argument leaves out, and how far it can be widened to include them.

A word is accounted for by the tool's own words ("weather" in "the weather in Rome", for a tool `Weather`) or by another
argument. All other words may belong to the text: "super bowl" is too little of "who won the super bowl".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polycall_llamacpp_split._tools import SplitTool, choices_of, is_numeric
from polycall_llamacpp_split._words import JOINING_WORDS, is_empty_word, mentioned, numbers, plain_words, stems

Span = tuple[int, int]
"""Positions of the first word and of the word after the last."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The words of a subquestion, seen from one text argument of a call."""

    words: Sequence[str]
    accounted: Sequence[bool]
    """For each word: whether it names the tool or is part of another argument."""

    def left_out(self, span: Span) -> int:
        """The number of words with a meaning that are in no argument, if this argument is the span."""
        start, end = span
        outside = (*range(start), *range(end, len(self.words)))
        return sum(not self.accounted[position] and not is_empty_word(self.words[position]) for position in outside)

    def widened(self, span: Span) -> Span:
        """The span, extended to the nearest words that are accounted for, without words that join it to these."""
        start, end = first, last = span
        while start > 0 and not self.accounted[start - 1]:
            start -= 1
        while end < len(self.words) and not self.accounted[end]:
            end += 1
        if start > 0:
            while start < first and self.words[start].casefold() in JOINING_WORDS:
                start += 1
        if end < len(self.words):
            while end > last and self.words[end - 1].casefold() in JOINING_WORDS:
                end -= 1
        return start, end

    def find(self, text: str) -> Span:
        """The span of a text that is copied from the subquestion."""
        wanted = text.split()
        starts = (start for start in range(len(self.words)) if self.words[start : start + len(wanted)] == wanted)
        start = next(starts)
        return start, start + len(wanted)

    def text(self, span: Span) -> str:
        """The words of a span."""
        return " ".join(self.words[slice(*span)])


def cover(subquestion: str, tool: SplitTool, filled: Mapping[str, object]) -> Coverage:
    """Find the words of a subquestion that are accounted for.

    Args:
        subquestion: Its text.
        tool: The tool to be called.
        filled: The arguments known so far. Numbers, and values that a schema lists, count as known from the start.
    """
    schemas = tool.properties.values()
    about = stems(tool.all_text)
    listed = (value for schema in schemas for value in mentioned(choices_of(schema), subquestion))
    elsewhere = {word for value in (*filled.values(), *listed) for word in plain_words(str(value))}
    takes_numbers = any(map(is_numeric, schemas))

    def is_accounted(word: str) -> bool:
        plain = plain_words(word)
        named = bool(stems(word) & about) or (bool(plain) and plain <= elsewhere)
        return named or (takes_numbers and bool(numbers(word)))

    words = subquestion.split()
    return Coverage(words, [is_accounted(word) for word in words])
