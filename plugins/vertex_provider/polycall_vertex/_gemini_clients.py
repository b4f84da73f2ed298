"""Makes clients of the Gemini Developer API, recognises them, and binds them to a session."""

from __future__ import annotations

import os
from typing import Any

from polycall.plugin import ClientTraits, ConfigurationError, Mode, sdk_missing, sendable_key
from polycall_vertex._gemini_settings import GeminiSettings
from polycall_vertex._genai_clients import check_base_url, check_key, genai_traits, http_options, is_of_developer_api
from polycall_vertex._protocol.service import GEMINI
from polycall_vertex._session import Session

_MODES = frozenset({Mode.PARALLEL_TOOLS})
_KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")  # in the order of google-genai


def create_client(settings: GeminiSettings) -> Any:
    """Make a ``google.genai.Client``.

    Raises:
        PluginError: google-genai is missing.
        ConfigurationError: There is no key, or the SDK rejects a setting.
    """
    try:
        from google import genai
    except ImportError as error:
        raise sdk_missing("gemini", "google.genai", error) from error
    key = _key(settings)
    if settings.base_url is not None:
        check_base_url(settings.base_url)
    options = http_options(settings.http_options, settings.base_url)
    try:
        return genai.Client(vertexai=False, api_key=key, http_options=options)
    except ValueError as error:
        raise ConfigurationError(f"google.genai rejects these settings: {error}") from error


def _key(settings: GeminiSettings) -> str:
    if settings.api_key is not None:
        return sendable_key(settings.api_key.get_secret_value(), "api_key")
    for variable in _KEY_VARIABLES:
        key = os.environ.get(variable, "").strip()  # a secret that was mounted as a file ends with a line break
        if key:
            return sendable_key(key, variable)
    raise ConfigurationError(
        "gemini needs an API key: set the environment variable GEMINI_API_KEY or GOOGLE_API_KEY, or pass api_key=... "
        '(in a config file: api_key_env = "THE_VARIABLE"). For Gemini on Vertex AI, without a key, the provider is '
        "'vertex'.",
        key="api_key",
    )


def recognize_client(client: object) -> ClientTraits | None:
    """Tell a client of this service; ``None`` for other objects."""
    return genai_traits(client, _MODES) if is_of_developer_api(client) else None


def bind_client(client: Any, settings: GeminiSettings) -> Session:
    """Bind a client.

    Raises:
        ConfigurationError: Its key cannot be sent.
    """
    from polycall_vertex._genai.session import GenaiSession

    check_key(client)
    return GenaiSession(client, timeout_s=settings.timeout, max_reply_bytes=settings.max_reply_bytes, service=GEMINI)
