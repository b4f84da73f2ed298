"""A provider's settings: from keyword arguments or a profile to an instance of the provider's own settings type."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, SecretStr, ValidationError

from polycall._data.contract import NewClientOnly
from polycall._data.errors import ConfigurationError
from polycall._engine.result_checks import wrong_result
from polycall._plugins.registry import Provider
from polycall._toolkit.hints import did_you_mean

_ENVIRONMENT_SUFFIX = "_env"


def make_settings(
    provider: Provider,
    given: Mapping[str, object],
    *,
    source: str | None = None,
    key: str | None = None,
    created: bool = True,
) -> BaseModel | None:
    """Check settings and give them the type that the provider asks for.

    Args:
        provider: Tells its settings type.
        given: The settings by name.
        source: The config file they come from; then secrets may only be named, as ``<field>_env``.
        key: Where in that file, e.g. ``"profiles.fast"``.
        created: polycall makes the SDK's client; otherwise settings that only a new client can have are refused.

    Returns:
        ``None`` if the provider takes no settings and none are given.

    Raises:
        ConfigurationError: An unknown key (with the nearest known one), a value that does not fit, a secret written
            into a file, an environment variable that is not set, or a setting for new clients only.
        PluginError: The settings type is not a pydantic model.
    """
    settings_type = _settings_type(provider)
    if settings_type is None:
        if given:
            raise _error(f"Provider {provider.name!r} takes no settings.", source, key, next(iter(given)))
        return None
    secrets = _secret_fields(settings_type)
    if not created:
        _refuse_new_client_only(settings_type, given)
    names = _names(settings_type)
    known = {*names, *(f"{secret}{_ENVIRONMENT_SUFFIX}" for secret in secrets)}
    values: dict[str, object] = {}
    for name, value in given.items():
        secret = name.removesuffix(_ENVIRONMENT_SUFFIX)
        if name not in names and secret != name and secret in secrets:
            values[secret] = _read_secret(name, value, source, key)
        elif name not in names:
            problem = unknown_key(name, known, what=f"setting of provider {provider.name!r}")
            if name == "model":
                problem = "is not a setting: pass it to create(model=...), or in from_provider('provider/model')."
            raise _error(problem, source, key, name)
        elif source is not None and name in secrets:
            named = '{NAME = "THE_VARIABLE"}' if isinstance(value, Mapping) else '"THE_VARIABLE"'
            raise _error(
                f"Secrets are named, never written: put the value into an environment variable and write "
                f"{name}{_ENVIRONMENT_SUFFIX} = {named}.",
                source,
                key,
                name,
            )
        else:
            values[name] = value
    try:
        settings = settings_type.model_validate(values)
    except ValidationError as error:
        raise invalid_value(error, source=source, key=key) from None  # its text may show a secret's value
    for name in settings_type.model_fields:
        for path, held in _secrets_in(getattr(settings, name), name):
            if not held.get_secret_value().isprintable():
                # Sent as a header it would be refused, in words that show all of it.
                raise _error("has a line break or another control character in it; remove that.", source, key, path)
    return settings


def _settings_type(provider: Provider) -> type[BaseModel] | None:
    hook = "polycall_settings_type"
    try:
        settings_type: type[BaseModel] | None = provider.hooks.polycall_settings_type()
    except Exception as error:
        provider.explain(error, hook)
        raise
    if settings_type is not None and not (isinstance(settings_type, type) and issubclass(settings_type, BaseModel)):
        raise wrong_result(provider, settings_type, "a pydantic model class", hook)
    return settings_type


def unknown_key(name: str, known: Iterable[str], *, what: str = "known key") -> str:
    """Say that a key is unknown, and which known one is nearest."""
    return f"{name!r} is not a {what}.{did_you_mean(name, known) or ' Known: none.'}"


def invalid_value(error: ValidationError, *, source: str | None, key: str | None) -> ConfigurationError:
    """The first problem that pydantic found, without the value that was given."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return _error(f"{detail['msg']}.", source, key, ".".join(str(part) for part in detail["loc"]))


def _error(problem: str, source: str | None, key: str | None, name: str) -> ConfigurationError:
    path = ".".join(part for part in (key, name) if part)
    where = f"{source}: {path}: " if source else f"{path}: " if path else ""
    return ConfigurationError(f"{where}{problem}", source=source, key=path or None)


def _refuse_new_client_only(settings_type: type[BaseModel], given: Mapping[str, object]) -> None:
    marked = {
        alias
        for name, field in settings_type.model_fields.items()
        if any(isinstance(mark, NewClientOnly) for mark in field.metadata)
        for alias in (name, field.alias)
    }
    refused = sorted(name for name in given if name in marked or name.removesuffix(_ENVIRONMENT_SUFFIX) in marked)
    if refused:
        raise ConfigurationError(
            f"{', '.join(refused)}: the client that was handed in is configured already. Give "
            f"{'this' if len(refused) == 1 else 'these'} to the SDK's client, or create one by name with "
            "polycall.from_provider().",
            key=refused[0],
        )


def _read_secret(name: str, variable: object, source: str | None, key: str | None) -> object:
    if isinstance(variable, Mapping):  # a field that is a map of secrets: headers_env = {Authorization = "VARIABLE"}
        return {str(inner): _read_secret(f"{name}.{inner}", one, source, key) for inner, one in variable.items()}
    if not isinstance(variable, str) or not variable:
        raise _error("must be the name of an environment variable.", source, key, name)
    value = os.environ.get(variable)
    if not value:
        raise _error(f"the environment variable {variable!r} is not set. Set it and try again.", source, key, name)
    return value


def _names(settings_type: type[BaseModel]) -> frozenset[str]:
    aliases = (field.alias for field in settings_type.model_fields.values() if field.alias)
    return frozenset({*settings_type.model_fields, *aliases})


def _secret_fields(settings_type: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        given
        for name, field in settings_type.model_fields.items()
        if _holds_secret(field.annotation)
        for given in (name, field.alias)
        if given
    )


def _secrets_in(value: object, path: str) -> Iterator[tuple[str, SecretStr]]:
    if isinstance(value, SecretStr):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _secrets_in(one, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _secrets_in(one, path)


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, get_args(annotation)))
