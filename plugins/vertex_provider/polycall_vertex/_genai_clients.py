"""The common part of both providers' clients: settings of a ``google.genai.Client``, and recognising one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from polycall.plugin import (
    ClientTraits,
    ConfigurationError,
    Mode,
    is_instance_of,
    sendable_headers,
    sendable_key,
    shown_url,
)

_GENAI_CLIENT = "google.genai.client.Client"
_GENAI_ASYNC_CLIENT = "google.genai.client.AsyncClient"


def genai_traits(client: object, modes: frozenset[Mode]) -> ClientTraits | None:
    """The traits of a ``google.genai.Client`` or of its ``aio``; ``None`` for other objects."""
    if is_instance_of(client, _GENAI_CLIENT):
        return ClientTraits(sync=True, asynchronous=True, modes=modes)
    if is_instance_of(client, _GENAI_ASYNC_CLIENT):
        return ClientTraits(sync=False, asynchronous=True, modes=modes)
    return None


def is_of_developer_api(client: object) -> bool:
    """Whether a ``google.genai.Client`` or its ``aio`` connects to the Gemini Developer API, not to Vertex AI.

    False for any other object, whose attributes may do anything.
    """
    if not is_instance_of(client, _GENAI_CLIENT, _GENAI_ASYNC_CLIENT):
        return False
    return not getattr(_http_layer(client), "vertexai", True)  # None where nobody said which of the two


def http_options(given: Any, base_url: str | None) -> Any:
    """``google.genai.types.HttpOptions`` of the settings.

    Raises:
        ConfigurationError: The SDK rejects an option, or a header cannot be sent.
    """
    from google.genai import types

    try:
        options = types.HttpOptions.model_validate(given or {}).model_copy()
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(["http_options", *map(str, detail["loc"])])
        # Not chained: its text contains the values, and headers hold secrets.
        raise ConfigurationError(f"google.genai rejects the setting {name!r}: {detail['msg']}.", key=name) from None
    if options.headers is not None:
        options.headers = sendable_headers(options.headers, key="http_options.headers", encoding="ascii")
    if base_url is not None:
        options.base_url = base_url
    return options


def check_base_url(base_url: str) -> None:
    """Refuse a setting ``base_url`` that is not a URL.

    Raises:
        ConfigurationError: It is none; shown without a password in it.
    """
    try:
        has_host = bool(urlsplit(base_url).hostname) and (urlsplit(base_url).port or 1) > 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ConfigurationError(f"base_url={shown_url(base_url)!r} is not a URL.", key="base_url")


def check_key(client: Any) -> None:
    """Check the key of a client, which the SDK may have read from the environment.

    Raises:
        ConfigurationError: It cannot be sent; the value is not shown.
    """
    api_key = getattr(_http_layer(client), "api_key", None)
    if isinstance(api_key, str):
        sendable_key(api_key, "api_key")


def _http_layer(client: object) -> object:
    """The SDK's HTTP layer, which both halves of a client have."""
    return getattr(client, "_api_client", None) or getattr(getattr(client, "models", None), "_api_client", None)
