"""Typed shortcuts for the two SDKs that the contract with users names; every further one lives in its plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, overload

from polycall._clients.client import AsyncClient, Client
from polycall._clients.factory import adopt, recognize, type_name
from polycall._data.errors import ConfigurationError, PluginError, UnknownClientError
from polycall._data.public import public
from polycall._data.tracebacks import shortens_mistakes
from polycall._data.types import Mode
from polycall._plugins.registry import Provider, registry

if TYPE_CHECKING:
    import google.genai
    import openai
    from vertexai.generative_models import GenerativeModel


@overload
def from_openai(
    client: openai.OpenAI,
    mode: Mode = Mode.PARALLEL_TOOLS,
    api: str = "chat",
    model: str | None = None,
    **settings: object,
) -> Client: ...
@overload
def from_openai(
    client: openai.AsyncOpenAI,
    mode: Mode = Mode.PARALLEL_TOOLS,
    api: str = "chat",
    model: str | None = None,
    **settings: object,
) -> AsyncClient: ...
@public
@shortens_mistakes
def from_openai(
    client: openai.OpenAI | openai.AsyncOpenAI,
    mode: Mode = Mode.PARALLEL_TOOLS,
    api: str = "chat",
    model: str | None = None,
    **settings: object,
) -> Client | AsyncClient:
    """Make a client of an ``openai.OpenAI``, ``openai.AsyncOpenAI`` or one of their Azure variants.

    Args:
        client: The SDK's client; an async one gives an `AsyncClient`. polycall does not close it.
        mode: ``Mode.PARALLEL_TOOLS``.
        api: Which of OpenAI's APIs to use, ``"chat"`` or ``"responses"``.
        model: The model that calls use unless they name another.
        **settings: Further settings of the provider.

    Raises:
        ProviderNotFoundError: The plugin is not installed: ``pip install "polycall[openai]"``.
        UnknownClientError: Not an OpenAI client.
        ModeError: Another mode.
    """
    for name in ("async_client", "is_async", "use_async"):
        if name in settings:
            raise ConfigurationError(
                f"from_openai() takes no {name!r}: pass an openai.AsyncOpenAI for an AsyncClient, an openai.OpenAI "
                "for a Client.",
                key=name,
            )
    named = {} if model is None else {"model": model}
    return _from_named("openai", client, mode, None, {"api": api, **named, **settings})


@overload
def from_vertexai(
    client: GenerativeModel | google.genai.Client,
    mode: Mode = Mode.VERTEXAI_PARALLEL_TOOLS,
    use_async: Literal[False] = False,
    **settings: object,
) -> Client: ...
@overload
def from_vertexai(
    client: GenerativeModel | google.genai.Client,
    mode: Mode = Mode.VERTEXAI_PARALLEL_TOOLS,
    *,
    use_async: Literal[True],
    **settings: object,
) -> AsyncClient: ...
@public
@shortens_mistakes
def from_vertexai(
    client: GenerativeModel | google.genai.Client,
    mode: Mode = Mode.VERTEXAI_PARALLEL_TOOLS,
    use_async: bool = False,
    **settings: object,
) -> Client | AsyncClient:
    """Make a client of a Vertex AI ``GenerativeModel`` or of a ``google.genai.Client``.

    Args:
        client: The SDK's object. polycall does not close it.
        mode: ``Mode.VERTEXAI_PARALLEL_TOOLS``.
        use_async: Make an `AsyncClient`. Both kinds of object can serve either, but a ``GenerativeModel`` over REST,
            for which the SDK has nothing async.
        **settings: Further settings of the provider.

    Raises:
        ProviderNotFoundError: The plugin is not installed: ``pip install "polycall[vertex]"``.
        UnknownClientError: Neither of the two, or a ``google.genai.Client`` of the Gemini Developer API, which
            `polycall.from_client` takes.
        ModeError: Another mode.
        ConfigurationError: The object cannot do it: async over REST.
    """
    return _from_named("vertex", client, mode, use_async, settings)


def _from_named(
    name: str, client: object, mode: Mode, async_client: bool | None, settings: Mapping[str, object]
) -> Client | AsyncClient:
    """Adopt a client for one provider, through the same recognition hook as `from_client`."""
    provider = registry.provider(name)
    traits = recognize(provider, client)
    if traits is None:
        others = [other.name for other in _others(name) if _recognizes(other, client)]
        if others:
            raise UnknownClientError(
                f"Provider {name!r} does not recognise {type_name(client)}, but {others[0]!r} does: use "
                "polycall.from_client(client)."
            )
        raise UnknownClientError(
            f"Provider {name!r} does not recognise {type_name(client)}. Pass its SDK's client object, or use "
            "polycall.from_client(), which asks every installed provider."
        )
    return adopt(provider, traits, client, mode, async_client, settings)


def _others(name: str) -> Iterator[Provider]:
    """The other providers that can be loaded."""
    for other, provider in registry.every_provider():
        if other != name and isinstance(provider, Provider):
            yield provider


def _recognizes(provider: Provider, client: object) -> bool:
    try:
        return recognize(provider, client) is not None
    except PluginError:
        return False
