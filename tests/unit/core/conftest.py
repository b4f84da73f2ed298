"""The toy provider, registered for one test, and the four ways to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import polycall
from polycall._plugins.discovery import ALLOWED_EXTENSIONS_VARIABLE, ALLOWED_PROVIDERS_VARIABLE
from support.toy_provider import HOOK_NAMES, AsyncToyClient, Hooks, Script, ToyClient, make_plugin

ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo, and who won the cup?"}]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        ALLOWED_PROVIDERS_VARIABLE,
        ALLOWED_EXTENSIONS_VARIABLE,
        "POLYCALL_PROFILE",
        "POLYCALL_CONFIG",
    ):
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
Extend = Callable[..., None]
Provide = Callable[..., None]


@pytest.fixture
def make_client(hooks: Hooks) -> MakeClient:
    """A client whose provider answers with the replies that are given, and the SDK's client behind it."""

    def make(*script: Script) -> tuple[polycall.Client, ToyClient]:
        toy = ToyClient(*script)
        return polycall.from_client(toy, async_client=False), toy

    return make


@pytest.fixture
def make_async_client(hooks: Hooks) -> MakeAsyncClient:
    """Async version of `make_client`."""

    def make(*script: Script) -> tuple[polycall.AsyncClient, AsyncToyClient]:
        toy = AsyncToyClient(*script)
        return polycall.from_client(toy, async_client=True), toy

    return make


@pytest.fixture
def extend() -> Iterator[Extend]:
    """Register an extension of the given hooks for one test."""
    names: list[str] = []

    def extend(name: str, **hooks: Callable[..., object]) -> None:
        polycall.register_extension(name, make_extension(**hooks))
        names.append(name)

    yield extend
    for name in names:
        polycall.unregister(name)


@pytest.fixture
def provide() -> Iterator[Provide]:
    """Register the toy provider for one test, with some hooks replaced and some left out."""
    names: list[str] = []

    def provide(name: str = "toy", /, **changes: Any) -> None:
        polycall.register_provider(name, make_plugin(**changes))
        names.append(name)

    yield provide
    for name in names:
        polycall.unregister(name)


def make_extension(**hooks: Callable[..., object]) -> ModuleType:
    """An extension plugin of the given hooks."""
    return make_plugin(without=[hook for hook in HOOK_NAMES if hook not in hooks], **hooks)


class Way:
    """One of the ways to ask: whole or streamed, sync or async. The provider must be registered.

    Attributes:
        toy: The SDK's client of the last question.
        client: The client around it.
    """

    def __init__(self, *, asynchronous: bool, streams: bool) -> None:
        self.asynchronous = asynchronous
        self.streams = streams
        self.toy = ToyClient()
        self.client: Any = None

    async def ask(
        self, *script: Script, response_model: Any, messages: object = ASK, **arguments: object
    ) -> polycall.Calls[Any]:
        """Let the provider play a script, and read the reply to its end."""
        self.toy = (AsyncToyClient if self.asynchronous else ToyClient)(*script)
        self.client = polycall.from_client(self.toy, async_client=self.asynchronous)
        ask = self.client.stream if self.streams else self.client.create
        answer = ask(messages, response_model, **arguments)
        if self.streams:
            answer = answer.collect()
        calls: polycall.Calls[Any] = await answer if self.asynchronous else answer
        return calls


@pytest.fixture(
    params=[(False, False), (False, True), (True, False), (True, True)],
    ids=["create", "stream", "async create", "async stream"],
)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the four ways to ask."""
    asynchronous, streams = request.param
    return Way(asynchronous=asynchronous, streams=streams)
