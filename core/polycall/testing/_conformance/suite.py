"""The suite for pytest: a test for each check in each way, of which none can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from polycall.testing._conformance.bench import Bench
from polycall.testing._conformance.checks_table import Check, all_checks
from polycall.testing._conformance.doubles import WireDouble

_MARKS_THAT_DODGE = ("skip", "skipif")


class ProviderSuite:
    """Derive a class from it, name the double, and pytest runs every check.

    A test that is overridden must be marked ``pytest.mark.xfail(reason=...)``; what the plugin does not pass yet is
    better said in the double's ``known_failures``, which the command line and the report know too.

    Attributes:
        double: The class of the wire double.

    Raises:
        TypeError: A subclass leaves a check out.
    """

    double: ClassVar[type[WireDouble]]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in vars(ProviderSuite):
            if name.startswith("test_") and name in vars(cls):
                _require_reason(cls, name)
        marks = getattr(cls, "pytestmark", [])
        for mark in marks if isinstance(marks, list) else [marks]:
            if mark.name in _MARKS_THAT_DODGE:
                raise TypeError(f"{cls.__name__} is marked {mark.name!r}: a suite of checks cannot be left out.")

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> Iterator[Bench]:
        """The double with its clients, for all tests of the class."""
        with Bench(cls.double) as bench:
            yield bench


def _require_reason(cls: type, name: str) -> None:
    marks = [mark for mark in getattr(getattr(cls, name), "pytestmark", ()) if mark.name == "xfail"]
    if not any(mark.kwargs.get("reason") for mark in marks):
        raise TypeError(
            f"{cls.__name__}.{name} overrides a check. Mark it pytest.mark.xfail(reason=...), or name the check in the "
            "double's known_failures; none can be left out."
        )


def _test_of(check: Check) -> Callable[..., None]:
    def test(_self: ProviderSuite, bench: Bench, way: str) -> None:
        outcome = bench.run(check, way)
        if outcome.status == "FAIL":
            pytest.fail(outcome.message, pytrace=False)
        if outcome.status == "XFAIL":
            pytest.xfail(outcome.reason)

    test.__name__ = test.__qualname__ = f"test_{check.id}_{check.name}"
    test.__doc__ = check.rule
    marked: Callable[..., None] = pytest.mark.parametrize("way", check.ways)(test)
    return marked


for _check in all_checks().values():
    setattr(ProviderSuite, f"test_{_check.id}_{_check.name}", _test_of(_check))
