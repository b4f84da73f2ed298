"""Remembers the tokens of texts and prompts, so that llama.cpp need not compute them again for each step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from polycall_llamacpp.strategies import Listener

PromptKind = Literal["split", "subquestion", "value"]
"""Prompts of one kind begin with the same examples."""

_MAX_REMEMBERED = 4096
_END_OF_WORD = re.compile(r"[^\W\d_](?= [^\W\d_])")
"""The blank after such a letter belongs to the next word's token; the blank after a line's end need not."""


@dataclass(frozen=True, slots=True)
class _Beginning:
    text: str
    tokens: tuple[int, ...]


class ModelTokens:
    """The known tokens of one model.

    Args:
        listener: The model's listener.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._texts: dict[str, tuple[int, ...]] = {}
        self._beginnings: dict[PromptKind, _Beginning | None] = {}

    @property
    def knows_beginnings(self) -> bool:
        """Whether `learn_beginning` was called."""
        return bool(self._beginnings)

    def learn_beginning(self, kind: PromptKind, prompt: str, other: str) -> None:
        """Request the tokens of the common beginning of all prompts of a kind.

        Args:
            kind: The kind of both prompts.
            prompt: A prompt.
            other: Another one, as different as two of that kind can be.
        """
        text = _up_to_last_word(_common_beginning(prompt, other))
        (whole,) = self._listener.tokens([prompt], begins_prompt=True)
        tokens, rest = self._listener.tokens([text, prompt[len(text) :]], begins_prompt=True)
        # Some tokenizers do not cut at words, or put a blank before each text.
        can_be_cut = tokens and (*tokens, *rest) == whole
        self._beginnings[kind] = _Beginning(text, tokens) if can_be_cut else None

    def of_prompt(self, prompt: str, kind: PromptKind) -> str | list[int | str]:
        """A prompt in the form for llama.cpp: the known tokens, then text."""
        beginning = self._beginnings.get(kind)
        if beginning is None or not prompt.startswith(beginning.text):
            return prompt
        return [*beginning.tokens, prompt[len(beginning.text) :]]

    def learn(self, texts: Iterable[str]) -> None:
        """Request the unknown tokens of several texts at once."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if unknown:
            if len(self._texts) >= _MAX_REMEMBERED:
                self._texts.clear()
            self._texts.update(zip(unknown, self._listener.tokens(unknown), strict=True))

    def of_text(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that continues a prompt."""
        tokens = self._texts.get(text)
        if tokens is None:
            (tokens,) = self._listener.tokens([text])
            self._texts[text] = tokens
        return tokens


def _common_beginning(text: str, other: str) -> str:
    differing = (place for place, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1])
    return text[: next(differing, min(len(text), len(other)))]


def _up_to_last_word(text: str) -> str:
    return text[: max((match.end() for match in _END_OF_WORD.finditer(text)), default=0)]
