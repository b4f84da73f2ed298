"""Files of the command line, and standard input as ``-``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from polycall.cli._errors import CommandError


def read_text(name: str, option: str) -> str:
    """The text of a file; ``-`` is standard input.

    Raises:
        CommandError: It cannot be read, or is not UTF-8.
    """
    try:
        content = _read_stdin() if name == "-" else Path(name).expanduser().read_bytes()
    except OSError as error:
        raise CommandError(f"{option} {name}: {error.strerror or error}.", hint="Check the path.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{option} {name}: not UTF-8 (byte {error.start}).", hint="Save it as UTF-8.") from error


def _read_stdin() -> bytes:
    return b"" if sys.stdin is None else sys.stdin.buffer.read()  # a process can be started without one


def read_json(name: str, option: str) -> object:
    """The JSON in a file; ``-`` is standard input. JSON lines are a list.

    Raises:
        CommandError: It cannot be read, or is not JSON.
    """
    text = read_text(name, option)
    try:
        value: object = json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1:
            try:
                return [json.loads(line) for line in lines]
            except ValueError:
                pass
        where = str(error)
        if isinstance(error, json.JSONDecodeError):
            where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{option} {name}: not JSON ({where}).", hint="It takes a file of JSON.") from error
    return value
