"""A clean environment, and the providers of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import polycall
from polycall._plugins.discovery import ALLOWED_EXTENSIONS_VARIABLE, ALLOWED_PROVIDERS_VARIABLE

Register = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        ALLOWED_PROVIDERS_VARIABLE,
        ALLOWED_EXTENSIONS_VARIABLE,
        "POLYCALL_PROFILE",
        "POLYCALL_CONFIG",
        "POLYCALL_BLOCK_NETWORK",
    ):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def register() -> Iterator[Register]:
    """Register a provider for one test."""
    names: list[str] = []

    def register(name: str, plugin: object) -> None:
        polycall.register_provider(name, plugin)
        names.append(name)

    yield register
    for name in names:
        polycall.unregister(name)
