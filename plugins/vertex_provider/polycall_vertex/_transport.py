"""The interface of the two SDKs' transports."""

from __future__ import annotations

from typing import Any, Protocol

from polycall.plugin import AsyncChunkStream, ChunkStream, Reply, Request
from polycall_vertex._protocol.decoder import ReplyDecoder

# The SDKs' responses and chunks are opaque outside their transport, hence `Any`.


class Transport(Protocol):
    """One SDK's client, bound once; `polycall.hookspecs` describes each method."""

    def send(self, request: Request) -> Any: ...

    async def send_async(self, request: Request) -> Any: ...

    def open_stream(self, request: Request) -> ChunkStream[Any]: ...

    async def open_stream_async(self, request: Request) -> AsyncChunkStream[Any]: ...

    def extract(self, request: Request, response: Any) -> Reply: ...

    def decoder(self, request: Request) -> ReplyDecoder[Any]: ...

    def close(self) -> None: ...

    async def close_async(self) -> None: ...
