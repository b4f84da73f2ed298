"""Settings that hold secrets, and settings whose values are in environment variables. No message shows a value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, SecretStr

from polycall._clients.setting_errors import Place
from polycall._toolkit.headers import HIDDEN, shown_headers, shown_url
from polycall._toolkit.keys import key_problem, unsendable

ENVIRONMENT_SUFFIX = "_env"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_LONGEST_WORD = 14
_KEY_NAME = re.compile(r"(^|[-_])(key|token)$", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"^(proxy-)?authorization$|^(set-)?cookie$|api[-_]?key|(^|[-_])(token|secret|password|passwd|passphrase|pwd|jwt)$"
    r"|(^|[-_])(access|auth|functions|master|private|secret|subscription)[-_]?key$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"(bearer|basic) \S|sk-[A-Za-z0-9_-]{16}", re.IGNORECASE)


# -- secrets ----------------------------------------------------------------------------------------------------------


def secret_fields(settings_type: type[BaseModel]) -> frozenset[str]:
    """Names and aliases of the settings that hold secrets."""
    return frozenset(
        given
        for name, field in settings_type.model_fields.items()
        if _holds_secret(field.annotation)
        for given in (name, field.alias)
        if given
    )


def stripped(value: object) -> object:
    """A secret without the blanks around it: one that was mounted as a file ends with a line break."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return value if text == text.strip() else SecretStr(text.strip())
    return value.strip() if isinstance(value, str) else value


def check_secrets(settings: BaseModel, place_of: Mapping[str, tuple[str, Place]]) -> None:
    """Refuse secrets that cannot be sent, before an HTTP library does so in words that show them.

    Args:
        settings: The settings.
        place_of: For each field how it was named, and where.

    Raises:
        ConfigurationError: It names the setting, and the problem.
    """
    for field in type(settings).model_fields:
        for path, held in _secrets_in(getattr(settings, field), ""):
            name, place = place_of.get(field, (field, Place()))
            value = held.get_secret_value()
            problem: str | None
            if not path and _KEY_NAME.search(field):
                problem = key_problem(value)
            else:
                problem = f"{cause}; remove it" if (cause := unsendable(value)) else None
            if problem is not None:
                raise place.error(f"{problem}.", name + path)


def refuse_written_secrets(value: object, place: Place, name: str) -> None:
    """Refuse secrets in a file in fields that are not meant for them: a header, a URL with a password.

    Raises:
        ConfigurationError: There is one; with what to write in its place.
    """
    if isinstance(value, Mapping):
        for inner, one in value.items():
            path = f"{name}.{inner}"
            # A default option has no variable of its own.
            mended = (
                "pass it in code, to from_config(options=...)"
                if name.startswith("options")
                else "put the value into an environment variable and write "
                f'{name}{ENVIRONMENT_SUFFIX} = {{ "{inner}" = "THE_VARIABLE" }}'
            )
            if isinstance(one, str) and one and (names_secret(str(inner)) or _SECRET_VALUE.match(one)):
                raise place.error(f"Secrets are named, never written, and this sounds like one: {mended}.", path)
            refuse_written_secrets(one, place, path)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            refuse_written_secrets(one, place, f"{name}.{at}")
    elif isinstance(value, str) and "://" in value and shown_url(value) != value:
        raise place.error(
            "Secrets are named, never written, and this URL has one in it: put the URL into an environment variable "
            f'and write {name}{ENVIRONMENT_SUFFIX} = "THE_VARIABLE".',
            name,
        )


def names_secret(name: str) -> bool:
    """Whether the name of a header, a parameter or a setting says that its value is a secret."""
    return _SECRET_NAME.search(name) is not None


def shown_value(value: object, name: str) -> object:
    """A setting's value as it may be shown: without what may be a secret."""
    if isinstance(value, SecretStr) or value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return HIDDEN if names_secret(name) else shown_url(value) if "://" in value else value
    if isinstance(value, Mapping):
        if "header" in name.lower():
            return shown_headers({key: str(one) for key, one in value.items()})
        return {key: shown_value(one, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown_value(one, name) for one in value]
    return f"<{type(value).__name__}>"  # an SDK's object: its repr is its own affair


def _secrets_in(value: object, path: str) -> Iterator[tuple[str, SecretStr]]:
    if isinstance(value, SecretStr):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _secrets_in(one, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for at, one in enumerate(value):
            yield from _secrets_in(one, f"{path}.{at}")


def _holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_holds_secret, get_args(annotation)))


# -- environment variables --------------------------------------------------------------------------------------------


def read_variable(name: str, variable: object, place: Place, *, secret: bool) -> object:
    """The value of the environment variable that a ``..._env`` setting names, without the blanks around it.

    Args:
        name: The setting as it was given: ``"api_key_env"``.
        variable: The variable's name; for a setting that is a map, a map of such names.
        place: Where it was given.
        secret: The setting holds a secret.

    Raises:
        ConfigurationError: It is not the name of a variable, the variable is not set, or its value cannot be sent. What
            was given is shown only if it is a variable's name beyond doubt: people paste the key itself there.
    """
    if isinstance(variable, Mapping):
        return {
            str(inner): read_variable(f"{name}.{inner}", one, place, secret=secret) for inner, one in variable.items()
        }
    if not isinstance(variable, str) or not variable:
        raise place.error("must be the name of an environment variable.", name)
    if not _VARIABLE.fullmatch(variable):
        raise place.error(
            "must be the name of an environment variable (letters, digits and '_'), and not the "
            f"{'secret' if secret else 'value'} itself.",
            name,
        )
    shown = f" {variable!r}" if is_surely_a_name(variable) else ""
    value = os.environ.get(variable, "").strip()  # one that was mounted as a file ends with a line break
    if not value:
        hint = "" if shown else " What is written here is not shown, as it may be the secret itself."
        state = "is empty" if variable in os.environ else "is not set"
        raise place.error(f"the environment variable{shown} {state}. Set it and try again.{hint}", name)
    if not secret:
        return value
    field = name.partition(".")[0].removesuffix(ENVIRONMENT_SUFFIX)
    if "." not in name and _KEY_NAME.search(field):
        problem = key_problem(value)
    else:
        problem = f"{cause}; remove it" if (cause := unsendable(value)) else None
    if problem is not None:
        raise place.error(f"the environment variable{shown} {problem}.", name)
    return value


def is_surely_a_name(variable: str) -> bool:
    """Whether a text is a variable's name beyond doubt, and not a key that was pasted in its place."""
    parts = variable.split("_")
    return variable.isupper() and all(
        len(part) <= _LONGEST_WORD and (part.isalpha() or len(part) <= _LONGEST_WORD // 2) for part in parts if part
    )
