"""Clients are recognised by the names of their classes, through proxies too."""

from __future__ import annotations

from decimal import Decimal
from unittest import mock

import pytest

from polycall._toolkit.recognition import is_instance_of


class Client:
    pass


class Derived(Client):
    class Inner:
        pass


NAME = f"{__name__}.Client"


class Proxy:
    """Transparent, as those of wrapt."""

    def __init__(self, target: object) -> None:
        self._target = target

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._target)


def test_instances_of_a_class_and_of_its_subclasses() -> None:
    assert is_instance_of(Client(), NAME)
    assert is_instance_of(Derived(), NAME)
    assert is_instance_of(Derived(), "other.Class", NAME)
    assert is_instance_of(Derived.Inner(), f"{__name__}.Derived.Inner")
    assert is_instance_of(Decimal(1), "decimal.Decimal")


@pytest.mark.parametrize("value", [Client, object(), None, 7, "text", NAME])
def test_everything_else_is_not_an_instance(value: object) -> None:
    assert not is_instance_of(value, NAME)


def test_no_names_match_nothing() -> None:
    assert not is_instance_of(Client())


@pytest.mark.parametrize("value", [Proxy(Derived()), Proxy(Proxy(Client())), mock.Mock(spec=Client)])
def test_transparent_proxies_count_as_their_target(value: object) -> None:
    assert is_instance_of(value, NAME) is isinstance(value, Client)


def test_a_proxy_is_also_an_instance_of_its_own_class() -> None:
    assert is_instance_of(Proxy(7), f"{__name__}.Proxy")


def test_a_class_property_that_fails_is_not_an_error() -> None:
    class Hostile:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            raise RuntimeError("no context")

    assert not is_instance_of(Hostile(), NAME)


def test_a_class_property_that_is_not_a_class_is_not_an_error() -> None:
    class Odd:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            return "Client"  # type: ignore[return-value]

    assert not is_instance_of(Odd(), NAME)
