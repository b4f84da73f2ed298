"""The provider ``openai`` of polycall: OpenAI, Azure OpenAI, and every server that speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polycall.plugin import CallResult, ClientTraits, Reply, Request, StreamDecoder, ToolSpec, hookimpl
from polycall_openai import _settings
from polycall_openai._json import JsonObject
from polycall_openai._sdk import recognition
from polycall_openai._sdk.chunk_streams import AsyncBytesStream, AsyncObjectStream, BytesStream, ObjectStream
from polycall_openai._sdk.transport import RawReply
from polycall_openai._servers.profile import ModelFamily, ServerProfile
from polycall_openai._servers.table import PROFILES
from polycall_openai._session import Session
from polycall_openai._settings import OpenAISettings
from polycall_openai._tools import ToolPayload

__all__ = ["ModelFamily", "OpenAISettings", "PROFILES", "ServerProfile"]

polycall_hook_api = 1


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
def polycall_bind_client(client: Any, settings: OpenAISettings, created: bool) -> Session:
    return Session.bind(client, settings, created=created)


@hookimpl
def polycall_close_client(client: Session) -> None:
    if client.owns_http_client:
        client.client.close()


@hookimpl
async def polycall_close_client_async(client: Session) -> None:
    if client.owns_http_client:
        await client.client.close()


@hookimpl
def polycall_render_tools(
    client: Session, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None, model: str | None
) -> ToolPayload:
    return client.api.render_tools(client.server.profile_for(model), tools, tool_choice, strict)


@hookimpl
def polycall_send(client: Session, request: Request) -> RawReply:
    return client.transport.send(*client.api.build(client.server, request))


@hookimpl
async def polycall_send_async(client: Session, request: Request) -> RawReply:
    return await client.transport.send_async(*client.api.build(client.server, request))


@hookimpl
def polycall_open_stream(client: Session, request: Request) -> BytesStream | ObjectStream:
    return client.transport.open_stream(*client.api.build(client.server, request))


@hookimpl
async def polycall_open_stream_async(client: Session, request: Request) -> AsyncBytesStream | AsyncObjectStream:
    return await client.transport.open_stream_async(*client.api.build(client.server, request))


@hookimpl
def polycall_extract_reply(client: Session, request: Request, response: RawReply) -> Reply:
    return client.api.extract_reply(client.server, request, response.body(), response.sdk_object)


@hookimpl
def polycall_create_decoder(client: Session, request: Request) -> StreamDecoder[bytes | JsonObject]:
    return client.api.create_decoder(client.server, request)


@hookimpl
def polycall_continue_conversation(
    client: Session, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    return client.api.continue_conversation(client.server.profile, messages, reply, results, note)
