"""Turns the SDKs' errors about a reply that they cannot read into `ResponseError`; all others pass through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from polycall import PluginError, ResponseError


def is_documented(error: BaseException) -> bool:
    """Whether an error is about credentials or the connection; some of these are a `ValueError` too."""
    from google.auth.exceptions import GoogleAuthError

    return isinstance(error, (GoogleAuthError, OSError))


@contextmanager
def reading_reply(*errors: type[Exception]) -> Iterator[None]:
    """Turn the errors of an SDK's parsers into `ResponseError`.

    Args:
        errors: The types that this SDK's parsers raise.
    """
    try:
        yield
    except errors as error:
        if is_documented(error):
            raise
        raise ResponseError(
            f"The SDK could not read the reply ({type(error).__name__}).", excerpt=str(error)
        ) from error


def outdated(name: str, distribution: str) -> PluginError:
    """The error for an SDK that lacks a private name which this plugin needs."""
    return PluginError(
        f"This version of {distribution} has no {name}, which polycall-vertex uses. Upgrade polycall-vertex, or pass a "
        "google.genai.Client(vertexai=True) instead.",
        plugin="vertex",
    )
