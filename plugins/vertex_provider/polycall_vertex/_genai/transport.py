"""The transport of ``google.genai.Client``: direct for an unpatched client, through public methods for others.

The public path is a call as a user writes it by hand: a wrapper of the SDK's methods sees all of it, and its changes
are sent.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from polycall import ConfigurationError, ResponseError
from polycall.plugin import MAX_REPLY_BYTES, Reply, ReplyMeter, Request
from polycall_vertex._errors import reading_reply
from polycall_vertex._genai import direct
from polycall_vertex._genai.config import Plan, make_config, make_plan, public_arguments
from polycall_vertex._genai.direct import AsyncRawStream, RawChunk, RawReply, RawStream, build_chunks
from polycall_vertex._protocol.body import make_body, other_options
from polycall_vertex._protocol.chunk import Chunk, decode_json, read_chunk
from polycall_vertex._protocol.decoder import ReplyDecoder
from polycall_vertex._protocol.options import hashable
from polycall_vertex._sdk_objects import is_message, to_rest

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import GenerateContentResponse

_MOST_BUFFERED = 10_000
_MOST_PLANS = 64
_PARSER_ERRORS = (ValueError, AttributeError, RecursionError)


class GenaiTransport:
    """Sends requests through a ``google.genai.Client``, or an ``AsyncClient`` of one.

    Args:
        client: The SDK's client, or its async half alone.
        timeout_s: Default time limit of a call in seconds; ``None`` leaves it to the client.
        max_reply_bytes: Size limit of one reply.
    """

    def __init__(
        self,
        client: genai.Client | genai.client.AsyncClient,
        *,
        timeout_s: float | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self._client: Any = client
        self._async_client: Any = getattr(client, "aio", client)
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._plans: dict[Hashable, Plan] = {}

    def send(self, request: Request) -> Any:
        """Send a request and wait for the whole reply."""
        models = self._client.models
        model, body = _model(request), _body(request)
        if not direct.is_patched(models, streamed=False, asynchronous=False):
            return direct.send(models, model, self._plan(models, request, model), body)
        arguments = self._arguments(models, request, model, body)
        with _reading_whole():
            return models.generate_content(**arguments)

    async def send_async(self, request: Request) -> Any:
        """Async version of `send`."""
        models = self._async_client.models
        model, body = _model(request), _body(request)
        if not direct.is_patched(models, streamed=False, asynchronous=True):
            return await direct.send_async(models, model, self._plan(models, request, model), body)
        arguments = self._arguments(models, request, model, body)
        with _reading_whole():
            return await models.generate_content(**arguments)

    def open_stream(self, request: Request) -> RawStream | GenaiStream:
        """Open a stream. With a patched client, wait for the first chunk: the SDK sends the request only then."""
        models = self._client.models
        model, body = _model(request), _body(request)
        if not direct.is_patched(models, streamed=True, asynchronous=False):
            plan = self._plan(models, request, model)
            return direct.open_stream(models, model, plan, body, ReplyMeter(self._max_reply_bytes))
        stream = GenaiStream(models.generate_content_stream(**self._arguments(models, request, model, body)))
        stream.begin()
        return stream

    async def open_stream_async(self, request: Request) -> AsyncRawStream | AsyncGenaiStream:
        """Async version of `open_stream`."""
        models = self._async_client.models
        model, body = _model(request), _body(request)
        if not direct.is_patched(models, streamed=True, asynchronous=True):
            plan = self._plan(models, request, model)
            return await direct.open_stream_async(models, model, plan, body, ReplyMeter(self._max_reply_bytes))
        arguments = self._arguments(models, request, model, body)
        stream = AsyncGenaiStream(await models.generate_content_stream(**arguments))
        await stream.begin()
        return stream

    def extract(self, request: Request, response: RawReply | GenerateContentResponse) -> Reply:
        """Read a whole reply."""
        meter = ReplyMeter(self._max_reply_bytes)
        decoder: ReplyDecoder[RawReply | GenerateContentResponse] = ReplyDecoder(
            request,
            lambda reply: _read_whole(reply, meter),
            from_doubles=False,
            build_raw=lambda replies: replies[0].build() if isinstance(replies[0], RawReply) else replies[0],
        )
        decoder.feed(response)
        return decoder.finish(whole=True)

    def decoder(self, request: Request) -> ReplyDecoder[RawChunk | GenerateContentResponse]:
        """Decode the chunks of a stream."""
        meter = ReplyMeter(self._max_reply_bytes)
        return ReplyDecoder(request, lambda chunk: _read(chunk, meter), from_doubles=False, build_raw=_build_raw)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    async def close_async(self) -> None:
        """Close the connections of both halves of the client."""
        await self._async_client.aclose()
        if self._client is not self._async_client:
            self._client.close()

    def _plan(self, models: Any, request: Request, model: str) -> Plan:
        """The part of a request that does not depend on the conversation; rendered once for options of plain JSON."""
        options = other_options(request) if request.options else {}
        key: Hashable = None
        try:
            key = (request.stream, model, hashable(options))
            plan = self._plans.get(key)
        except TypeError:
            plan = None
        if plan is None:
            config = make_config(options, self._timeout_s)
            plan = make_plan(models._api_client, model, config, streamed=request.stream)  # noqa: SLF001
            if key is not None:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan

    def _arguments(self, models: Any, request: Request, model: str, body: Mapping[str, object]) -> dict[str, object]:
        """Arguments of the SDK's public methods."""
        config = make_config(other_options(request), self._timeout_s)
        return {"model": model, **public_arguments(config, body, getattr(models, "_api_client", None))}


def _model(request: Request) -> str:
    if request.model is None:
        raise ConfigurationError(
            "No model is named. Pass model=..., or name it with the client: "
            'polycall.from_provider("vertex/gemini-2.5-flash").',
            key="model",
        )
    return request.model


def _body(request: Request) -> dict[str, object]:
    body = make_body(request)
    # Parts of a turn from the other SDK are protobuf messages.
    body["contents"] = _without_messages(body["contents"])
    return body


@contextmanager
def _reading_whole() -> Iterator[None]:
    """Turn the errors of the SDK's models about a whole reply into `ResponseError`."""
    with reading_reply(*_PARSER_ERRORS, TypeError):
        yield


class GenaiStream:
    """The chunks of a streamed reply."""

    def __init__(self, chunks: Iterable[GenerateContentResponse]) -> None:
        self._given = chunks  # OpenInference returns an iterable that is not an iterator
        self._chunks = iter(chunks)
        self._first: list[GenerateContentResponse] = []

    def begin(self) -> None:
        """Wait for the first chunk."""
        with reading_reply(*_PARSER_ERRORS):
            self._first.extend(chunk for chunk in [next(self._chunks, None)] if chunk is not None)

    def __iter__(self) -> Iterator[GenerateContentResponse]:
        yield from self._first
        with reading_reply(*_PARSER_ERRORS):
            chunk = next(self._chunks, None)
        while chunk is not None:
            yield chunk
            with reading_reply(*_PARSER_ERRORS):
                chunk = next(self._chunks, None)

    def close(self) -> None:
        """Close the connection."""
        for one in (self._chunks, self._given):
            close = getattr(one, "close", None)
            if close is not None:
                close()


class AsyncGenaiStream:
    """Async version of `GenaiStream`."""

    def __init__(self, chunks: AsyncIterable[GenerateContentResponse]) -> None:
        self._given = chunks
        self._chunks = aiter(chunks)
        self._first: list[GenerateContentResponse] = []

    async def begin(self) -> None:
        """Wait for the first chunk."""
        first = await self._next()
        if first is not None:
            self._first.append(first)

    async def __aiter__(self) -> AsyncIterator[GenerateContentResponse]:
        for chunk in self._first:
            yield chunk
        while (following := await self._next()) is not None:
            yield following

    async def aclose(self) -> None:
        """Close the connection.

        Closing the SDK's generator alone leaves the connection open until the garbage collector finds it
        (google-genai 2.34): the inner generators hold each other. A cancelled read passes through all of them, so one
        is started for that; a chunk that it finds in a buffer is dropped.
        """
        for _ in range(_MOST_BUFFERED):
            step = asyncio.ensure_future(anext(self._chunks))
            await asyncio.sleep(0)  # lets it reach the socket
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
            if step.cancelled() or step.exception() is not None:
                break
        for one in (self._chunks, self._given):
            close = getattr(one, "aclose", None)
            if close is not None:
                await close()

    async def _next(self) -> GenerateContentResponse | None:
        with reading_reply(*_PARSER_ERRORS):
            return await anext(self._chunks, None)


def _read_whole(reply: RawReply | GenerateContentResponse, meter: ReplyMeter) -> Chunk:
    if not isinstance(reply, RawReply):
        return _read_response(reply, meter)
    meter.take(len(reply.body))
    return read_chunk(decode_json(reply.body))


def _read(chunk: RawChunk | GenerateContentResponse, meter: ReplyMeter) -> Chunk:
    # The stream has already counted the bytes of a raw chunk.
    return read_chunk(decode_json(chunk.data)) if isinstance(chunk, RawChunk) else _read_response(chunk, meter)


def _build_raw(chunks: list[RawChunk | GenerateContentResponse]) -> list[Any]:
    raw = [chunk for chunk in chunks if isinstance(chunk, RawChunk)]
    return build_chunks(raw) if raw else list(chunks)


def _read_response(response: GenerateContentResponse, meter: ReplyMeter) -> Chunk:
    if not response.candidates and response.prompt_feedback is None and response.usage_metadata is None:
        return Chunk()
    message = to_rest(response)
    if message is None:
        raise ResponseError(f"A chunk of the stream is a {type(response).__name__}.")
    message.pop("sdkHttpResponse", None)
    meter.take(len(json.dumps(message)))  # the SDK keeps no bytes of a chunk
    candidates = response.candidates or []
    parts = candidates[0].content.parts if candidates and candidates[0].content is not None else None
    if parts:
        _restore_signatures(message, [part.thought_signature for part in parts])
    return read_chunk(message)


def _restore_signatures(message: Any, signatures: list[bytes | None]) -> None:
    """Write signatures as the service did: the SDK's dump uses another alphabet of base64."""
    for part, signature in zip(message["candidates"][0]["content"]["parts"], signatures, strict=True):
        if signature is not None:
            part["thoughtSignature"] = base64.b64encode(signature).decode()


def _without_messages(value: object) -> object:
    if is_message(value):
        return to_rest(value)
    if isinstance(value, list):
        return [_without_messages(one) for one in value]
    if isinstance(value, dict) and "parts" in value:
        return {**value, "parts": _without_messages(value["parts"])}
    return value
