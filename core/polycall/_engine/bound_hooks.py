"""A provider's hooks bound to one client: each step of a call as one method, with the contract checked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from polycall._data.contract import AsyncChunkStream, CallResult, ChunkStream, Reply, Request, StreamDecoder
from polycall._engine.tools import ToolSet
from polycall._plugins.registry import Provider

_MAX_RENDERED_TOOL_SETS = 256


class Connection:
    """What a `polycall.Client` uses of its provider. Holds no state of a call; safe for threads and tasks.

    Args:
        provider: The loaded plugin.
        client: What `polycall_bind_client` made of the SDK's client.
        owned: polycall created the client, so closing it is polycall's duty.
    """

    def __init__(self, provider: Provider, client: Any, *, owned: bool) -> None:
        self.provider = provider
        self.client = client
        self._owned = owned
        self._closed = False
        self._lock = threading.Lock()
        self._rendered: dict[tuple[object, ...], Any] = {}
        # Looked up once: what an extension adds later is seen by clients that are made later.
        hooks = provider.hooks
        self._send = hooks.polycall_send
        self._send_async = hooks.polycall_send_async if provider.implements("polycall_send_async") else None
        self._open_stream = hooks.polycall_open_stream if provider.implements("polycall_open_stream") else None
        self._open_stream_async = (
            hooks.polycall_open_stream_async if provider.implements("polycall_open_stream_async") else None
        )
        self._extract_reply = hooks.polycall_extract_reply
        self._create_decoder = hooks.polycall_create_decoder
        self._continue_conversation = hooks.polycall_continue_conversation
        self._reply_received = hooks.polycall_reply_received if hooks.polycall_reply_received.get_hookimpls() else None

    def render(self, tools: ToolSet, tool_choice: str, strict: bool | None, model: str | None) -> Any:
        """The provider's tool payload; rendered once for each combination of the arguments.

        Raises:
            SchemaError: From the plugin: a field has no form in the provider's schema.
        """
        key = (tools, tool_choice, strict, model)
        payload = self._rendered.get(key)
        if payload is None:
            payload = self.provider.hooks.polycall_render_tools(
                client=self.client, tools=tools.specs, tool_choice=tool_choice, strict=strict, model=model
            )
            self._require(payload, "polycall_render_tools")
            with self._lock:
                if len(self._rendered) >= _MAX_RENDERED_TOOL_SETS:
                    del self._rendered[next(iter(self._rendered))]
                self._rendered[key] = payload
        return payload

    def send(self, request: Request) -> Reply:
        """One round, sync: send and extract."""
        response = self._send(client=self.client, request=request)
        return self._extract(request, response)

    async def send_async(self, request: Request) -> Reply:
        """One round, async: send and extract; in a worker thread where the provider has no async hook."""
        answer = None if self._send_async is None else self._send_async(client=self.client, request=request)
        if answer is None and not self.provider.has_own("polycall_send_async"):
            import asyncio  # costs 20 ms, which sync users need not pay

            response = await asyncio.to_thread(self._send, client=self.client, request=request)
        else:
            response = await self._require(answer, "polycall_send_async")
        return self._extract(request, response)

    def open_stream(self, request: Request) -> ChunkStream[Any] | None:
        """The open stream of one round; ``None`` where the provider streams nothing."""
        if self._open_stream is None:
            return None
        chunks: ChunkStream[Any] | None = self._open_stream(client=self.client, request=request)
        if chunks is None and self.provider.has_own("polycall_open_stream"):
            self._require(chunks, "polycall_open_stream")
        return chunks

    async def open_stream_async(self, request: Request) -> AsyncChunkStream[Any] | None:
        """As `open_stream`, async."""
        if self._open_stream_async is None:
            return None
        opening = self._open_stream_async(client=self.client, request=request)
        if opening is None and not self.provider.has_own("polycall_open_stream_async"):
            return None
        chunks: AsyncChunkStream[Any] = self._require(
            await self._require(opening, "polycall_open_stream_async"), "polycall_open_stream_async"
        )
        return chunks

    def decoder(self, request: Request) -> StreamDecoder[Any]:
        """A decoder for one streamed reply."""
        decoder: StreamDecoder[Any] = self._require(
            self._create_decoder(client=self.client, request=request), "polycall_create_decoder"
        )
        return decoder

    def note_reply(self, request: Request, reply: Reply) -> Reply:
        """Tell the extensions of a reply."""
        if self._reply_received is not None:
            self._reply_received(request=request, reply=reply)
        return reply

    def continue_conversation(
        self, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
    ) -> list[object]:
        """The conversation with the model's turn and the answers to its calls."""
        continued: list[object] = self._require(
            self._continue_conversation(client=self.client, messages=messages, reply=reply, results=results, note=note),
            "polycall_continue_conversation",
        )
        return continued

    def close(self) -> None:
        """Give back what the client holds, if polycall created it. Later calls do nothing."""
        if self._may_close():
            self.provider.hooks.polycall_close_client(client=self.client)

    async def close_async(self) -> None:
        """As `close`, for async clients."""
        if self._may_close():
            closing = self.provider.hooks.polycall_close_client_async(client=self.client)
            if closing is not None:
                await closing
            else:
                self.provider.hooks.polycall_close_client(client=self.client)

    def _may_close(self) -> bool:
        with self._lock:
            may_close = self._owned and not self._closed
            self._closed = True
        return may_close

    def _extract(self, request: Request, response: Any) -> Reply:
        self._require(response, "polycall_send or polycall_send_async")
        reply: Reply = self._require(
            self._extract_reply(client=self.client, request=request, response=response), "polycall_extract_reply"
        )
        return self.note_reply(request, reply)

    def _require(self, result: Any, hook: str) -> Any:
        if result is None:
            raise self.provider.error(f"returned nothing from {hook}.")
        return result
