"""A provider's settings: from keyword arguments or a profile to an instance of the provider's own settings type."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, SecretStr, ValidationError

from polycall._data.contract import NewClientOnly
from polycall._data.errors import ConfigurationError
from polycall._engine.result_checks import wrong_result
from polycall._plugins.registry import Provider
from polycall._toolkit.headers import HIDDEN, shown_headers, shown_url
from polycall._toolkit.hints import did_you_mean

_ENVIRONMENT_SUFFIX = "_env"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_LONGEST_WORD = 14
_MAX_SHOWN = 100
_SECRET_NAME = re.compile(
    r"^(proxy-)?authorization$|^(set-)?cookie$|api[-_]?key|(^|[-_])(token|secret|password|passwd)$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/?#@:]*:[^/?#@]+@")


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
    if source is not None:
        known |= {"provider", "model"}  # the two other keys of a profile, which may be what was meant
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
        elif source is not None and name in secrets and not isinstance(value, SecretStr):
            named = '{NAME = "THE_VARIABLE"}' if isinstance(value, Mapping) else '"THE_VARIABLE"'
            raise _error(
                f"Secrets are named, never written: put the value into an environment variable and write "
                f"{name}{_ENVIRONMENT_SUFFIX} = {named}.",
                source,
                key,
                name,
            )
        else:
            if source is not None:
                _refuse_written_secrets(value, source, key, name)
            values[name] = value
    try:
        settings = settings_type.model_validate(values)
    except ValidationError as error:
        raise invalid_value(error, source=source, key=key) from None  # its text may show a secret's value
    except RecursionError:
        raise _error("its values are nested too deeply.", source, key, "") from None
    for field in settings_type.model_fields:
        for path, held in _secrets_in(getattr(settings, field), field):
            if (fault := _secret_problem(held.get_secret_value())) is not None:
                raise _error(fault, source, key, path)
    return settings


def _settings_type(provider: Provider) -> type[BaseModel] | None:
    hook = "polycall_settings_type"
    try:
        settings_type: type[BaseModel] | None = provider.hooks.polycall_settings_type()
    except Exception as error:
        provider.explain(error, hook)
        raise
    if settings_type is None:
        return None
    if not (isinstance(settings_type, type) and issubclass(settings_type, BaseModel)):
        raise wrong_result(provider, settings_type, "a pydantic model class", hook)
    if settings_type.__repr_args__ is BaseModel.__repr_args__:
        # Extensions see settings and log them; fields that are no SecretStr hold secrets too (a URL with a password).
        settings_type.__repr_args__ = _shown_fields  # type: ignore[method-assign,assignment]
    return settings_type


def _shown_fields(settings: BaseModel) -> Iterator[tuple[str | None, object]]:
    for name, value in BaseModel.__repr_args__(settings):
        yield name, _shown(value, name or "")


def _shown(value: object, name: str) -> object:
    """A setting's value as it may be shown: without what may be a secret."""
    if isinstance(value, SecretStr) or value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return HIDDEN if _names_secret(name) else shown_url(value) if "://" in value else value
    if isinstance(value, Mapping):
        if "header" in name.lower():
            return shown_headers({key: str(one) for key, one in value.items()})
        return {key: _shown(one, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(one, name) for one in value]
    return f"<{type(value).__name__}>"  # an SDK's object: its repr is its own affair


def unknown_key(name: str, known: Iterable[str], *, what: str = "known key") -> str:
    """Say that a key is unknown, and which known one is nearest."""
    return f"{name[:_MAX_SHOWN]!r} is not a {what}.{did_you_mean(name, known) or ' Known: none.'}"


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
    if not _VARIABLE.fullmatch(variable):
        raise _error(
            "must be the name of an environment variable (letters, digits and '_'), and not the secret itself.",
            source,
            key,
            name,
        )
    shown = f" {variable!r}" if _is_surely_a_name(variable) else ""
    value = os.environ.get(variable, "").strip()  # a secret that was mounted as a file ends with a line break
    if not value:
        hint = "" if shown else " What is written here is not shown, as it may be the secret itself."
        raise _error(f"the environment variable{shown} is not set. Set it and try again.{hint}", source, key, name)
    if (problem := _secret_problem(value)) is not None:
        raise _error(f"the environment variable{shown}: {problem}", source, key, name)
    return value


def _is_surely_a_name(variable: str) -> bool:
    """Whether a text is a variable's name beyond doubt, and not a key that was pasted in its place."""
    parts = variable.split("_")
    return variable.isupper() and all(
        len(part) <= _LONGEST_WORD and (part.isalpha() or len(part) <= _LONGEST_WORD // 2) for part in parts if part
    )


def _secret_problem(value: str) -> str | None:
    """Why a secret cannot be sent. As a header it would be refused, in words that show all of it."""
    for at, character in enumerate(value, 1):
        if not character.isprintable():
            return f"has a line break or another control character in it (position {at}); remove that."
        if not character.isascii():
            return f"has a character that no header can carry, because it is not ASCII (position {at}); remove that."
    return None


def _refuse_written_secrets(value: object, source: str, key: str | None, name: str) -> None:
    """Refuse secrets in a file in fields that are not meant for them: a header, a URL with a password."""
    if isinstance(value, Mapping):
        for inner, one in value.items():
            path = f"{name}.{inner}"
            if isinstance(one, str) and one and _names_secret(str(inner)):
                raise _error(
                    "Secrets are named, never written, and this sounds like one. Set it in code, with "
                    "from_provider() or an SDK's client, or use the setting that is meant for it.",
                    source,
                    key,
                    path,
                )
            _refuse_written_secrets(one, source, key, path)
    elif isinstance(value, str) and _PASSWORD_IN_URL.match(value):
        raise _error("Secrets are named, never written, and this URL has a password in it.", source, key, name)


def _names_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


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
