"""Facts about words that need no model: stems, numbers, empty words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_ARTICLES_AND_SUCH = (
    "a an the of to in on for and is are be me my it that with by from at this one all some into what who how"
)
_ASKING = "what who whom whose which when where why how"
_AUXILIARIES_AND_PRONOUNS = (
    "i you he she we they us him her them your our his their its or but as do does did will would shall should can "
    "could may might must has have had was were been am if then than so about up out off please"
)
_COUNTING = "zero one two three four five six seven eight nine ten eleven twelve"
_FUNCTION_WORDS = frozenset(_ARTICLES_AND_SUCH.split())
_QUESTION_WORDS = frozenset(_ASKING.split())
_EMPTY_WORDS = (_FUNCTION_WORDS | frozenset(_AUXILIARIES_AND_PRONOUNS.split())) - _QUESTION_WORDS
JOINING_WORDS = _FUNCTION_WORDS - _QUESTION_WORDS
"""Words that may join an argument to the words around it."""
_NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTING.split())}
_STEM_LENGTH = 4
_MAX_DIGITS = 15  # longer numbers are not exact as floats; the model copies those
_MAX_REMEMBERED = 1024  # each step reads the same names, descriptions and words

_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"\w+")
_NUMBER_OR_WORD = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?|[^\W\d_]+")


@lru_cache(_MAX_REMEMBERED)
def plain_name(name: str) -> str:
    """An identifier in words: ``set_light`` and ``SetLight`` are ``"set light"``."""
    return _WORD_BOUNDARY.sub(" ", name).lower().strip()


@lru_cache(_MAX_REMEMBERED)
def stems(text: str) -> frozenset[str]:
    """The beginnings of the words that carry meaning."""
    words = _LETTERS.findall(text.lower())
    return frozenset(word[:_STEM_LENGTH] for word in words if word not in _FUNCTION_WORDS)


def plain_words(text: str) -> set[str]:
    """The words of a text, in lower case and without punctuation."""
    return set(_WORD.findall(text.lower()))


def is_empty_word(word: str) -> bool:
    """Whether a word can be left out. Question words cannot: they distinguish a question from a topic."""
    return plain_words(word) <= _EMPTY_WORDS


def numbers(text: str) -> list[int | float]:
    """The numbers of a text, in figures or words, in order; whole ones as `int`."""
    found: list[int | float] = []
    for word in _NUMBER_OR_WORD.findall(text.lower()):
        if word in _NUMBER_WORDS:
            found.append(_NUMBER_WORDS[word])
        elif not word.isalpha() and len(word) <= _MAX_DIGITS:
            number = float(word)
            found.append(int(number) if number.is_integer() else number)
    return found


def mentioned(values: Iterable[object], text: str) -> list[object]:
    """The values that occur in the text as whole words."""
    return [value for value in values if re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", text, re.IGNORECASE)]
