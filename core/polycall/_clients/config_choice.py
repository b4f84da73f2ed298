"""Which file and which profile of it: from arguments, the environment and the file, in that order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from polycall._clients.config_file import ConfigFile, Profile, read_config
from polycall._clients.config_search import FoundFile, find_file
from polycall._clients.setting_errors import Place, unknown_key
from polycall._clients.toml_files import shown
from polycall._data.errors import ConfigurationError

FILE_VARIABLE: Literal["POLYCALL_CONFIG"] = "POLYCALL_CONFIG"
PROFILE_VARIABLE: Literal["POLYCALL_PROFILE"] = "POLYCALL_PROFILE"

ChosenBy = Literal["profile=", "POLYCALL_PROFILE", "default", "the only profile"]


class Environment(BaseSettings):
    """The choices of the environment."""

    model_config = SettingsConfigDict(env_prefix="POLYCALL_", env_ignore_empty=True)

    profile: str | None = None
    """The profile to use, in place of the file's ``default``."""
    config: str | None = None
    """The config file, in place of a search for one."""


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """The name of the profile to use, and what named it."""

    name: str
    chosen_by: ChosenBy


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    """A profile with the file that it is in, and what chose both."""

    file: FoundFile
    config: ConfigFile
    choice: ProfileChoice

    @property
    def profile(self) -> Profile:
        """The profile."""
        return self.config.profiles[self.choice.name]

    @property
    def place(self) -> Place:
        """Where it is, for errors."""
        return Place(shown(self.file.path), f"profiles.{self.choice.name}")


def choose(path: object = None, profile: object = None) -> ChosenProfile:
    """Find the file, read it, and choose the profile.

    Args:
        path: The file, ``None`` to look for one; see `polycall.from_config`.
        profile: The profile's name, ``None`` for the one that environment or file name.

    Raises:
        ConfigurationError: No file, a broken one, or no profile of that name.
    """
    environment = Environment()
    file = choose_file(path, environment)
    config = _read(file)
    return ChosenProfile(file, config, choose_profile(config, shown(file.path), profile, environment))


def choose_file(path: object = None, environment: Environment | None = None) -> FoundFile:
    """Find the file.

    Raises:
        ConfigurationError: There is none, or it is somebody else's.
    """
    if path is not None:
        return FoundFile(_as_path(path), "path=", "named by path=")
    environment = environment or Environment()
    if environment.config is not None:
        return FoundFile(_as_path(environment.config), FILE_VARIABLE, f"named by {FILE_VARIABLE}")
    return find_file()


def choose_profile(
    config: ConfigFile, source: str, asked: object = None, environment: Environment | None = None
) -> ProfileChoice:
    """Choose a profile of a file.

    Raises:
        ConfigurationError: None is chosen, or there is none of that name.
    """
    variable = (environment or Environment()).profile
    named: list[tuple[object, ChosenBy]] = [
        (asked, "profile="),
        (variable, PROFILE_VARIABLE),
        (config.default, "default"),
        (_only(config.profiles), "the only profile"),
    ]
    name, chosen_by = next(((name, by) for name, by in named if name), (None, named[0][1]))
    if name is None:
        known = ", ".join(config.profiles) or "none"
        raise ConfigurationError(
            f'{source}: no profile was chosen. Write default = "NAME", set {PROFILE_VARIABLE} or pass profile=. '
            f"Profiles: {known}.",
            source=source,
            key="default",
        )
    if not isinstance(name, str):
        raise ConfigurationError(f"profile must be a name, got {name!r:.80}.", key="profile")
    if name not in config.profiles:
        problem = unknown_key(name, config.profiles, what="profile")
        if chosen_by == "default":
            raise Place(source).error(problem, "default")
        key = f"profiles.{name}"
        by = f"{PROFILE_VARIABLE}: " if chosen_by == PROFILE_VARIABLE else ""
        raise ConfigurationError(f"{source}: {by}{problem}", source=source, key=key)
    return ProfileChoice(name, chosen_by)


def _read(file: FoundFile) -> ConfigFile:
    try:
        return read_config(file.path)
    except ConfigurationError as error:
        if file.found_by != FILE_VARIABLE:
            raise
        message = f"{error} ({FILE_VARIABLE} names this file.)"
        raise ConfigurationError(message, source=error.source, key=error.key) from error.__cause__


def _as_path(path: object) -> Path:
    try:
        return Path(path).expanduser()  # type: ignore[arg-type]  # a path of another type is the error below
    except (TypeError, RuntimeError) as error:
        raise ConfigurationError(f"{path!r:.80} is not a path: {error}.", key="path") from error


def _only(profiles: Mapping[str, Profile]) -> str | None:
    return next(iter(profiles)) if len(profiles) == 1 else None
