"""The transport of ``google.genai.Client``, with public names of the SDK only.

The body that polycall makes goes through ``HttpOptions.extra_body``: it replaces what the SDK would have made of the
same, reaches the wire unchanged (thought signatures, fields the SDK does not know), and costs no pydantic models. A
whole reply is taken as text (``should_return_http_response``), so numbers keep every digit and no parser of the SDK
can fail on it; the SDK offers no such thing for streams.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from polycall import ConfigurationError, ResponseError
from polycall.plugin import MAX_REPLY_BYTES, Reply, ReplyMeter, Request
from polycall_vertex._body import make_body, other_options
from polycall_vertex._decoder import ReplyDecoder
from polycall_vertex._errors import reading_reply
from polycall_vertex._options import as_dict, refuse_foreign, safety_settings, seconds
from polycall_vertex._sdk_objects import is_message, to_rest
from polycall_vertex._wire import Chunk, decode_json, read_chunk

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import GenerateContentConfig, GenerateContentResponse

_MOST_BUFFERED = 10_000
_PARSER_ERRORS = (ValueError, AttributeError, RecursionError)
_FURTHER_OPTIONS = ("config", "generation_config", "timeout")


class GenaiTransport:
    """Sends requests through a ``google.genai.Client``, or an ``AsyncClient`` of one.

    Args:
        client: The SDK's client; exactly one of its two halves may be missing.
        timeout_s: For calls that name no other; ``None`` leaves it to the client.
        max_reply_bytes: What one reply may hold.
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

    def send(self, request: Request) -> Any:
        """Send and wait for the whole reply, as text inside the SDK's response object."""
        return self._client.models.generate_content(**self._arguments(request, whole=True))

    async def send_async(self, request: Request) -> Any:
        """As `send`."""
        return await self._async_client.models.generate_content(**self._arguments(request, whole=True))

    def open_stream(self, request: Request) -> GenaiStream:
        """Open a stream and wait for its first chunk: the SDK sends nothing before."""
        stream = GenaiStream(self._client.models.generate_content_stream(**self._arguments(request, whole=False)))
        stream.begin()
        return stream

    async def open_stream_async(self, request: Request) -> AsyncGenaiStream:
        """As `open_stream`."""
        arguments = self._arguments(request, whole=False)
        stream = AsyncGenaiStream(await self._async_client.models.generate_content_stream(**arguments))
        await stream.begin()
        return stream

    def extract(self, request: Request, response: GenerateContentResponse) -> Reply:
        """Read a whole reply."""
        http = response.sdk_http_response
        body = (http.body if http is not None else None) or ""
        ReplyMeter(self._max_reply_bytes).take(len(body))
        message = decode_json(body)
        decoder = ReplyDecoder[Mapping[str, object]](
            request, read_chunk, from_doubles=False, build_raw=lambda chunks: _build_response(chunks[0], response)
        )
        decoder.feed(message)
        return decoder.finish(whole=True)

    def decoder(self, request: Request) -> ReplyDecoder[GenerateContentResponse]:
        """Decode the SDK's chunks."""
        meter = ReplyMeter(self._max_reply_bytes)
        return ReplyDecoder(
            request, lambda response: _read_response(response, meter), from_doubles=False, build_raw=list
        )

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    async def close_async(self) -> None:
        """Close the connections of both halves of the client."""
        await self._async_client.aclose()
        if self._client is not self._async_client:
            self._client.close()

    def _arguments(self, request: Request, *, whole: bool) -> dict[str, object]:
        if request.model is None:
            raise ConfigurationError(
                "No model is named. Pass model=..., or name it with the client: "
                'polycall.from_provider("vertex/gemini-2.5-flash").',
                key="model",
            )
        body = make_body(request)
        # Parts of a turn that came from the other SDK are protobuf messages.
        body["contents"] = _without_messages(body["contents"])
        # The contents here only satisfy the SDK; those of the body take their place.
        return {"model": request.model, "contents": "-", "config": self._config(request, body, whole=whole)}

    def _config(self, request: Request, body: dict[str, object], *, whole: bool) -> GenerateContentConfig:
        from google.genai import types

        options = other_options(request)
        fields = types.GenerateContentConfig.model_fields
        known = {*fields, *_FURTHER_OPTIONS} - {"tools"}
        refuse_foreign(options, known, "google.genai")
        given = _given_fields(options.pop("config", None))
        given |= _given_fields(options.pop("generation_config", None), "generation_config")
        timeout = options.pop("timeout", None)
        given |= options
        refuse_foreign(given, known, "google.genai")
        if given.get("safety_settings") is not None:
            given["safety_settings"] = safety_settings(given["safety_settings"])
        given["automatic_function_calling"] = {"disable": True}
        if "automatic_continuation" in fields:  # not before google-genai 2
            given.setdefault("automatic_continuation", False)
        try:
            http = types.HttpOptions.model_validate(given.pop("http_options", None) or {}).model_copy()
            http.extra_body = {**(http.extra_body or {}), **body}
            timeout_s = self._timeout_s if timeout is None else seconds(timeout)
            if timeout_s is not None and (timeout is not None or http.timeout is None):
                http.timeout = max(1, round(timeout_s * 1000))
            given |= {"http_options": http, "should_return_http_response": whole or None}
            return types.GenerateContentConfig.model_validate(given)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(part) for part in detail["loc"])
            # Not chained: its text shows the values, and headers hold secrets.
            raise ConfigurationError(f"google.genai refuses the option {name!r}: {detail['msg']}.", key=name) from None


class GenaiStream:
    """The chunks of a streamed reply."""

    def __init__(self, chunks: Iterator[GenerateContentResponse]) -> None:
        self._chunks: Any = chunks
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
        self._chunks.close()


class AsyncGenaiStream:
    """As `GenaiStream`, async."""

    def __init__(self, chunks: AsyncIterator[GenerateContentResponse]) -> None:
        self._chunks: Any = chunks
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
        (google-genai 2.34): the inner generators hold each other. A read that is cancelled passes through all of
        them, so one is begun for that; what it finds in a buffer is thrown away.
        """
        for _ in range(_MOST_BUFFERED):
            step = asyncio.ensure_future(anext(self._chunks))
            await asyncio.sleep(0)  # lets it reach the socket
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
            if step.cancelled() or step.exception() is not None:
                break
        await self._chunks.aclose()

    async def _next(self) -> GenerateContentResponse | None:
        with reading_reply(*_PARSER_ERRORS):
            chunk: GenerateContentResponse | None = await anext(self._chunks, None)
        return chunk


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
    """Write signatures as the service did: the SDK's own dump takes another alphabet of base64."""
    for part, signature in zip(message["candidates"][0]["content"]["parts"], signatures, strict=True):
        if signature is not None:
            part["thoughtSignature"] = base64.b64encode(signature).decode()


def _build_response(message: Mapping[str, object], received: GenerateContentResponse) -> object:
    """The SDK's own response object, as it would have come without ``should_return_http_response``."""
    from google.genai import types

    # The lenient way is private; it takes fields that this version of the SDK does not know.
    build: Callable[..., Any] | None = getattr(types.GenerateContentResponse, "_from_response", None)
    if build is None:
        response: Any = types.GenerateContentResponse.model_validate(message)
    else:
        response = build(response=dict(message), kwargs={})
    response.sdk_http_response = received.sdk_http_response
    return response


def _given_fields(value: Any, option: str = "config") -> dict[str, object]:
    """The fields that were set, of a dict or of the SDK's own object."""
    fields_set = getattr(value, "model_fields_set", None)
    if fields_set is not None:
        return {name: getattr(value, name) for name in fields_set}
    return as_dict(value, option)


def _without_messages(value: object) -> object:
    if is_message(value):
        return to_rest(value)
    if isinstance(value, list):
        return [_without_messages(one) for one in value]
    if isinstance(value, dict) and "parts" in value:
        return {**value, "parts": _without_messages(value["parts"])}
    return value
