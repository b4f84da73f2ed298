"""Clients by name, and from an SDK's client object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from polycall._clients.client import AsyncClient, Client
from polycall._clients.own_settings import OwnSettings, take_own
from polycall._clients.settings import make_settings, name_server
from polycall._clients.trial import check_default_options
from polycall._data.contract import ClientTraits
from polycall._data.errors import ConfigurationError, ModeError, PluginError, UnknownClientError
from polycall._data.public import public
from polycall._data.tracebacks import shortens_mistakes
from polycall._data.types import Mode
from polycall._engine.bound_hooks import BoundHooks
from polycall._engine.defaults import Defaults
from polycall._engine.result_checks import check_owed, check_traits
from polycall._plugins.name_request import NameRequest
from polycall._plugins.registry import Provider, registry


@overload
def from_provider(name: str, async_client: Literal[False] = False, **settings: object) -> Client: ...
@overload
def from_provider(name: str, async_client: Literal[True], **settings: object) -> AsyncClient: ...
@overload
def from_provider(name: str, async_client: bool, **settings: object) -> Client | AsyncClient: ...
@public
@shortens_mistakes
def from_provider(name: str, async_client: bool = False, **settings: object) -> Client | AsyncClient:
    """Make a client by the provider's name.

    Args:
        name: ``"provider/model"``, or the provider alone if each call names its model. Everything after the first
            slash is the model's name. The names of `polycall.providers` can stand for the provider: also those of
            servers (``"groq/..."``, ``"ollama/..."``), which some providers know.
        async_client: Make an `AsyncClient`.
        **settings: The provider's own, e.g. ``base_url`` and ``api_key``; each can also be given as ``<setting>_env``,
            the name of the environment variable that holds it. Besides, with every provider: ``model``; ``options``, a
            dict of options of every ``create()`` (a call's own override them); ``max_corrections``, the default of
            ``create(max_retries=...)``.

    Raises:
        ProviderNotFoundError: No such provider is installed; says what to write instead, or what to install.
        PluginError: Its plugin is broken, or its SDK is missing.
        ConfigurationError: A setting is unknown or does not fit, or the name has another form.
    """
    if not isinstance(name, str) or not name or name.startswith("/"):
        raise ConfigurationError(f"A client is named 'provider/model', or 'provider' alone; got {name!r}.", key="name")
    provider_name, slash, model = name.partition("/")
    plain = f"{provider_name.strip()}{slash}{model.strip()}"
    if plain != name:  # a model's name with a line break at its end would be sent as it is
        raise ConfigurationError(f"{name!r} has spaces or line breaks around a part. Write {plain!r}.", key="name")
    return create(provider_name, take_own(settings, model=model or None), async_client=async_client)


def create(provider_name: str, own: OwnSettings, *, async_client: bool) -> Client | AsyncClient:
    """Make a client by name.

    Args:
        provider_name: The provider's name, or a server's.
        own: polycall's own settings, and those of the provider.
        async_client: Make an `AsyncClient`.
    """
    model = own.model
    provider, settings = select(provider_name, own)
    typed_settings = make_settings(provider, settings, written=own.written, place=own.place)
    hook = "polycall_create_client"
    try:
        sdk_client = provider.hooks.polycall_create_client(
            settings=typed_settings, model=model, async_client=async_client
        )
    except Exception as error:
        provider.explain(error, hook)
        raise
    check_owed(provider, sdk_client, "an SDK's client", hook)
    return _wrap(provider, sdk_client, typed_settings, model, own.defaults, async_client=async_client, created=True)


def select(provider_name: str, own: OwnSettings) -> tuple[Provider, Mapping[str, object]]:
    """The provider of that name, and its settings in code: the server is one of them if the name is a server's.

    Raises:
        ProviderNotFoundError: Nothing has that name.
        PluginError: The plugin is broken, or has no setting for the server.
        ConfigurationError: The settings name another server.
    """
    place = own.place
    where = None if place.source is None else f"{place.source}: {place.path('provider')}"
    provider = registry.provider(provider_name, NameRequest(provider_name, own.model, where))
    if provider.server is None:
        return provider, own.provider_settings
    return provider, name_server(provider, provider.server, own.provider_settings, own.written, place)


@overload
def from_client(
    client: object, mode: Mode | None = None, *, async_client: Literal[False], **settings: object
) -> Client: ...
@overload
def from_client(
    client: object, mode: Mode | None = None, *, async_client: Literal[True], **settings: object
) -> AsyncClient: ...
@overload
def from_client(
    client: object, mode: Mode | None = None, *, async_client: bool | None = None, **settings: object
) -> Client | AsyncClient: ...
@public
@shortens_mistakes
def from_client(
    client: object, mode: Mode | None = None, *, async_client: bool | None = None, **settings: object
) -> Client | AsyncClient:
    """Make a client of any SDK's client object that an installed plugin recognises.

    Args:
        client: The SDK's client, configured as you like; polycall does not close it.
        mode: Checked against what fits; ``None`` takes what fits.
        async_client: For objects that can serve both; ``None`` takes the one way they can, sync if both.
        **settings: The provider's own settings, and ``model``, ``options`` and ``max_corrections`` as in
            `from_provider`.

    Raises:
        UnknownClientError: No installed plugin recognises the object, or it cannot work the way that is asked.
        ModeError: The mode does not fit.
        PluginError: No working plugin recognises it, and one is broken.
    """
    broken: list[PluginError] = []
    claims: list[tuple[Provider, ClientTraits]] = []
    for _, provider in registry.every_provider():
        if isinstance(provider, PluginError):
            broken.append(provider)
            continue
        try:
            traits = recognize(provider, client)
        except PluginError as error:
            broken.append(error)
            continue
        if traits is not None:
            claims.append((provider, traits))
    if len(claims) > 1:
        names = " and ".join(repr(provider.name) for provider, _ in claims)
        raise PluginError(
            f"Several providers recognise {type_name(client)}: {names}. Restrict them with POLYCALL_PLUGINS, or "
            "uninstall all but one.",
            plugin=claims[0][0].name,
        )
    if claims:
        provider, traits = claims[0]
        return adopt(provider, traits, client, mode, async_client, settings)
    message = f"No installed provider recognises {type_name(client)}. {registry.installed_text()}"
    if broken:
        raise PluginError(f"{message} One plugin could not be asked: {broken[0]}", plugin=broken[0].plugin) from broken[
            0
        ]
    raise UnknownClientError(f"{message} Pass an SDK's client object, or install the plugin for it.")


def recognize(provider: Provider, client: object) -> ClientTraits | None:
    """Ask one provider whether an object is a client of its SDK.

    Raises:
        PluginError: The plugin raised, or answered with another type.
    """
    hook = "polycall_recognize_client"
    try:
        traits = provider.hooks.polycall_recognize_client(client=client)
    except Exception as error:
        raise provider.error(f"raised in {hook} for {type_name(client)}: {type(error).__name__}: {error}.") from error
    return None if traits is None else check_traits(provider, traits, hook)


def adopt(
    provider: Provider,
    traits: ClientTraits,
    client: object,
    mode: Mode | None,
    async_client: bool | None,
    settings: Mapping[str, object],
) -> Client | AsyncClient:
    """Make a client of an SDK's client that a provider recognises.

    Raises:
        ModeError: The mode does not fit.
        UnknownClientError: The SDK's client cannot work the way that is asked.
        ConfigurationError: A setting is unknown, does not fit, or is for new clients only.
    """
    if mode is not None and mode not in traits.modes:
        fitting = ", ".join(f"Mode.{Mode(fit).name}" for fit in sorted(traits.modes))
        given = f"Mode.{mode.name}" if isinstance(mode, Mode) else repr(mode)
        raise ModeError(f"{given} does not fit {type_name(client)}. Use {fitting}.")
    if async_client is None:
        async_client = traits.asynchronous and not traits.sync
    if not (traits.asynchronous if async_client else traits.sync):
        asked, is_ = ("an async", "synchronous") if async_client else ("a synchronous", "async")
        raise UnknownClientError(
            f"{type_name(client)} is {is_}; {asked} client was asked for. Pass {asked} client of its SDK."
        )
    own = take_own(settings)
    model = own.model or traits.model
    typed_settings = make_settings(provider, own.provider_settings, created=False)
    return _wrap(provider, client, typed_settings, model, own.defaults, async_client=async_client, created=False)


def _wrap(
    provider: Provider,
    sdk_client: object,
    settings: Any,
    model: str | None,
    defaults: Defaults,
    *,
    async_client: bool,
    created: bool,
) -> Client | AsyncClient:
    hook = "polycall_bind_client"
    try:
        session = provider.hooks.polycall_bind_client(
            client=sdk_client, settings=settings, model=model, async_client=async_client, created=created
        )
    except Exception as error:
        provider.explain(error, hook)
        raise
    if session is not None or provider.has_own(hook):
        check_owed(provider, session, "a session", hook)
    else:
        session = sdk_client
    hooks = BoundHooks(provider, session, created=created, defaults=defaults)
    if defaults.options:
        check_default_options(hooks, model)
    return AsyncClient(hooks, model=model) if async_client else Client(hooks, model=model)


def type_name(client: object) -> str:
    """Name an object's type for a message."""
    if isinstance(client, type):
        return f"the class {client.__module__}.{client.__qualname__} itself"
    type_ = type(client)
    return f"an object of type {type_.__module__}.{type_.__qualname__}"
