"""Makes the SDKs' clients, recognises them by name, and binds them to a session."""

from __future__ import annotations

import os
from typing import Any

from polycall.plugin import (
    ClientTraits,
    ConfigurationError,
    Mode,
    sdk_missing,
    sendable_key,
)
from polycall_vertex._credentials import check_environment, load_credentials, note_next_step
from polycall_vertex._genai_clients import check_base_url, check_key, genai_traits, http_options, is_of_developer_api
from polycall_vertex._sdk_objects import short_model_name
from polycall_vertex._session import Session
from polycall_vertex._settings import VertexSettings

# One class for models and preview models; defined in a private module, so any class of that name in the package.
_GENERATIVE_MODEL = "_GenerativeModel"
_MODES = frozenset({Mode.VERTEXAI_PARALLEL_TOOLS, Mode.PARALLEL_TOOLS})


def create_client(settings: VertexSettings) -> Any:
    """Make a ``google.genai.Client``.

    Raises:
        PluginError: google-genai is missing.
        ConfigurationError: The settings contradict each other.
    """
    try:
        from google import genai
    except ImportError as error:
        raise sdk_missing("vertex", "google.genai", error) from error
    _check(settings)
    credentials, project = settings.credentials, settings.project
    if settings.credentials_file is not None:
        credentials, own_project = load_credentials(settings.credentials_file)
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or own_project
    elif credentials is None and settings.api_key is None:
        check_environment()
    options = http_options(settings.http_options, settings.base_url)
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
        note_next_step(error)
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
    check_base_url(settings.base_url)
    project = settings.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
    location = settings.location or os.environ.get("GOOGLE_CLOUD_LOCATION")
    if settings.api_key is None and not (project and location):
        # Without them the SDK sends every request to the bare base_url (google-genai 2.34).
        raise ConfigurationError("base_url requires project and location, or an api_key.", key="base_url")


def recognize_client(client: object) -> ClientTraits | None:
    """Tell an SDK's client by the names of its classes; ``None`` for other objects."""
    if _is_generative_model(client):
        return ClientTraits(sync=True, asynchronous=True, modes=_MODES, model=short_model_name(client))
    return None if is_of_developer_api(client) else genai_traits(client, _MODES)


def bind_client(client: Any, settings: VertexSettings, *, async_client: bool) -> Session:
    """Choose the session.

    Raises:
        ConfigurationError: The client cannot be used as requested.
    """
    if _is_generative_model(client):
        from polycall_vertex._generative_model.session import GenerativeModelSession

        return GenerativeModelSession(
            client, asynchronous=async_client, timeout_s=settings.timeout, max_reply_bytes=settings.max_reply_bytes
        )
    from polycall_vertex._genai.session import GenaiSession

    check_key(client)
    return GenaiSession(client, timeout_s=settings.timeout, max_reply_bytes=settings.max_reply_bytes)


def _is_generative_model(client: object) -> bool:
    return any(
        class_.__qualname__ == _GENERATIVE_MODEL and class_.__module__.partition(".")[0] == "vertexai"
        for class_ in type(client).__mro__
    )
