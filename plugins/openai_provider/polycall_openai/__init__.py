"""The provider ``openai`` of polycall: OpenAI, Azure OpenAI, and every server that speaks Chat Completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polycall.plugin import CallResult, ClientTraits, Reply, Request, ToolSpec, hookimpl
from polycall_openai import _conversation, _recognition, _reply, _request, _session, _settings, _transport
from polycall_openai._chunk_streams import AsyncBytesStream, AsyncObjectStream, BytesStream, ObjectStream
from polycall_openai._decoder import ChatDecoder
from polycall_openai._session import Session
from polycall_openai._settings import OpenAISettings

__all__ = ["OpenAISettings"]

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
    return _session.bind(client, settings, created=created)


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
    client: Session, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
) -> _request.ToolPayload:
    return _request.render_tools(client, tools, tool_choice, strict)


@hookimpl
def polycall_send(client: Session, request: Request) -> _transport.RawReply:
    body, options = _request.build(client, request)
    return _transport.send(client.client, body, options)


@hookimpl
async def polycall_send_async(client: Session, request: Request) -> _transport.RawReply:
    body, options = _request.build(client, request)
    return await _transport.send_async(client.client, body, options)


@hookimpl
def polycall_open_stream(client: Session, request: Request) -> BytesStream | ObjectStream:
    body, options = _request.build(client, request)
    return _transport.open_stream(client.client, body, options)


@hookimpl
async def polycall_open_stream_async(client: Session, request: Request) -> AsyncBytesStream | AsyncObjectStream:
    body, options = _request.build(client, request)
    return await _transport.open_stream_async(client.client, body, options)


@hookimpl
def polycall_extract_reply(request: Request, response: _transport.RawReply) -> Reply:
    return _reply.extract_reply(response.body(), _request.payload_of(request), response.sdk_object)


@hookimpl
def polycall_create_decoder(request: Request) -> ChatDecoder:
    return ChatDecoder(request)


@hookimpl
def polycall_continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    return _conversation.continue_conversation(messages, reply, results, note)
