"""What there is in place of a name that the module `polycall` lacks and that users of other libraries look for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from polycall._toolkit.hints import nearest

_BY_CLIENT_OR_NAME = (
    "Use polycall.from_client(client), which takes the client of any installed provider, or "
    "polycall.from_provider('provider/model')."
)
_WRAPS = f"polycall changes no client: it wraps one. {_BY_CLIENT_OR_NAME}"
_CREATE = "Make a client with polycall.from_provider('provider/model') and call client.create(...)."
_INSTEAD = {
    **dict.fromkeys(("patch", "apatch", "wrap", "instrument"), _WRAPS),
    **dict.fromkeys(("completion", "acompletion", "responses", "create", "stream", "chat"), _CREATE),
    "Instructor": "Its counterpart is polycall.Client.",
    "AsyncInstructor": "Its counterpart is polycall.AsyncClient.",
}


def advice(name: str, known: Iterable[str], package: str) -> str:
    """The end of the error about a missing name, with a space before it; empty where nothing comes near."""
    if name.startswith("_"):  # asked for by machines: copy, inspect, doctest
        return ""
    if find_spec(f"{package}.{name}") is not None:  # ``from polycall import plugin`` asks here first
        return f" It is a module: import {package}.{name}."
    if (instead := _INSTEAD.get(name)) is not None:
        return f" {instead}"
    if (meant := nearest(name, known)) is not None and not _is_another_sdks(name, meant):
        return f" Did you mean {meant!r}?"
    return f" {_BY_CLIENT_OR_NAME}" if name.startswith("from_") else ""


def _is_another_sdks(name: str, meant: str) -> bool:
    """Whether ``from_anthropic``, say, is not a misspelt ``from_openai``, however many letters they share."""
    from difflib import SequenceMatcher

    prefix = "from_"
    if not (name.startswith(prefix) and meant.startswith(prefix)):
        return False
    return SequenceMatcher(None, name.removeprefix(prefix), meant.removeprefix(prefix)).ratio() < 0.75
