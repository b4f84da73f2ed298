"""Errors of the SDKs about a reply that they cannot read become `ResponseError`; all others pass through."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from google.auth.exceptions import GoogleAuthError

from polycall.plugin import PluginError, ResponseError, parser_errors, reading_reply

# Errors about credentials are the SDKs' documented own; some of them are a ValueError, too.
_NEVER = (GoogleAuthError,)


def reading(*errors: type[Exception]) -> AbstractContextManager[None]:
    """`polycall.plugin.reading_reply` for Google's SDKs."""
    return reading_reply("the reply", *errors, never=_NEVER)


def translation(*errors: type[Exception]) -> Callable[[Exception], Exception | None]:
    """`polycall.plugin.parser_errors` for Google's SDKs."""
    return parser_errors("the reply", *errors, never=_NEVER)


def unreadable_message() -> ResponseError:
    """The error for a protobuf message that the SDK cannot read."""
    return ResponseError("The SDK could not read the reply: the message does not follow the protocol.")


def outdated(name: str, distribution: str) -> PluginError:
    """The error for an SDK that lacks a private name which this plugin needs."""
    return PluginError(
        f"This version of {distribution} has no {name}, which polycall-vertex uses. Upgrade polycall-vertex, or pass a "
        "google.genai.Client(vertexai=True) instead.",
        plugin="vertex",
    )
