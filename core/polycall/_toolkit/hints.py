"""The next step in an error: the nearest known name, the package to install."""

from __future__ import annotations

from collections.abc import Iterable

from polycall._data.errors import PluginError

_LONGEST_NAME = 200
_LONGEST_PIECE = 3


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means; case does not count.

    Args:
        name: The name that is not known.
        known: The names to choose from.

    Returns:
        One of ``known``; ``None`` if none is near. A name that is a part of a known one (``tokens``) counts as near.
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return None
    import difflib  # costs 10 ms, which only errors need pay

    wanted = name.lower()
    by_form = {one.lower(): one for one in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(wanted, by_form, n=1)
    if not matches and len(wanted) >= _LONGEST_PIECE:
        matches = sorted((form for form in by_form if wanted in form), key=lambda form: (len(form), form))[:1]
    return by_form[matches[0]] if matches else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of an error about a name that is not known.

    Returns:
        ``" Did you mean 'x'?"``; where no known name is near, all of them, ``" Known: a, b."``; ``""`` if there are
        none.
    """
    names = sorted(known)
    match = nearest(name, names)
    if match is not None:
        return f" Did you mean {match!r}?"
    return f" Known: {', '.join(names)}." if names else ""


def sdk_missing(
    plugin: str, module: str, error: ImportError, *, extra: str | None = None, command: str | None = None
) -> PluginError:
    """The error for an SDK that cannot be imported; raise it ``from error``.

    Args:
        plugin: The plugin's name.
        module: What was imported: ``"openai"``.
        error: What the import raised.
        extra: The extra of polycall that brings it; by default the plugin's name.
        command: The whole command to show instead, for a plugin that is not among polycall's extras.
    """
    command = command or f'pip install --upgrade "polycall[{extra or plugin}]"'
    return PluginError(f"{module} cannot be imported ({error}). Install it with: {command}", plugin=plugin)
