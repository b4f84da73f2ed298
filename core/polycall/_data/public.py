"""The name by which users know what they import."""

from __future__ import annotations

from typing import TypeVar

NamedT = TypeVar("NamedT")


def public(value: NamedT) -> NamedT:
    """Let tracebacks, ``repr()`` and ``help()`` show ``polycall.X`` in place of the private module that defines X."""
    value.__module__ = "polycall"
    return value
