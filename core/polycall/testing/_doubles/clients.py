"""A provider that follows a script, and its clients."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from polycall._clients.client import AsyncClient, Client
from polycall._engine.bound_hooks import BoundHooks
from polycall._plugins.registry import _LoadedPlugin, registry
from polycall.testing._doubles.hooks import HooksInPlace, ScriptedHooks
from polycall.testing._doubles.script import Script, SentRequest

PROVIDER_NAME = "scripted"
_MODEL = "scripted-model"


class ScriptedClient(Client):
    """A `polycall.Client` of a `ScriptedProvider`: a real one, but for the model."""

    requests: Sequence[SentRequest]
    """What the model was told; see `ScriptedProvider.requests`."""


class AsyncScriptedClient(AsyncClient):
    """A `polycall.AsyncClient` of a `ScriptedProvider`: a real one, but for the model."""

    requests: Sequence[SentRequest]
    """What the model was told; see `ScriptedProvider.requests`."""


class ScriptedProvider:
    """A model that answers as it is told, behind real clients: rendering, validation, corrections and streams happen.

    Each reply is a list of typed objects (each becomes the call that a model would make for it), or of `call`, texts,
    `cut_off`, `refusal`, a `Gate` and exceptions; one of these alone; `reply`, for usage and the like; `made_up`; or a
    function of the `polycall.plugin.Request` that returns one of them. An exception is raised as it is::

        provider = ScriptedProvider([Weather(location="Rome")], RateLimitError("slow down"), "Fine.")

    As a context manager it checks in the end that all replies were asked for.

    Args:
        *replies: One for each request; a correction is a request too.
        then: Answers every request after those, e.g. ``made_up()``. ``None``: one more is a `ScriptError`.
    """

    def __init__(self, *replies: object, then: object = None) -> None:
        self._script = Script(replies, then)

    @property
    def requests(self) -> Sequence[SentRequest]:
        """What the model was told: each request, in order, as `SentRequest`."""
        return self._script.requests

    def client(self, model: str | None = _MODEL) -> ScriptedClient:
        """A new client; all clients of the provider share its script.

        Args:
            model: The model's name that calls use unless they name another.
        """
        client = ScriptedClient(self._bound_hooks(), model=model)
        client.requests = self.requests
        return client

    def async_client(self, model: str | None = _MODEL) -> AsyncScriptedClient:
        """Async version of `client`."""
        client = AsyncScriptedClient(self._bound_hooks(), model=model)
        client.requests = self.requests
        return client

    def make_hooks(self, *, in_place: bool = False) -> ScriptedHooks:
        """The hooks of a provider plugin, to register it under a name of your own.

        Args:
            in_place: Make those of an extension that stands in the place of every provider.
        """
        return HooksInPlace(self._script) if in_place else ScriptedHooks(self._script)

    def check(self) -> None:
        """Raise if the script and the application did not fit.

        Raises:
            ScriptError: A request had no reply, even if the application caught that; or replies are left.
        """
        self._script.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if type_ is None:
            self.check()

    def _bound_hooks(self) -> BoundHooks:
        plugin = _LoadedPlugin(PROVIDER_NAME, None, self.make_hooks())
        return BoundHooks(registry._build(plugin), self._script, created=True)  # noqa: SLF001  # known to no one else
