"""Finds a model's control tokens in texts: llama.cpp reads ``<|im_end|>`` in a question as the end of the turn."""

from __future__ import annotations

import re

from polycall_llamacpp._model.listener import Listener, ListenerError

_CANDIDATE = re.compile(r"<[^<>\s]{1,80}>|\[[^\[\]\s]{1,80}\]")
"""The forms that control tokens have: ``<s>``, ``<|im_end|>``, ``[INST]``."""
_MAX_REMEMBERED = 1024


class ControlTokens:
    """The control tokens of one model, as far as texts asked for them.

    Args:
        listener: The model's listener.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._known: dict[str, bool] = {}

    def first_in(self, text: str) -> str | None:
        """The first control token in a text; ``None`` if there is none, or if the listener does not answer."""
        if "<" not in text and "[" not in text:
            return None
        known = {candidate: self._known.get(candidate) for candidate in _CANDIDATE.findall(text)}
        unknown = [candidate for candidate, is_one in known.items() if is_one is None]
        if unknown:
            try:
                answers = self._ask(unknown)
            except ListenerError:
                return None
            known.update(answers)
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known.update(answers)
        return next((candidate for candidate, is_one in known.items() if is_one), None)

    def _ask(self, candidates: list[str]) -> dict[str, bool]:
        """Whether each is one: a single token, unless llama.cpp is told to read it as text."""
        special, plain = (self._listener.tokens(candidates, special=special) for special in (True, False))
        return {
            candidate: len(token) == 1 and token != as_text
            for candidate, token, as_text in zip(candidates, special, plain, strict=True)
        }
