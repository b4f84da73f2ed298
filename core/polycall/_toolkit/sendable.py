"""What a service takes: JSON that UTF-8 can carry, names of tools, HTTP headers, keys."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping

from polycall._data.errors import ConfigurationError, MessageError
from polycall._toolkit.keys import key_problem

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_HASH_DIGITS = 8


def sendable(value: object, *, where: str = "messages") -> object:
    """The same JSON value in a form that every JSON parser takes.

    Args:
        value: JSON; objects of other kinds in it stay as they are.
        where: The place of the value, for the error.

    Returns:
        The value itself if nothing has to change, else a copy with U+FFFD for each lone surrogate: JSON can write them,
        UTF-8 cannot, and models produce them.

    Raises:
        MessageError: NaN or infinity, which JSON lacks, with the path; or the value is nested too deeply.
    """
    try:
        return _sendable(value, True)
    except _NotFiniteError:
        raise MessageError(
            f"{where}{_path_of_not_finite(value)}: NaN and infinity are not JSON; send a text or null instead."
        ) from None
    except RecursionError as error:
        raise MessageError(f"{where}: nested too deeply, or within itself.") from error


def without_surrogates(value: object) -> object:
    """Like `sendable`, but numbers stay as they are: for the turn of a model, which may hold any.

    Raises:
        MessageError: The value is nested too deeply.
    """
    try:
        return _sendable(value, False)
    except RecursionError as error:
        raise MessageError("A message is nested too deeply, or within itself.") from error


def sendable_name(name: str, *, pattern: str | re.Pattern[str] = r"[A-Za-z0-9_-]+", max_length: int = 64) -> str:
    """The name of a tool that does not exist, in a form that the service takes: ``get weather!``, say.

    Args:
        name: The name as the model wrote it.
        pattern: What the whole name must match. Names of letters, digits and underscores that begin with a letter
            must match it.
        max_length: The longest name that the service takes.

    Returns:
        The name itself if it fits, else the closest one that does, ending in a hash of the original: different names
        stay different.
    """
    if len(name) <= max_length and re.fullmatch(pattern, name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    words = _NOT_IN_A_NAME.sub("_", name).strip("_") or "unknown"
    words = words if words[0].isalpha() else f"tool_{words}"
    return f"{words[: max(1, max_length - _HASH_DIGITS - 1)]}_{digest}"[:max_length]


def sendable_headers(headers: object, *, key: str = "extra_headers", encoding: str = "latin-1") -> dict[str, str]:
    """HTTP headers of the caller, checked before an HTTP library refuses them in words that show their values.

    Args:
        headers: Names to texts; bytes are read in the encoding.
        key: The option or the setting that they come from.
        encoding: What the HTTP library writes them in.

    Returns:
        A new dict, blanks around the values removed.

    Raises:
        ConfigurationError: Not a mapping, a name that is not one, a value that is not text, or has a line break or a
            character in it that the encoding lacks. It names the header, never the value.
    """
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{key} must be a dict of texts, got {type(headers).__name__}.", key=key)
    checked: dict[str, str] = {}
    for given_name, given_value in headers.items():
        name, value = (
            one.decode(encoding, "replace") if isinstance(one, bytes) else one for one in (given_name, given_value)
        )
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            shown = repr(name[:80]) if isinstance(name, str) else type(name).__name__
            raise ConfigurationError(f"{key}: {shown} is not the name of a header.", key=key)
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{key}: the value of {name!r} must be text, got {type(value).__name__}.", key=f"{key}.{name}"
            )
        problem = _header_problem(value, encoding)
        if problem is not None:
            raise ConfigurationError(f"{key}: the value of {name!r} {problem}; remove it.", key=f"{key}.{name}")
        checked[name] = value.strip(" \t")
    return checked


def sendable_key(text: str, name: str) -> str:
    """A key or a token that is sent as a header, checked before an HTTP library refuses it in words that show it.

    Args:
        text: The secret.
        name: The setting that it comes from.

    Returns:
        The text.

    Raises:
        ConfigurationError: It is empty, has a blank, a line break or a character that is not ASCII in it or around it,
            stands in quotes, or is a placeholder. It names the setting, never the value.
    """
    problem = key_problem(text)
    if problem is not None:
        raise ConfigurationError(f"{name} {problem}.", key=name)
    return text


class _NotFiniteError(Exception):
    """There is a NaN or an infinity."""


def _sendable(value: object, finite: bool) -> object:
    kind = value.__class__
    if kind is str:
        return _text(value)  # type: ignore[arg-type]
    if kind is float:
        if finite and not math.isfinite(value):  # type: ignore[arg-type]
            raise _NotFiniteError
        return value
    if isinstance(value, Mapping):
        changed: dict[object, object] | None = None
        for key, old in value.items():
            new_key, new = _text(key) if isinstance(key, str) else key, _sendable(old, finite)
            if new_key is not key:
                # A changed key has to keep its place, so everything is copied.
                return {_sendable(name, finite): _sendable(one, finite) for name, one in value.items()}
            if new is not old:
                changed = dict(value) if changed is None else changed
                changed[key] = new
        return value if changed is None else changed
    if kind is list or kind is tuple:
        items = [_sendable(item, finite) for item in value]  # type: ignore[attr-defined]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items  # type: ignore[call-overload]
    if isinstance(value, str):
        return _text(value)
    return value


def _text(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two surrogates that belong together become the character that they stand for.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _path_of_not_finite(value: object) -> str:
    if isinstance(value, Mapping):
        inner = ((f".{name}", member) for name, member in value.items())
    elif isinstance(value, (list, tuple)):
        inner = ((f"[{at}]", member) for at, member in enumerate(value))
    else:
        return ""
    for step, member in inner:
        if isinstance(member, float) and not math.isfinite(member):
            return step
        path = _path_of_not_finite(member)
        if path:
            return step + path
    return ""


def _header_problem(value: str, encoding: str) -> str | None:
    if _CONTROL.search(value):
        return "has a line break or another control character in it"
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        return "has a character in it that a header cannot carry"
    return None
