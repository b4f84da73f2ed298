"""Whatever a validator raises is that call's failure, and never leaves `validate_call`; only exits pass."""

from __future__ import annotations

import decimal
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, BeforeValidator, field_validator
from pydantic_core import PydanticCustomError, PydanticUseDefault

from polycall import CallFailure, ToolCall
from polycall._engine.matching import match_corrections
from polycall._engine.tools import tools_for
from polycall._engine.validation import ValidCall, validate_call


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class PanicException(BaseException):
    """As pyo3 names a panic of Rust."""


class Unshowable:
    def __repr__(self) -> str:
        raise LookupError


RAISED: dict[str, BaseException] = {
    "KeyError": KeyError("colour"),
    "InvalidOperation": decimal.InvalidOperation([decimal.ConversionSyntax]),
    "UnspeakableError": UnspeakableError(),
    "RecursionError": RecursionError(),
    "PanicException": PanicException("index out of bounds"),
    "StopIteration": StopIteration(),
    "MemoryError": MemoryError(),
    "UnicodeEncodeError": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"),
    "PydanticUseDefault": PydanticUseDefault(),
    "ExceptionGroup": ExceptionGroup("several", [KeyError("a")]),
    "PydanticCustomError": PydanticCustomError("mine", "at {place}", {"place": "home"}),
    "TimeoutError": TimeoutError(),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "SystemExit": SystemExit(1),
    "GeneratorExit": GeneratorExit(),
}
EXITS = {"KeyboardInterrupt", "SystemExit", "GeneratorExit"}


class Strict(BaseModel):
    name: str
    size: int = 0

    @field_validator("name")
    @classmethod
    def check(cls, name: str) -> str:
        if name in RAISED:
            raise RAISED[name]
        return name


class Showing(BaseModel):
    number: Annotated[int, BeforeValidator(lambda value: Unshowable() if value == "x" else value)]


class Amount(BaseModel):
    amount: Decimal = Decimal(0)
    text: str = ""
    anything: Any = None


TOOLS = tools_for(Iterable[Strict | Showing | Amount])


def validate(name: str, arguments: Any) -> ValidCall | CallFailure:
    return validate_call(ToolCall("1", name, arguments), TOOLS)


@pytest.mark.parametrize("name", sorted(set(RAISED) - EXITS))
def test_it_is_the_calls_failure(name: str) -> None:
    """A `KeyError` in one call of three lost the two good ones (pydantic-ai#663)."""
    outcome = validate("Strict", json.dumps({"name": name}))

    assert isinstance(outcome, CallFailure)
    assert outcome.reason


@pytest.mark.parametrize("name", sorted(EXITS))
def test_exits_pass(name: str) -> None:
    with pytest.raises(type(RAISED[name])):
        validate("Strict", json.dumps({"name": name}))


def test_an_error_that_cannot_be_shown_is_named() -> None:
    outcome = validate("Strict", '{"name": "UnspeakableError"}')

    assert isinstance(outcome, CallFailure)
    assert outcome.reason == "UnspeakableError: it cannot be shown"


def test_nor_can_a_validators_own_value() -> None:
    outcome = validate("Showing", '{"number": "x"}')

    assert isinstance(outcome, CallFailure)
    assert outcome.reason.endswith("(given: a value of type Unshowable)")


HOSTILE = [
    '{"text": 1' + "0" * 5_000 + "}",
    '{"anything": 1' + "0" * 4_000 + "}",
    '{"amount": 1e9999999999999999999}',
    '{"amount": 1e-9999999999999999999}',
    '{"amount": "1e9999999999999999999"}',
    '{"amount": "sNaN"}',
    '{"text": "\ud800"}',
    '{"text": "\\ud800", "anything": ' + "[" * 10_000 + "]" * 10_000 + "}",
    '{"anything": "\ud800", "text": ' + '{"a":' * 100_000,
    '{"anything": "\\ud800' + "[" * 100_000,
    '"' + "[" * 100_000 + '"',
    json.dumps({"anything": {"text": "[" * 100_000}, "text": []}),
    json.dumps({"text": {"a": "\ud800"}}),
    "\ufeff{}",
    "\x00",
    "{\x00}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:30]))
def test_whatever_comes_from_the_wire_is_an_object_or_a_failure(text: str) -> None:
    outcome = validate("Amount", text)
    good = validate("Amount", "{}")

    assert isinstance(outcome, (ValidCall, CallFailure))
    for places, new in (([outcome, good], [outcome]), ([good, validate("Amount", "[")], [outcome, good])):
        match_corrections(places, new, known_tools=TOOLS.tools)


def repr_of(value: object) -> str:
    return "many digits" if isinstance(value, int) else ascii(value).partition(" at ")[0]


@pytest.mark.parametrize("value", [10**5_000, "\ud800", {"a": ["\ud800"]}, [[[]]], float("nan"), object()], ids=repr_of)
def test_so_is_whatever_comes_as_a_structure(value: object) -> None:
    outcome = validate("Amount", {"text": value, "anything": value})

    match_corrections([validate("Amount", "[")], [outcome], known_tools=TOOLS.tools)
