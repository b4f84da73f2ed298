"""One thing that ``polycall check`` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        section: ``"Providers"``, ``"Profiles"``, ...
        name: Of the thing.
        ok: It is in order.
        message: What it is, or what is wrong with it.
        hint: How to mend it.
    """

    section: str
    name: str
    ok: bool
    message: str
    hint: str | None = None
