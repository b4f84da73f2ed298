"""What is configured, as plain data, for the command line: files, profiles, settings; never the value of a secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from polycall._clients.config_choice import choose_file, choose_profile
from polycall._clients.config_file import ConfigFile, Profile, read_config
from polycall._clients.config_schema import config_schema as config_schema
from polycall._clients.config_search import FoundFile
from polycall._clients.config_search import user_file as user_file
from polycall._clients.factory import select
from polycall._clients.own_settings import take_own
from polycall._clients.secrets import ENVIRONMENT_SUFFIX, is_surely_a_name, secret_fields, shown_value
from polycall._clients.setting_errors import Place
from polycall._clients.setting_facts import SettingFacts as SettingFacts
from polycall._clients.setting_facts import provider_settings as provider_settings
from polycall._clients.settings import field_names, make_settings, settings_type_of
from polycall._clients.toml_files import shown
from polycall._data.errors import ConfigurationError, PolycallError
from polycall._plugins.registry import registry


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingReport:
    """One setting of a profile.

    Attributes:
        key: The key in the file: ``"api_key_env"``.
        setting: The setting that it sets: ``"api_key"``.
        state: ``"set"``; ``"missing"`` if it names a variable that is not set or is empty.
        variable: The variable, if the key names one; ``None`` also if the text there may be the secret itself.
        secret: The setting holds a secret.
        shown: Its value as text, ``None`` for secrets and variables; secrets inside are ``***``.
    """

    key: str
    setting: str
    state: Literal["set", "missing"]
    variable: str | None = None
    secret: bool = False
    shown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReport:
    """One profile of a file.

    Attributes:
        name: The profile's name.
        provider: The provider's name, as the file has it.
        model: The model's name, ``None`` if calls name it, or if the variable that holds it is not set.
        options: The default options, secrets as ``***``.
        max_corrections: ``None`` if the profile does not say.
        settings: The other keys, in the order of the file.
        problem: What is wrong, from `profile_problem`; ``None`` if nothing is, or if nobody looked.
    """

    name: str
    provider: str
    model: str | None
    options: Mapping[str, object]
    max_corrections: int | None
    settings: tuple[SettingReport, ...]
    problem: PolycallError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReport:
    """A config file and what is in it.

    Attributes:
        file: Its path.
        found_by: ``"path="``, ``"POLYCALL_CONFIG"``, ``"search"`` or ``"user"``.
        reason: The same in words.
        active: The name of the profile that `polycall.from_config` would use, ``None`` if none is chosen.
        chosen_by: What chose it: ``"profile="``, ``"POLYCALL_PROFILE"``, ``"default"`` or ``"the only profile"``.
        choice_problem: Why none is chosen.
        required_extensions: Extensions without which no client is made.
        profiles: All of them, in the order of the file.
    """

    file: Path
    found_by: str
    reason: str
    active: str | None
    chosen_by: str | None
    choice_problem: ConfigurationError | None
    required_extensions: tuple[str, ...]
    profiles: tuple[ProfileReport, ...]


def config_report(path: object = None, profile: object = None, *, check: bool = False) -> ConfigReport:
    """Say which file `polycall.from_config` would read, why, and what is in it.

    The plugins of the providers that profiles name are imported, their SDKs are not.

    Args:
        path: As for `polycall.from_config`.
        profile: As for `polycall.from_config`.
        check: Look for problems in each profile, too.

    Raises:
        ConfigurationError: There is no file, or it cannot be read.
    """
    found: FoundFile = choose_file(path)
    config = read_config(found.path)
    source = shown(found.path)
    active = chosen_by = problem = None
    try:
        choice = choose_profile(config, source, profile)
        active, chosen_by = choice.name, choice.chosen_by
    except ConfigurationError as error:
        problem = error
    return ConfigReport(
        file=found.path,
        found_by=found.found_by,
        reason=found.reason,
        active=active,
        chosen_by=chosen_by,
        choice_problem=problem,
        required_extensions=tuple(config.required_extensions),
        profiles=tuple(_report(config, source, name, check=check) for name in config.profiles),
    )


def profile_problem(profile: Profile, place: Place) -> PolycallError | None:
    """What is wrong with a profile: its provider, a key, a value, a variable that is not set. Creates no client."""
    try:
        own = take_own({}, profile=profile, place=place)
        provider, settings = select(profile.provider, own)
        make_settings(provider, settings, written=own.written, place=place)
    except PolycallError as error:
        return error
    return None


def _report(config: ConfigFile, source: str, name: str, *, check: bool) -> ProfileReport:
    profile = config.profiles[name]
    settings_type = _settings_type(profile.provider)
    options = shown_value(profile.options, "options")
    return ProfileReport(
        name=name,
        provider=profile.provider,
        model=os.environ.get(profile.model_env, "").strip() or None if profile.model_env else profile.model,
        options=options if isinstance(options, Mapping) else {},
        max_corrections=profile.max_corrections,
        settings=tuple(_setting(key, value, settings_type) for key, value in profile.settings.items()),
        problem=profile_problem(profile, Place(source, f"profiles.{name}")) if check else None,
    )


def _settings_type(provider: str) -> type[BaseModel] | None:
    try:
        return settings_type_of(registry.provider(provider))
    except PolycallError:
        return None


def _setting(key: str, value: object, settings_type: type[BaseModel] | None) -> SettingReport:
    fields = {} if settings_type is None else field_names(settings_type)
    secrets = frozenset() if settings_type is None else secret_fields(settings_type)
    base = key.removesuffix(ENVIRONMENT_SUFFIX)
    if key == base or key in fields:
        is_secret = key in secrets
        text = None if is_secret else str(shown_value(value, key))
        return SettingReport(key=key, setting=key, state="set", secret=is_secret, shown=text)
    names = [*value.values()] if isinstance(value, Mapping) else [value]
    is_set = all(isinstance(name, str) and os.environ.get(name, "").strip() for name in names)
    variable = value if isinstance(value, str) and is_surely_a_name(value) else None
    return SettingReport(
        key=key,
        setting=base,
        state="set" if is_set else "missing",
        variable=variable,
        secret=base in secrets or not fields,
    )
