"""The SDK's own options of a call, which are not part of the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_CLIENT_TIMEOUT: Any = object()


@dataclass(slots=True)
class CallOptions:
    """``extra_headers``, ``extra_query``, ``extra_body`` and ``timeout`` of a call."""

    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, object] | None = None
    body: Mapping[str, Any] | None = None
    timeout: Any = _CLIENT_TIMEOUT

    @classmethod
    def pop_from(cls, options: dict[str, Any]) -> CallOptions:
        """Take the SDK's options out of the caller's."""
        return cls(
            headers=options.pop("extra_headers", None) or {},
            query=options.pop("extra_query", None),
            body=options.pop("extra_body", None),
            timeout=options.pop("timeout", _CLIENT_TIMEOUT),
        )

    def for_post(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """The argument ``options`` of ``client.post``."""
        # `security` as in the SDK's own create(); versions that do not know it drop it.
        options: dict[str, Any] = {"headers": {**self.headers, **headers}, "security": {"bearer_auth": True}}
        if self.query is not None:
            options["params"] = self.query
        if self.body is not None:
            options["extra_json"] = self.body
        return self._with_timeout(options)

    def for_create(self) -> dict[str, Any]:
        """Arguments of the SDK's ``create``."""
        options: dict[str, Any] = {}
        if self.headers:
            options["extra_headers"] = self.headers
        if self.query is not None:
            options["extra_query"] = self.query
        if self.body is not None:
            options["extra_body"] = self.body
        return self._with_timeout(options)

    def _with_timeout(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self.timeout is _CLIENT_TIMEOUT else {**options, "timeout": self.timeout}
