"""A provider's settings: from keyword arguments or a profile to an instance of the provider's own settings type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr, ValidationError

from polycall._clients.secrets import (
    ENVIRONMENT_SUFFIX,
    check_secrets,
    read_variable,
    refuse_written_secrets,
    secret_fields,
    shown_value,
    stripped,
)
from polycall._clients.setting_errors import IN_CODE, Place, invalid_value
from polycall._clients.setting_hints import unknown_setting
from polycall._data.contract import InCodeOnly, NewClientOnly, OtherNames
from polycall._data.errors import ConfigurationError
from polycall._engine.result_checks import wrong_result
from polycall._plugins.registry import Provider

POLYCALLS_OWN = frozenset({"max_corrections", "model", "model_env", "options", "provider"})
"""Keys next to the provider's settings, which no setting may have as its name."""
_SERVER = "server"
"""The field of a provider's settings that takes the name of one of its servers."""


def make_settings(
    provider: Provider,
    given: Mapping[str, object],
    *,
    written: Mapping[str, object] | None = None,
    place: Place = IN_CODE,
    created: bool = True,
) -> BaseModel | None:
    """Check settings and give them the type that the provider asks for.

    Any setting can name an environment variable that holds its value, as ``<field>_env``.

    Args:
        provider: Tells its settings type.
        given: The settings by name, from keyword arguments.
        written: Those of a config file, which ``given`` override; there secrets may only be named.
        place: Where in the file, for errors.
        created: polycall makes the SDK's client; otherwise settings that only a new client can have are refused.

    Returns:
        ``None`` if the provider takes no settings and none are given.

    Raises:
        ConfigurationError: An unknown key (with the nearest known one), a value that does not fit, a secret written
            into a file, an environment variable that is not set, or a setting for new clients only.
        PluginError: The settings type is not a pydantic model.
    """
    settings_type = settings_type_of(provider)
    if settings_type is None:
        for names, where in ((written or {}, place), (given, IN_CODE)):
            if names:
                raise where.error(f"Provider {provider.name!r} takes no settings.", next(iter(names)))
        return None
    if not created:
        _refuse_new_client_only(settings_type, given)
    collected = _Collected(provider, settings_type)
    overridden = {collected.field(name) for name in given}
    for name, value in (written or {}).items():
        collected.add(name, value, place, is_overridden=collected.field(name) in overridden)
    for name, value in given.items():
        collected.add(name, value, IN_CODE)
    try:
        settings = settings_type.model_validate(collected.values)
    except ValidationError as error:
        raise collected.explained(error) from None  # its text may show a secret's value
    except RecursionError:
        raise place.error("its values are nested too deeply.") from None
    check_secrets(settings, collected.origins)
    return settings


def name_server(
    provider: Provider, server: str, given: Mapping[str, object], written: Mapping[str, object], place: Place
) -> Mapping[str, object]:
    """Add the setting that tells a provider which of its servers the client's name stands for.

    Args:
        provider: Selected by the server's name.
        server: That name.
        given: The settings from keyword arguments.
        written: Those of a config file.
        place: Where in the file, for errors.

    Raises:
        ConfigurationError: The settings name another server.
        PluginError: The provider's settings have no such field.
    """
    settings_type = settings_type_of(provider)
    if settings_type is None or _SERVER not in settings_type.model_fields:
        raise provider.error(
            f"offers the server {server!r} by name, but its settings have no field {_SERVER!r} to tell it so.",
            "polycall_settings_type",
        )
    for settings, where in ((written, place), (given, IN_CODE)):
        if settings.get(_SERVER, server) != server:
            raise where.error(
                f"the name {server!r} stands for this server already, and {_SERVER} names another. Leave it out, or "
                f"write {provider.plugin!r} as the provider's name.",
                _SERVER,
            )
    return {**given, _SERVER: server}


class _Collected:
    """Settings by name, each with the place that it comes from; a later place overrides an earlier one."""

    def __init__(self, provider: Provider, settings_type: type[BaseModel]) -> None:
        self.values: dict[str, object] = {}
        self.origins: dict[str, tuple[str, Place]] = {}
        """By field: the name that was given, and where."""
        self._provider = provider
        self._field_of = field_names(settings_type)
        self._secrets = secret_fields(settings_type)
        self._in_code_only = in_code_only(settings_type)
        self._settings_type = settings_type

    def field(self, name: str) -> str:
        """The field that a name sets, by itself or through a variable."""
        return name if name in self._field_of else name.removesuffix(ENVIRONMENT_SUFFIX)

    def add(self, name: str, value: object, place: Place, *, is_overridden: bool = False) -> None:
        """Add a setting, or the variable that holds it; of one that is overridden the variable need not be set."""
        base = name.removesuffix(ENVIRONMENT_SUFFIX)
        from_variable = name not in self._field_of and base != name and base in self._field_of
        if name not in self._field_of and not from_variable:
            raise self._unknown(name, place)
        if base in self._in_code_only and (place is not IN_CODE or from_variable):
            raise place.error("cannot be written in a file: it is an object. Pass it in code.", name)
        if is_overridden:
            return
        if from_variable:
            value = read_variable(name, value, place, secret=base in self._secrets)
        elif place is not IN_CODE:
            self._check_written(name, value, place)
        if base in self._secrets or name in self._secrets:
            value = stripped(value)
        self._set(name if name in self._field_of else base, name, value, place)

    def explained(self, error: ValidationError) -> ConfigurationError:
        """The first problem that pydantic found, with the setting's place and the name it was given by."""
        first = str(next(iter(error.errors()[0]["loc"]), ""))
        field = self._field_of.get(first, first)
        given, place = self.origins.get(field, (first, IN_CODE))
        problem = invalid_value(error, lambda _: place)
        if given == first:
            return problem
        words = str(problem).replace(f"{place.path(first)}", f"{place.path(given)}", 1)
        return ConfigurationError(words, source=problem.source, key=place.path(given))

    def _set(self, name: str, given: str, value: object, place: Place) -> None:
        field = self._field_of[name]
        earlier, where = self.origins.get(field, ("", IN_CODE))
        if earlier and where == place:
            held = self.values[next(one for one in self.values if self._field_of[one] == field)]
            if not (isinstance(held, Mapping) and isinstance(value, Mapping)):
                raise place.error(f"{earlier!r} and {given!r} are the same setting. Leave one of them out.", given)
            value = {**held, **value}
        self.values = {one: value for one, value in self.values.items() if self._field_of[one] != field}
        self.values[name] = value
        self.origins[field] = (given, place)

    def _unknown(self, name: str, place: Place) -> ConfigurationError:
        in_file = place is not IN_CODE
        own = {"model", "options", "max_corrections"} | ({"provider"} if in_file else set())
        names = {*self._field_of} - (self._in_code_only if in_file else frozenset())
        if in_file:  # a secret is named there, never written
            names = {f"{one}{ENVIRONMENT_SUFFIX}" if one in self._secrets else one for one in names}
        if name.endswith(ENVIRONMENT_SUFFIX):
            names |= {f"{one}{ENVIRONMENT_SUFFIX}" for one in names if not one.endswith(ENVIRONMENT_SUFFIX)}
        others = {
            other: f"{field}{ENVIRONMENT_SUFFIX}" if in_file and field in self._secrets else field
            for field, info in self._settings_type.model_fields.items()
            for mark in info.metadata
            if isinstance(mark, OtherNames)
            for other in mark.names
        }
        return place.error(unknown_setting(name, names | own, others, self._provider.name, in_file=in_file), name)

    def _check_written(self, name: str, value: object, place: Place) -> None:
        if name in self._secrets and not isinstance(value, SecretStr):
            named = '{NAME = "THE_VARIABLE"}' if isinstance(value, Mapping) else '"THE_VARIABLE"'
            raise place.error(
                f"Secrets are named, never written: put the value into an environment variable and write "
                f"{name}{ENVIRONMENT_SUFFIX} = {named}.",
                name,
            )
        refuse_written_secrets(value, place, name)


def settings_type_of(provider: Provider) -> type[BaseModel] | None:
    """The type of a provider's settings, ``None`` if it takes none.

    Raises:
        PluginError: It is not a pydantic model, or one of its fields has a name that polycall uses.
    """
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
    if taken := sorted(POLYCALLS_OWN & settings_type.model_fields.keys()):
        raise provider.error(f"has a setting named {taken[0]!r}, a key that polycall itself uses; rename it.", hook)
    if settings_type.__repr_args__ is BaseModel.__repr_args__:
        # Extensions see settings and log them; fields that are no SecretStr hold secrets too (a URL with a password).
        settings_type.__repr_args__ = _shown_fields  # type: ignore[method-assign,assignment]
    return settings_type


def field_names(settings_type: type[BaseModel]) -> dict[str, str]:
    """The fields of a settings type by the names that settings can be given by: their own and their aliases."""
    fields = settings_type.model_fields
    return {given: name for name, field in fields.items() for given in (name, field.alias) if given}


def in_code_only(settings_type: type[BaseModel]) -> frozenset[str]:
    """Settings that are objects, which cannot stand in a file."""
    return frozenset(
        name
        for name, field in settings_type.model_fields.items()
        if any(isinstance(mark, InCodeOnly) for mark in field.metadata)
    )


def _shown_fields(settings: BaseModel) -> Iterator[tuple[str | None, object]]:
    for name, value in BaseModel.__repr_args__(settings):
        yield name, shown_value(value, name or "")


def _refuse_new_client_only(settings_type: type[BaseModel], given: Mapping[str, object]) -> None:
    marked = {
        alias
        for name, field in settings_type.model_fields.items()
        if any(isinstance(mark, NewClientOnly) for mark in field.metadata)
        for alias in (name, field.alias)
    }
    refused = sorted(name for name in given if name in marked or name.removesuffix(ENVIRONMENT_SUFFIX) in marked)
    if refused:
        raise ConfigurationError(
            f"{', '.join(refused)}: the client that was handed in is configured already. Give "
            f"{'this' if len(refused) == 1 else 'these'} to the SDK's client, or create one by name with "
            "polycall.from_provider().",
            key=refused[0],
        )
