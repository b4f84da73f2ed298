"""polycall's provider for llama.cpp in this process: any GGUF model, no key, no server.

`polycall.hookspecs` describes the hooks. xllamacpp, the binding, is imported when a model is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import cast

from polycall.plugin import CallResult, ClientTraits, Reply, Request, ToolSpec, hookimpl, is_instance_of
from polycall_llamacpp._model.jobs import AsyncJobChunks, Chunk, Job, JobChunks
from polycall_llamacpp._model.pool import ModelClosedError
from polycall_llamacpp._model.server import LlamaServer
from polycall_llamacpp._reply.decoders import ReplyDecoder
from polycall_llamacpp._reply.generate import generate, prepare
from polycall_llamacpp._request.messages import FailedResult, Message
from polycall_llamacpp._request.payload import ToolPayload, make_payload
from polycall_llamacpp._session import AdoptedServer, Session
from polycall_llamacpp._settings import LlamaSettings

__all__ = ["LlamaSettings", "ModelClosedError"]

polycall_hook_api = 1

_SERVER_CLASS = "xllamacpp.xllamacpp.Server"


@hookimpl
def polycall_settings_type() -> type[LlamaSettings]:
    """Return the type of the settings."""
    return LlamaSettings


@hookimpl
def polycall_create_client(settings: LlamaSettings, model: str | None) -> Session:
    """Load the model, if one is named; other models are loaded by the first call that uses them."""
    client = Session(settings, model)
    if model is not None:
        loaded = client.loaded(model)
        loaded.submit(Job(partial(prepare, loaded, settings), _ignore))
    return client


def _ignore(item: object) -> None:
    """Drop an item: preparing has no consumer, and its errors come again in the first request."""


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    """Recognise a server that the caller made; it serves sync and async clients."""
    return ClientTraits(sync=True, asynchronous=True) if is_instance_of(client, _SERVER_CLASS) else None


@hookimpl
def polycall_bind_client(client: Session | LlamaServer, settings: LlamaSettings) -> Session:
    """Wrap a server that the caller made."""
    return client if isinstance(client, Session) else AdoptedServer(client, settings)


@hookimpl
def polycall_close_client(client: Session) -> None:
    """Release the models."""
    client.close()


@hookimpl
async def polycall_close_client_async(client: Session) -> None:
    """Release the models, without blocking the event loop while running requests stop."""
    await asyncio.to_thread(client.close)


@hookimpl
def polycall_render_tools(client: Session, tools: Sequence[ToolSpec], tool_choice: str) -> ToolPayload:
    """Render the tools for every strategy: which one it will be depends on the model."""
    return make_payload(tools, tool_choice, client.settings.max_calls)


@hookimpl
def polycall_send(client: Session, request: Request) -> list[Chunk]:
    """Generate the whole reply."""
    chunks = polycall_open_stream(client, request)
    try:
        return list(chunks)
    finally:
        chunks.close()


@hookimpl
async def polycall_send_async(client: Session, request: Request) -> list[Chunk]:
    """Async version of `polycall_send`."""
    chunks = await polycall_open_stream_async(client, request)
    try:
        return [chunk async for chunk in chunks]
    finally:
        await chunks.aclose()


@hookimpl
def polycall_open_stream(client: Session, request: Request) -> JobChunks:
    """Start generating."""
    model = client.loaded(request.model)
    return JobChunks(partial(generate, model, client.settings, request), model.submit)


@hookimpl
async def polycall_open_stream_async(client: Session, request: Request) -> AsyncJobChunks:
    """Async version of `polycall_open_stream`."""
    model = await asyncio.to_thread(client.loaded, request.model)
    return AsyncJobChunks(partial(generate, model, client.settings, request), model.submit)


@hookimpl
def polycall_create_decoder(request: Request) -> ReplyDecoder:
    """Decode the chunks that `generate` emits."""
    return ReplyDecoder(cast("ToolPayload", request.tool_payload), report_deltas=request.report_deltas)


@hookimpl
def polycall_extract_reply(request: Request, response: list[Chunk]) -> Reply:
    """Decode a whole reply: the same chunks as a streamed one."""
    decoder = polycall_create_decoder(request)
    for chunk in response:
        decoder.feed(chunk)
    return decoder.finish()


@hookimpl
def polycall_continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn, one tool message for each call, and the note."""
    continued = [*messages, reply.turn]
    for result in results:
        message: Message = {"role": "tool", "tool_call_id": result.tool_call.id, "content": result.content}
        continued.append(FailedResult(message, result.tool_call.name) if result.is_error else message)
    if note is not None:
        continued.append({"role": "user", "content": note})
    return continued
