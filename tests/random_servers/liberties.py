"""The choices of one conversation: drawn from its seed, written down, and each can be switched off by its name."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeVar

T = TypeVar("T")


class Liberties:
    """Decides which liberties a server takes.

    Each liberty has dice of its own, made of the seed and its name: switching one off leaves the others as they were.

    Args:
        seed: Decides everything.
        off: Names of liberties that are not taken.
    """

    def __init__(self, seed: str, off: Collection[str] = ()) -> None:
        self.seed = seed
        self.off = frozenset(off)
        self.taken: dict[str, object] = {}
        """The liberties that were taken, with what was picked last."""
        self._dice: dict[str, random.Random] = {}
        # Most conversations take a few liberties, some take many: faults are in the one, their company in the other.
        self._wildness = random.Random(seed).choice([0.1, 0.3, 0.3, 0.6, 1.0])

    def dice(self, name: str) -> random.Random:
        """The dice of one liberty; what is drawn from them is not written down."""
        if name not in self._dice:
            self._dice[name] = random.Random(f"{self.seed} {name}")
        return self._dice[name]

    def takes(self, name: str, chance: float = 0.3) -> bool:
        """Whether a liberty is taken here."""
        taken = self.dice(name).random() < chance * self._wildness and name not in self.off
        if taken:
            self.taken[name] = True
        return taken

    def pick(self, name: str, options: Sequence[T], chance: float = 0.7) -> T:
        """One of the options; the first is the one without any liberty."""
        dice = self.dice(name)
        leaves = dice.random() < chance * self._wildness
        picked = dice.choice(options)
        if not leaves or name in self.off or picked == options[0]:
            return options[0]
        self.taken[name] = picked
        return picked

    def cuts(self, name: str, text: str, most: int = 12) -> list[str]:
        """A text in pieces, none of them empty; in one if the liberty is not taken."""
        if len(text) < 2 or not self.takes(name, 1.6):
            return [text] if text else []
        dice = self.dice(name)
        places = sorted({dice.randrange(1, len(text)) for _ in range(dice.randint(1, most))})
        return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
