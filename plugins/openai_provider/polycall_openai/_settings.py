"""The provider's settings, and the SDK's client made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
)

if TYPE_CHECKING:
    import openai

_POLYCALLS_OWN = {"api", "max_reply_bytes", "server", "server_options", "stream_usage"}
_AZURE = {"azure_endpoint", "azure_deployment", "azure_ad_token", "api_version"}


class OpenAISettings(BaseModel):
    """The settings of ``polycall.from_provider("openai/...", ...)``, and of a profile with ``provider = "openai"``.

    Settings that are not given are left to the SDK, which reads ``OPENAI_API_KEY``, ``OPENAI_BASE_URL`` and so on. With
    any of the Azure settings the client is an ``AzureOpenAI``. Settings of the SDK's client are
    refused for a client of the user's own.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    api: Literal["chat", "responses"] = "chat"
    """Which of OpenAI's APIs to use: Chat Completions or the Responses API."""
    server: str | None = None
    """The profile of the server: ``"groq"``, ``"vllm"``, ... ``None``: by the host of the base URL."""
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
        if url is not None and "://" not in url:  # the SDK would only say "Connection error."
            raise PydanticCustomError("no_scheme", "must begin with http:// or https://")
        return url


def create_client(settings: OpenAISettings, *, asynchronous: bool) -> openai.OpenAI | openai.AsyncOpenAI:
    """Make the SDK's client.

    Raises:
        PluginError: The SDK is missing, or cannot be imported.
        ConfigurationError: The SDK rejects the combination of settings.
        openai.OpenAIError: The SDK's own, for a missing key.
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
    azure = arguments.keys() & _AZURE
    make: Callable[..., openai.OpenAI | openai.AsyncOpenAI]
    if asynchronous:
        make = openai.AsyncAzureOpenAI if azure else openai.AsyncOpenAI
    else:
        make = openai.AzureOpenAI if azure else openai.OpenAI
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"The openai SDK rejects these settings ({', '.join(sorted(arguments))}): {error}"
        ) from error
