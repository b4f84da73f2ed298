"""The settings of `polycall.from_provider("gemini/...", api_key=..., ...)` and of config files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from polycall.plugin import MAX_REPLY_BYTES, NEW_CLIENT_ONLY, ReadFrom


class GeminiSettings(BaseModel):
    """How to reach the Gemini Developer API.

    Without an ``api_key`` it is read from ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY``; if both are set the first counts,
    as for the SDK. ``GOOGLE_GENAI_USE_VERTEXAI`` does not count: that service is the provider ``vertex``.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    api_key: Annotated[SecretStr | None, NEW_CLIENT_ONLY, ReadFrom("GOOGLE_API_KEY", "GEMINI_API_KEY")] = None
    """A key of Google AI Studio."""
    base_url: Annotated[str | None, NEW_CLIENT_ONLY, ReadFrom("GOOGLE_GEMINI_BASE_URL")] = None
    """Another endpoint, such as a proxy."""
    http_options: Annotated[Any, NEW_CLIENT_ONLY] = None
    """Further ``google.genai.types.HttpOptions``, as an object or a dict."""
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Time limit of a request in seconds; a call's own ``timeout`` overrides it. Default: none."""
    max_reply_bytes: int = Field(default=MAX_REPLY_BYTES, gt=0)
    """Size limit of one reply; a larger one raises `polycall.IncompleteOutputError`. A whole reply is counted when it
    has been read and before it is parsed, a stream piece by piece."""
