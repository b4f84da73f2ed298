"""polycall: one model reply with several tool calls into typed, validated objects, from any provider.

::

    client = polycall.from_openai(openai.OpenAI(), mode=polycall.Mode.PARALLEL_TOOLS)
    calls = client.chat.completions.create(model=..., messages=[...], response_model=Iterable[Weather | GoogleSearch])

Plugin authors import `polycall.plugin`; the hooks are described in `polycall.hookspecs`.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polycall._calls import Calls
    from polycall._client import AsyncClient, Client
    from polycall._config import from_config
    from polycall._discovery import InstalledPlugin
    from polycall._errors import (
        ConfigurationError,
        IncompleteOutputError,
        InvalidCallsError,
        MessageError,
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
    "MessageError",
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

# Each name's module is imported when the name is first used: `import polycall` itself costs next to nothing, and
# pydantic-settings, for one, is only paid for by those who read a config file.
_MODULES = {
    "_calls": ("Calls",),
    "_client": ("AsyncClient", "Client"),
    "_config": ("from_config",),
    "_discovery": ("InstalledPlugin",),
    "_errors": (
        "ConfigurationError",
        "IncompleteOutputError",
        "InvalidCallsError",
        "MessageError",
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
        "UnknownClientError",
    ),
    "_factory": ("from_client", "from_openai", "from_provider", "from_vertexai"),
    "_plugins": ("providers", "register_extension", "register_provider", "unregister"),
    "_protocol": ("ArgumentsDelta", "CallStarted", "TextDelta"),
    "_streams": ("AsyncCallStream", "CallEvent", "CallFailed", "CallReady", "CallStream"),
    "_types": ("CallFailure", "FinishReason", "Mode", "ToolCall", "Usage"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(_import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
