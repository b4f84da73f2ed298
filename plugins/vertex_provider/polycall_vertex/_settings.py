"""The settings of `polycall.from_provider("vertex/...", project=..., ...)` and of config files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from polycall.plugin import IN_CODE_ONLY, MAX_REPLY_BYTES, NEW_CLIENT_ONLY, OtherNames, ReadFrom


class VertexSettings(BaseModel):
    """How to reach Vertex AI.

    Without any, the SDK takes project and location from the environment (``GOOGLE_CLOUD_PROJECT``,
    ``GOOGLE_CLOUD_LOCATION``) and Application Default Credentials.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    project: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("GOOGLE_CLOUD_PROJECT"), OtherNames("vertex_project")] = (
        None
    )
    """The Google Cloud project's id."""
    location: Annotated[
        str | None, NEW_CLIENT_ONLY, ReadFrom("GOOGLE_CLOUD_LOCATION"), OtherNames("region", "zone", "vertex_location")
    ] = None
    """A region such as ``us-central1``, or ``global``."""
    credentials: Annotated[Any, NEW_CLIENT_ONLY, IN_CODE_ONLY] = None
    """``google.auth.credentials.Credentials``. Not given: those of ``credentials_file``, else Application Default
    Credentials."""
    credentials_file: Annotated[
        str | None,
        NEW_CLIENT_ONLY,
        ReadFrom("GOOGLE_APPLICATION_CREDENTIALS"),
        OtherNames("service_account", "service_account_file", "key_file", "keyfile", "google_application_credentials"),
    ] = None
    """Path of a file of credentials, such as a service account's key; ``~`` is the home directory."""
    api_key: Annotated[SecretStr | None, NEW_CLIENT_ONLY, ReadFrom("GOOGLE_API_KEY")] = None
    """For Vertex AI in express mode, in place of project, location and credentials."""
    base_url: Annotated[str | None, NEW_CLIENT_ONLY] = None
    """Another endpoint, such as a proxy. Requires project and location, or an API key."""
    http_options: Annotated[Any, NEW_CLIENT_ONLY] = None
    """Further ``google.genai.types.HttpOptions``, as an object or a dict."""
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Time limit of a request in seconds; a call's own ``timeout`` overrides it. Default: none."""
    max_reply_bytes: int = Field(default=MAX_REPLY_BYTES, gt=0)
    """Size limit of one reply; a larger one raises `polycall.IncompleteOutputError`. A whole reply is counted when it
    has been read and before it is parsed, a stream piece by piece."""
