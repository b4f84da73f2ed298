"""The session that the hooks get: an SDK client with everything that is worked out once for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polycall.plugin import ConfigurationError, SessionTraits, sendable_key, shown_url, unsendable
from polycall_openai import _chat, _responses
from polycall_openai._api import Api
from polycall_openai._sdk.call_options import checked_headers
from polycall_openai._sdk.recognition import deployment
from polycall_openai._sdk.transport import Transport
from polycall_openai._sdk.url_cache import UrlCache
from polycall_openai._servers.access import ACCESS
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._servers.server import Server
from polycall_openai._servers.table import TELEMETRY_NAMES, choose_profile
from polycall_openai._settings import OpenAISettings

_NO_KEY = "<missing API key>"
"""The SDK's own word for none, for Azure with tokens."""
APIS: Mapping[str, Api] = {"chat": _chat, "responses": _responses}


@dataclass(frozen=True, slots=True)
class Session:
    """An SDK client, bound to an API and to a server's profile.

    Attributes:
        client: ``openai.OpenAI``, ``openai.AsyncOpenAI`` or a relative.
        api: The steps in which the two APIs differ.
        server: What is known of the server.
        transport: Sends.
        owns_http_client: polycall may close the HTTP client: the user did not supply it.
    """

    client: Any
    api: Api
    server: Server
    transport: Transport
    owns_http_client: bool

    @classmethod
    def bind(cls, client: Any, settings: OpenAISettings) -> Session:
        """Bind a client.

        Args:
            client: The SDK's.
            settings: The user's.

        Raises:
            ConfigurationError: The profile or one of its fields does not exist; or the client's key or one of its
                headers cannot be sent.
        """
        _check_headers(client)
        api = APIS[settings.api]
        endpoint, base_url = api.endpoint, str(client.base_url)
        errors = ReplyErrors(shown_url(base_url).rstrip("/") + endpoint.path, endpoint.protocol)
        profile = choose_profile(base_url, settings.server, settings.server_options)
        stream_usage = settings.stream_usage
        if stream_usage is None:
            stream_usage = profile.takes_stream_usage(_api_version(client))
        server = Server(profile, errors, deployment(client), stream_usage, _unreached(settings, base_url))
        return cls(
            client=client,
            api=api,
            server=server,
            transport=Transport(client, endpoint, UrlCache(endpoint.path), server, settings.max_reply_bytes),
            owns_http_client=settings.http_client is None,
        )

    def traits(self) -> SessionTraits:
        """Where the client sends to."""
        url = self.client.base_url
        port = getattr(url, "port", None) or {"http": 80, "https": 443}.get(getattr(url, "scheme", ""))
        name = TELEMETRY_NAMES.get(self.server.profile.name)
        return SessionTraits(host=getattr(url, "host", None) or None, port=port, telemetry_name=name)


def _unreached(settings: OpenAISettings, base_url: str) -> str | None:
    """The advice for a server of one's own that does not answer."""
    access = ACCESS.get(settings.server or "")
    if access is None or access.needs_key:
        return None
    given = "" if settings.base_url else ", its default address"
    where = f"{settings.server} was expected at {shown_url(base_url)}{given}."
    return f"{where} Is it running? base_url names another address. {access.otherwise}".rstrip()


def _check_headers(client: Any) -> None:
    """Refuse what the HTTP library would refuse later, in words that show the secret."""
    for name in ("api_key", "_azure_ad_token"):
        key = getattr(client, name, None)
        if isinstance(key, str) and key and key != _NO_KEY:
            sendable_key(key, name.removeprefix("_"))
    for name in ("organization", "project"):
        value = getattr(client, name, None)
        if isinstance(value, str) and (problem := unsendable(value)) is not None:
            raise ConfigurationError(f"{name} {problem}; remove it.", key=name)
    checked_headers(getattr(client, "_custom_headers", None) or {}, "default_headers")


def _api_version(client: Any) -> object:
    query = client.default_query
    return query.get("api-version") if isinstance(query, Mapping) else None
