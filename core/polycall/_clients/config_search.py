"""Where `polycall.from_config` looks for a file by itself, and whose files it obeys.

A config file says where requests and keys are sent, so a file that somebody else may have put there is refused, as git
refuses the repositories of others. The search ends at the root of the project; where that has none, the file of the
user counts, which serves all projects.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from polycall._clients.toml_files import read_toml, shown
from polycall._data.errors import ConfigurationError
from polycall._data.types import JsonObject

FILE_NAME = "polycall.toml"
PYPROJECT = "pyproject.toml"
TABLE = ("tool", "polycall")
_REPOSITORY_MARKS = (".git", ".hg", ".jj", ".svn")
_PROJECT_MARKS = (PYPROJECT, "setup.py", "setup.cfg")
_NAME_IT = "If it is yours, pass path= or set POLYCALL_CONFIG"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A config file, and why it is the one.

    Attributes:
        path: The file.
        found_by: ``"path="``, ``"POLYCALL_CONFIG"``, ``"search"`` (of the project) or ``"user"`` (the user's own).
        reason: The same in words.
    """

    path: Path
    found_by: Literal["path=", "POLYCALL_CONFIG", "search", "user"]
    reason: str


def find_file() -> FoundFile:
    """Find the nearest config file, from the working directory up to the project's root; else the user's own.

    Raises:
        ConfigurationError: There is none, the nearest one is somebody else's, or a ``pyproject.toml`` on the way is
            broken.
    """
    try:
        start = Path.cwd()
    except OSError as error:
        raise ConfigurationError(
            f"The working directory cannot be found ({error.strerror}). Pass path= or set POLYCALL_CONFIG."
        ) from error
    folders = list(_folders(start))
    for folder in folders:
        file = folder / FILE_NAME
        if _exists(file):
            return _found(file, start)
        file = folder / PYPROJECT
        if _exists(file) and has_table(read_toml(file)):
            return _found(file, start)
    where = f"{shown(start)}" if len(folders) == 1 else f"{shown(start)} or above, up to {shown(folders[-1])}"
    missing = f"No {FILE_NAME}, and no {PYPROJECT} with a table [{'.'.join(TABLE)}], in {where}"
    own = user_file()
    if _exists(own):
        _check_owner(own)
        return FoundFile(own, "user", f"the user's own: {missing[0].lower()}{missing[1:]}")
    raise ConfigurationError(f"{missing}, nor {shown(own)}. Create one, pass path= or set POLYCALL_CONFIG.")


def user_file() -> Path:
    r"""The config file of the user, for all projects that have none; it need not exist.

    ``~/.config/polycall/polycall.toml`` on Linux (``XDG_CONFIG_HOME`` moves it), ``~/Library/Application
    Support/polycall/polycall.toml`` on macOS, ``%LOCALAPPDATA%\polycall\polycall.toml`` on Windows.
    """
    from platformdirs import user_config_path  # only who has no file in the project pays for it

    return user_config_path("polycall", appauthor=False) / FILE_NAME


def _found(file: Path, start: Path) -> FoundFile:
    _check_owner(file)
    relation = "in" if file.parent == start else "the nearest one above"
    return FoundFile(file, "search", f"{relation} the working directory, {shown(start)}")


def has_table(content: JsonObject) -> bool:
    """Whether the content of a ``pyproject.toml`` has a part for polycall."""
    tool = content.get(TABLE[0])
    return isinstance(tool, dict) and TABLE[1] in tool


def _folders(start: Path) -> Iterator[Path]:
    """The working directory and those above it, up to the root of the project, else the home directory.

    The root is the repository's; without one, the nearest folder that holds a Python project. Outside of both, a parent
    directory is nobody's in particular, and only the working directory is looked at.
    """
    upwards = (start, *start.parents)
    for marks in (_REPOSITORY_MARKS, _PROJECT_MARKS):
        for at, folder in enumerate(upwards):
            if any(_exists(folder / mark) for mark in marks):
                yield from upwards[: at + 1]
                return
    home = _home()
    yield from upwards[: upwards.index(home) + 1] if home in upwards else (start,)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _exists(file: Path) -> bool:
    try:
        file.lstat()
    except (OSError, ValueError):
        return False
    return True


def _check_owner(file: Path) -> None:
    """Refuse a file that another user wrote, or could have.

    Looked at are the file and the directory that it is in, and the same of a link's target. root's are obeyed.
    Directories in which each may only change his own (the sticky bit, as of /tmp) may be writable by all.

    Raises:
        ConfigurationError: It is refused.
    """
    if not hasattr(os, "geteuid"):  # Windows
        return
    trusted = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        trusted.add(int(os.environ["SUDO_UID"]))
    target = Path(os.path.realpath(file))
    for path in dict.fromkeys((file, file.parent, target, target.parent)):
        try:
            status = path.lstat()
        except OSError as error:
            raise ConfigurationError(f"{shown(file)}: cannot be read: {error.strerror}", source=shown(file)) from error
        what = "it" if path == file else shown(path)
        if status.st_uid not in trusted:
            reason = f"{what} belongs to another user (uid {status.st_uid})"
        elif status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode) and not _is_sticky(status):
            reason = f"every user can write to {what}"
        else:
            continue
        raise ConfigurationError(
            f"{shown(file)}: refused, because {reason}: somebody else may have put it there, and it says where keys "
            f"are sent. {_NAME_IT}.",
            source=shown(file),
        )


def _is_sticky(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)
