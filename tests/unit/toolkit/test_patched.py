"""A method that anybody has touched is found out, whatever its wrapper claims to be."""

from __future__ import annotations

import functools
import logging
import logging.handlers
import types
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from polycall._toolkit.patched import is_untouched

PACKAGE = "acme"


def define_sdk(module: str) -> type[Any]:
    """A class as an SDK's module of that name defines it."""
    sdk = types.ModuleType(module)
    exec(  # the functions' globals must be the SDK's
        """
import functools

class Base:
    def post(self):
        return "sent"

class Client(Base):
    def request(self):
        return self.post()

    @functools.cached_property
    def chat(self):
        return object()

    @property
    def url(self):
        return "https://example.com"

    @staticmethod
    def parse():
        return 1

    @classmethod
    def make(cls):
        return cls()
""",
        sdk.__dict__,
    )
    client: type[Any] = sdk.__dict__["Client"]
    return client


@pytest.fixture
def sdk_class() -> type[Any]:
    """Made for each test, which may patch it."""
    return define_sdk("acme._client")


NAMES = ("post", "request")


def test_the_sdks_own_methods_are_untouched(sdk_class: type[Any]) -> None:
    assert is_untouched(sdk_class(), NAMES, PACKAGE)
    assert is_untouched(sdk_class(), NAMES, "acme._client")
    assert is_untouched(sdk_class(), NAMES, "other", "acme")
    assert is_untouched(sdk_class(), iter(NAMES), PACKAGE)


@pytest.mark.parametrize("package", ["acm", "acme._clien", "acme._client.more", "other", ""])
def test_a_package_is_a_whole_name(sdk_class: type[Any], package: str) -> None:
    assert not is_untouched(sdk_class(), NAMES, package)


@pytest.mark.parametrize("name", ["chat", "url", "parse", "make"])
def test_properties_and_static_methods_of_the_sdk_are_untouched(sdk_class: type[Any], name: str) -> None:
    assert is_untouched(sdk_class(), (name,), PACKAGE)


def test_real_sdk_classes() -> None:
    assert is_untouched(logging.handlers.MemoryHandler(1), ("emit", "flush", "acquire"), "logging")
    assert not is_untouched(logging.handlers.MemoryHandler(1), ("emit", "acquire"), "logging.handlers")


def test_a_method_that_does_not_exist_is_not_untouched(sdk_class: type[Any]) -> None:
    assert not is_untouched(sdk_class(), ("request", "missing"), PACKAGE)
    assert not is_untouched(None, ("request",), PACKAGE)


def wrapped(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def traced(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return traced


class FunctionWrapper:
    """Forwards what it is asked, as that of wrapt does."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.__wrapped__ = function

    def __getattr__(self, name: str) -> object:
        return getattr(self.__wrapped__, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.__wrapped__)

    def __get__(self, instance: object, owner: type) -> object:
        return functools.partial(self.__wrapped__, instance)


@pytest.mark.parametrize("wrap", [wrapped, FunctionWrapper, lambda _: mock.Mock(), lambda _: None])
@pytest.mark.parametrize("place", ["class", "base", "instance"])
def test_wrappers_are_found_wherever_they_are(sdk_class: type[Any], wrap: Callable[[Any], object], place: str) -> None:
    client = sdk_class()
    owner: Any = {"class": sdk_class, "base": sdk_class.__mro__[1], "instance": client}[place]

    owner.post = wrap(sdk_class.post)

    assert not is_untouched(client, NAMES, PACKAGE)


@pytest.mark.parametrize("name", ["chat", "url", "parse", "make"])
def test_replaced_properties_are_found(sdk_class: type[Any], name: str) -> None:
    setattr(sdk_class, name, property(lambda self: 1))

    assert not is_untouched(sdk_class(), (name,), PACKAGE)


def test_an_override_of_the_users_own_is_found(sdk_class: type[Any]) -> None:
    class Plain(sdk_class):  # type: ignore[misc]
        def helper(self) -> None: ...

    class Overriding(sdk_class):  # type: ignore[misc]
        def post(self) -> str:
            return "logged"

    assert is_untouched(Plain(), NAMES, PACKAGE)
    assert not is_untouched(Overriding(), NAMES, PACKAGE)


def test_a_patch_that_comes_late_and_goes_is_seen(sdk_class: type[Any]) -> None:
    client = sdk_class()
    assert is_untouched(client, NAMES, PACKAGE)

    with mock.patch.object(sdk_class, "post"):
        assert not is_untouched(client, NAMES, PACKAGE)

    assert is_untouched(client, NAMES, PACKAGE)


def test_a_proxy_of_a_client_is_not_untouched(sdk_class: type[Any]) -> None:
    class Proxy:
        def __init__(self, target: object) -> None:
            self._target = target

        def __getattr__(self, name: str) -> object:
            return getattr(self._target, name)

    assert not is_untouched(Proxy(sdk_class()), NAMES, PACKAGE)


def test_objects_without_attributes_of_their_own() -> None:
    assert not is_untouched(7, ("bit_length",), PACKAGE)


@pytest.mark.parametrize("name", [None, 7])
def test_functions_of_no_module_are_not_the_sdks(sdk_class: type[Any], name: object) -> None:
    sdk_class.post.__globals__["__name__"] = name

    assert not is_untouched(sdk_class(), NAMES, PACKAGE)
