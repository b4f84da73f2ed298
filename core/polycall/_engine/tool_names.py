"""Names of tools: a name that every provider takes for any text, another one for each tool of a request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from polycall._data.tools import MAX_NAME_LENGTH, RESERVED_NAMES, is_legal_name

_FOREIGN_CHARACTERS = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_LENGTH = 8


def distinct_names(originals: Iterable[str]) -> list[str]:
    """A name for each original that every provider takes, and that no other one has.

    An original that is legal keeps its name. Of others that would be named alike (``天気`` and ``検索``, ``a.b`` and
    ``a/b``) each gets a digest of the original, so that its name does not depend on the order.

    Args:
        originals: All different.
    """
    originals = list(originals)
    names = [provider_name(original) for original in originals]
    taken = Counter(names)
    return [
        name if taken[name] == 1 or name == original else _with_digest(name, original)
        for name, original in zip(names, originals, strict=True)
    ]


def provider_name(original: str) -> str:
    """Make any text a tool's name that every provider takes, as close to the text as can be."""
    if is_legal_name(original):
        return original
    name = _FOREIGN_CHARACTERS.sub("_", original).strip("_-") if _FOREIGN_CHARACTERS.search(original) else original
    if not name or not (name[0].isalpha() or name[0] == "_"):
        name = f"_{name}"
    if len(name) > MAX_NAME_LENGTH or name in RESERVED_NAMES:
        return _with_digest(name, original)
    return name


def _with_digest(name: str, original: str) -> str:
    import hashlib  # costs 4 ms, and names are rarely so long or foreign

    digest = hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1]}_{digest}"
