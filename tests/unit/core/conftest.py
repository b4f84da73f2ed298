"""The toy provider, registered for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import polycall
from polycall._plugins.discovery import ALLOWED_PROVIDERS_VARIABLE
from support.toy_provider import AsyncToyClient, Hooks, Script, ToyClient, make_plugin


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (ALLOWED_PROVIDERS_VARIABLE, "POLYCALL_PROFILE", "POLYCALL_CONFIG"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    """The provider ``"toy"``, whose hooks' notes a test can read."""
    hooks = Hooks()
    polycall.register_provider("toy", make_plugin(hooks))
    yield hooks
    polycall.unregister("toy")


MakeClient = Callable[..., tuple[polycall.Client, ToyClient]]
MakeAsyncClient = Callable[..., tuple[polycall.AsyncClient, AsyncToyClient]]


@pytest.fixture
def make_client(hooks: Hooks) -> MakeClient:
    """A client whose provider answers with the replies that are given, and the SDK's client behind it."""

    def make(*script: Script) -> tuple[polycall.Client, ToyClient]:
        toy = ToyClient(*script)
        return polycall.from_client(toy, async_client=False), toy

    return make


@pytest.fixture
def make_async_client(hooks: Hooks) -> MakeAsyncClient:
    """As `make_client`, async."""

    def make(*script: Script) -> tuple[polycall.AsyncClient, AsyncToyClient]:
        toy = AsyncToyClient(*script)
        return polycall.from_client(toy, async_client=True), toy

    return make
