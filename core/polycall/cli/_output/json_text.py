"""JSON for programs, highlighted for people."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import cast

from polycall.cli._output.terminal import has_colours, is_unicode


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print a value as JSON on standard output; in colours where it has them."""
    text = json_text(value, indent=indent)
    if not has_colours(sys.stdout):
        sys.stdout.write(f"{text}\n")
        return
    from rich.console import Console
    from rich.text import Text

    from polycall.cli._output.highlighting import highlight_json

    Console(force_terminal=True, width=10_000).print(highlight_json(Text(text)), soft_wrap=True)


def json_text(value: object, *, indent: int | None = None) -> str:
    """A value as JSON text; ASCII alone where standard output is not UTF-8."""
    return json.dumps(value, indent=indent, ensure_ascii=not is_unicode(sys.stdout), default=plain)


def plain(value: object) -> object:
    """An object as JSON data: models, dataclasses and whatever else pydantic can write; its ``repr`` at last."""
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return cast(object, to_jsonable_python(value))
    except PydanticSerializationError:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return repr(value)
