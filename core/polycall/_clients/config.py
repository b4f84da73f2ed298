"""Clients from a config file: ``polycall.toml``, or the table ``[tool.polycall]`` of ``pyproject.toml``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from polycall._clients.client import AsyncClient, Client
from polycall._clients.config_search import PYPROJECT, TABLE, find_file
from polycall._clients.factory import create
from polycall._clients.settings import invalid_value, unknown_key
from polycall._clients.toml_files import read_toml, shown
from polycall._data.errors import ConfigurationError
from polycall._plugins.discovery import EXTENSION_GROUP, is_allowed, variable_of
from polycall._plugins.registry import registry

_PROFILE_VARIABLE = "POLYCALL_PROFILE"


class Profile(BaseModel):
    """One ``[profiles.NAME]`` table: provider and model; every further key is a setting of the provider."""

    model_config = ConfigDict(extra="allow")

    provider: str
    model: str | None = None

    @property
    def settings(self) -> Mapping[str, object]:
        """The provider's own settings."""
        return self.model_extra or {}


class _Environment(BaseSettings):
    """The choices of the environment."""

    model_config = SettingsConfigDict(env_prefix="POLYCALL_", env_ignore_empty=True)

    profile: str | None = None
    config: str | None = None


class _ConfigFile(BaseModel):
    """A whole config file."""

    model_config = ConfigDict(extra="forbid")

    default: str | None = None
    required_extensions: list[str] = Field(default_factory=list)
    profiles: dict[str, Profile] = Field(default_factory=dict)


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
def from_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    async_client: bool = False,
    **overrides: object,
) -> Client | AsyncClient:
    """Make the client that a profile of a config file describes.

    Without a path, polycall searches: from the working directory upwards to the root of the repository (the folder with
    ``.git``), without one to the nearest folder of a Python project, without one to the home directory; elsewhere only
    the working directory. A file that it finds so is obeyed only if no other user can have written it: file and
    directory belong to this user or to root, and are not writable by all. The search ends with an error at the first
    file that is refused, and at a ``pyproject.toml`` that cannot be read. A file that you name is not checked.

    Args:
        path: The file; ``~`` is the home directory. ``None``: the environment variable ``POLYCALL_CONFIG``, else the
            nearest ``polycall.toml`` or ``pyproject.toml`` with a table ``[tool.polycall]``.
        profile: The profile's name. ``None``: the environment variable ``POLYCALL_PROFILE``, else the file's
            ``default``, else its only profile.
        async_client: Make an `AsyncClient`.
        **overrides: ``model`` and settings of the provider, in place of the profile's.

    Raises:
        ConfigurationError: No file, a file of somebody else, a broken file, an unknown key or profile, a missing
            environment variable; with file, key and reason.
        ProviderNotFoundError: The profile's provider is not installed.
        PluginError: Its plugin is broken, or its SDK is missing.
    """
    environment = _Environment()
    named = path if path is not None else environment.config
    file = find_file() if named is None else _as_path(named)
    config = _read(file)
    source = shown(file)
    name, chosen = _choose(config, profile, environment.profile, source)
    key = f"profiles.{name}"
    if "/" in chosen.provider:
        provider, _, rest = chosen.provider.partition("/")
        raise ConfigurationError(
            f'{source}: {key}.provider: write provider = "{provider}" and model = "{rest}".',
            source=source,
            key=f"{key}.provider",
        )
    _require_extensions(config.required_extensions, chosen.provider, source)
    settings: dict[str, object] = {**chosen.settings, **overrides}
    model = settings.pop("model", chosen.model)
    if model is not None and not isinstance(model, str):
        raise ConfigurationError(f"model must be text, got {model!r:.80}.", key="model")
    try:
        return create(chosen.provider, model or None, settings, async_client=async_client, source=source, key=key)
    except ConfigurationError as error:
        if error.source is not None:
            raise
        where = f"{key}.{error.key}" if error.key else key  # the plugin's own words: it does not know the file
        raise ConfigurationError(f"{source}: {where}: {error}", source=source, key=where) from error.__cause__
    except Exception as error:
        error.add_note(f"Raised while polycall made the client of {key} in {source}.")
        raise


def _as_path(path: object) -> Path:
    try:
        return Path(path).expanduser()  # type: ignore[arg-type]  # a path of another type is the error below
    except (TypeError, RuntimeError) as error:
        raise ConfigurationError(f"{path!r:.80} is not a path: {error}.", key="path") from error


def _choose(config: _ConfigFile, asked: object, variable: str | None, source: str) -> tuple[str, Profile]:
    name = asked or variable or config.default or _only(config.profiles)
    if name is None:
        known = ", ".join(config.profiles) or "none"
        raise ConfigurationError(
            f'{source}: no profile was chosen. Write default = "NAME", set {_PROFILE_VARIABLE} or pass profile=. '
            f"Profiles: {known}.",
            source=source,
            key="default",
        )
    if not isinstance(name, str):
        raise ConfigurationError(f"profile must be a name, got {name!r:.80}.", key="profile")
    if name not in config.profiles:
        chosen_by = f" ({_PROFILE_VARIABLE} names it.)" if not asked and name == variable else ""
        raise ConfigurationError(
            f"{source}: {unknown_key(name, config.profiles, what='profile')}{chosen_by}",
            source=source,
            key=f"profiles.{name}",
        )
    return name, config.profiles[name]


def _require_extensions(required: list[str], provider: str, source: str) -> None:
    """Refuse to make a client that would lack an extension: what it does (redaction, say) must not be left undone."""
    if not required:
        return
    loaded = registry.provider(provider).extensions
    missing = [name for name in required if name not in loaded]
    if not missing:
        return
    reasons = [
        f"{variable_of(EXTENSION_GROUP)} does not list {name!r}"
        if not is_allowed(name, EXTENSION_GROUP)
        else f"no installed distribution offers {name!r}"
        for name in missing
    ]
    raise ConfigurationError(
        f"{source}: required_extensions: {'; '.join(reasons)}. Loaded: {', '.join(loaded) or 'none'}. "
        "Nothing was sent.",
        source=source,
        key="required_extensions",
    )


def _read(file: Path) -> _ConfigFile:
    source = shown(file)
    content: Any = read_toml(file)
    if file.name == PYPROJECT:
        for depth, part in enumerate(TABLE, 1):
            content = content.get(part, {})
            if not isinstance(content, dict):
                raise ConfigurationError(f"{source}: [{'.'.join(TABLE[:depth])}] is not a table.", source=source)
    try:
        return _ConfigFile.model_validate(content)
    except RecursionError:
        raise ConfigurationError(f"{source}: its values are nested too deeply.", source=source) from None
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            problem = f"{unknown_key(key, _ConfigFile.model_fields)}"
        elif detail["type"] == "model_type":  # pydantic would name our class
            problem = f"{key} must be a table: [{key}], with provider and model."
        elif detail["type"] == "missing":
            installed = ", ".join(registry.provider_names()) or "none"
            problem = f'{key}: Field required. Write provider = "NAME"; installed: {installed}.'
        else:
            raise invalid_value(error, source=source, key=None) from None
        raise ConfigurationError(f"{source}: {problem}", source=source, key=key) from None


def _only(profiles: Mapping[str, Profile]) -> str | None:
    return next(iter(profiles)) if len(profiles) == 1 else None
