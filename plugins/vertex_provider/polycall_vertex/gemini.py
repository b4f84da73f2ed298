"""The provider ``gemini``: the Gemini Developer API, with an API key and the same SDK as Vertex AI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from polycall.plugin import Adaptation, ClientTraits, RenderedTools, ToolSpec, hookimpl
from polycall_vertex import _gemini_clients as _clients
from polycall_vertex import polycall_close_client as polycall_close_client
from polycall_vertex import polycall_close_client_async as polycall_close_client_async
from polycall_vertex import polycall_create_decoder as polycall_create_decoder
from polycall_vertex import polycall_describe_request as polycall_describe_request
from polycall_vertex import polycall_describe_session as polycall_describe_session
from polycall_vertex import polycall_error_kind as polycall_error_kind
from polycall_vertex import polycall_open_stream as polycall_open_stream
from polycall_vertex import polycall_open_stream_async as polycall_open_stream_async
from polycall_vertex import polycall_render_request as polycall_render_request
from polycall_vertex import polycall_send as polycall_send
from polycall_vertex import polycall_send_async as polycall_send_async
from polycall_vertex._gemini_settings import GeminiSettings
from polycall_vertex._protocol.service import GEMINI
from polycall_vertex._protocol.tools import VertexTools, render_tools
from polycall_vertex._session import Session

polycall_hook_api = 1


@hookimpl
def polycall_settings_type() -> type[BaseModel]:
    """``api_key``, ``base_url`` and so on."""
    return GeminiSettings


@hookimpl
def polycall_create_client(settings: GeminiSettings) -> Any:
    """Make a ``google.genai.Client``, which serves sync and async clients."""
    return _clients.create_client(settings)


@hookimpl
def polycall_recognize_client(client: Any) -> ClientTraits | None:
    """Recognise a ``google.genai.Client`` of the Gemini Developer API, and its ``aio``."""
    return _clients.recognize_client(client)


@hookimpl
def polycall_bind_client(client: Any, settings: GeminiSettings) -> Session:
    """Bind the client."""
    return _clients.bind_client(client, settings)


@hookimpl
def polycall_render_tools(
    tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None, adaptations: list[Adaptation]
) -> RenderedTools[VertexTools]:
    """Render function declarations."""
    return render_tools(tools, tool_choice, strict, adaptations, GEMINI)
