"""The SDK's own options of a call, which are not part of the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polycall.plugin import ConfigurationError, check_timeout, sendable_headers

_CLIENT_TIMEOUT: Any = object()


@dataclass(slots=True)
class CallOptions:
    """``extra_headers``, ``extra_query`` and ``timeout`` of a call.

    ``extra_body`` is not among them: its fields are in the body already.
    """

    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, object] | None = None
    timeout: Any = _CLIENT_TIMEOUT

    @classmethod
    def of(cls, options: Mapping[str, object]) -> CallOptions:
        """Those among the caller's options.

        Raises:
            ConfigurationError: A header cannot be sent, or the query is not a mapping.
        """
        if not options:
            return NO_OPTIONS
        query = options.get("extra_query")
        if query is not None and not isinstance(query, Mapping):
            raise ConfigurationError(
                f"extra_query must be a dict of parameters, got {type(query).__name__}.", key="extra_query"
            )
        check_timeout(options.get("timeout"))
        headers = options.get("extra_headers")
        return cls(
            headers=checked_headers(headers) if headers else {},
            query=query,
            timeout=options.get("timeout", _CLIENT_TIMEOUT),
        )

    def for_post(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """The argument ``options`` of ``client.post``."""
        # `security` as in the SDK's own create(); versions that do not know it drop it.
        options: dict[str, Any] = {"headers": {**self.headers, **headers}, "security": {"bearer_auth": True}}
        if self.query is not None:
            options["params"] = self.query
        return self._with_timeout(options)

    def for_create(self) -> dict[str, Any]:
        """Arguments of the SDK's ``create``."""
        options: dict[str, Any] = {}
        if self.headers:
            options["extra_headers"] = self.headers
        if self.query is not None:
            options["extra_query"] = self.query
        return self._with_timeout(options)

    def _with_timeout(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self.timeout is _CLIENT_TIMEOUT else {**options, "timeout": self.timeout}


NO_OPTIONS = CallOptions()


def checked_headers(headers: object, key: str = "extra_headers") -> Mapping[str, Any]:
    """Headers that HTTP can carry; the SDK's sign for a header that shall be left out stays.

    Raises:
        ConfigurationError: One cannot be sent.
    """
    if not isinstance(headers, Mapping):
        return sendable_headers(headers, key=key)
    omitted = {name: value for name, value in headers.items() if type(value).__name__ == "Omit"}
    sent = {name: value for name, value in headers.items() if name not in omitted}
    return {**sendable_headers(sent, key=key, encoding="ascii"), **omitted}
