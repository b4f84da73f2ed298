"""A client with what is worked out once for it: what the hooks get as ``client``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from polycall import ConfigurationError
from polycall_openai._recognition import deployment
from polycall_openai._settings import OpenAISettings

_FIRST_AZURE_VERSION_WITH_STREAM_USAGE = "2024-10-21"


@dataclass(frozen=True, slots=True)
class Session:
    """An SDK client, bound."""

    client: Any
    """``openai.OpenAI``, ``openai.AsyncOpenAI`` or a relative."""
    model: str | None
    """Stands in where a call names no model: the Azure deployment of the client's URL."""
    official: bool
    """The server is OpenAI's own or Azure's, so fields that other servers may refuse can be sent."""
    stream_usage: bool
    """Ask for token counts at the end of a stream."""
    owns_http_client: bool
    """Closing the SDK's client closes nothing of the user's."""


def bind(client: Any, settings: OpenAISettings, *, created: bool) -> Session:
    """Bind a client.

    Raises:
        ConfigurationError: The API is not supported, or settings for a new client came with a finished one.
    """
    if settings.api == "responses":
        raise ConfigurationError(
            "api='responses' is not supported yet. Use api='chat' (Chat Completions), which is the default.", key="api"
        )
    foreign = settings.model_fields_set - {"api", "stream_usage"}
    if foreign and not created:
        raise ConfigurationError(
            f"{', '.join(sorted(foreign))}: the client that was handed in is configured already. "
            "Give these to the SDK's client, or use client.with_options(...).",
            key=min(foreign),
        )
    host = urlsplit(str(client.base_url)).hostname or ""
    openai_itself = host == "api.openai.com" or host.endswith(".api.openai.com")
    azure = host.endswith((".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"))
    stream_usage = settings.stream_usage
    if stream_usage is None:
        stream_usage = openai_itself or (azure and _azure_knows_stream_usage(client))
    return Session(
        client=client,
        model=deployment(client),
        official=openai_itself or azure,
        stream_usage=stream_usage,
        owns_http_client=settings.http_client is None,
    )


def _azure_knows_stream_usage(client: Any) -> bool:
    query = client.default_query
    version = query.get("api-version") if isinstance(query, Mapping) else None
    # The v1 API has no version, or a word ("preview"); a word is greater than any date.
    return version is None or str(version) >= _FIRST_AZURE_VERSION_WITH_STREAM_USAGE
