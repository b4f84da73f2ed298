"""Whether, and in which form, a dialect accepts one keyword that the renderer does not write itself."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from polycall._schema.dialect import Dialect
from polycall._schema.keywords import Keyword
from polycall._schema.reading import is_finite

_EXACT_DOUBLE = 2**53


def accepted_form(
    keyword: Keyword, value: object, types: list[str], assertions: AbstractSet[str], dialect: Dialect
) -> tuple[str, object] | None:
    """The form in which a dialect accepts a keyword.

    Args:
        keyword: Any but a silent one.
        value: Its value.
        types: The types of the schema that it belongs to; empty for any.
        assertions: The dialect's ``assertions`` for these types.
        dialect: The provider's.

    Returns:
        A keyword and its value, which mean the same; ``None`` if the dialect has no form.
    """
    if not is_finite(value):
        return None
    if keyword.role == "annotation":
        is_accepted = keyword.name in dialect.annotations
    elif keyword.role == "assertion":
        if types or not dialect.other_keywords:
            return _accepted_assertion(keyword, value, types, assertions, dialect)
        is_accepted = True
    elif keyword.name == "const":
        is_accepted = dialect.const
    elif keyword.name == "allOf":
        is_accepted = dialect.all_of
    else:
        is_accepted = dialect.other_keywords
    return (keyword.name, value) if is_accepted else None


def _accepted_assertion(
    keyword: Keyword, value: object, types: list[str], assertions: AbstractSet[str], dialect: Dialect
) -> tuple[str, object] | None:
    name = keyword.name
    if keyword.inclusive and name not in assertions and types == ["integer"] and isinstance(value, int):
        name, step = keyword.inclusive
        value += step
    if name not in assertions:
        return None
    if name == "format" and dialect.formats is not None and value not in dialect.formats:
        return None
    if name == "pattern" and dialect.patterns is not None and not dialect.patterns.fullmatch(str(value)):
        return None
    if dialect.bounds_are_doubles and isinstance(value, int) and abs(value) > _EXACT_DOUBLE:
        return None
    return name, value
