"""``help()`` tells each field of what polycall exports: attribute docstrings are invisible there."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable

import pytest

import polycall
import polycall.plugin

EXPORTED = {
    f"{module.__name__}.{name}": value
    for module in (polycall, polycall.plugin)
    for name in module.__all__
    if isinstance(value := getattr(module, name), type)
}
FUNCTIONS = {
    f"{module.__name__}.{name}": value
    for module in (polycall, polycall.plugin)
    for name in module.__all__
    if inspect.isfunction(value := getattr(module, name))
}
OF_EVERY_ERROR = {"message", "calls"}
"""Parameters of an error that each class would explain alike: `OutputError` explains ``calls``."""
BELOW_SECTION = " " * 4


def explained(doc: str | None, *sections: str) -> set[str]:
    """The names that the entries of a docstring's sections explain: ``name: Meaning.`` or ``name (type): Meaning.``."""
    names: set[str] = set()
    section = ""
    for line in inspect.cleandoc(doc or "").splitlines():
        if line and not line.startswith(" "):
            section = line
        elif section.removesuffix(":") in sections and (
            entry := re.match(rf"{BELOW_SECTION}(\*{{0,2}}\w+(?:, \w+)*)(?: \(.*?\))?: ", line)
        ):
            names.update(name.strip("*") for name in entry[1].split(", "))
    return names


def fields_of(type_: type) -> Iterable[str]:
    """The public data of a class, as far as it declares them."""
    if dataclasses.is_dataclass(type_):
        yield from (field.name for field in dataclasses.fields(type_))
    elif issubclass(type_, tuple) and hasattr(type_, "_fields"):
        yield from type_._fields
    else:
        yield from (name for name in vars(type_).get("__annotations__", {}) if not name.startswith("_"))
        yield from (name for name in vars(type_).get("__slots__", ()) if not name.startswith("_"))


WITH_FIELDS = {name: type_ for name, type_ in EXPORTED.items() if any(fields_of(type_))}
ERRORS = {name: type_ for name, type_ in EXPORTED.items() if issubclass(type_, Exception)}


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_each_field_is_explained(name: str) -> None:
    type_ = WITH_FIELDS[name]

    assert [field for field in fields_of(type_) if field not in explained(type_.__doc__, "Attributes")] == []


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_no_field_is_explained_that_is_gone(name: str) -> None:
    type_ = WITH_FIELDS[name]

    assert [field for field in explained(type_.__doc__, "Attributes") if not has(type_, field)] == []


def has(type_: type, name: str) -> bool:
    return name in set(fields_of(type_)) or hasattr(type_, name)


@pytest.mark.parametrize("name", ERRORS)
def test_each_fact_that_an_error_carries_is_explained(name: str) -> None:
    type_ = ERRORS[name]
    own = "__init__" in vars(type_)
    parameters = set(inspect.signature(type_).parameters if own else ()) - OF_EVERY_ERROR

    assert parameters - explained(type_.__doc__, "Args", "Attributes") == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_explains_all_of_its_parameters_or_says_it_in_its_first_sentence(name: str) -> None:
    function = FUNCTIONS[name]
    entries = explained(function.__doc__, "Args")

    assert entries in (set(), set(inspect.signature(function).parameters))


def test_what_is_checked_includes_what_plugin_authors_and_users_read_most() -> None:
    expected = {
        *("polycall.Adaptation", "polycall.Calls", "polycall.CallFailure", "polycall.RenderedRequest"),
        *("polycall.ToolCall", "polycall.Usage", "polycall.plugin.CallResult", "polycall.plugin.ClientTraits"),
        *("polycall.plugin.Dialect", "polycall.plugin.Reply", "polycall.plugin.Request", "polycall.plugin.ToolSpec"),
    }

    assert expected <= WITH_FIELDS.keys()


class TestTheReaderOfDocstrings:
    DOC = """Summary.

    Attributes:
        one: A fact,
            with a colon: not a field.
        two, three: Two facts.
        **four (int): With a type.

    Raises:
        five: An error.
    """

    def test_it_finds_the_entries_of_a_section(self) -> None:
        assert explained(self.DOC, "Attributes") == {"one", "two", "three", "four"}
        assert explained(self.DOC, "Args") == set()
        assert explained(None, "Attributes") == set()
