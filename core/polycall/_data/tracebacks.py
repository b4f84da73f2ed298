"""Short tracebacks for the mistakes of callers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from polycall._data.errors import (
    ClientClosedError,
    ConfigurationError,
    MessageError,
    ModeError,
    ProviderNotFoundError,
    ResponseModelError,
    SchemaError,
    UnknownClientError,
)

P = ParamSpec("P")
R = TypeVar("R")

MISTAKES = (
    *(ClientClosedError, ConfigurationError, MessageError, ModeError, ProviderNotFoundError, ResponseModelError),
    *(SchemaError, UnknownClientError),
)
"""Errors about what the caller passed: the caller's line tells where it is, polycall's own frames do not."""


def shorten(error: BaseException) -> None:
    """Take polycall's frames out of the traceback of an error that is about to be raised again.

    They stay with ``python -X dev``.
    """
    if not sys.flags.dev_mode:
        error.__traceback__ = None


def shortens_mistakes(function: Callable[P, R]) -> Callable[P, R]:
    """`shorten` the mistakes that a function raises. Costs a call more; methods that are called often do it inline."""

    @functools.wraps(function)
    def shortened(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except MISTAKES as error:
            shorten(error)
            raise

    return shortened
