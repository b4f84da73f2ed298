"""Makes the SDKs' clients, recognises them by name, and binds them to a session."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from polycall.plugin import (
    ClientTraits,
    ConfigurationError,
    Mode,
    is_instance_of,
    sdk_missing,
    sendable_headers,
    sendable_key,
    shown_url,
)
from polycall_vertex._credentials import NEXT_STEP, check_environment, load_credentials
from polycall_vertex._sdk_objects import short_model_name
from polycall_vertex._session import Session
from polycall_vertex._settings import VertexSettings

# One class for models and preview models; defined in a private module, so any class of that name in the package.
_GENERATIVE_MODEL = "_GenerativeModel"
_GENAI_CLIENT = "google.genai.client.Client"
_GENAI_ASYNC_CLIENT = "google.genai.client.AsyncClient"
_MODES = frozenset({Mode.VERTEXAI_PARALLEL_TOOLS, Mode.PARALLEL_TOOLS})


def create_client(settings: VertexSettings) -> Any:
    """Make a ``google.genai.Client``.

    Raises:
        PluginError: google-genai is missing.
        ConfigurationError: The settings contradict each other.
    """
    try:
        from google import genai
        from google.genai import types
    except ImportError as error:
        raise sdk_missing("vertex", "google.genai", error) from error
    _check(settings)
    credentials, project = settings.credentials, settings.project
    if settings.credentials_file is not None:
        credentials, own_project = load_credentials(settings.credentials_file)
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or own_project
    elif credentials is None and settings.api_key is None:
        check_environment()
    try:
        options = types.HttpOptions.model_validate(settings.http_options or {}).model_copy()
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(["http_options", *map(str, detail["loc"])])
        # Not chained: its text contains the values, and headers hold secrets.
        raise ConfigurationError(f"google.genai rejects the setting {name!r}: {detail['msg']}.", key=name) from None
    if options.headers is not None:
        options.headers = sendable_headers(options.headers, key="http_options.headers", encoding="ascii")
    if settings.base_url is not None:
        options.base_url = settings.base_url
    try:
        return genai.Client(
            vertexai=True,
            project=project,
            location=settings.location,
            credentials=credentials,
            api_key=None if settings.api_key is None else settings.api_key.get_secret_value(),
            http_options=options,
        )
    except Exception as error:
        # Errors about credentials are the SDK's documented own; some of them are a ValueError, too.
        if type(error).__module__.startswith("google.auth."):
            error.add_note(NEXT_STEP)
        if type(error) is not ValueError:
            raise
        # The SDK's message names the settings that contradict each other.
        raise ConfigurationError(f"google.genai rejects these settings: {error}") from error


def _check(settings: VertexSettings) -> None:
    if settings.api_key is not None:
        sendable_key(settings.api_key.get_secret_value(), "api_key")
        if any((settings.project, settings.location, settings.credentials, settings.credentials_file)):
            raise ConfigurationError(
                "api_key works alone (express mode): pass either it, or project, location and credentials.",
                key="api_key",
            )
    if isinstance(settings.credentials, (str, os.PathLike)):
        raise ConfigurationError(
            "credentials must be an object of google.auth. For the path of a file: credentials_file=....",
            key="credentials",
        )
    if settings.credentials is not None and settings.credentials_file is not None:
        raise ConfigurationError(
            "credentials and credentials_file both say who calls. Leave one of them out.", key="credentials_file"
        )
    if settings.base_url is None:
        return
    try:
        has_host = bool(urlsplit(settings.base_url).hostname) and (urlsplit(settings.base_url).port or 1) > 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ConfigurationError(f"base_url={shown_url(settings.base_url)!r} is not a URL.", key="base_url")
    project = settings.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
    location = settings.location or os.environ.get("GOOGLE_CLOUD_LOCATION")
    if settings.api_key is None and not (project and location):
        # Without them the SDK sends every request to the bare base_url (google-genai 2.34).
        raise ConfigurationError("base_url requires project and location, or an api_key.", key="base_url")


def recognize_client(client: object) -> ClientTraits | None:
    """Tell an SDK's client by the names of its classes; ``None`` for other objects."""
    if _is_generative_model(client):
        return ClientTraits(sync=True, asynchronous=True, modes=_MODES, model=short_model_name(client))
    if is_instance_of(client, _GENAI_CLIENT):
        return ClientTraits(sync=True, asynchronous=True, modes=_MODES)
    if is_instance_of(client, _GENAI_ASYNC_CLIENT):
        return ClientTraits(sync=False, asynchronous=True, modes=_MODES)
    return None


def bind_client(client: Any, settings: VertexSettings, *, async_client: bool) -> Session:
    """Choose the session.

    Raises:
        ConfigurationError: The client is one of the Gemini Developer API, or cannot be used as requested.
    """
    if _is_generative_model(client):
        from polycall_vertex._generative_model.session import GenerativeModelSession

        return GenerativeModelSession(
            client, asynchronous=async_client, timeout_s=settings.timeout, max_reply_bytes=settings.max_reply_bytes
        )
    from polycall_vertex._genai.session import GenaiSession

    if getattr(client, "vertexai", True) is False:
        raise ConfigurationError(
            "This google.genai.Client connects to the Gemini Developer API, not to Vertex AI. Make one with "
            "google.genai.Client(vertexai=True, project=..., location=...)."
        )
    api_key = getattr(getattr(client, "_api_client", None), "api_key", None)
    if isinstance(api_key, str):
        sendable_key(api_key, "api_key")  # the SDK reads the environment, too
    return GenaiSession(client, timeout_s=settings.timeout, max_reply_bytes=settings.max_reply_bytes)


def _is_generative_model(client: object) -> bool:
    return any(
        class_.__qualname__ == _GENERATIVE_MODEL and class_.__module__.partition(".")[0] == "vertexai"
        for class_ in type(client).__mro__
    )
