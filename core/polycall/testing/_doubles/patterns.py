"""Texts that a regular expression matches, made up from a source of random numbers."""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]  # the parser of `re`; there is no public one
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- .,:/@"
_CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdigit,
    sre.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdigit(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    sre.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    sre.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}
_MOST_REPEATS = 6


def text_for(pattern: str, random: Random) -> str | None:
    """A text that a pattern matches; ``None`` where this attempt found none (look-ahead, say)."""
    try:
        text = "".join(_made(token, random) for token in parser.parse(pattern))
        return text if re.search(pattern, text) else None
    except (re.error, KeyError, ValueError, IndexError):
        return None


def _made(token: tuple[Any, Any], random: Random) -> str:
    kind, value = token
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.ANY:
        return random.choice(_LETTERS)
    if kind is sre.NOT_LITERAL:
        return random.choice([letter for letter in _LETTERS if ord(letter) != value])
    if kind is sre.IN:
        return _one_in(value, random)
    if kind is sre.BRANCH:
        return "".join(_made(part, random) for part in random.choice(value[1]))
    if kind is sre.SUBPATTERN:
        return "".join(_made(part, random) for part in value[3])
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, parts = value
        count = random.randint(least, min(most, least + _MOST_REPEATS))
        return "".join(_made(part, random) for _ in range(count) for part in parts)
    if kind in (sre.AT, sre.ASSERT_NOT, sre.ASSERT):
        return ""  # whether it holds is seen in the end
    raise ValueError(kind)


def _one_in(members: list[tuple[Any, Any]], random: Random) -> str:
    negated = members[0][0] is sre.NEGATE
    if negated:
        return random.choice([letter for letter in _LETTERS if not _is_in(letter, members[1:])])
    kind, value = random.choice(members)
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return chr(random.randint(*value))
    return random.choice([letter for letter in _LETTERS if _CATEGORIES[value](letter)])


def _is_in(letter: str, members: list[tuple[Any, Any]]) -> bool:
    return any(
        ord(letter) == value
        if kind is sre.LITERAL
        else value[0] <= ord(letter) <= value[1]
        if kind is sre.RANGE
        else _CATEGORIES[value](letter)
        for kind, value in members
    )
