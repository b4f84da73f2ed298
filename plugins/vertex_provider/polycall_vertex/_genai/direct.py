"""The direct path through ``google.genai``: its HTTP layer without its models, for an unpatched client.

``BaseApiClient`` provides all that users rely on: authentication, URLs, headers, retries, time-outs, errors. Above it
the SDK builds pydantic models of request and reply, which cost as much as the HTTP layer. The names used here are
private; they are the same from google-genai 2.0 to 2.34, and where one is missing or patched, the public methods are
used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from polycall import ResponseError
from polycall.plugin import EventReader, ReplyMeter, ServerSentEvent
from polycall_vertex._genai.config import Plan, run_sdk
from polycall_vertex._protocol.chunk import decode_json
from polycall_vertex._untouched import are_untouched

_MODELS = "google.genai.models"
_HTTP_LAYER = "google.genai._api_client"
_DONE = b"[DONE]"
_PUBLIC = ("generate_content", "_generate_content")
_PUBLIC_STREAMED = ("generate_content_stream", "_generate_content_stream")
_PRIVATE = {
    # (streamed, asynchronous): the names that the SDK's methods use, and those that are used here instead
    (False, False): ("request", "_build_request"),
    (False, True): ("async_request", "_build_request"),
    (True, False): ("request_streamed", "_request", "_build_request"),
    (True, True): ("async_request_streamed", "_async_request", "_build_request"),
}


def is_patched(models: Any, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether a function on the path of a call is not the SDK's own: then its wrapper must see a normal call.

    Args:
        models: ``client.models`` or ``client.aio.models``.
        streamed: Whether the call is a stream.
        asynchronous: Whether ``models`` is async.
    """
    return not (
        are_untouched(models, _PUBLIC_STREAMED if streamed else _PUBLIC, _MODELS)
        and are_untouched(getattr(models, "_api_client", None), _PRIVATE[streamed, asynchronous], _HTTP_LAYER)
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a reply: all that is needed to make the SDK's own objects of it."""

    models: Any
    model: str
    plan: Plan
    headers: Mapping[str, str] | None

    def responses(self, bodies: list[str], *, streamed: bool, asynchronous: bool) -> list[Any]:
        """The SDK's own response objects, as its public method would have returned them."""
        from google.genai import types

        if is_patched(self.models, streamed=streamed, asynchronous=asynchronous):
            # Patched since the call: the wrapper must not see a call that is not made, so bypass it.
            return [_build_response(body, self.headers) for body in bodies]
        headers = None if self.headers is None else dict(self.headers)
        answers: list[object] = [types.HttpResponse(headers=headers, body=body) for body in bodies]
        return run_sdk(self.models._api_client, self.model, self.plan.config, answers=answers, streamed=streamed)[1]  # noqa: SLF001


class RawReply(NamedTuple):
    """A whole reply."""

    body: str
    origin: Origin
    asynchronous: bool

    def build(self) -> Any:
        """The SDK's own response object."""
        return self.origin.responses([self.body], streamed=False, asynchronous=self.asynchronous)[0]


class RawChunk(NamedTuple):
    """The data of one event of a stream."""

    data: bytes
    origin: Origin
    asynchronous: bool


def build_chunks(chunks: list[RawChunk]) -> list[Any]:
    """The SDK's own objects of the chunks of one stream."""
    if not chunks:
        return []
    bodies = [chunk.data.decode("utf-8", "replace") for chunk in chunks]
    return chunks[0].origin.responses(bodies, streamed=True, asynchronous=chunks[0].asynchronous)


def send(models: Any, model: str, plan: Plan, body: Mapping[str, object]) -> RawReply:
    """Send a request and wait for the whole reply."""
    http = models._api_client.request("post", plan.path, plan.fill(body), plan.http_options)  # noqa: SLF001
    return RawReply(http.body or "", Origin(models, model, plan, http.headers), asynchronous=False)


async def send_async(models: Any, model: str, plan: Plan, body: Mapping[str, object]) -> RawReply:
    """Async version of `send`."""
    http = await models._api_client.async_request("post", plan.path, plan.fill(body), plan.http_options)  # noqa: SLF001
    return RawReply(http.body or "", Origin(models, model, plan, http.headers), asynchronous=True)


def open_stream(models: Any, model: str, plan: Plan, body: Mapping[str, object], meter: ReplyMeter) -> RawStream:
    """Open a stream and read its status and headers."""
    api_client = models._api_client  # noqa: SLF001
    sent = api_client._build_request("post", plan.path, plan.fill(body), plan.http_options)  # noqa: SLF001
    http = api_client._request(sent, plan.http_options, stream=True)  # noqa: SLF001
    return RawStream(http, Origin(models, model, plan, http.headers), meter)


async def open_stream_async(
    models: Any, model: str, plan: Plan, body: Mapping[str, object], meter: ReplyMeter
) -> AsyncRawStream:
    """Async version of `open_stream`."""
    api_client = models._api_client  # noqa: SLF001
    sent = api_client._build_request("post", plan.path, plan.fill(body), plan.http_options)  # noqa: SLF001
    http = await api_client._async_request(sent, plan.http_options, stream=True)  # noqa: SLF001
    return AsyncRawStream(http, Origin(models, model, plan, http.headers), meter)


class RawStream:
    """The events of a streamed reply.

    Args:
        http: The SDK's wrapper of the HTTP client's response.
        origin: The reply's origin.
        meter: Counts the bytes as they arrive.
    """

    def __init__(self, http: Any, origin: Origin, meter: ReplyMeter) -> None:
        self._http = http
        self._origin = origin
        self._meter = meter

    def __iter__(self) -> Iterator[RawChunk]:
        origin, take = self._origin, self._meter.take
        reader = EventReader(bare_json=True)
        for piece in _pieces(self._http.response_stream):
            take(len(piece))
            for event in reader.feed(piece):
                if _is_chunk(event, self._http):
                    yield RawChunk(event.data, origin, False)
        for event in reader.finish():
            if _is_chunk(event, self._http):
                yield RawChunk(event.data, origin, False)

    def close(self) -> None:
        """Close the connection."""
        self._http.response_stream.close()


class AsyncRawStream:
    """Async version of `RawStream`."""

    def __init__(self, http: Any, origin: Origin, meter: ReplyMeter) -> None:
        self._http = http
        self._origin = origin
        self._meter = meter

    async def __aiter__(self) -> AsyncIterator[RawChunk]:
        origin, take = self._origin, self._meter.take
        reader = EventReader(bare_json=True)
        async for piece in _pieces_async(self._http.response_stream):
            take(len(piece))
            for event in reader.feed(piece):
                if _is_chunk(event, self._http):
                    yield RawChunk(event.data, origin, True)
        for event in reader.finish():
            if _is_chunk(event, self._http):
                yield RawChunk(event.data, origin, True)

    async def aclose(self) -> None:
        """Close the connection."""
        response = self._http.response_stream
        if hasattr(response, "aclose"):
            await response.aclose()
        else:  # aiohttp; its release() would keep reading
            response.close()


def _pieces(response: Any) -> Iterator[bytes]:
    """The body as it arrives, from httpx, or from requests, which the SDK uses for client certificates."""
    pieces: Iterator[bytes] = (
        response.iter_bytes() if hasattr(response, "iter_bytes") else response.iter_content(chunk_size=None)
    )
    return pieces


def _pieces_async(response: Any) -> AsyncIterator[bytes]:
    """The body as it arrives, from httpx, or from aiohttp, which the SDK prefers where it is installed."""
    pieces: AsyncIterator[bytes] = (
        response.aiter_bytes() if hasattr(response, "aiter_bytes") else response.content.iter_any()
    )
    return pieces


def _is_chunk(event: ServerSentEvent, http: Any) -> bool:
    """Whether an event is a part of the reply; ``[DONE]``, which proxies send, is not.

    Raises:
        google.genai.errors.APIError: The event reports an error. As for the SDK, its first key is ``error``.
    """
    data = event.data
    if not data or data.strip() == _DONE:
        return False
    if b'"error"' not in data[:64]:
        return True
    message = decode_json(data)
    error = message.get("error")
    if next(iter(message)) != "error" or not isinstance(error, dict):
        return True
    if not isinstance(error.get("code"), int):
        raise ResponseError("The stream contains an error without a code.", excerpt=data.decode("utf-8", "replace"))
    from google.genai import errors

    errors.APIError.raise_error(error["code"], message, http)
    return False


def _build_response(body: str, headers: Mapping[str, str] | None) -> Any:
    from google.genai import types

    message = dict(decode_json(body))
    # The lenient constructor is private; it accepts fields that this version of the SDK does not know.
    build = getattr(types.GenerateContentResponse, "_from_response", None)
    response: Any = (
        types.GenerateContentResponse.model_validate(message) if build is None else build(response=message, kwargs={})
    )
    response.sdk_http_response = types.HttpResponse(headers=None if headers is None else dict(headers))
    return response
