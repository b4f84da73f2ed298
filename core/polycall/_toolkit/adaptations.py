"""The changes of a dialect to a tool's schema, as the adaptations that a caller reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from polycall._data.types import Adaptation
from polycall._schema.dialect import RenderedSchema

_EFFECTS: Mapping[str, tuple[Literal["client_side", "dropped", "substituted"], str]] = {
    "in_words": ("client_side", "the model is told in words, and pydantic checks it"),
    "dropped": ("dropped", "pydantic checks it"),
    "reshaped": ("substituted", "it is written in another form"),
    "renamed": ("substituted", "the property has another name"),
}
"""For each kind of change: that of the adaptation, and what happens instead."""


def schema_adaptations(rendered: RenderedSchema, dialect: str) -> list[Adaptation]:
    """The adaptations to record for a rendered schema.

    Args:
        rendered: The result of `render_schema`.
        dialect: The dialect's name, for the reasons: `Dialect.name`.

    Returns:
        One for each of ``rendered.adaptations``, in their order; ``setting`` is ``"tools."`` and the field's path,
        ``given`` the keyword with its value.
    """
    adaptations: list[Adaptation] = []
    for change in rendered.adaptations:
        kind, effect = _EFFECTS[change.what]
        adaptations.append(
            Adaptation(
                setting=f"tools.{change.path}",
                kind=kind,
                given={change.keyword: change.value},
                reason=f"{dialect} cannot express it; {effect}.",
            )
        )
    return adaptations
