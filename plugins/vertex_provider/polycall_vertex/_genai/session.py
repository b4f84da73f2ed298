"""The session of a ``google.genai.Client``: direct for an unpatched client, through public methods for others.

The public path is a call as a user writes it by hand: a wrapper of the SDK's methods sees all of it, and its changes
are sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Hashable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from polycall.plugin import (
    MAX_REPLY_BYTES,
    AsyncChunkStream,
    ChunkStream,
    ConfigurationError,
    RenderedRequest,
    ReplyMeter,
    Request,
    SessionTraits,
    async_chunk_stream,
    chunk_stream,
    close_all,
    shown_headers,
    shown_url,
)
from polycall_vertex._errors import translation
from polycall_vertex._genai import direct
from polycall_vertex._genai.config import Body, Plan, make_plan, public_arguments
from polycall_vertex._genai.decoder import GenaiDecoder
from polycall_vertex._protocol.chunk import error_inside_success
from polycall_vertex._protocol.options import hashable
from polycall_vertex._protocol.service import VERTEX, Service

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import GenerateContentResponse

_MOST_BUFFERED = 10_000
_MOST_PLANS = 64
_PARSER_ERRORS = (ValueError, TypeError, AttributeError, RecursionError)


class GenaiSession:
    """Sends requests through a ``google.genai.Client``, or an ``AsyncClient`` of one.

    Args:
        client: The SDK's client, or its async half alone.
        timeout_s: Default time limit of a call in seconds; ``None`` leaves it to the client.
        max_reply_bytes: Size limit of one reply.
        service: The service that the client connects to.
    """

    def __init__(
        self,
        client: genai.Client | genai.client.AsyncClient,
        *,
        timeout_s: float | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        service: Service = VERTEX,
    ) -> None:
        self._client: Any = client
        self._async_client: Any = getattr(client, "aio", client)
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._service = service
        self._plans: dict[Hashable, Plan] = {}

    def traits(self) -> SessionTraits:
        """Host and port of the client's base URL."""
        base_url = getattr(getattr(self._api_client(), "_http_options", None), "base_url", None)
        url = urlsplit(base_url if isinstance(base_url, str) else "")
        try:
            port = url.port or {"https": 443, "http": 80}.get(url.scheme)
        except ValueError:
            port = None
        return SessionTraits(host=url.hostname, port=port, telemetry_name=self._service.telemetry_name)

    def render(self, request: Request) -> Body:
        """The body of a request."""
        plan = self._plan(request)
        request.adaptations.extend(plan.adaptations)
        return plan.body(request.messages)

    def describe(self, request: Request, body: dict[str, object]) -> RenderedRequest:
        """The request as the SDK's HTTP layer sends it."""
        plan, api_client = self._plan_of(request, body), self._api_client()
        if plan.path is None or not hasattr(api_client, "_build_request"):
            return RenderedRequest(method="POST", body=dict(body))
        sent = api_client._build_request("post", plan.path, dict(body), plan.http_options)  # noqa: SLF001
        headers = dict(sent.headers)
        if not getattr(api_client, "api_key", None):
            headers["Authorization"] = "Bearer"  # the SDK asks for a token when it sends
            quota_project = getattr(getattr(api_client, "_credentials", None), "quota_project_id", None)
            headers |= {"x-goog-user-project": quota_project} if quota_project else {}
        return RenderedRequest(method="POST", url=shown_url(sent.url), headers=shown_headers(headers), body=sent.data)

    def send(self, request: Request, body: Body) -> direct.RawReply | GenerateContentResponse:
        """Send a request and wait for the whole reply."""
        models, plan = self._client.models, self._plan_of(request, body)
        if direct.is_direct(models, plan, streamed=False, asynchronous=False):
            return direct.send(models._api_client, plan, body)  # noqa: SLF001
        arguments = _public_arguments(models, plan, body)
        with _reading():
            response: GenerateContentResponse = models.generate_content(**arguments)
        return response

    async def send_async(self, request: Request, body: Body) -> direct.RawReply | GenerateContentResponse:
        """Async version of `send`."""
        models, plan = self._async_client.models, self._plan_of(request, body)
        if direct.is_direct(models, plan, streamed=False, asynchronous=True):
            return await direct.send_async(models._api_client, plan, body)  # noqa: SLF001
        arguments = _public_arguments(models, plan, body)
        with _reading():
            response: GenerateContentResponse = await models.generate_content(**arguments)
        return response

    def open_stream(self, request: Request, body: Body) -> ChunkStream[Any]:
        """Open a stream. With a patched client, wait for the first chunk: the SDK sends the request only then."""
        models, plan = self._client.models, self._plan_of(request, body)
        if direct.is_direct(models, plan, streamed=True, asynchronous=False):
            return direct.open_stream(models._api_client, plan, body, ReplyMeter(self._max_reply_bytes))  # noqa: SLF001
        return _begin(models.generate_content_stream(**_public_arguments(models, plan, body)))

    async def open_stream_async(self, request: Request, body: Body) -> AsyncChunkStream[Any]:
        """Async version of `open_stream`."""
        models, plan = self._async_client.models, self._plan_of(request, body)
        if direct.is_direct(models, plan, streamed=True, asynchronous=True):
            meter = ReplyMeter(self._max_reply_bytes)
            return await direct.open_stream_async(models._api_client, plan, body, meter)  # noqa: SLF001
        return await _begin_async(await models.generate_content_stream(**_public_arguments(models, plan, body)))

    def decoder(self, request: Request) -> GenaiDecoder:
        """Decode a reply."""
        return GenaiDecoder(request, self._max_reply_bytes, self._service.name)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    async def close_async(self) -> None:
        """Close the connections of both halves of the client."""
        await self._async_client.aclose()
        if self._client is not self._async_client:
            self._client.close()

    def _api_client(self) -> Any:
        return getattr(getattr(self._client, "models", None), "_api_client", None)

    def _plan_of(self, request: Request, body: dict[str, object]) -> Plan:
        """The plan of a body; an extension may have put another body in the place of the one that was rendered."""
        return body.plan if isinstance(body, Body) else self._plan(request)

    def _plan(self, request: Request) -> Plan:
        """The part of a request that does not depend on the conversation; rendered once for options of plain JSON."""
        model, payload = request.model, request.tool_payload
        if model is None:
            raise ConfigurationError(
                "No model is named. Pass model=..., or name it with the client: "
                f'polycall.from_provider("{self._service.name}/gemini-2.5-flash").',
                key="model",
            )
        key: Hashable = None
        try:
            key = (id(payload), request.stream, model, hashable(request.options), request.default_options)
            plan = self._plans.get(key)
        except TypeError:
            plan = None
        if plan is None:
            plan = make_plan(
                self._api_client(),
                model,
                request.options,
                self._timeout_s,
                payload,
                stream=request.stream,
                service=self._service,
                defaults=request.default_options,
            )
            if key is not None:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan


_translate_parsers = translation(*_PARSER_ERRORS)


def _translate(error: Exception) -> Exception | None:
    """The `ResponseError` for an error of the SDK's parsers, or for an error object inside a stream.

    For such an object the SDK raises the exception of a refused request, with its own wrapper of the response.
    """
    if not hasattr(getattr(error, "response", None), "response_stream"):
        return _translate_parsers(error)
    details = getattr(error, "details", None)
    return error_inside_success(details.get("error", details) if isinstance(details, dict) else details)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error


def _public_arguments(models: Any, plan: Plan, body: Body) -> dict[str, object]:
    return public_arguments(plan, body, getattr(models, "_api_client", None))


def _begin(chunks: Iterable[GenerateContentResponse]) -> ChunkStream[GenerateContentResponse]:
    """A stream of the SDK that has begun. OpenInference returns an iterable that is not an iterator."""
    iterator = iter(chunks)
    try:
        with _reading():
            first = list(islice(iterator, 1))
    except BaseException:
        close_all(iterator, chunks)
        raise
    return chunk_stream(chain(first, iterator), iterator, chunks, errors=_translate)


async def _begin_async(chunks: AsyncIterable[GenerateContentResponse]) -> AsyncChunkStream[GenerateContentResponse]:
    """Async version of `_begin`."""
    iterator = aiter(chunks)
    try:
        with _reading():
            first = await anext(iterator, None)
    except BaseException:
        await _cancel_read(iterator)
        raise
    following = iterator if first is None else _chain(first, iterator)
    return async_chunk_stream(following, lambda: _cancel_read(iterator), iterator, chunks, errors=_translate)


async def _chain(
    first: GenerateContentResponse, iterator: AsyncIterator[GenerateContentResponse]
) -> AsyncIterator[GenerateContentResponse]:
    yield first
    async for chunk in iterator:
        yield chunk


async def _cancel_read(chunks: AsyncIterator[object]) -> None:
    """Close the connection of the SDK's async stream.

    Closing the SDK's generator alone leaves the connection open until the garbage collector finds it (google-genai
    2.34): the inner generators hold each other. A cancelled read passes through all of them, so one is started for
    that; a chunk that it finds in a buffer is dropped.
    """
    for _ in range(_MOST_BUFFERED):
        step = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)  # lets it reach the socket
        if not step.done():
            step.cancel()
            await asyncio.wait({step})
        if step.cancelled() or step.exception() is not None:
            break
