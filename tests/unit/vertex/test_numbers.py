"""Whole numbers where the schema says integer, and none that may have been rounded."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from polycall_vertex._protocol.numbers import InexactNumberError, fix_numbers


class Node(BaseModel):
    n: int
    children: list[Node] = []
    by_name: dict[str, int] = {}
    pair: tuple[int, float] | None = None
    either: int | float | None = None
    which: Literal[1, 2] | None = None
    free: Any = None
    x: float = 0


SCHEMA = Node.model_json_schema()


def fixed(from_doubles: bool = True, **arguments: Any) -> Any:
    return repr(fix_numbers(arguments, SCHEMA, from_doubles=from_doubles))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"n": 3.0}, {"n": 3}),
        ({"x": 3.0}, {"x": 3.0}),
        ({"n": 3.5}, {"n": 3.5}),
        ({"children": [{"n": 1.0, "children": [{"n": 2.0}]}]}, {"children": [{"n": 1, "children": [{"n": 2}]}]}),
        ({"by_name": {"a": 1.0}}, {"by_name": {"a": 1}}),
        ({"pair": [1.0, 2.0]}, {"pair": [1, 2.0]}),
        ({"which": 1.0}, {"which": 1}),
        ({"x": 1e300}, {"x": 1e300}),
    ],
)
@pytest.mark.parametrize("from_doubles", [True, False])
def test_the_schema_decides(given_: dict[str, Any], expected: dict[str, Any], from_doubles: bool) -> None:
    assert fixed(from_doubles, **given_) == repr(expected)


@pytest.mark.parametrize("name", ["either", "free", "unknown"])
def test_where_the_schema_leaves_it_open_the_transport_decides(name: str) -> None:
    assert fixed(True, **{name: 3.0}) == repr({name: 3})
    assert fixed(False, **{name: 3.0}) == repr({name: 3.0})


@pytest.mark.parametrize("number", [2.0**53, -(2.0**53), 1e300])
def test_what_may_have_been_rounded_is_refused_with_its_place(number: float) -> None:
    with pytest.raises(InexactNumberError, match=r"children\[0\].n: the number"):
        fixed(children=[{"n": number}])


@given(st.integers())
def test_an_integer_survives_a_double_or_is_refused(number: int) -> None:
    try:
        double = float(number)
        made = fix_numbers({"n": double}, SCHEMA, from_doubles=True)
    except (InexactNumberError, OverflowError):
        assert abs(number) >= 2**53
    else:
        assert made == {"n": number}


@given(
    st.recursive(
        st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_under_any_schema_keeps_its_meaning(value: Any) -> None:
    arguments = {"free": value, "x": value}
    before = repr(arguments)
    try:
        made = fix_numbers(arguments, SCHEMA, from_doubles=False)
    except InexactNumberError:
        return
    assert repr(arguments) == before
    assert repr(made) == before or made == arguments
