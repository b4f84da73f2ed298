"""polycall's own keys next to a provider's settings: ``model``, ``options``, ``max_corrections``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from polycall._clients.config_file import Profile
from polycall._clients.secrets import read_variable, refuse_written_secrets
from polycall._clients.setting_errors import IN_CODE, Place
from polycall._data.errors import ConfigurationError
from polycall._engine.defaults import CORRECTIONS, Defaults
from polycall._toolkit.options import PARAMETERS

_KEYS = ("model", "options", "max_corrections")


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """polycall's own part of what a client is made of, and the provider's.

    Attributes:
        model: The model's name, ``None`` if each call names its own.
        defaults: What holds unless a call says otherwise.
        provider_settings: The rest of the keyword arguments.
        written: The provider's settings of a profile.
        place: Of the profile.
    """

    model: str | None
    defaults: Defaults
    provider_settings: Mapping[str, object]
    written: Mapping[str, object] = field(default_factory=dict)
    place: Place = IN_CODE


def take_own(
    given: Mapping[str, object], *, model: str | None = None, profile: Profile | None = None, place: Place = IN_CODE
) -> OwnSettings:
    """Take polycall's own settings out of keyword arguments; they override those of a profile.

    Args:
        given: The keyword arguments.
        model: The model that the provider's name came with: ``"openai/gpt-4o"``.
        profile: The profile, if the client is made of one.
        place: Where that is.

    Raises:
        ConfigurationError: One has another type; the model is named twice; an option is a parameter of ``create()``,
            or is a secret written into a file.
    """
    own = {name: given[name] for name in _KEYS if name in given}
    if model is not None and own.get("model", model) != model:
        raise ConfigurationError(
            f"The model is named twice, {model!r} in the name and {own['model']!r} as model=. Leave one of them out.",
            key="model",
        )
    profile = profile or Profile(provider="")
    asked = own.get("model", model)
    if asked is None:
        asked = _model_of(profile, place)
    if asked is not None and not isinstance(asked, str):
        raise ConfigurationError(f"model must be text, got {asked!r:.80}.", key="model")
    options = own.get("options")
    written = _checked_options(profile.options, place)
    corrections = own.get("max_corrections", profile.max_corrections)
    return OwnSettings(
        model=asked or None,
        defaults=Defaults(
            options={**written, **_checked_options({} if options is None else options, IN_CODE)},
            max_corrections=CORRECTIONS if corrections is None else _checked_count(corrections),
            source=place.source,
            paths={
                name: f"{place.key}.options.{name}"
                for name in written
                if not (isinstance(options, Mapping) and name in options)
            },
        ),
        provider_settings={name: value for name, value in given.items() if name not in own},
        written=profile.settings,
        place=place,
    )


def _model_of(profile: Profile, place: Place) -> str | None:
    if profile.model_env is None:
        return profile.model
    if profile.model is not None:
        raise place.error("'model' and 'model_env' are the same setting. Leave one of them out.", "model_env")
    return str(read_variable("model_env", profile.model_env, place, secret=False))


def _checked_options(options: object, place: Place) -> Mapping[str, object]:
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise place.error(f"must be a dict of options of create(), got {type(options).__name__}.", "options")
    for name, value in options.items():
        path = f"options.{name}"
        if name in PARAMETERS:
            hint = " Write max_corrections next to options." if name == "max_retries" else ""
            hint = " Name the model next to options." if name == "model" else hint
            raise place.error(f"{name!r} is a parameter of create(), not an option.{hint}", path)
        if place is not IN_CODE:
            refuse_written_secrets(value, place, path)
    return options


def _checked_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"max_corrections must be an integer >= 0, got {value!r:.80}.", key="max_corrections")
    return value
