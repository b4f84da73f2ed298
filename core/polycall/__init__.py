"""polycall: one model reply with several tool calls into typed, validated objects, from any provider.

::

    client = polycall.from_openai(openai.OpenAI(), mode=polycall.Mode.PARALLEL_TOOLS)
    calls = client.chat.completions.create(model=..., messages=[...], response_model=Iterable[Weather | GoogleSearch])

Plugin authors import `polycall.plugin`; the hooks are described in `polycall.hookspecs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polycall._calls import Calls
from polycall._client import AsyncClient, Client
from polycall._discovery import InstalledPlugin
from polycall._errors import (
    ConfigurationError,
    IncompleteOutputError,
    InvalidCallsError,
    ModeError,
    NoToolCallsError,
    OutputError,
    PluginError,
    PolycallError,
    ProviderNotFoundError,
    RefusalError,
    ResponseError,
    ResponseModelError,
    SchemaError,
    UnknownClientError,
)
from polycall._factory import from_client, from_openai, from_provider, from_vertexai
from polycall._plugins import providers, register_extension, register_provider, unregister
from polycall._protocol import ArgumentsDelta, CallStarted, TextDelta
from polycall._streams import AsyncCallStream, CallEvent, CallFailed, CallReady, CallStream
from polycall._types import CallFailure, FinishReason, Mode, ToolCall, Usage

if TYPE_CHECKING:
    from polycall._config import from_config

__all__ = [
    "ArgumentsDelta",
    "AsyncCallStream",
    "AsyncClient",
    "CallEvent",
    "CallFailed",
    "CallFailure",
    "CallReady",
    "CallStarted",
    "CallStream",
    "Calls",
    "Client",
    "ConfigurationError",
    "FinishReason",
    "IncompleteOutputError",
    "InstalledPlugin",
    "InvalidCallsError",
    "Mode",
    "ModeError",
    "NoToolCallsError",
    "OutputError",
    "PluginError",
    "PolycallError",
    "ProviderNotFoundError",
    "RefusalError",
    "ResponseError",
    "ResponseModelError",
    "SchemaError",
    "TextDelta",
    "ToolCall",
    "UnknownClientError",
    "Usage",
    "from_client",
    "from_config",
    "from_openai",
    "from_provider",
    "from_vertexai",
    "providers",
    "register_extension",
    "register_provider",
    "unregister",
]


def __getattr__(name: str) -> object:
    # pydantic-settings costs tens of milliseconds to import, and only config files need it.
    if name == "from_config":
        from polycall._config import from_config

        globals()[name] = from_config
        return from_config
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
