"""Which kind an exception of the openai SDK is of. The SDK is not imported."""

from __future__ import annotations

from collections.abc import Mapping

from polycall.plugin import ErrorKind, kind_by_class, kind_of_report, kind_of_status

_SDK = "openai"
_KINDS: Mapping[str, ErrorKind] = {
    "APITimeoutError": "timeout",
    "APIConnectionError": "connection",
    "WebSocketConnectionClosedError": "connection",
    "APIResponseValidationError": "server",
    "OAuthError": "auth",
    "SubjectTokenProviderError": "auth",
}
_WITHOUT_STATUS: Mapping[str, ErrorKind] = {
    "AuthenticationError": "auth",
    "PermissionDeniedError": "auth",
    "RateLimitError": "rate_limit",
    "InternalServerError": "server",
    "BadRequestError": "bad_request",
    "NotFoundError": "bad_request",
    "ConflictError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "APIError": "server",
}
"""For those that have no status: made by hand, or reported inside a stream."""


def kind_of(error: Exception) -> ErrorKind | None:
    """The kind of an exception; ``None`` if it is not the SDK's, or of none."""
    kind = kind_by_class(error, _SDK, _KINDS)
    if kind is not None:
        return kind
    if kind_by_class(error, _SDK, {"APIError": "server"}) is None:
        is_missing_key = type(error).__name__ == "OpenAIError" and "credentials" in str(error).lower()
        return "auth" if is_missing_key and kind_by_class(error, _SDK, {"OpenAIError": "auth"}) else None
    reported = _reported(error)
    status = kind_of_status(getattr(error, "status_code", None))
    if status == "bad_request" and reported == "auth":  # Gemini's endpoint: 400 for a key that is not valid
        return "auth"
    return status or reported or kind_by_class(error, _SDK, _WITHOUT_STATUS)


def _reported(error: Exception) -> ErrorKind | None:
    body = getattr(error, "body", None)
    if isinstance(body, list) and body:
        body = body[0]
    words = {name: getattr(error, name, None) for name in ("code", "type")}
    return kind_of_report(body) or kind_of_report(words)
