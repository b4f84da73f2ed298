"""Splits a question into subquestions.

Candidate cuts are punctuation and conjunctions. At each the model scores three continuations: no cut, a new
subquestion, a new subquestion that shares the beginning of the one before ("the weather in Rome | and Oslo").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from polycall_llamacpp_split._choice import choose_tool
from polycall_llamacpp_split._scorer import Scorer
from polycall_llamacpp_split._tools import SplitTool, choices_of, is_numeric
from polycall_llamacpp_split._words import mentioned, numbers, stems

_CONJUNCTION_WORDS = "and then also & und dann et puis y e luego och"
_CONJUNCTIONS = frozenset(_CONJUNCTION_WORDS.split())
_TASK = "Split the request into single requests, one per line."
_EXAMPLES = (  # their domains are not among those of the evaluation
    ("Take out the trash and wash the car.", ["Take out the trash", "wash the car"]),
    ("What is the capital of Peru?", ["What is the capital of Peru"]),
    (
        "Call the plumber and the electrician, then buy flowers.",
        ["Call the plumber", "Call the electrician", "buy flowers"],
    ),
    (
        "Show the score of the Lakers and Bulls game and the tallest mountain in Asia.",
        ["Show the score of the Lakers and Bulls game", "Show the tallest mountain in Asia"],
    ),
    ("Paint the fence green.", ["Paint the fence green"]),
    (
        "What is the height of Anna, Ben and Carl?",
        ["What is the height of Anna", "What is the height of Ben", "What is the height of Carl"],
    ),
    (
        "Open the window in the attic and close the gate, and how old is the universe?",
        ["Open the window in the attic", "close the gate", "how old is the universe"],
    ),
)
_KEEP = 5.5
"""The margin by which "no cut" must be likelier (a difference of log-probabilities)."""
_SHARE = 1.0
"""A bonus for sharing the beginning, because that text is longer."""
_MAX_FRAGMENT_WORDS = 3


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words between two candidate cuts, with the punctuation and conjunctions before them."""

    separator: str
    words: list[str]


def split_question(scorer: Scorer, text: str, tools: Sequence[SplitTool]) -> Iterator[str]:
    """Yield the subquestions of a text, each as soon as its end is known."""
    pieces = _pieces(text)
    if not pieces:
        yield text
        return
    prompt = split_prompt(scorer, text)
    current = pieces[0].words
    for piece in pieces[1:]:
        begun = f"{prompt} {' '.join(current)}"
        shared = _shared_beginning(current, piece.words)
        right = " ".join(piece.words)
        ways = (f"{piece.separator} {right}\n", f"\n- {right}\n", f"\n- {' '.join(shared)} {right}\n")
        keep, new, share = scorer.score_each(begun, ways, "split")
        keep, share = keep - _KEEP, share + _SHARE
        if keep > max(new, share) or _belongs_to(scorer, " ".join(current), piece.words, tools):
            current = [*current, *re.sub("[,;.?!]", "", piece.separator).split(), *piece.words]
            continue
        yield " ".join(current)
        prompt += f" {' '.join(current)}\n-"
        current = piece.words if new >= share else [*shared, *piece.words]
    yield " ".join(current)


def split_prompt(scorer: Scorer, text: str) -> str:
    """The prompt whose answer is the list of subquestions."""
    messages = [{"role": "system", "content": _TASK}]
    for question, subquestions in _EXAMPLES:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": "\n".join(f"- {subquestion}" for subquestion in subquestions)})
    return scorer.chat_prompt([*messages, {"role": "user", "content": text}]) + "-"


def _pieces(text: str) -> list[_Piece]:
    found: list[_Piece] = []
    current: list[str] = []
    separator = ""
    for raw in text.split():
        word = raw.strip("\"'()").rstrip(",;.?!:")
        mark = re.sub(r"[^,;.?!]", "", raw[len(word) :])[:1]
        if word.lower() in _CONJUNCTIONS:
            if current:
                found.append(_Piece(separator, current))
                current, separator = [], ""
            separator += f" {word.lower()}{mark}"
            continue
        if word:
            current.append(word)
        if mark and current:
            found.append(_Piece(separator, current))
            current, separator = [], mark
    return [*found, _Piece(separator, current)] if current else found


def _shared_beginning(before: Sequence[str], fragment: Sequence[str]) -> list[str]:
    """The words that a fragment shares with the preceding subquestion: up to the one that matches its first word."""
    first = fragment[0].lower()
    for position, word in enumerate(before[1:], 1):
        if word.lower() == first or (word[0].isdigit() and first[0].isdigit()):
            return list(before[:position])
    return list(before[: max(1, len(before) - len(fragment))])


def _belongs_to(scorer: Scorer, before: str, fragment: Sequence[str], tools: Sequence[SplitTool]) -> bool:
    """Whether a short fragment supplies values that the preceding subquestion lacks ("add 2 | and 5")."""
    text = " ".join(fragment)
    if len(fragment) > _MAX_FRAGMENT_WORDS or any(stems(text) & stems(tool.plain_name) for tool in tools):
        return False
    tool = choose_tool(scorer, before, tools)
    lacking = sum(is_numeric(tool.properties[name]) for name in tool.required) - len(numbers(before))
    if numbers(text) and lacking >= len(numbers(text)):
        return True
    named = (choices_of(schema) for schema in tool.properties.values())
    return any(mentioned(values, text) and not mentioned(values, before) for values in named)
