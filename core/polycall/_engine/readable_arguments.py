"""The arguments of a call as far as they can be read: evidence of which call a model means, never a value to use."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from polycall._data.types import JsonObject, ToolCall

_PLACE_OF_ERROR = re.compile(r"at line (\d+) column (\d+)\Z")
_MAX_ENCODINGS = 3


@dataclass(frozen=True, slots=True)
class ReadableArguments:
    """The top-level arguments of a call.

    Attributes:
        values: By name; of text that is not JSON, those that stand before the place where it breaks.
        whole: Whether that is all of them.
    """

    values: JsonObject
    whole: bool


_NOTHING = ReadableArguments({}, whole=False)


def read_arguments(tool_call: ToolCall) -> ReadableArguments:
    """Read what can be read of a call's arguments; whatever they are, nothing is raised."""
    arguments = tool_call.arguments if tool_call.normalized_arguments is None else tool_call.normalized_arguments
    try:
        if isinstance(arguments, str):
            return _read(arguments, _MAX_ENCODINGS)
        value = from_json(to_json(arguments, inf_nan_mode="constants"))
    except (ValueError, TypeError, RecursionError):
        return _NOTHING
    return ReadableArguments(value, whole=True) if isinstance(value, dict) else _NOTHING


def _read(text: str, encodings: int) -> ReadableArguments:
    whole = True
    try:
        value = from_json(text)
    except (ValueError, TypeError) as error:  # TypeError: text with a lone surrogate
        try:
            value = json.loads(_likely_object(text), strict=False)
        except ValueError:
            whole, value = False, _before_the_break(text, str(error))
    if isinstance(value, str) and encodings:
        return _read(value, encodings - 1)
    return ReadableArguments(value, whole) if isinstance(value, dict) else _NOTHING


def _likely_object(text: str) -> str:
    """The object among other words, and with the quotes of JSON."""
    start, end = text.find("{"), text.rfind("}")
    inner = text[start : end + 1] if 0 <= start < end else text
    return inner if '"' in inner else inner.replace("'", '"')


def _before_the_break(text: str, message: str) -> object:
    """The members of broken JSON before its error, without one that may be half written."""
    found = _PLACE_OF_ERROR.search(message)
    if found is None:
        return None
    encoded = text.encode()
    start = 0
    for _ in range(int(found[1]) - 1):
        start = encoded.find(b"\n", start) + 1
    readable = encoded if message.startswith("EOF") else encoded[: start + int(found[2]) - 1]
    try:
        value = from_json(readable, allow_partial=True)  # leaves out half a text, but not half a number
    except ValueError:
        return None
    if isinstance(value, dict) and value:
        *_, last = value.values()
        if (
            isinstance(last, (list, dict))
            or (isinstance(last, (int, float)) and readable.rstrip()[-1:].isdigit())
            or message.startswith("expected `,`")  # more of a text, after a quote in it
        ):
            value.popitem()
    return value
