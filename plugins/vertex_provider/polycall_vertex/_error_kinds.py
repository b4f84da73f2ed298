"""Which kind an exception of Google's libraries is of. None of them is imported."""

from __future__ import annotations

from collections.abc import Mapping

from polycall.plugin import (
    ErrorKind,
    is_about_connection,
    kind_by_class,
    kind_of_code,
    kind_of_report,
    kind_of_status,
    kind_of_transport,
)

_CREDENTIALS: Mapping[str, ErrorKind] = {
    "TransportError": "connection",
    "TimeoutError": "timeout",
    "ResponseError": "server",
    "GoogleAuthError": "auth",
}


def kind_of(error: Exception) -> ErrorKind | None:
    """The kind of an exception; ``None`` if it is not Google's, or of none."""
    if kind_by_class(error, "google.genai", {"APIError": "server"}):
        return _of_genai(error)
    if kind_by_class(error, "google.genai", {"UnknownApiResponseError": "server"}):
        return "server"
    if kind_by_class(error, "google.api_core", {"GoogleAPIError": "server"}):
        return _of_api_core(error)
    kind = kind_by_class(error, "google.auth", _CREDENTIALS)
    # A token that could not be had because Google's own service failed.
    return "server" if kind == "auth" and getattr(error, "retryable", False) is True else kind


def _of_genai(error: Exception) -> ErrorKind | None:
    reported = kind_of_report(getattr(error, "details", None))
    code = getattr(error, "code", None)
    kind = kind_of_status(code) or kind_of_code(getattr(error, "status", None)) or reported
    return "auth" if kind == "bad_request" and reported == "auth" else kind  # 400 for a key that is not valid


def _of_api_core(error: Exception) -> ErrorKind | None:
    cause = getattr(error, "cause", None)  # of a RetryError
    if isinstance(cause, Exception):
        return kind_of(cause) or kind_of_transport(cause) or "timeout"
    if kind_by_class(error, "google.api_core", {"RetryError": "timeout"}):
        return "timeout"
    code = getattr(error, "grpc_status_code", None)
    name = getattr(code, "name", None)
    if name in ("UNAVAILABLE", "INTERNAL", "UNKNOWN") and is_about_connection(getattr(error, "message", "")):
        return "connection"
    return kind_of_status(getattr(error, "code", None)) or kind_of_code(name)
