"""Requests as they may be shown: without the values of headers and parameters that may be secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

HIDDEN = "***"

_HARMLESS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "traceparent",
        "transfer-encoding",
        "user-agent",
        "x-goog-api-client",
        "x-request-id",
    }
)
_HARMLESS_FORM = re.compile(r"x-stainless-.*|([a-z]+-){0,3}(version|beta)")
"""What SDKs say of themselves, and the version of an API."""
_USER = re.compile(r"(//)[^/?#]*@")
_SECRET = re.compile(r"auth|cred|key|passw|pwd|secret|session|sig|token", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_.-]{0,20}")


def shown_headers(headers: Mapping[str, object] | Mapping[bytes, object]) -> dict[str, str]:
    """Headers with their values where they are known to be harmless, else ``***``.

    Args:
        headers: Names to texts or bytes; other values (an SDK's sign for "not sent") are hidden, too.
    """
    shown: dict[str, str] = {}
    for given_name, given_value in headers.items():
        name, value = _as_text(given_name), _as_text(given_value)
        shown[name or str(given_name)] = HIDDEN if name is None or value is None or not _is_harmless(name) else value
    return shown


def shown_url(url: object) -> str:
    """A URL without the user and password, and with ``***`` for query parameters whose names sound like secrets.

    Args:
        url: A text, or an object of an HTTP library with the URL as its ``str()``. It need not be valid.
    """
    text = _USER.sub(rf"\1{HIDDEN}@", str(url), count=1)
    base, *parameters = re.split(r"([?#&;])", text)
    marks, values = parameters[::2], parameters[1::2]
    return base + "".join(f"{mark}{_shown_parameter(value)}" for mark, value in zip(marks, values, strict=True))


def _is_harmless(name: str) -> bool:
    name = name.lower()
    return name in _HARMLESS or _HARMLESS_FORM.fullmatch(name) is not None


def _as_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _shown_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    if not equals:
        return parameter if _WORD.fullmatch(parameter) else HIDDEN
    return f"{name}={HIDDEN}" if _SECRET.search(unquote(name)) else parameter
