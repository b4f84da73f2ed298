"""A config file to begin with: a profile for each installed provider, its settings as comments."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import polycall
from polycall._clients.config_report import SettingFacts, provider_settings
from polycall._plugins.discovery import PROVIDER_GROUP
from polycall.cli._errors import CommandError
from polycall.cli._examples import INSTALL, STARTERS, Starter
from polycall.cli._exit_codes import ExitCode
from polycall.cli._installed import installed

_WIDTH = 118
_OFTEN_CHANGED = ("base_url", "timeout", "max_retries")
_HEAD = """\
# How to reach the models that this project uses. polycall.from_config() and the command polycall read it.
#
#   polycall config                 what is set and what is missing
#   polycall check --online         whether it works
#   polycall config schema          the JSON Schema of this file, for your editor
#   polycall providers show NAME    every setting of a provider

"""


@dataclass(frozen=True, slots=True)
class StarterFile:
    """A file to begin with.

    Attributes:
        text: TOML.
        profiles: The names of its profiles.
        default: The profile that is used unless another is named.
        next_steps: What to do now, a line each.
    """

    text: str
    profiles: tuple[str, ...]
    default: str
    next_steps: tuple[str, ...]


def write_starter() -> StarterFile:
    """Make the file for what is installed.

    Raises:
        CommandError: No provider is installed, or every one is broken.
    """
    names = dict.fromkeys(one.plugin.name for one in installed(PROVIDER_GROUP) if one.allowed)
    settings: dict[str, Sequence[SettingFacts]] = {}
    for name in names:
        try:
            settings[name] = provider_settings(name)
        except polycall.PolycallError:
            continue  # 'polycall check' says what is wrong with it
    if not settings:
        raise CommandError(
            "There is no provider to write a profile for." if not names else "No installed provider can be loaded.",
            hint=f"Install one: {INSTALL}" if not names else "See 'polycall check'.",
            code=ExitCode.NOT_INSTALLED,
        )
    ready = [name for name in settings if _is_ready(name, settings[name])]
    ready.sort(key=lambda name: STARTERS.get(name, Starter()).module is not None)  # who has set a key means to use it
    shown = ready or [next(iter(settings))]
    others = [name for name in settings if name not in shown]
    blocks = [_profile(name, settings[name], is_on=name in shown) for name in (*shown, *others)]
    return StarterFile(
        f'{_HEAD}default = "{shown[0]}"    # -p NAME and POLYCALL_PROFILE choose another one\n\n' + "\n".join(blocks),
        tuple(shown),
        shown[0],
        tuple(_next_steps(settings[shown[0]], is_ready=bool(ready))),
    )


def _profile(name: str, settings: Sequence[SettingFacts], *, is_on: bool) -> str:
    """One profile; one that cannot be asked as things are is a comment as a whole."""
    starter = STARTERS.get(name, Starter())
    lines = [f"[profiles.{_key(name)}]", f"provider = {json.dumps(name)}"]
    lines.append(f"model = {json.dumps(starter.model)}" if starter.model else '# model = "..."')
    for one in settings:
        if one.key_in_file is not None and _is_shown(one, starter):
            mark = "" if one.name in starter.settings or one.required else "# "
            lines += [*_comment(one), f"{mark}{one.key_in_file} = {_value(one)}"]
    lines += ["", "# Options of every call.", "# options = { temperature = 0.2, max_tokens = 500 }"]
    if not is_on:
        lines = [line if line.startswith("#") or not line else f"# {line}" for line in lines]
        needed = _missing_variable(settings)
        lines.insert(0, f"# Not in use yet{f': {needed} is not set' if needed else ''}.")
    return "\n".join(lines) + "\n"


def _is_shown(setting: SettingFacts, starter: Starter) -> bool:
    """Whether a starter file shows a setting: how to get access, and what most people change."""
    return bool(setting.required or setting.variables or setting.secret) or setting.name in {
        *_OFTEN_CHANGED,
        *starter.settings,
        *starter.comments,
    }


def _missing_variable(settings: Sequence[SettingFacts]) -> str | None:
    return next((one.variables[0] for one in settings if one.secret and one.variables), None)


def _comment(setting: SettingFacts) -> Iterator[str]:
    text = setting.description.replace("`", "")
    if setting.variables and not setting.secret:
        text = f"{text} The SDK reads {' or '.join(setting.variables)}.".strip()
    if text:
        yield ""
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH):
        yield f"# {line}"


def _value(setting: SettingFacts) -> str:
    """A value that TOML takes: the default, the variable's name, else one of the type."""
    if setting.secret:
        return json.dumps(setting.variables[0] if setting.variables else f"MY_{setting.name.upper()}")
    kind = setting.type.partition(" ")[0]
    default = setting.default
    if default is not None and default not in ("None", "{}"):
        return json.dumps(default.strip("'\"")) if default[:1] in "'\"" or kind.startswith('"') else default
    return {"string": '"..."', "integer": "1", "number": "60.0", "boolean": "true", "object": "{}", "array": "[]"}.get(
        kind, kind if kind.startswith('"') else '"..."'
    )


def _is_ready(name: str, settings: Sequence[SettingFacts]) -> bool:
    """Whether a provider can be asked as things are: a variable of its key is set, or it needs none."""
    starter = STARTERS.get(name)
    if starter is not None and starter.module is not None:
        return find_spec(starter.module) is not None
    if not any(setting.secret for setting in settings):
        return True
    variables = [one for setting in settings if setting.secret for one in setting.variables]
    if starter is not None:
        variables += starter.variables
    return any(os.environ.get(one) for one in variables)


def _next_steps(settings: Sequence[SettingFacts], *, is_ready: bool) -> Iterator[str]:
    if not is_ready and (variable := _missing_variable(settings)) is not None:
        yield f"Set {variable}, then try:"
    yield '  polycall call --tools app.models "weather in Rome"'


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else json.dumps(name)
