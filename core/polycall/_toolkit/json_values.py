"""JSON from the wire and back: whole bodies, members of a type, the arguments of calls.

The parser of pydantic-core is several times as fast as the standard library's, which reads what the fast one refuses:
lone surrogates, raw control characters, a byte order mark, other encodings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from operator import is_not
from typing import NoReturn, TypeAlias

from pydantic_core import PydanticSerializationError, from_json, to_json

from polycall._data.errors import ResponseError

JsonObject: TypeAlias = dict[str, object]
"""A JSON object, decoded."""

MAX_DEPTH = 200
"""How deeply JSON may be nested, as in pydantic-core; deeper values break those who walk them."""

_EXCERPT_CHARACTERS = 400
_KINDS: dict[type, str] = {
    bool: "a boolean",
    float: "a number",
    int: "a number",
    list: "a JSON array",
    str: "a JSON string",
    type(None): "null",
}


class NotJsonError(ValueError):
    """The text is not JSON, or is nested too deeply to be read."""


def parse_json(data: bytes | str) -> object:
    """Parse a JSON text.

    Args:
        data: The whole text; bytes are UTF-8, UTF-16 or UTF-32.

    Returns:
        The value. Whole numbers are exact; ``NaN`` and ``Infinity`` are read as Python's parser does.

    Raises:
        NotJsonError: The only one; chained to the parser's own error.
    """
    try:
        return from_json(data)
    except ValueError as error:
        if "recursion limit" in str(error):
            raise NotJsonError(f"nested more than {MAX_DEPTH} levels deep") from error
    except TypeError:  # a str with a lone surrogate in it
        pass
    try:
        value = json.loads(data.removeprefix("\ufeff") if isinstance(data, str) else data, strict=False)
    except RecursionError as error:
        raise NotJsonError(f"nested more than {MAX_DEPTH} levels deep") from error
    except ValueError as error:
        raise NotJsonError(str(error)) from error
    if is_too_deep(value):
        raise NotJsonError(f"nested more than {MAX_DEPTH} levels deep")
    return value


def parse_object(body: bytes | str, *, source: str = "the reply", hint: str = "") -> JsonObject:
    """Parse a whole body that must be a JSON object.

    Args:
        body: The body, content-decoded.
        source: Names the body in the error: ``"the reply of https://api.example.com/v1 (Chat Completions)"``.
        hint: The next step, as a sentence: ``"Check base_url."``

    Raises:
        ResponseError: The body is empty, HTML, not JSON, nested too deeply, or another JSON value. Its ``excerpt`` is
            the beginning of the body.
    """
    try:
        value = parse_json(body)
    except NotJsonError as error:
        _refuse(body, _defect(body, error), source, hint, error)
    if not isinstance(value, dict):
        _refuse(body, _KINDS.get(type(value), "another value"), source, hint, None)
    return value


def excerpt(data: bytes | str) -> str:
    """The beginning of a body as text, at most 400 characters, for an error."""
    start = data[:_EXCERPT_CHARACTERS]
    return start if isinstance(start, str) else bytes(start).decode("utf-8", "replace")


def json_text(value: object, name: str) -> str | None:
    """Member ``name`` of a mapping if it is a text, also an empty one; else ``None``."""
    member = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
    return member if isinstance(member, str) else None


def json_int(value: object, name: str) -> int | None:
    """Member ``name`` of a mapping if it is a whole number, also one written as ``12.0``; else ``None``."""
    member = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
    if isinstance(member, int):
        return None if isinstance(member, bool) else member
    return int(member) if isinstance(member, float) and member.is_integer() else None


def json_object(value: object, name: str) -> JsonObject | None:
    """Member ``name`` of a mapping if it is an object; else ``None``."""
    member = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
    if isinstance(member, dict):
        return member
    return dict(member) if isinstance(member, Mapping) else None


def json_list(value: object, name: str) -> list[object] | None:
    """Member ``name`` of a mapping if it is a list; else ``None``."""
    member = value.get(name) if type(value) is dict or isinstance(value, Mapping) else None
    return member if isinstance(member, list) else None


def to_plain_data(value: object) -> object:
    """Objects of SDKs inside JSON as data; what is plain already is not copied.

    Args:
        value: JSON in which pydantic models, other mappings and iterables stand for objects and lists.

    Returns:
        The value itself if it is plain. Objects of other kinds stay as they are.
    """
    kind = value.__class__
    if kind is str or kind is int or kind is bool or kind is float or value is None:
        return value
    if isinstance(value, dict):
        changed: JsonObject | None = None if kind is dict else dict(value)
        for key, old in value.items():
            new = to_plain_data(old)
            if new is not old:
                changed = dict(value) if changed is None else changed
                changed[key] = new
        return value if changed is None else changed
    if kind is list:
        items = [to_plain_data(item) for item in value]  # type: ignore[attr-defined]
        return items if any(map(is_not, items, value)) else value  # type: ignore[call-overload]
    dumped = dump_model(value)
    if dumped is not None:
        return dumped
    if isinstance(value, Mapping):
        return {key: to_plain_data(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return [to_plain_data(item) for item in value]
    return value


def dump_model(value: object) -> object | None:
    """The data of a pydantic model as the SDKs send it: only the fields that were set.

    Returns:
        ``None`` if the value is not such a model, or refuses.
    """
    try:
        # An attribute of SDK models: fields that the SDK adds to a reply, which are not part of the protocol.
        excluded = getattr(value, "__api_exclude__", None)
        dumped: object = value.model_dump(mode="json", exclude_unset=True, exclude=excluded)  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  # whatever an object that is not a model does when it is asked
        return None
    return dumped


def arguments_text(arguments: str | Mapping[str, object] | None) -> str:
    """The arguments of a call as JSON text.

    Args:
        arguments: As in `ToolCall.arguments`; text is returned byte for byte, ``None`` is ``{}``.

    Returns:
        Compact JSON with all characters as they are, lone surrogates too, and ``NaN`` for numbers that JSON lacks.
        Values that are not JSON take the form that pydantic gives them, or else their ``str()``.

    Raises:
        ValueError: The arguments contain themselves, or are nested too deeply (more than 200 levels).
    """
    if isinstance(arguments, str):
        return arguments
    if arguments is None:
        return "{}"
    try:
        return to_json(arguments, inf_nan_mode="constants", fallback=_other).decode()
    except PydanticSerializationError:  # lone surrogates, bytes that are not UTF-8, the depth
        pass
    try:
        if is_too_deep(arguments):
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep, or within themselves")
        text = json.dumps(dict(arguments), ensure_ascii=False, separators=(",", ":"), default=_other, skipkeys=True)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The arguments cannot be written as JSON: {error}.") from error
    return text


def arguments_object(arguments: str | Mapping[str, object] | None) -> JsonObject | None:
    """The arguments of a call, decoded.

    Returns:
        ``{}`` for ``None``, blank text and ``null``; ``None`` where the text is not a JSON object.
    """
    if arguments is None:
        return {}
    if not isinstance(arguments, str):
        return arguments if isinstance(arguments, dict) else dict(arguments)
    try:
        value = parse_json(arguments)
    except NotJsonError:
        return None if arguments.strip() else {}
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def replayable_arguments(arguments: str | Mapping[str, object] | None) -> str:
    """The arguments of an earlier call as a text that every server can decode, for conversations that are sent again.

    Servers that hold arguments as structures decode them before the model sees them, and refuse the whole request for a
    call whose arguments are not a JSON object.

    Returns:
        Text of a JSON object byte for byte; ``{}`` for blank text and ``null``; for everything else, ``NaN`` included,
        an object with the original text in its only member, ``_invalid_arguments``.

    Raises:
        ValueError: As `arguments_text`.
    """
    text = arguments_text(arguments)
    try:
        value = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError) as error:
        value = _lone_surrogates(text) if "recursion limit" not in str(error) else _INVALID
    if isinstance(value, dict):
        return text
    if value is None or not text.strip():
        return "{}"
    return json.dumps({"_invalid_arguments": text}, ensure_ascii=False, separators=(",", ":"))


def is_too_deep(value: object, limit: int = MAX_DEPTH) -> bool:
    """Whether a JSON value is nested more than ``limit`` levels deep, or contains itself."""
    level, layer = 0, [value]
    while inner := {id(one): one for outer in layer for one in _containers_in(outer)}:
        level += 1
        if level >= limit:
            return True
        layer = list(inner.values())
    return False


_INVALID = object()


def _containers_in(value: object) -> list[object]:
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [member for member in members if isinstance(member, (dict, list, tuple, Mapping))]


def _lone_surrogates(text: str) -> object:
    """Parse JSON that the fast parser refuses for its lone surrogates."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _INVALID
    return _INVALID if is_too_deep(value) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _other(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _defect(body: bytes | str, error: NotJsonError) -> str:
    if not body.strip():
        return "an empty body"
    if excerpt(body).lstrip("\ufeff \t\r\n").startswith("<"):
        return "HTML"
    return f"something that is not JSON ({str(error)[:200]})"


def _refuse(body: bytes | str, what: str, source: str, hint: str, cause: NotJsonError | None) -> NoReturn:
    message = f"A JSON object was expected as {source}, got {what}."
    raise ResponseError(f"{message} {hint}" if hint else message, excerpt=excerpt(body)) from cause
