"""The content of a config file, checked: which keys it may have, and errors that name file and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from polycall._clients.config_search import PYPROJECT, TABLE
from polycall._clients.setting_errors import Place, invalid_value, unknown_key
from polycall._clients.toml_files import read_toml, shown
from polycall._data.errors import ConfigurationError
from polycall._plugins.registry import registry


class Profile(BaseModel):
    """One ``[profiles.NAME]`` table; every further key is a setting of the provider."""

    model_config = ConfigDict(extra="allow")

    provider: str
    """The provider's name."""
    model: str | None = None
    """The model that calls use unless they name another."""
    model_env: str | None = None
    """The environment variable that holds the model's name, in place of ``model``."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of every ``create()``; those that a call gives itself override them."""
    max_corrections: int | None = Field(default=None, ge=0)
    """Default of ``create(max_retries=...)``: corrections to ask of the model. 2 if not given."""

    @property
    def settings(self) -> Mapping[str, object]:
        """The provider's own settings."""
        return self.model_extra or {}


class ConfigFile(BaseModel):
    """A whole config file."""

    model_config = ConfigDict(extra="forbid")

    default: str | None = None
    """The profile that is used if none is named."""
    required_extensions: list[str] = Field(default_factory=list)
    """Extensions without which no client is made."""
    profiles: dict[str, Profile] = Field(default_factory=dict)
    """The profiles by name."""


def read_config(file: Path) -> ConfigFile:
    """Read and check a file.

    Raises:
        ConfigurationError: It cannot be read, is not TOML, or has a key that does not fit.
    """
    source = shown(file)
    content: Any = read_toml(file)
    if file.name == PYPROJECT:
        for depth, part in enumerate(TABLE, 1):
            content = content.get(part, {})
            if not isinstance(content, dict):
                raise ConfigurationError(f"{source}: [{'.'.join(TABLE[:depth])}] is not a table.", source=source)
    try:
        return ConfigFile.model_validate(content)
    except RecursionError:
        raise ConfigurationError(f"{source}: its values are nested too deeply.", source=source) from None
    except ValidationError as error:
        raise _explained(error, content, Place(source)) from None


def _explained(error: ValidationError, content: Mapping[str, object], place: Place) -> ConfigurationError:
    """The first problem that pydantic found, in our words where its own name our classes."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        # Not `place.error`: the unknown key is named by the message itself.
        problem = unknown_key(key, ConfigFile.model_fields)
        return ConfigurationError(f"{place.source}: {problem}{_hint(key, content)}", source=place.source, key=key)
    if detail["type"] == "model_type":
        return place.error(f'must be a table: [{key}], with provider = "NAME" and model = "NAME".', key)
    if detail["type"] == "missing":
        return place.error(_no_provider(content, *detail["loc"]), key)
    return invalid_value(error, lambda _: place)


def _hint(key: str, content: Mapping[str, object]) -> str:
    """What to write for keys of a profile that stand outside of one, and for ``[profile.x]``."""
    if key in Profile.model_fields:
        return f" {key!r} belongs in a profile: [profiles.NAME]."
    if key == "profile" and isinstance(content[key], str):
        return f' The profile that is used by default is named with default = "{content[key]}".'
    return ""


def _no_provider(content: Mapping[str, Any], *path: object) -> str:
    """What to write where a profile has no ``provider``: the key that was misspelt, or the key and its values."""
    from polycall._toolkit.hints import nearest

    profile: Any = content
    for part in path[:-1]:
        profile = profile[part]
    misspelt = next((key for key in profile if nearest(key, ["provider"])), None)
    if misspelt is not None:
        return f"there is none; {misspelt!r} is not a known key. Did you mean 'provider'?"
    installed = ", ".join(registry.provider_names()) or "none"
    return f'there is none. Write provider = "NAME"; installed: {installed}.'
