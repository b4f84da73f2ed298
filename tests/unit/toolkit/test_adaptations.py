"""What a caller reads of the changes that a dialect made to a schema."""

from __future__ import annotations

import pytest

from polycall.plugin import Adaptation, RenderedSchema, SchemaAdaptation, schema_adaptations


@pytest.mark.parametrize(
    ("what", "kind", "effect"),
    [
        ("in_words", "client_side", "the model is told in words, and pydantic checks it"),
        ("dropped", "dropped", "pydantic checks it"),
        ("reshaped", "substituted", "it is written in another form"),
        ("renamed", "substituted", "the property has another name"),
    ],
)
def test_each_kind_of_change_says_what_happens_instead(what: str, kind: str, effect: str) -> None:
    change = SchemaAdaptation("Trip.legs[].size", "minimum", 1, what)  # type: ignore[arg-type]

    assert schema_adaptations(RenderedSchema({}, None, adaptations=(change,)), "Acme's schema") == [
        Adaptation(
            setting="tools.Trip.legs[].size",
            kind=kind,  # type: ignore[arg-type]
            given={"minimum": 1},
            reason=f"Acme's schema cannot express it; {effect}.",
        )
    ]


def test_they_stand_in_the_order_of_the_walk() -> None:
    changes = tuple(SchemaAdaptation(path, "pattern", "x", "dropped") for path in ("A.b", "A.a"))

    found = schema_adaptations(RenderedSchema({}, None, adaptations=changes), "a dialect")

    assert [one.setting for one in found] == ["tools.A.b", "tools.A.a"]


def test_an_exact_schema_has_none() -> None:
    assert schema_adaptations(RenderedSchema({}, None), "a dialect") == []
