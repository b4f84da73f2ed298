"""Open streams: the reply's bytes as they arrive, or, from a patched client, the data of the SDK's chunk objects."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

from polycall.plugin import ReplyMeter
from polycall_openai._servers.reply_errors import ReplyErrors

_DRAIN_S = 0.1
_TAIL_BYTES = 32
_ENDS_WITH_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]\s*$")

_ENVELOPE = 4
"""A stream may be this many times as large as a whole reply: 10 MB of arguments in fragments of 4 bytes are 835 MB of
events, of which the decoder keeps the 10 MB."""


def request_errors(name: str) -> tuple[type[Exception], ...]:
    """The transport's exception classes of a name: openai 3.x rides on httpx2, or on httpx if the user hands in a
    client of it; 2.x on httpx. No module is imported for it.
    """
    modules = (sys.modules.get("httpx2"), sys.modules.get("httpx"))
    return tuple(getattr(module, name) for module in modules if module is not None)


def sdk_error(error: Exception) -> Exception:
    """The SDK's exception for a transport error while a stream is read: openai 2.x does not wrap them."""
    import openai

    request = getattr(error, "_request", None)
    if isinstance(error, request_errors("TimeoutException")):
        return openai.APITimeoutError(request=request)  # type: ignore[arg-type]
    return openai.APIConnectionError(request=request)  # type: ignore[arg-type]


def plain_data(sdk_object: Any) -> object:
    """The data of an SDK object; anything else as it is."""
    to_dict = getattr(sdk_object, "to_dict", None)
    return sdk_object if to_dict is None else to_dict(warnings=False)


class _EndWatch:
    """Notices ``data: [DONE]``, after which nothing follows but the end of the body, which a server may delay.

    A line break inside a JSON text is escaped, so a line that begins like this is not part of one.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def is_end(self, chunk: bytes) -> bool:
        if chunk.endswith(b"}\n\n"):  # as nearly every one does
            self._tail = b""
            return False
        tail = self._tail = (self._tail + chunk)[-_TAIL_BYTES:] if len(chunk) < _TAIL_BYTES else chunk[-_TAIL_BYTES:]
        return b"[DONE]" in tail and _ENDS_WITH_DONE.search(tail) is not None


class BytesStream:
    """The bytes of a streamed reply, content-decoded.

    Ends at ``[DONE]``, and closes the connection then, as the SDK does: a server may keep it open.
    """

    __slots__ = ("_max_bytes", "_response")

    def __init__(self, api_response: Any, max_bytes: int) -> None:
        self._response = api_response.http_response
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        is_end, take = _EndWatch().is_end, ReplyMeter(self._max_bytes, envelope=_ENVELOPE).take
        try:
            for chunk in self._response.iter_bytes():
                take(len(chunk))
                yield chunk
                if is_end(chunk):
                    return
        except request_errors("RequestError") as error:
            raise sdk_error(error) from error

    def close(self) -> None:
        self._response.close()


class AsyncBytesStream:
    """Async version of `BytesStream`. Waits up to 0.1 s for the body's end, to keep the connection usable."""

    __slots__ = ("_max_bytes", "_response")

    def __init__(self, api_response: Any, max_bytes: int) -> None:
        self._response = api_response.http_response
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        is_end, take = _EndWatch().is_end, ReplyMeter(self._max_bytes, envelope=_ENVELOPE).take
        chunks = self._response.aiter_bytes()
        try:
            async for chunk in chunks:
                take(len(chunk))
                yield chunk
                if is_end(chunk):
                    await _drain(chunks)
                    return
        except request_errors("RequestError") as error:
            raise sdk_error(error) from error

    async def aclose(self) -> None:
        await self._response.aclose()


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    import anyio  # the SDK rides on it

    # The reply is whole: later errors of the connection do not matter.
    with suppress(*request_errors("RequestError")), anyio.move_on_after(_DRAIN_S):
        async for _ in chunks:
            pass


class ObjectStream:
    """The stream of a patched client: yields SDK chunk objects, through the wrapper, as plain data."""

    __slots__ = ("_errors", "_stream")

    def __init__(self, stream: Any, errors: ReplyErrors) -> None:
        self._stream = stream
        self._errors = errors

    def __iter__(self) -> Iterator[object]:
        try:
            for chunk in self._stream:
                yield plain_data(chunk)
        except request_errors("RequestError") as error:
            raise sdk_error(error) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise unreadable(self._errors, error) from error

    def close(self) -> None:
        # Some wrappers end their span in __exit__ only, others leave the response open there: do both.
        stream = self._stream
        leave = getattr(stream, "__exit__", None)
        if leave is not None:
            leave(None, None, None)
            stream = getattr(stream, "response", None)
        close = getattr(stream, "close", None)
        if close is not None:
            close()


class AsyncObjectStream:
    """Async version of `ObjectStream`."""

    __slots__ = ("_errors", "_stream")

    def __init__(self, stream: Any, errors: ReplyErrors) -> None:
        self._stream = stream
        self._errors = errors

    async def __aiter__(self) -> AsyncIterator[object]:
        try:
            async for chunk in self._stream:
                yield plain_data(chunk)
        except request_errors("RequestError") as error:
            raise sdk_error(error) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise unreadable(self._errors, error) from error

    async def aclose(self) -> None:
        stream = self._stream
        leave = getattr(stream, "__aexit__", None)
        if leave is not None:
            await leave(None, None, None)
            stream = getattr(stream, "response", None)
        for name in ("aclose", "close"):
            close: Callable[[], Any] | None = getattr(stream, name, None)
            if close is not None:
                closing = close()
                if hasattr(closing, "__await__"):
                    await closing
                return


def unreadable(errors: ReplyErrors, error: json.JSONDecodeError | UnicodeDecodeError) -> Exception:
    """The error of a parser inside the SDK, as polycall's own."""
    return errors.unreadable(error, error.doc if isinstance(error, json.JSONDecodeError) else bytes(error.object))
