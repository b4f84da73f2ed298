"""``NAME=VALUE`` of the command line: options of a call, settings of a provider."""

from __future__ import annotations

import json
from collections.abc import Sequence

from polycall.cli._errors import CommandError


def read_values(given: Sequence[str], option: str) -> dict[str, object]:
    """Read ``NAME=VALUE`` pairs. A value that is JSON counts as such, any other as text.

    Args:
        given: As on the command line.
        option: Which option they were given to, for errors.

    Raises:
        CommandError: A pair without ``=``, or a name given twice.
    """
    values: dict[str, object] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise CommandError(f"{option} takes NAME=VALUE, got {pair!r}.", hint=f"Write {option} temperature=0.2.")
        if name in values:
            raise CommandError(f"{option} {name} is given twice.", hint="Leave one of them out.")
        values[name] = _value(text)
    return values


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)
    return value
