"""The provider's settings, and the SDK's client made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from polycall.plugin import (
    IN_CODE_ONLY,
    MAX_REPLY_BYTES,
    NEW_CLIENT_ONLY,
    ConfigurationError,
    OtherNames,
    ReadFrom,
    sdk_missing,
    sendable_key,
)
from polycall_openai._servers.access import ACCESS, address_of, key_of

if TYPE_CHECKING:
    import openai

_POLYCALLS_OWN = {"api", "max_reply_bytes", "server", "server_options", "stream_usage"}
_MISSING_KEY = (
    "With polycall: pass api_key=... to from_provider(), or name the variable that holds the key: in a config file "
    'api_key_env = "OPENAI_API_KEY".'
)
_AZURE = {"azure_endpoint", "azure_deployment", "azure_ad_token", "api_version"}


class OpenAISettings(BaseModel):
    """The settings of ``polycall.from_provider("openai/...", ...)``, and of a profile with ``provider = "openai"``.

    Settings that are not given are left to the SDK, which reads ``OPENAI_API_KEY``, ``OPENAI_BASE_URL`` and so on. With
    a ``server``, address and key are that server's, and OpenAI's variables are not read. With any of the Azure settings
    the client is an ``AzureOpenAI``. Settings of the SDK's client are refused for a client of the user's own.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    api: Literal["chat", "responses"] = "chat"
    """Which of OpenAI's APIs to use: Chat Completions or the Responses API."""
    server: str | None = None
    """The server: ``"groq"``, ``"vllm"``, ... Its name says which profile holds, where it is reached and which
    environment variable has the key. ``from_provider("groq/...")`` is ``from_provider("openai/...", server="groq")``.
    ``None``: OpenAI or, for the profile, the host of the base URL."""
    server_options: dict[str, Any] = {}
    """Overrides for single fields of the profile, by their names in `ServerProfile`."""
    stream_usage: bool | None = None
    """Ask for token counts at the end of a stream (``stream_options={"include_usage": true}``). ``None``: if
    the server's profile says so."""

    max_reply_bytes: int = Field(default=MAX_REPLY_BYTES, gt=0)
    """Maximum size of one reply, content-decoded; a larger one is a `polycall.IncompleteOutputError`. A stream is
    counted as it is read; a whole reply when the SDK has read it, before it is parsed."""

    base_url: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("OPENAI_BASE_URL")] = None
    """The server's URL, most often with the path ``/v1``."""
    api_key: Annotated[SecretStr | None, NEW_CLIENT_ONLY, ReadFrom("OPENAI_API_KEY")] = None
    """The key; with Azure the SDK reads ``AZURE_OPENAI_API_KEY``."""
    organization: Annotated[
        str | None, NEW_CLIENT_ONLY, ReadFrom("OPENAI_ORG_ID"), OtherNames("org", "org_id", "organization_id")
    ] = None
    """The organization that requests count for."""
    project: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("OPENAI_PROJECT_ID"), OtherNames("project_id")] = None
    """The project that requests count for."""
    timeout: Annotated[float | None, NEW_CLIENT_ONLY, Field(gt=0, allow_inf_nan=False)] = None
    """Seconds; ``None`` waits forever. Not given: the SDK's 600."""
    max_retries: Annotated[int, NEW_CLIENT_ONLY, Field(ge=0)] = 2
    """The SDK's own retries after connection errors, 408, 409, 429 and 5xx."""
    default_headers: Annotated[dict[str, str] | None, NEW_CLIENT_ONLY] = None
    """Headers of every request."""
    default_query: Annotated[dict[str, Any] | None, NEW_CLIENT_ONLY] = None
    """Parameters of every request's URL."""
    http_client: Annotated[Any, NEW_CLIENT_ONLY, IN_CODE_ONLY] = None
    """An ``httpx.Client`` or ``httpx.AsyncClient`` of yours (``httpx2`` with openai 3.x); polycall does not close
    it."""

    azure_endpoint: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("AZURE_OPENAI_ENDPOINT")] = None
    """The resource's URL, ``https://NAME.openai.azure.com``."""
    azure_deployment: Annotated[str | None, NEW_CLIENT_ONLY, OtherNames("deployment", "deployment_name")] = None
    """The deployment, which stands in the URL in place of the model."""
    azure_ad_token: Annotated[SecretStr | None, NEW_CLIENT_ONLY, ReadFrom("AZURE_OPENAI_AD_TOKEN")] = None
    """A token of Microsoft Entra, in place of a key."""
    api_version: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("OPENAI_API_VERSION")] = None
    """The version of Azure's API: ``"2024-10-21"``."""

    @field_validator("base_url", "azure_endpoint")
    @classmethod
    def _has_a_scheme(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.lower().startswith(("http://", "https://")):  # the SDK would only say "Connection error."
            raise PydanticCustomError("no_scheme", "must begin with http:// or https://")
        try:
            parts = urlsplit(url.strip())
            is_one = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_one = False
        if not is_one or not url.strip().isprintable() or " " in url.strip():
            raise PydanticCustomError("no_url", "is not a URL such as https://host/v1")
        return url.strip()


def create_client(settings: OpenAISettings, *, asynchronous: bool) -> openai.OpenAI | openai.AsyncOpenAI:
    """Make the SDK's client.

    Raises:
        PluginError: The SDK is missing, or cannot be imported.
        ConfigurationError: The SDK rejects the combination of settings, or something is missing that the server needs.
        openai.OpenAIError: The SDK's own, for OpenAI's missing key.
    """
    try:
        import openai
    except ImportError as error:
        raise sdk_missing("openai", "openai", error) from error

    arguments: dict[str, Any] = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name in settings.model_fields_set - _POLYCALLS_OWN
        if (value := getattr(settings, name)) is not None or name == "timeout"
    }
    azure = bool(arguments.keys() & _AZURE)
    server = settings.server
    if server == "azure":
        azure = azure or "base_url" not in arguments
        _complete_azure(arguments, azure=azure)
    elif server is not None and server in ACCESS:
        if "base_url" not in arguments:
            arguments["base_url"] = address_of(server)
        if "api_key" not in arguments:
            arguments["api_key"] = key_of(server)
    else:
        _clean_environment(arguments, azure=azure)
    make: Callable[..., openai.OpenAI | openai.AsyncOpenAI]
    if asynchronous:
        make = openai.AsyncAzureOpenAI if azure else openai.AsyncOpenAI
    else:
        make = openai.AzureOpenAI if azure else openai.OpenAI
    try:
        client = make(**arguments)
    except openai.OpenAIError as error:
        error.add_note(_MISSING_KEY)
        raise
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"The openai SDK rejects these settings ({', '.join(sorted(arguments))}): {error}"
        ) from error
    if server in ACCESS or (server == "azure" and not azure):
        _forget_openai(client, arguments)
    return client


def _clean_environment(arguments: dict[str, Any], *, azure: bool) -> None:
    """Check the variables that the SDK reads by itself, and take the line break off the end of a mounted secret.

    Args:
        arguments: For the SDK's client; gets those values that have to differ from their variables.
        azure: Whether the client is an ``AzureOpenAI``.

    Raises:
        ConfigurationError: A key cannot be sent, or is empty; it is not shown.
    """
    keys = {"azure_ad_token": "AZURE_OPENAI_AD_TOKEN", "api_key": "AZURE_OPENAI_API_KEY"} if azure else {}
    keys = keys or {"api_key": "OPENAI_API_KEY"}
    if not arguments.keys() & keys.keys():
        for name, variable in keys.items():
            value = os.environ.get(variable)
            if not value:
                continue
            try:
                key = sendable_key(value.strip(), "The environment variable " + variable)
            except ConfigurationError as error:
                raise ConfigurationError(str(error), key=name) from None
            if key != value:
                arguments[name] = key
    for name, variable in (("organization", "OPENAI_ORG_ID"), ("project", "OPENAI_PROJECT_ID")):
        value = os.environ.get(variable, "")
        if name not in arguments and value != value.strip() and value.strip():
            arguments[name] = value.strip()


def _complete_azure(arguments: dict[str, Any], *, azure: bool) -> None:
    """Say what Azure needs in its own terms; the SDK reads its variables by itself.

    Args:
        arguments: For the SDK's client; gets the key for Azure's v1 API, which is OpenAI's client with a base URL.
        azure: Whether the client is an ``AzureOpenAI``.

    Raises:
        ConfigurationError: Endpoint, version or key are missing.
    """
    environment = os.environ
    if azure and "base_url" not in arguments:
        if not (arguments.get("azure_endpoint") or environment.get("AZURE_OPENAI_ENDPOINT")):
            raise ConfigurationError(
                "azure needs the endpoint of your resource: set AZURE_OPENAI_ENDPOINT, or pass "
                "azure_endpoint='https://NAME.openai.azure.com'.",
                key="azure_endpoint",
            )
        if not (arguments.get("api_version") or environment.get("OPENAI_API_VERSION")):
            raise ConfigurationError(
                "azure needs the version of its API: set OPENAI_API_VERSION, or pass api_version='2024-10-21', say. "
                "For the v1 API, which has none, pass base_url='https://NAME.openai.azure.com/openai/v1/' in place of "
                "azure_endpoint.",
                key="api_version",
            )
    if arguments.get("api_key") or arguments.get("azure_ad_token"):
        return
    key = environment.get("AZURE_OPENAI_API_KEY", "").strip()
    if not (key or (azure and environment.get("AZURE_OPENAI_AD_TOKEN"))):
        raise ConfigurationError(
            "azure needs a key: set the environment variable AZURE_OPENAI_API_KEY, or pass api_key=... (in a config "
            'file: api_key_env = "THE_VARIABLE"). For Entra ID pass azure_ad_token, or make an AzureOpenAI client with '
            "an azure_ad_token_provider and hand it to polycall.from_openai().",
            key="api_key",
        )
    if not (azure and environment.get("AZURE_OPENAI_AD_TOKEN")):  # which comes first for the SDK
        sendable_key(key, "AZURE_OPENAI_API_KEY")
        arguments["api_key"] = key


def _forget_openai(client: Any, arguments: Mapping[str, Any]) -> None:
    """Take out of a client for another company's server what the SDK has read of OpenAI's in the environment."""
    for name in ("organization", "project", "admin_api_key"):
        if name not in arguments and getattr(client, name, None) is not None:
            setattr(client, name, None)
    if os.environ.get("OPENAI_CUSTOM_HEADERS") and hasattr(client, "_custom_headers"):
        client._custom_headers = dict(arguments.get("default_headers") or {})  # noqa: SLF001
