"""The Vertex AI provider of polycall: Gemini through ``google.genai`` or ``vertexai.generative_models``.

Only the hooks are here. Each SDK has a transport of its own, imported with the first client of its kind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

from pydantic import BaseModel

from polycall.plugin import (
    AsyncChunkStream,
    CallResult,
    ChunkStream,
    ClientTraits,
    Reply,
    Request,
    StreamDecoder,
    ToolSpec,
    hookimpl,
)
from polycall_vertex import _clients
from polycall_vertex._protocol.conversation import continue_conversation
from polycall_vertex._protocol.tools import ToolPayload, render_tools
from polycall_vertex._settings import VertexSettings
from polycall_vertex._transport import Transport

polycall_hook_api = 1


@hookimpl
def polycall_settings_type() -> type[BaseModel]:
    """``project``, ``location``, ``credentials`` and so on."""
    return VertexSettings


@hookimpl
def polycall_create_client(settings: VertexSettings, async_client: bool) -> Any:
    """Make a ``google.genai.Client``, which serves sync and async clients."""
    return _clients.create_client(settings)


@hookimpl
def polycall_recognize_client(client: Any) -> ClientTraits | None:
    """Recognise ``GenerativeModel``, ``google.genai.Client`` and its ``aio``."""
    return _clients.recognize_client(client)


@hookimpl
def polycall_bind_client(client: Any, settings: VertexSettings, async_client: bool) -> Transport:
    """Choose the transport for the client's SDK."""
    return _clients.bind_client(client, settings, async_client=async_client)


@hookimpl
def polycall_close_client(client: Transport) -> object:
    """Close the connections."""
    client.close()
    return True


@hookimpl
def polycall_close_client_async(client: Transport) -> Awaitable[object]:
    """Close the connections."""
    return client.close_async()


@hookimpl
def polycall_render_tools(tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> ToolPayload:
    """Render function declarations and the function calling mode."""
    return render_tools(tools, tool_choice, strict)


@hookimpl
def polycall_send(client: Transport, request: Request) -> Any:
    """``generateContent``."""
    return client.send(request)


@hookimpl
def polycall_send_async(client: Transport, request: Request) -> Awaitable[Any]:
    """``generateContent``."""
    return client.send_async(request)


@hookimpl
def polycall_open_stream(client: Transport, request: Request) -> ChunkStream[Any]:
    """``streamGenerateContent``."""
    return client.open_stream(request)


@hookimpl
def polycall_open_stream_async(client: Transport, request: Request) -> Awaitable[AsyncChunkStream[Any]]:
    """``streamGenerateContent``."""
    return client.open_stream_async(request)


@hookimpl
def polycall_extract_reply(client: Transport, request: Request, response: Any) -> Reply:
    """Extract calls, text and finish reason of the first candidate."""
    return client.extract(request, response)


@hookimpl
def polycall_create_decoder(client: Transport, request: Request) -> StreamDecoder[Any]:
    """Decode the calls of the first candidate, each as soon as it is complete."""
    return client.decoder(request)


@hookimpl
def polycall_continue_conversation(
    messages: Sequence[Any], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[Any]:
    """Append the model's turn unchanged, and all function responses in one content."""
    return continue_conversation(messages, reply, results, note)
