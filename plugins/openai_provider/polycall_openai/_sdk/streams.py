"""Open streams: the reply's bytes as they arrive, or, from a patched client, the data of the SDK's chunk objects."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from polycall.plugin import (
    AsyncOpenStream,
    OpenStream,
    ReplyMeter,
    async_byte_stream,
    async_chunk_stream,
    byte_stream,
    chunk_stream,
    size_of,
    wake_reader,
)
from polycall_openai._servers.reply_errors import ReplyErrors

_ENVELOPE = 4
"""A stream may be this many times as large as a whole reply: 10 MB of arguments in fragments of 4 bytes are 835 MB of
events, of which the decoder keeps the 10 MB."""


def request_errors(name: str) -> tuple[type[Exception], ...]:
    """The transport's exception classes of a name: openai 3.x rides on httpx2, or on httpx if the user hands in a
    client of it; 2.x on httpx. No module is imported for it.
    """
    modules = (sys.modules.get("httpx2"), sys.modules.get("httpx"))
    return tuple(getattr(module, name) for module in modules if module is not None)


def translated(error: Exception, errors: ReplyErrors) -> Exception | None:
    """The error to raise in place of one of the transport, which openai 2.x does not wrap while it reads a stream, or
    of a parser inside the SDK; ``None`` for any other.
    """
    if isinstance(error, json.JSONDecodeError):
        return errors.unreadable(error, error.doc)
    if isinstance(error, UnicodeDecodeError):
        return errors.unreadable(error, bytes(error.object))
    if not isinstance(error, request_errors("RequestError")):
        return None
    import openai

    request = getattr(error, "_request", None)
    if isinstance(error, request_errors("TimeoutException")):
        return openai.APITimeoutError(request=request)  # type: ignore[arg-type]
    return openai.APIConnectionError(request=request)  # type: ignore[arg-type]


def plain_data(sdk_object: Any) -> object:
    """The data of an SDK object; anything else as it is."""
    to_dict = getattr(sdk_object, "to_dict", None)
    return sdk_object if to_dict is None else to_dict(warnings=False)


def bytes_of(api_response: Any, errors: ReplyErrors, max_bytes: int) -> OpenStream[bytes]:
    """The bytes of a streamed reply, content-decoded."""
    meter = ReplyMeter(max_bytes, envelope=_ENVELOPE)
    return byte_stream(api_response.http_response, meter=meter, errors=lambda error: translated(error, errors))


def async_bytes_of(api_response: Any, errors: ReplyErrors, max_bytes: int) -> AsyncOpenStream[bytes]:
    """Async version of `bytes_of`."""
    meter = ReplyMeter(max_bytes, envelope=_ENVELOPE)
    return async_byte_stream(
        api_response.http_response,
        meter=meter,
        errors=lambda error: translated(error, errors),
    )


def objects_of(stream: Any, errors: ReplyErrors, max_bytes: int) -> OpenStream[object]:
    """The data of the chunk objects that a patched client yields, through the wrapper around its stream.

    Where the wrapper hides the response, the end of the body is waited for: the wrapper is to see it.
    """
    return chunk_stream(
        map(plain_data, stream),
        stream,
        errors=lambda error: translated(error, errors),
        is_last=_meter(max_bytes),
        interrupt=lambda: wake_reader(getattr(stream, "response", None)),
    )


def async_objects_of(stream: Any, errors: ReplyErrors, max_bytes: int) -> AsyncOpenStream[object]:
    """Async version of `objects_of`."""

    async def data() -> AsyncIterator[object]:
        async for chunk in stream:
            yield plain_data(chunk)

    return async_chunk_stream(data(), stream, errors=lambda error: translated(error, errors), is_last=_meter(max_bytes))


def _meter(max_bytes: int) -> Callable[[object], bool]:
    take = ReplyMeter(max_bytes, envelope=_ENVELOPE).take

    def count(chunk: object) -> bool:
        take(size_of(chunk))
        return False

    return count
