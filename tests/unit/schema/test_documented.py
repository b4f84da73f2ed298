"""``help()`` of the public classes tells the meaning of each field."""

from __future__ import annotations

import dataclasses
import re

import pytest

from polycall._schema.dialect import SchemaAdaptation
from polycall.plugin import Dialect, RenderedSchema, SchemaLimits


@pytest.mark.parametrize("documented", [Dialect, SchemaLimits, RenderedSchema, SchemaAdaptation])
def test_each_field_stands_in_the_docstring_of_its_class(documented: type) -> None:
    attributes = (documented.__doc__ or "").partition("Attributes:")[2]

    described = re.findall(r"^ {8}(\w+): \S", attributes, re.MULTILINE)

    assert described == [field.name for field in dataclasses.fields(documented)]


@pytest.mark.parametrize("documented", [Dialect, SchemaLimits, RenderedSchema])
def test_each_field_with_a_default_tells_it(documented: type) -> None:
    attributes = (documented.__doc__ or "").partition("Attributes:")[2]
    texts = dict(re.findall(r"^ {8}(\w+): (.+(?:\n {9,}.+)*)", attributes, re.MULTILINE))

    silent = [
        field.name
        for field in dataclasses.fields(documented)
        if (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
        if "default" not in texts[field.name].lower() and "the default of each field" not in (documented.__doc__ or "")
    ]

    assert silent == []
