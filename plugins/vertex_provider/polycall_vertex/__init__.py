"""The Vertex AI provider of polycall: Gemini through ``google.genai`` or ``vertexai.generative_models``.

Only the hooks are here. Each SDK has a session of its own, imported with the first client of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from polycall.plugin import (
    Adaptation,
    AsyncChunkStream,
    ChunkStream,
    ClientTraits,
    ErrorKind,
    RenderedRequest,
    RenderedTools,
    Request,
    SessionTraits,
    StreamDecoder,
    ToolSpec,
    hookimpl,
)
from polycall_vertex import _clients, _error_kinds
from polycall_vertex._credentials import note_next_step
from polycall_vertex._protocol.tools import VertexTools, render_tools
from polycall_vertex._session import Session
from polycall_vertex._settings import VertexSettings

polycall_hook_api = 1


@hookimpl
def polycall_settings_type() -> type[BaseModel]:
    """``project``, ``location``, ``credentials`` and so on."""
    return VertexSettings


@hookimpl
def polycall_create_client(settings: VertexSettings) -> Any:
    """Make a ``google.genai.Client``, which serves sync and async clients."""
    return _clients.create_client(settings)


@hookimpl
def polycall_recognize_client(client: Any) -> ClientTraits | None:
    """Recognise ``GenerativeModel``, ``google.genai.Client`` and its ``aio``."""
    return _clients.recognize_client(client)


@hookimpl
def polycall_bind_client(client: Any, settings: VertexSettings, async_client: bool) -> Session:
    """Choose the session for the client's SDK."""
    return _clients.bind_client(client, settings, async_client=async_client)


@hookimpl
def polycall_describe_session(session: Session) -> SessionTraits:
    """Host and port of the endpoint."""
    return session.traits()


@hookimpl
def polycall_close_client(session: Session, created: bool) -> object:
    """Close the connections of a client that polycall created."""
    if created:
        session.close()
    return True


@hookimpl
async def polycall_close_client_async(session: Session, created: bool) -> None:
    """Close the connections of a client that polycall created."""
    if created:
        await session.close_async()


@hookimpl
def polycall_render_tools(
    tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None, adaptations: list[Adaptation]
) -> RenderedTools[VertexTools]:
    """Render function declarations."""
    return render_tools(tools, tool_choice, strict, adaptations)


@hookimpl
def polycall_render_request(session: Session, request: Request) -> Any:
    """Render the body of ``generateContent``: JSON data for ``google.genai``, a protobuf message for the older SDK."""
    return session.render(request)


@hookimpl
def polycall_describe_request(session: Session, request: Request, body: Any) -> RenderedRequest:
    """The request as the SDK sends it."""
    return session.describe(request, body)


@hookimpl
def polycall_send(session: Session, request: Request, body: Any) -> Any:
    """``generateContent``."""
    try:
        return session.send(request, body)
    except Exception as error:
        note_next_step(error)
        raise


@hookimpl
async def polycall_send_async(session: Session, request: Request, body: Any) -> Any:
    """``generateContent``."""
    try:
        return await session.send_async(request, body)
    except Exception as error:
        note_next_step(error)
        raise


@hookimpl
def polycall_open_stream(session: Session, request: Request, body: Any) -> ChunkStream[Any]:
    """``streamGenerateContent``."""
    try:
        return session.open_stream(request, body)
    except Exception as error:
        note_next_step(error)
        raise


@hookimpl
async def polycall_open_stream_async(session: Session, request: Request, body: Any) -> AsyncChunkStream[Any]:
    """``streamGenerateContent``."""
    try:
        return await session.open_stream_async(request, body)
    except Exception as error:
        note_next_step(error)
        raise


@hookimpl
def polycall_create_decoder(session: Session, request: Request) -> StreamDecoder[Any]:
    """Decode the calls of the first candidate, each as soon as it is complete; whole replies too."""
    return session.decoder(request)


@hookimpl
def polycall_error_kind(error: Exception) -> ErrorKind | None:
    """The kind of an exception of Google's libraries."""
    return _error_kinds.kind_of(error)
