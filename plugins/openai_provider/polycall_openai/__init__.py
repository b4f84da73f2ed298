"""The provider ``openai`` of polycall: OpenAI, Azure OpenAI, and every server that speaks OpenAI's protocol."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from polycall.plugin import (
    Adaptation,
    AsyncOpenStream,
    ClientTraits,
    ErrorKind,
    JsonObject,
    OpenStream,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    StreamDecoder,
    ToolSpec,
    hookimpl,
)
from polycall_openai import _error_kinds, _settings
from polycall_openai._sdk import recognition
from polycall_openai._sdk.transport import RawReply
from polycall_openai._servers.profile import ModelFamily, ServerProfile
from polycall_openai._servers.table import PROFILES
from polycall_openai._session import Session
from polycall_openai._settings import OpenAISettings
from polycall_openai._tools import ToolPayload

__all__ = ["ModelFamily", "OpenAISettings", "PROFILES", "ServerProfile"]

polycall_hook_api = 1
_BEGINS_EVENTS = (b"d", b"e", b":")
"""How a stream of events begins, and JSON does not."""


@hookimpl
def polycall_settings_type() -> type[OpenAISettings]:
    return OpenAISettings


@hookimpl
def polycall_create_client(settings: OpenAISettings, async_client: bool) -> Any:
    return _settings.create_client(settings, asynchronous=async_client)


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    return recognition.recognize(client)


@hookimpl
def polycall_bind_client(client: Any, settings: OpenAISettings) -> Session:
    return Session.bind(client, settings)


@hookimpl
def polycall_describe_session(session: Session) -> SessionTraits:
    return session.traits()


@hookimpl
def polycall_close_client(session: Session, created: bool) -> None:
    if created and session.owns_http_client:
        session.client.close()


@hookimpl
async def polycall_close_client_async(session: Session, created: bool) -> None:
    if created and session.owns_http_client:
        await session.client.close()


@hookimpl
def polycall_render_tools(
    session: Session,
    tools: Sequence[ToolSpec],
    tool_choice: str,
    strict: bool | None,
    model: str | None,
    adaptations: list[Adaptation],
) -> ToolPayload:
    return session.api.render_tools(session.server.profile_for(model), tools, tool_choice, strict, adaptations)


@hookimpl
def polycall_render_request(session: Session, request: Request) -> JsonObject:
    return session.api.render_request(session.server, request)


@hookimpl
def polycall_describe_request(session: Session, request: Request, body: JsonObject) -> RenderedRequest:
    return session.transport.describe(request, body)


@hookimpl
def polycall_send(session: Session, request: Request, body: JsonObject) -> RawReply:
    return session.transport.send(request, body)


@hookimpl
async def polycall_send_async(session: Session, request: Request, body: JsonObject) -> RawReply:
    return await session.transport.send_async(request, body)


@hookimpl
def polycall_open_stream(
    session: Session, request: Request, body: JsonObject
) -> OpenStream[bytes] | OpenStream[object]:
    return session.transport.open_stream(request, body)


@hookimpl
async def polycall_open_stream_async(
    session: Session, request: Request, body: JsonObject
) -> AsyncOpenStream[bytes] | AsyncOpenStream[object]:
    return await session.transport.open_stream_async(request, body)


@hookimpl
def polycall_extract_reply(session: Session, request: Request, response: RawReply) -> Reply:
    body = response.body()
    if isinstance(body, bytes) and body[:1] in _BEGINS_EVENTS:
        # Some gateways stream whatever they are asked for.
        decoder = session.api.create_decoder(session.server, request)
        deque(decoder.feed(body), maxlen=0)
        return decoder.finish()
    return session.api.extract_reply(session.server, request, body, response.sdk_object)


@hookimpl
def polycall_create_decoder(session: Session, request: Request) -> StreamDecoder[bytes | JsonObject]:
    return session.api.create_decoder(session.server, request)


@hookimpl
def polycall_error_kind(error: Exception) -> ErrorKind | None:
    return _error_kinds.kind_of(error)
