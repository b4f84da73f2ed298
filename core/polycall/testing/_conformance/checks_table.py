"""The list of checks: each is a function that is marked with its id, its name, its hook and what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

CheckFunction: TypeAlias = Callable[..., Awaitable[None] | None]
"""Takes a `Trial`."""

GROUPS: Mapping[str, tuple[str, str]] = {
    "A": ("Metadata and loading", "loading"),
    "B": ("Settings and clients", "settings"),
    "C": ("Schema rendering", "schemas"),
    "D": ("Sending", "sending"),
    "E": ("Extraction", "extraction"),
    "F": ("Streaming", "streaming"),
    "G": ("Corrections and conversation", "conversation"),
    "H": ("Errors", "errors"),
    "I": ("Sync, async, streamed agree", "agreement"),
    "J": ("Cancelling and resources", "resources"),
    "K": ("Concurrency", "concurrency"),
    "L": ("Security", "security"),
    "M": ("Telemetry and usage", "telemetry"),
    "N": ("Speed", "speed"),
}
"""Each group: its title and the module of its checks."""

TIERS: Mapping[str, str] = {"bronze": "ABCDEI", "silver": "FGH", "gold": "JKLM", "platinum": "N"}
"""Which groups a tier asks for beyond those of the tiers before it."""

EVERY_WAY = ("create", "create async", "stream", "stream async")
"""The four ways to ask."""
STREAMED = EVERY_WAY[2:]
WHOLE = EVERY_WAY[:2]
ONCE = ("create",)


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: ``"E07"``.
        name: ``"unicode_arguments"``.
        rule: What must hold, in a sentence.
        hook: The hook that most likely breaks it.
        ways: Of `EVERY_WAY`, those it runs in.
        needs: Capabilities without which there is nothing to test.
        function: The check.
        otherwise: What must hold in its place where a capability is not there.
    """

    id: str
    name: str
    rule: str
    hook: str
    ways: Sequence[str]
    needs: Sequence[str]
    function: CheckFunction
    otherwise: CheckFunction | None = None

    @property
    def link(self) -> str:
        """Its place in the documentation."""
        return f"docs/conformance.md#{self.id.lower()}"


_checks: dict[str, Check] = {}


def check(
    title: str,
    *,
    hook: str,
    ways: Sequence[str] = EVERY_WAY,
    needs: Sequence[str] | str = (),
    otherwise: CheckFunction | None = None,
) -> Callable[[CheckFunction], CheckFunction]:
    """Make a function a check.

    Args:
        title: Its id and its name.
        hook: As in `Check`.
        ways: As in `Check`.
        needs: As in `Check`.
        otherwise: As in `Check`.
    """
    id, name = title.split()
    required = (needs,) if isinstance(needs, str) else tuple(needs)

    def add(function: CheckFunction) -> CheckFunction:
        if id in _checks:
            raise ValueError(f"There are two checks {id}.")
        rule = " ".join((inspect.getdoc(function) or "").split())
        _checks[id] = Check(id, name, rule, hook, ways, required, function, otherwise)
        return function

    return add


def all_checks() -> Mapping[str, Check]:
    """Every check by its id, in order."""
    for _, module in GROUPS.values():
        import_module(f"polycall.testing._conformance.checks.{module}")
    return dict(sorted(_checks.items()))
