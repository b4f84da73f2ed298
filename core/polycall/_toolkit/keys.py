"""What is wrong with a key before a service refuses it, or an HTTP library does so in words that show all of it."""

from __future__ import annotations

import re

_QUOTES = "\"'`"
_SCHEME = re.compile(r"(bearer|basic|token|api-?key)(:? |:)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(export )?[A-Z][A-Z0-9_]*=")
_PLACEHOLDER = re.compile(r"change-?me|\$\w+|(sk-)?(your|my)[-_ ](\w+[-_ ])?(key|token)([-_ ]here)?", re.IGNORECASE)
_BRACKETS = (("<", ">"), ("${", "}"), ("{{", "}}"), ("%", "%"))
_LONGEST_PLACEHOLDER = 80


def key_problem(key: str) -> str | None:
    """What is wrong with the form of an API key or a token, as a clause that follows its name.

    Args:
        key: The secret, without the blanks and line breaks around it.

    Returns:
        ``None`` if nothing is. Never a part of the key.
    """
    if not key:
        return "is empty"
    if len(key) <= _LONGEST_PLACEHOLDER and _is_placeholder(key):
        return "is a placeholder; put the key itself in its place"
    if key[0] in _QUOTES and key[-1] in _QUOTES:
        return "has quotes around it; remove them"
    if (problem := unsendable(key)) is not None:
        return f"{problem}; remove it"
    if _SCHEME.match(key):
        return "begins with the word for a header; write the key alone"
    if _ASSIGNMENT.match(key):
        return "begins with the name of a variable and '='; write the key alone"
    if key != key.strip():
        return "begins or ends with a blank; remove it"
    if " " in key:
        return f"has a blank in it (position {key.index(' ') + 1}); remove it"
    return None


def _is_placeholder(key: str) -> bool:
    if key.endswith(("...", "…")) or any(key.startswith(left) and key.endswith(right) for left, right in _BRACKETS):
        return True
    return _PLACEHOLDER.fullmatch(key) is not None


def unsendable(value: str) -> str | None:
    """Why no header can carry a secret, as a clause that follows its name; ``None`` if one can."""
    for at, character in enumerate(value, 1):
        if not character.isprintable():
            return f"has a line break or another control character in it (position {at})"
        if not character.isascii():
            return f"has a character that no header can carry, because it is not ASCII (position {at})"
    return None
