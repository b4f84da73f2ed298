"""JSON for programs, highlighted for people."""

from __future__ import annotations

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
    """A value as JSON text; ASCII alone where standard output is not UTF-8. NaN and infinity are ``null``."""
    is_ascii = not is_unicode(sys.stdout)
    try:
        return json.dumps(value, indent=indent, ensure_ascii=is_ascii, default=plain, allow_nan=False)
    except ValueError:
        from pydantic_core import to_json

        finite: object = json.loads(to_json(value, fallback=plain, inf_nan_mode="null"))
        return json.dumps(finite, indent=indent, ensure_ascii=is_ascii)


def plain(value: object) -> object:
    """An object as JSON data: models, dataclasses and whatever else pydantic can write; its ``repr`` at last."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(value, "model_dump", None)
    try:
        if callable(dump) and not isinstance(value, type):
            return cast(object, dump(mode="json"))
        return cast(object, to_jsonable_python(value))
    except (PydanticSerializationError, UnicodeDecodeError):
        return repr(value)
