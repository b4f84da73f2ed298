"""From a client and the settings to a session: which API, which server."""

from __future__ import annotations

from typing import Any

from polycall import ConfigurationError
from polycall_openai._address import Address
from polycall_openai._api import WireApi
from polycall_openai._chat import ChatCompletions
from polycall_openai._profiles import choose_profile
from polycall_openai._recognition import deployment
from polycall_openai._responses import Responses
from polycall_openai._session import Session, understands_stream_usage
from polycall_openai._settings import FOR_ANY_CLIENT, OpenAISettings
from polycall_openai._site import Site

_APIS: dict[str, WireApi] = {"chat": ChatCompletions(), "responses": Responses()}


def bind(client: Any, settings: OpenAISettings, *, created: bool) -> Session:
    """Bind a client.

    Raises:
        ConfigurationError: Settings for a new client came with a finished one, or there is no such profile or fact.
    """
    foreign = settings.model_fields_set - FOR_ANY_CLIENT
    if foreign and not created:
        raise ConfigurationError(
            f"{', '.join(sorted(foreign))}: the client that was handed in is configured already. "
            "Give these to the SDK's client, or use client.with_options(...).",
            key=min(foreign),
        )
    api = _APIS[settings.api]
    base_url = str(client.base_url)
    profile = choose_profile(base_url, settings.server, settings.server_options)
    stream_usage = settings.stream_usage
    return Session(
        client=client,
        api=api,
        profile=profile,
        site=Site(base_url.rstrip("/") + api.endpoint.path, api.endpoint.protocol),
        address=Address(api.endpoint.path),
        model=deployment(client),
        stream_usage=understands_stream_usage(profile, client) if stream_usage is None else stream_usage,
        owns_http_client=settings.http_client is None,
        max_reply_bytes=settings.max_reply_bytes,
    )
