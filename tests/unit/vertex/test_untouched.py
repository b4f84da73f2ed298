"""Whose method is it? A wrapper may look like what it wraps."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from google.genai.models import Models

from polycall.plugin import is_untouched

NAMES = ("generate_content",)


class Forwarding:
    """Shows every attribute of a function, its globals too, as wrapt does."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


def plain(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return wrapper


def test_the_sdks_own() -> None:
    models = object.__new__(Models)

    assert is_untouched(models, NAMES, "google.genai.models")
    assert not is_untouched(models, (*NAMES, "a_name_that_is_gone"), "google.genai.models")


@pytest.mark.parametrize("wrap", [Forwarding, plain, functools.partial])
def test_a_wrapper_on_the_class_or_the_object_is_not(wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    models = object.__new__(Models)
    monkeypatch.setattr(models, "generate_content", wrap(Models.generate_content), raising=False)
    assert not is_untouched(models, NAMES, "google.genai.models")

    monkeypatch.undo()
    monkeypatch.setattr(Models, "generate_content", wrap(Models.generate_content))
    assert not is_untouched(models, NAMES, "google.genai.models")


def test_an_override_in_a_subclass_is_not() -> None:
    class Own(Models):
        def generate_content(self, **_: Any) -> Any:
            raise AssertionError

    assert not is_untouched(object.__new__(Own), NAMES, "google.genai.models")
