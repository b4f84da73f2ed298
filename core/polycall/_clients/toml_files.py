"""Reads TOML files of people: whatever is in one, a table or an error that names file, place and key."""

from __future__ import annotations

import errno
import re
import stat
import tomllib
from pathlib import Path

from polycall._data.errors import ConfigurationError
from polycall._data.types import JsonObject

MAX_BYTES = 1024 * 1024
"""More than any config file needs, and little enough to be parsed at once, whatever is in it."""
_MAX_SHOWN = 200
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_PLACE = re.compile(r"\(at line (\d+), column \d+\)")
_NAME = re.compile(r"[A-Za-z0-9_\-.\" ]{1,200}")


def read_toml(file: Path) -> JsonObject:
    """Read a file.

    Raises:
        ConfigurationError: It does not exist, is not a regular file, cannot be read or is not TOML.
    """
    source = shown(file)
    try:
        content = _read_bytes(file, source)
    except ConfigurationError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(error, source) from error
    for mark, encoding in _OTHER_ENCODINGS.items():
        if content.startswith(mark):
            raise _error(f"not a TOML file: it is {encoding}. Save it as UTF-8.", source)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(f"not a TOML file: line {line} is not UTF-8. Save it as UTF-8.", source) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        key = _key_at(text, int(place[1]) if place else text.rstrip().count("\n") + 1)
        at = f", at {key!r}" if key else ""
        raise _error(f"not a TOML file: {str(error)[:_MAX_SHOWN]}{at}", source, key) from error
    except RecursionError:
        raise _error("not a config file: its values are nested too deeply.", source) from None
    except (ValueError, OverflowError) as error:  # a number of thousands of digits, a date that no calendar has
        raise _error(f"not a config file: {str(error)[:_MAX_SHOWN]}", source) from error


def shown(file: Path) -> str:
    """A path for a message."""
    text = str(file)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _read_bytes(file: Path, source: str) -> bytes:
    # Looked at before it is opened: opening a pipe would wait for a writer.
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise _error("is a folder; name the file in it.", source)
    if not stat.S_ISREG(mode):
        raise _error("is not a regular file.", source)
    with file.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _error(f"is larger than a config file can be ({MAX_BYTES} bytes).", source)
    return content


def _unreadable(error: OSError | ValueError, source: str) -> ConfigurationError:
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR):
        hint = "" if Path(source).suffix else f" A profile is chosen with profile={source!r}."
        return _error(f"there is no such file.{hint}", source)
    reason = error.strerror if isinstance(error, OSError) and error.errno else str(error)
    return _error(f"cannot be read: {reason}", source)


def _key_at(text: str, line_number: int) -> str | None:
    """The key in a line, with the table around it; nothing else of the line, which may hold a secret."""
    lines = [line.strip() for line in text.split("\n")[:line_number]]
    table = next((name for line in reversed(lines) if (name := _header(line))), "")
    if not lines or _header(lines[-1]):
        return table or None
    key, equals, _ = lines[-1].partition("=")
    key = key.strip() if equals and _NAME.fullmatch(key) else ""
    return ".".join(part for part in (table, key) if part) or None


def _header(line: str) -> str:
    """The name of the table that begins in a line; ``""`` if none does."""
    name, end, _ = line.lstrip("[").partition("]")
    return name.strip() if line.startswith("[") and end and _NAME.fullmatch(name) else ""


def _error(problem: str, source: str, key: str | None = None) -> ConfigurationError:
    return ConfigurationError(f"{source}: {problem}", source=source, key=key)
