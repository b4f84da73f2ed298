"""Clients from a config file: ``polycall.toml``, or the table ``[tool.polycall]`` of ``pyproject.toml``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from polycall._clients.client import AsyncClient, Client
from polycall._clients.factory import create
from polycall._clients.settings import invalid_value, unknown_key
from polycall._data.errors import ConfigurationError
from polycall._plugins.discovery import EXTENSION_GROUP, is_allowed, variable_of
from polycall._plugins.registry import registry

_FILE_NAME = "polycall.toml"
_PYPROJECT = "pyproject.toml"
_TABLE = ("tool", "polycall")


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
    config: Path | None = None


class _ConfigFile(BaseSettings):
    """A whole config file. Reads that file only: neither the environment nor keyword arguments mix in."""

    model_config = SettingsConfigDict(extra="forbid")

    default: str | None = None
    required_extensions: list[str] = Field(default_factory=list)
    profiles: dict[str, Profile] = Field(default_factory=dict)


@overload
def from_config(
    path: str | os.PathLike[str] | None = None, profile: str | None = None, async_client: Literal[False] = False
) -> Client: ...
@overload
def from_config(
    path: str | os.PathLike[str] | None = None, profile: str | None = None, *, async_client: Literal[True]
) -> AsyncClient: ...
@overload
def from_config(
    path: str | os.PathLike[str] | None = None, profile: str | None = None, *, async_client: bool
) -> Client | AsyncClient: ...
def from_config(
    path: str | os.PathLike[str] | None = None, profile: str | None = None, async_client: bool = False
) -> Client | AsyncClient:
    """Make the client that a profile of a config file describes.

    Args:
        path: The file. ``None``: the environment variable ``POLYCALL_CONFIG``, else the nearest ``polycall.toml``
            or ``pyproject.toml`` with a table ``[tool.polycall]``, from the working directory upwards.
        profile: The profile's name. ``None``: the environment variable ``POLYCALL_PROFILE``, else the file's
            ``default``, else its only profile.
        async_client: Make an `AsyncClient`.

    Raises:
        ConfigurationError: No file, a broken file, an unknown key or profile, a missing environment variable; with
            file, key and reason.
        ProviderNotFoundError: The profile's provider is not installed.
        PluginError: Its plugin is broken, or its SDK is missing.
    """
    environment = _Environment()
    file = Path(path) if path is not None else environment.config or _find_file(Path.cwd())
    config = _read(file)
    name = profile or environment.profile or config.default or _only(config.profiles)
    if name is None:
        known = ", ".join(config.profiles) or "none"
        raise ConfigurationError(
            f'{file}: no profile was chosen. Write default = "NAME", set POLYCALL_PROFILE or pass profile=. '
            f"Profiles: {known}.",
            source=str(file),
            key="default",
        )
    if name not in config.profiles:
        raise ConfigurationError(
            f"{file}: {unknown_key(name, config.profiles, what='profile')}", source=str(file), key=f"profiles.{name}"
        )
    chosen = config.profiles[name]
    _require_extensions(config.required_extensions, chosen.provider, str(file))
    return create(
        chosen.provider,
        chosen.model,
        chosen.settings,
        async_client=async_client,
        source=str(file),
        key=f"profiles.{name}",
    )


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


def _find_file(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (file := folder / _FILE_NAME).is_file():
            return file
        if (file := folder / _PYPROJECT).is_file() and _has_table(file):
            return file
    raise ConfigurationError(
        f"No {_FILE_NAME}, and no {_PYPROJECT} with a table [{'.'.join(_TABLE)}], in {start} or above. "
        "Create one, pass path= or set POLYCALL_CONFIG."
    )


def _has_table(file: Path) -> bool:
    try:
        content: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return False  # some other tool's file; it is not ours to complain of
    return isinstance(content.get("tool"), dict) and _TABLE[1] in content["tool"]


def _read(file: Path) -> _ConfigFile:
    source = str(file)
    if not file.is_file():
        hint = "" if file.suffix else f" A profile is chosen with profile={source!r}."
        raise ConfigurationError(f"{source}: there is no such file.{hint}", source=source)

    class ThisFile(_ConfigFile):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if file.name == _PYPROJECT:
                return (PyprojectTomlConfigSettingsSource(settings_cls, file),)
            return (TomlConfigSettingsSource(settings_cls, file),)

    if file.name == _PYPROJECT:  # without such a source pydantic-settings warns of the key
        ThisFile.model_config["pyproject_toml_table_header"] = _TABLE
    try:
        return ThisFile()
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if detail["type"] == "extra_forbidden":
                key = ".".join(str(part) for part in detail["loc"])
                raise ConfigurationError(
                    f"{source}: {unknown_key(key, _ConfigFile.model_fields)}", source=source, key=key
                ) from None
            if detail["type"] == "model_type":  # pydantic would name our class
                key = ".".join(str(part) for part in detail["loc"])
                raise ConfigurationError(
                    f"{source}: {key} must be a table: [{key}], with provider and model.", source=source, key=key
                ) from None
        raise invalid_value(error, source=source, key=None) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: not a TOML file: {error}", source=source) from error
    except AttributeError as error:  # out of pydantic-settings, which takes the tables on the way for granted
        raise ConfigurationError(f"{source}: [{'.'.join(_TABLE)}] is not a table.", source=source) from error
    except OSError as error:
        raise ConfigurationError(f"{source}: cannot be read: {error.strerror}", source=source) from error


def _only(profiles: Mapping[str, Profile]) -> str | None:
    return next(iter(profiles)) if len(profiles) == 1 else None
