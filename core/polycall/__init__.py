"""polycall: one model reply with several tool calls into typed, validated objects, from any provider.

::

    client = polycall.from_openai(openai.OpenAI(), mode=polycall.Mode.PARALLEL_TOOLS)
    calls = client.chat.completions.create(model=..., messages=[...], response_model=Iterable[Weather | GoogleSearch])

Plugin authors import `polycall.plugin`; the hooks are described in `polycall.hookspecs`.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from polycall._clients.client import AsyncClient as AsyncClient
    from polycall._clients.client import Client as Client
    from polycall._clients.config import from_config as from_config
    from polycall._clients.factory import from_client as from_client
    from polycall._clients.factory import from_provider as from_provider
    from polycall._clients.kinds import kind_of as kind_of
    from polycall._clients.shortcuts import from_openai as from_openai
    from polycall._clients.shortcuts import from_vertexai as from_vertexai
    from polycall._clients.streams import AsyncCallStream as AsyncCallStream
    from polycall._clients.streams import CallEvent as CallEvent
    from polycall._clients.streams import CallFailed as CallFailed
    from polycall._clients.streams import CallReady as CallReady
    from polycall._clients.streams import CallStream as CallStream
    from polycall._data.calls import Calls as Calls
    from polycall._data.contract import ArgumentsDelta as ArgumentsDelta
    from polycall._data.contract import CallStarted as CallStarted
    from polycall._data.contract import ReasoningDelta as ReasoningDelta
    from polycall._data.contract import RenderedRequest as RenderedRequest
    from polycall._data.contract import TextDelta as TextDelta
    from polycall._data.errors import ClientClosedError as ClientClosedError
    from polycall._data.errors import ConfigurationError as ConfigurationError
    from polycall._data.errors import IncompleteOutputError as IncompleteOutputError
    from polycall._data.errors import InvalidCallsError as InvalidCallsError
    from polycall._data.errors import MessageError as MessageError
    from polycall._data.errors import ModeError as ModeError
    from polycall._data.errors import NoToolCallsError as NoToolCallsError
    from polycall._data.errors import OutputError as OutputError
    from polycall._data.errors import PluginError as PluginError
    from polycall._data.errors import PolycallError as PolycallError
    from polycall._data.errors import ProviderNotFoundError as ProviderNotFoundError
    from polycall._data.errors import RefusalError as RefusalError
    from polycall._data.errors import ResponseError as ResponseError
    from polycall._data.errors import ResponseModelError as ResponseModelError
    from polycall._data.errors import SchemaError as SchemaError
    from polycall._data.errors import UnknownClientError as UnknownClientError
    from polycall._data.tools import Tool as Tool
    from polycall._data.tools import ToolName as ToolName
    from polycall._data.types import Adaptation as Adaptation
    from polycall._data.types import CallFailure as CallFailure
    from polycall._data.types import ErrorKind as ErrorKind
    from polycall._data.types import FinishReason as FinishReason
    from polycall._data.types import Mode as Mode
    from polycall._data.types import ToolCall as ToolCall
    from polycall._data.types import Usage as Usage
    from polycall._engine.mcp_tools import tools_from_mcp as tools_from_mcp
    from polycall._plugins.discovery import InstalledPlugin as InstalledPlugin
    from polycall._plugins.public import extensions as extensions
    from polycall._plugins.public import providers as providers
    from polycall._plugins.public import register_extension as register_extension
    from polycall._plugins.public import register_provider as register_provider
    from polycall._plugins.public import unregister as unregister

# Each name's module is imported when the name is first used: `import polycall` itself costs next to nothing, and
# pydantic-settings, for one, is only paid for by those who read a config file.
_MODULES = {
    "_clients.client": ("AsyncClient", "Client"),
    "_clients.config": ("from_config",),
    "_clients.factory": ("from_client", "from_provider"),
    "_clients.kinds": ("kind_of",),
    "_clients.shortcuts": ("from_openai", "from_vertexai"),
    "_clients.streams": ("AsyncCallStream", "CallEvent", "CallFailed", "CallReady", "CallStream"),
    "_data.calls": ("Calls",),
    "_data.contract": ("ArgumentsDelta", "CallStarted", "ReasoningDelta", "RenderedRequest", "TextDelta"),
    "_data.errors": (
        "ClientClosedError",
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
    "_data.tools": ("Tool", "ToolName"),
    "_data.types": ("Adaptation", "CallFailure", "ErrorKind", "FinishReason", "Mode", "ToolCall", "Usage"),
    "_engine.mcp_tools": ("tools_from_mcp",),
    "_plugins.discovery": ("InstalledPlugin",),
    "_plugins.public": ("extensions", "providers", "register_extension", "register_provider", "unregister"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_MODULE_OF]  # pyright: ignore[reportUnsupportedDunderAll]  # the table above is the one list of names


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    module = _MODULE_OF.get(name)
    if module is None:
        from polycall._clients.missing_names import advice

        hint = advice(name, __all__, __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{f'.{hint}' if hint else ''}")
    value: object = getattr(_import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if name.startswith("__")), "__version__", *__all__])
