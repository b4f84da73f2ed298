"""Clients from a config file: ``polycall.toml``, or the table ``[tool.polycall]`` of ``pyproject.toml``."""

from __future__ import annotations

import logging
import os
from typing import Literal, overload

from polycall._clients.client import AsyncClient, Client
from polycall._clients.config_choice import ChosenProfile, choose
from polycall._clients.factory import create, select
from polycall._clients.own_settings import OwnSettings, take_own
from polycall._clients.setting_errors import Place
from polycall._data.errors import ConfigurationError
from polycall._data.public import public
from polycall._data.tracebacks import shortens_mistakes
from polycall._plugins.discovery import EXTENSION_GROUP, is_allowed, variable_of
from polycall._plugins.registry import registry

_log = logging.getLogger("polycall.config")


@overload
def from_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    async_client: Literal[False] = False,
    **overrides: object,
) -> Client: ...
@overload
def from_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    *,
    async_client: Literal[True],
    **overrides: object,
) -> AsyncClient: ...
@overload
def from_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    *,
    async_client: bool,
    **overrides: object,
) -> Client | AsyncClient: ...
@public
@shortens_mistakes
def from_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    async_client: bool = False,
    **overrides: object,
) -> Client | AsyncClient:
    """Make the client that a profile of a config file describes.

    Without a path, polycall searches: from the working directory upwards to the root of the repository (the folder with
    ``.git``), without one to the nearest folder of a Python project, without one to the home directory; elsewhere only
    the working directory. If there is none, the user's own file counts: ``polycall.toml`` in the folder ``polycall`` of
    the user's configuration (``~/.config`` on Linux). A file that it finds so is obeyed only if no other user can have
    written it: file and directory belong to this user or to root, and are not writable by all. The search ends with an
    error at the first file that is refused, and at a ``pyproject.toml`` that cannot be read. A file that you name is
    not checked.

    Args:
        path: The file; ``~`` is the home directory. ``None``: the environment variable ``POLYCALL_CONFIG``, else the
            nearest ``polycall.toml`` or ``pyproject.toml`` with a table ``[tool.polycall]``, else the user's own.
        profile: The profile's name. ``None``: the environment variable ``POLYCALL_PROFILE``, else the file's
            ``default``, else its only profile.
        async_client: Make an `AsyncClient`.
        **overrides: ``model``, ``options``, ``max_corrections`` and settings of the provider, in place of the
            profile's; ``options`` are joined with the profile's, by name.

    Raises:
        ConfigurationError: No file, a file of somebody else, a broken file, an unknown key or profile, a missing
            environment variable; with file, key and reason.
        ProviderNotFoundError: The profile's provider is not installed.
        PluginError: Its plugin is broken, or its SDK is missing.
    """
    chosen = choose(path, profile)
    place = chosen.place
    provider = provider_of(chosen)
    own = take_own(overrides, profile=chosen.profile, place=place)
    _require_extensions(chosen.config.required_extensions, provider, own)
    _log.debug(
        "file %s (%s), profile %r (%s), provider %s, model %s",
        place.source,
        chosen.file.reason,
        chosen.choice.name,
        f"chosen by {chosen.choice.chosen_by}",
        provider,
        own.model,
    )
    try:
        return create(provider, own, async_client=async_client)
    except ConfigurationError as error:
        if error.source is not None or (error.key or "").partition(".")[0] in overrides:
            raise
        located = place.error(str(error), error.key or "")  # the plugin's own words: it does not know the file
        raise located from error.__cause__
    except Exception as error:
        error.add_note(f"Raised while polycall made the client of {place.key} in {place.source}.")
        raise


def provider_of(chosen: ChosenProfile) -> str:
    """The name of the provider of a profile.

    Raises:
        ConfigurationError: It is ``provider/model``.
    """
    name = chosen.profile.provider
    provider, slash, model = name.partition("/")
    if slash and provider in {*registry.provider_names(), *registry.servers()}:
        raise chosen.place.error(f'write provider = "{provider}" and model = "{model}".', "provider")
    return name  # one with a slash is unknown, and the error about that says what to write


def _require_extensions(required: list[str], provider: str, own: OwnSettings) -> None:
    """Refuse to make a client that would lack an extension: what it does (redaction, say) must not be left undone."""
    if not required:
        return
    loaded = select(provider, own)[0].extensions
    missing = [name for name in required if name not in loaded]
    if not missing:
        return
    reasons = [
        f"{variable_of(EXTENSION_GROUP)} does not list {name!r}"
        if not is_allowed(name, EXTENSION_GROUP)
        else f"no installed distribution offers {name!r}"
        for name in missing
    ]
    raise Place(own.place.source).error(
        f"{'; '.join(reasons)}. Loaded: {', '.join(loaded) or 'none'}. Nothing was sent.", "required_extensions"
    )
