"""polycall's provider for llama.cpp in this process: any GGUF model, no key, no server.

`polycall.hookspecs` describes the hooks. xllamacpp, the binding, is imported when a model is loaded: when a client is
made for it, else when tools are rendered for the first call that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from polycall.plugin import (
    Adaptation,
    CallResult,
    ClientTraits,
    JsonObject,
    RenderedRequest,
    RenderedTools,
    Reply,
    Request,
    ToolSpec,
    hookimpl,
    is_instance_of,
)
from polycall_llamacpp._installed import choose_strategy
from polycall_llamacpp._model.jobs import AsyncJobChunks, Chunk, Job, JobChunks
from polycall_llamacpp._model.pool import ModelClosedError
from polycall_llamacpp._model.server import LlamaServer
from polycall_llamacpp._reply.decoders import ReplyDecoder
from polycall_llamacpp._reply.generate import generate, prepare
from polycall_llamacpp._request.body import render_body, tools_of
from polycall_llamacpp._request.echoes import continued
from polycall_llamacpp._request.tools import LlamaTools, render_tools
from polycall_llamacpp._session import Session
from polycall_llamacpp._settings import LlamaSettings

__all__ = ["LlamaSettings", "ModelClosedError"]

polycall_hook_api = 1

_SERVER_CLASS = "xllamacpp.xllamacpp.Server"
_CHAT_PATH = "/v1/chat/completions"


@hookimpl
def polycall_settings_type() -> type[LlamaSettings]:
    """Return the type of the settings."""
    return LlamaSettings


@hookimpl
def polycall_create_client(settings: LlamaSettings, model: str | None) -> Session:
    """Load the model, if one is named; other models are loaded by the first call that uses them."""
    session = Session(settings, model)
    if model is not None:
        loaded = session.loaded(model)
        loaded.submit(Job(partial(prepare, loaded, settings.strategy), _ignore))
    return session


def _ignore(item: object) -> None:
    """Drop an item: preparing has no consumer, and its errors come again in the first request."""


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    """Recognise a server that the caller made; it serves sync and async clients."""
    return ClientTraits(sync=True, asynchronous=True) if is_instance_of(client, _SERVER_CLASS) else None


@hookimpl
def polycall_bind_client(client: Session | LlamaServer, settings: LlamaSettings) -> Session:
    """Wrap a server that the caller made."""
    return client if isinstance(client, Session) else Session(settings, server=client)


@hookimpl
def polycall_close_client(session: Session) -> None:
    """Release the models and the threads."""
    session.close()


@hookimpl
def polycall_render_tools(
    session: Session, tools: Sequence[ToolSpec], tool_choice: str, model: str | None, adaptations: list[Adaptation]
) -> RenderedTools[LlamaTools]:
    """Render the tools for the strategy that the model has."""
    return render_tools(
        tools, tool_choice, choose_strategy(session.loaded(model), session.settings.strategy), adaptations
    )


@hookimpl
def polycall_render_request(session: Session, request: Request) -> JsonObject:
    """Render the body of a chat completion, or of a strategy of another distribution."""
    return render_body(session.loaded(request.model), session.settings, request)


@hookimpl
def polycall_describe_request(body: JsonObject) -> RenderedRequest:
    """Show the body, and the path that it would have with llama.cpp's server; a strategy makes several requests."""
    return RenderedRequest(url=None if "strategy" in body else _CHAT_PATH, body=body)


@hookimpl
def polycall_send(session: Session, request: Request, body: JsonObject) -> list[Chunk]:
    """Generate the whole reply."""
    chunks = polycall_open_stream(session, request, body)
    try:
        return list(chunks)
    finally:
        chunks.close()


@hookimpl
async def polycall_send_async(session: Session, request: Request, body: JsonObject) -> list[Chunk]:
    """Async version of `polycall_send`."""
    chunks = await polycall_open_stream_async(session, request, body)
    try:
        return [chunk async for chunk in chunks]
    finally:
        await chunks.aclose()


@hookimpl
def polycall_open_stream(session: Session, request: Request, body: JsonObject) -> JobChunks:
    """Start generating."""
    model = session.loaded(request.model)
    return JobChunks(partial(generate, model, tools_of(request), body), model.submit)


@hookimpl
async def polycall_open_stream_async(session: Session, request: Request, body: JsonObject) -> AsyncJobChunks:
    """Async version of `polycall_open_stream`."""
    model = session.loaded(request.model)
    return AsyncJobChunks(partial(generate, model, tools_of(request), body), model.submit)


@hookimpl
def polycall_create_decoder(request: Request) -> ReplyDecoder:
    """Decode the chunks that a strategy emits, streamed or whole."""
    return ReplyDecoder(request)


@hookimpl
def polycall_continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """Append the model's turn and the answers, so that no word of the model's own is refused in the next request."""
    return continued(messages, reply, results, note)
