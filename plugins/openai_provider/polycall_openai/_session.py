"""The bound client that the hooks get as ``client``: everything that is worked out once for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polycall import ConfigurationError
from polycall_openai import _chat, _responses
from polycall_openai._api import Api
from polycall_openai._sdk.recognition import deployment
from polycall_openai._sdk.transport import Transport
from polycall_openai._sdk.url_cache import UrlCache
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._servers.server import Server
from polycall_openai._servers.table import choose_profile
from polycall_openai._settings import FOR_ANY_CLIENT, OpenAISettings

APIS: dict[str, Api] = {"chat": _chat, "responses": _responses}


@dataclass(frozen=True, slots=True)
class Session:
    """An SDK client, bound to an API and to a server's profile."""

    client: Any
    """``openai.OpenAI``, ``openai.AsyncOpenAI`` or a relative."""
    api: Api
    server: Server
    transport: Transport
    owns_http_client: bool
    """polycall may close the HTTP client: the user did not supply it."""

    @classmethod
    def bind(cls, client: Any, settings: OpenAISettings, *, created: bool) -> Session:
        """Bind a client.

        Args:
            client: The SDK's.
            settings: The user's.
            created: The client was made from these settings.

        Raises:
            ConfigurationError: Settings for a new client were given with a finished one; or the profile or one of its
                fields does not exist.
        """
        foreign = settings.model_fields_set - FOR_ANY_CLIENT
        if foreign and not created:
            raise ConfigurationError(
                f"{', '.join(sorted(foreign))}: the client that you passed is already configured. "
                "Give these to the SDK's client, or use client.with_options(...).",
                key=min(foreign),
            )
        api = APIS[settings.api]
        endpoint, base_url = api.endpoint, str(client.base_url)
        errors = ReplyErrors(base_url.rstrip("/") + endpoint.path, endpoint.protocol)
        profile = choose_profile(base_url, settings.server, settings.server_options)
        stream_usage = settings.stream_usage
        if stream_usage is None:
            stream_usage = profile.takes_stream_usage(_api_version(client))
        return cls(
            client=client,
            api=api,
            server=Server(profile, errors, deployment(client), stream_usage),
            transport=Transport(client, endpoint, UrlCache(endpoint.path), errors, settings.max_reply_bytes),
            owns_http_client=settings.http_client is None,
        )


def _api_version(client: Any) -> object:
    query = client.default_query
    return query.get("api-version") if isinstance(query, Mapping) else None
