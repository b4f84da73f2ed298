"""The provider ``openai`` of polycall: OpenAI, Azure OpenAI, and every server that speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polycall.plugin import CallResult, ClientTraits, Reply, Request, StreamDecoder, ToolSpec, hookimpl
from polycall_openai import _bind, _recognition, _settings, _transport
from polycall_openai._chunk_streams import AsyncBytesStream, AsyncObjectStream, BytesStream, ObjectStream
from polycall_openai._json import JsonObject
from polycall_openai._profile import ModelFamily, ServerProfile
from polycall_openai._profiles import PROFILES
from polycall_openai._request import ToolPayload
from polycall_openai._session import Session
from polycall_openai._settings import OpenAISettings

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
    return _recognition.recognize(client)


@hookimpl
def polycall_bind_client(client: Any, settings: OpenAISettings, created: bool) -> Session:
    return _bind.bind(client, settings, created=created)


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
    profile = client.profile.for_model(model or client.model)
    return client.api.render_tools(profile, tools, tool_choice, strict)


@hookimpl
def polycall_send(client: Session, request: Request) -> _transport.RawReply:
    return _transport.send(client, *client.api.build(client, request))


@hookimpl
async def polycall_send_async(client: Session, request: Request) -> _transport.RawReply:
    return await _transport.send_async(client, *client.api.build(client, request))


@hookimpl
def polycall_open_stream(client: Session, request: Request) -> BytesStream | ObjectStream:
    return _transport.open_stream(client, *client.api.build(client, request))


@hookimpl
async def polycall_open_stream_async(client: Session, request: Request) -> AsyncBytesStream | AsyncObjectStream:
    return await _transport.open_stream_async(client, *client.api.build(client, request))


@hookimpl
def polycall_extract_reply(client: Session, request: Request, response: _transport.RawReply) -> Reply:
    return client.api.extract_reply(client, request, response.body(), response.sdk_object)


@hookimpl
def polycall_create_decoder(client: Session, request: Request) -> StreamDecoder[bytes | JsonObject]:
    return client.api.create_decoder(client, request)


@hookimpl
def polycall_continue_conversation(
    client: Session, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    return client.api.continue_conversation(client, messages, reply, results, note)
