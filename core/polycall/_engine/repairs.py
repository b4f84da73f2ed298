"""Mending arguments whose meaning is beyond doubt.

The text is mended, not read and written anew: numbers keep every digit. Each function costs linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails, ValidationError

_WANTS_STRUCTURE = frozenset(
    {
        *("list_type", "tuple_type", "set_type", "frozen_set_type", "deque_type", "iterable_type"),
        *("dict_type", "mapping_type", "ordered_dict_type", "frozen_dict_type", "counter_type"),
        *("model_type", "model_attributes_type", "dataclass_type", "named_tuple_type", "arguments_type"),
    }
)
"""pydantic's kinds of error for a value that is not a list or an object, though one is wanted."""
# Possessive quantifiers: these patterns never go back, whatever the text is.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_TOKEN = re.compile(r'[ \t\r\n]*+([{}\[\],:]|"(?:[^"\\]++|\\.)*+"|[^ \t\r\n{}\[\],:"]++)', re.DOTALL)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f]")

Targets = dict[object, "Targets | str"]
"""By key or index: the text that is to be replaced there, or what to replace further down."""


def repair(text: str, error: ValidationError) -> str | None:
    """The text without a fault whose meaning is beyond doubt; ``None`` if it has no such fault.

    - The object encoded twice, as a JSON string that holds JSON (vllm#54964, OpenManus#989).
    - Raw control characters inside strings (rhesis#2488, omlx#1672).
    - A list or an object inside, encoded once more, where the field takes no string (MoonshotAI/kimi-cli#2513).
    """
    if text.lstrip().startswith('"'):
        try:
            inner = json.loads(text, strict=False)
        except ValueError:
            return None
        return inner if isinstance(inner, str) and inner.lstrip().startswith("{") else None
    lines = error.errors(include_url=False, include_context=False)
    if any(line["type"] == "json_invalid" and not line["loc"] for line in lines):
        mended = _escape_control_characters(text)
    else:
        mended = _decode_structures(text, lines)
    return mended if mended != text else None


def _escape_control_characters(text: str) -> str:
    if _CONTROL_CHARACTER.search(text) is None:
        return text
    parts: list[str] = []
    end = 0
    while (start := text.find('"', end)) >= 0:
        string = _STRING.match(text, start)
        if string is None:  # never closed
            break
        parts += (text[end:start], _CONTROL_CHARACTER.sub(_escape, string[0]))
        end = string.end()
    return "".join([*parts, text[end:]])


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def _decode_structures(text: str, lines: Iterable[ErrorDetails]) -> str:
    """Replace the strings at the places of errors by the lists and objects that they hold, and nothing else."""
    wrong = [line for line in lines if line["type"] in _WANTS_STRUCTURE and isinstance(line["input"], str)]
    structures = {string: _is_structure(string) for string in {line["input"] for line in wrong}}
    wrong = [line for line in wrong if structures[line["input"]]]
    if not wrong:
        return text
    try:
        root = json.loads(text, strict=False)
    except ValueError:
        return text
    targets: Targets = {}
    for line in wrong:
        _add_target(targets, root, line["loc"], line["input"])
    return "".join(_replaced(text, targets))


def _is_structure(string: str) -> bool:
    """Whether a string is the JSON text of a list or an object."""
    if not string.lstrip().startswith(("[", "{")):
        return False
    try:
        json.loads(string, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _add_target(targets: Targets, root: object, location: Iterable[int | str], string: str) -> None:
    """Follow an error's location; its names of types (of a union's members) lead nowhere and are left out."""
    path: list[int | str] = []
    value: Any = root
    for step in location:
        if isinstance(value, list):
            leads_on = isinstance(step, int) and 0 <= step < len(value)
        else:
            leads_on = isinstance(value, dict) and step in value
        if leads_on:
            value = value[step]
            path.append(step)
    if value != string or not path:
        return
    *outer, last = path
    for step in outer:
        inner = targets.setdefault(step, {})
        if isinstance(inner, str):
            return
        targets = inner
    targets.setdefault(last, string)


def _replaced(text: str, targets: Targets) -> Iterator[str]:
    """The pieces of a valid JSON text with its targets replaced, in one pass."""
    stack: list[tuple[Targets | str | None, str]] = []
    here: Targets | str | None = targets
    """What is to be replaced at the value that comes next; ``None``: nothing."""
    inside: Targets | str | None = None
    kind = ""
    index = 0
    indices: list[int] = []
    key: str | None = None
    done = at = 0
    while (token := _TOKEN.match(text, at)) is not None:
        at, word = token.end(), token[1]
        if word in ("{", "["):
            stack.append((inside, kind))
            indices.append(index)
            inside, kind, index = here, word, 0
            here = _below(inside, 0) if word == "[" else None
            key = None
        elif word in ("}", "]"):
            inside, kind = stack.pop()
            index = indices.pop()
        elif word == ",":
            if kind == "[":
                index += 1
                here = _below(inside, index)
            key = None
        elif word == ":":
            here = _below(inside, key)
        elif kind == "{" and key is None:
            key = json.loads(word, strict=False)
        elif isinstance(here, str) and word[0] == '"' and json.loads(word, strict=False) == here:
            yield text[done : token.start(1)]
            yield here
            done = at
    yield text[done:]


def _below(targets: Targets | str | None, step: object) -> Targets | str | None:
    return targets.get(step) if isinstance(targets, Mapping) else None
