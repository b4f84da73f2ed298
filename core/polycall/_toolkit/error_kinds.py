"""Which kind an exception is of, told by the names of its classes, status codes and words: nothing is imported."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from polycall._data.types import ErrorKind, JsonObject

_STATUSES: Mapping[int, ErrorKind | None] = {
    401: "auth",
    402: "auth",  # the account has no money left
    403: "auth",
    407: "auth",
    408: "timeout",
    429: "rate_limit",
    499: None,  # the client itself left
    504: "timeout",
    524: "timeout",
}
_CODES: Mapping[str, ErrorKind] = {
    # gRPC, and the same words in Google's JSON
    "ABORTED": "bad_request",
    "ALREADY_EXISTS": "bad_request",
    "DATA_LOSS": "server",
    "DEADLINE_EXCEEDED": "timeout",
    "FAILED_PRECONDITION": "bad_request",
    "INTERNAL": "server",
    "INVALID_ARGUMENT": "bad_request",
    "NOT_FOUND": "bad_request",
    "OUT_OF_RANGE": "bad_request",
    "PERMISSION_DENIED": "auth",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAUTHENTICATED": "auth",
    "UNAVAILABLE": "server",
    "UNIMPLEMENTED": "server",
    "UNKNOWN": "server",
    # OpenAI, Anthropic and servers like theirs
    "API_ERROR": "server",
    "API_KEY_INVALID": "auth",
    "AUTHENTICATION_ERROR": "auth",
    "INSUFFICIENT_QUOTA": "rate_limit",
    "INTERNAL_ERROR": "server",
    "INTERNAL_SERVER_ERROR": "server",
    "INVALID_API_KEY": "auth",
    "INVALID_PROMPT": "bad_request",
    "INVALID_REQUEST_ERROR": "bad_request",
    "OVERLOADED_ERROR": "server",
    "PERMISSION_ERROR": "auth",
    "RATE_LIMIT_ERROR": "rate_limit",
    "RATE_LIMIT_EXCEEDED": "rate_limit",
    "SERVER_ERROR": "server",
    "SERVICE_UNAVAILABLE": "server",
    "TIMEOUT": "timeout",
    "TIMEOUT_ERROR": "timeout",
    "TOO_MANY_REQUESTS": "rate_limit",
}
_ERRNOS = frozenset(
    {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENOTCONN}
)
_HTTPX: Mapping[str, ErrorKind] = {
    "TimeoutException": "timeout",
    "UnsupportedProtocol": "bad_request",
    "LocalProtocolError": "bad_request",
    "InvalidURL": "bad_request",
    "TooManyRedirects": "bad_request",
    "DecodingError": "connection",
    "StreamError": "connection",
    "TransportError": "connection",
    "NetworkError": "connection",
    "ProtocolError": "connection",
    "ProxyError": "connection",
}
_TRANSPORTS: Mapping[str, Mapping[str, ErrorKind]] = {
    "builtins": {"TimeoutError": "timeout", "ConnectionError": "connection"},
    "asyncio": {"TimeoutError": "timeout", "IncompleteReadError": "connection"},
    "socket": {"timeout": "timeout", "gaierror": "connection", "herror": "connection"},
    "ssl": {"SSLError": "connection"},
    "http.client": {"HTTPException": "connection"},
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "httpcore": _HTTPX,
    "httpcore2": _HTTPX,
    "h11": {"RemoteProtocolError": "connection"},
    "anyio": {"EndOfStream": "connection", "BrokenResourceError": "connection", "ClosedResourceError": "connection"},
    "aiohttp": {
        "ServerTimeoutError": "timeout",
        "InvalidURL": "bad_request",
        "ClientConnectionError": "connection",
        "ClientPayloadError": "connection",
    },
    "requests": {
        "ConnectTimeout": "timeout",
        "Timeout": "timeout",
        "InvalidURL": "bad_request",
        "MissingSchema": "bad_request",
        "InvalidSchema": "bad_request",
        "InvalidHeader": "bad_request",
        "ConnectionError": "connection",
        "ChunkedEncodingError": "connection",
        "ContentDecodingError": "connection",
        "RetryError": "server",
    },
    "urllib3": {"TimeoutError": "timeout", "LocationValueError": "bad_request", "HTTPError": "connection"},
    "urllib.error": {"URLError": "connection"},
}
"""By package: the classes of its errors; for an exception of several, the most derived one counts."""
_CODE_LENGTH = 100


def kind_of_status(status: object) -> ErrorKind | None:
    """The kind of an HTTP status.

    Args:
        status: 401, 402, 403 and 407 are ``"auth"``; 408, 504 and 524 ``"timeout"``; 429 ``"rate_limit"``; others from
            500 on ``"server"``, others from 400 on ``"bad_request"``.

    Returns:
        ``None`` for anything that is not the status of an error.
    """
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status < 1000:
        return None
    if status in _STATUSES:
        return _STATUSES[status]
    return "server" if status >= 500 else "bad_request"


def kind_of_code(code: object) -> ErrorKind | None:
    """The kind of a service's own word: gRPC's and Google's codes, the codes and types of OpenAI's protocol.

    Args:
        code: ``"RESOURCE_EXHAUSTED"``, ``"rate_limit_exceeded"``; case does not count. Or an HTTP status, as a number
            or as text.
    """
    if isinstance(code, str) and len(code) <= _CODE_LENGTH:
        return _CODES.get(code.upper()) or (kind_of_status(int(code)) if code.isdecimal() and code.isascii() else None)
    return kind_of_status(code)


def kind_of_report(report: object) -> ErrorKind | None:
    """The kind of an error object: ``{"error": {"code": 429, ...}}`` or the inner part of it."""
    if not isinstance(report, Mapping):
        return None
    inner = report.get("error")
    words: JsonObject = {**report, **inner} if isinstance(inner, Mapping) else dict(report)
    details = words.get("details")
    reasons = [one.get("reason") for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    codes = (*reasons, *(words.get(name) for name in ("code", "status", "status_code", "type", "error_type")))
    return next((kind for code in codes if (kind := kind_of_code(code)) is not None), None)


def kind_by_class(error: BaseException, package: str, kinds: Mapping[str, ErrorKind]) -> ErrorKind | None:
    """The kind of an exception by the names of its classes, the most derived one first.

    Args:
        error: Any exception.
        package: The SDK's: ``"openai"``, ``"google.api_core"``. Classes may be defined in any module of it.
        kinds: By the name of a class: ``{"APITimeoutError": "timeout"}``.
    """
    for class_ in type(error).__mro__:
        module = class_.__module__
        if class_.__name__ in kinds and (module == package or module.startswith(f"{package}.")):
            return kinds[class_.__name__]
    return None


def kind_of_transport(error: BaseException) -> ErrorKind | None:
    """The kind of an exception of Python or of an HTTP or gRPC library that an SDK let through.

    Known are the errors of ``socket``, ``ssl``, asyncio, httpx, aiohttp, requests, urllib3 and grpc.
    """
    for class_ in type(error).__mro__:
        for package, kinds in _TRANSPORTS.items():
            if class_.__name__ in kinds and (class_.__module__ + ".").startswith(f"{package}."):
                return kinds[class_.__name__]
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return "connection"
    if any(class_.__module__.partition(".")[0] == "grpc" for class_ in type(error).__mro__):
        return kind_of_grpc(error)
    return None


_NO_CONNECTION = (
    "connection refused",
    "connection reset",
    "connections to all backends failing",
    "dns resolution failed",
    "failed to connect",
    "goaway",
    "name resolution",
    "recvmsg",
    "socket closed",
    "stream removed",
)


def kind_of_grpc(error: BaseException) -> ErrorKind | None:
    """The kind of a gRPC error, by its ``code()``; ``UNAVAILABLE`` with words about a connection is ``"connection"``.

    Args:
        error: A ``grpc.RpcError``, sync or async.
    """
    code, details = _called(error, "code"), _called(error, "details")
    name = getattr(code, "name", None)
    return "connection" if name == "UNAVAILABLE" and is_about_connection(details) else kind_of_code(name)


def is_about_connection(words: object) -> bool:
    """Whether gRPC's words for ``UNAVAILABLE`` say that there was no connection, and not that the server was busy."""
    text = str(words).lower()
    return any(one in text for one in _NO_CONNECTION)


def _called(error: BaseException, method: str) -> object:
    try:
        return getattr(error, method)()
    except Exception:  # noqa: BLE001  # an object of a stranger
        return None
