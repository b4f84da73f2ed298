"""The direct path through ``google.genai``: its HTTP layer without its models, for an unpatched client.

``BaseApiClient`` provides all that users rely on: authentication, URLs, headers, retries, time-outs, errors. Above it
the SDK builds pydantic models of request and reply, which cost as much as the HTTP layer. The names used here are
private; they are the same from google-genai 2.0 to 2.34, and where one is missing or patched, the public methods are
used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from polycall.plugin import AsyncOpenStream, OpenStream, ReplyMeter, async_byte_stream, byte_stream, is_untouched
from polycall_vertex._genai.config import MODELS, Body, Plan, run_sdk

_HTTP_LAYER = "google.genai._api_client"
_PUBLIC = ("generate_content", "_generate_content")
_PUBLIC_STREAMED = ("generate_content_stream", "_generate_content_stream")
_PRIVATE = {
    # (streamed, asynchronous): the names that the SDK's methods use, and those that are used here instead
    (False, False): ("request", "_build_request"),
    (False, True): ("async_request", "_build_request"),
    (True, False): ("request_streamed", "_request", "_build_request"),
    (True, True): ("async_request_streamed", "_async_request", "_build_request"),
}


def is_direct(models: Any, plan: Plan, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether each function on the path of a call is the SDK's own; else a wrapper must see a normal call.

    Args:
        models: ``client.models`` or ``client.aio.models``.
        plan: The plan of the request.
        streamed: Whether the call is a stream.
        asynchronous: Whether ``models`` is async.
    """
    return (
        plan.path is not None
        and is_untouched(models, _PUBLIC_STREAMED if streamed else _PUBLIC, MODELS)
        and is_untouched(getattr(models, "_api_client", None), _PRIVATE[streamed, asynchronous], _HTTP_LAYER)
    )


@dataclass(slots=True)
class Origin:
    """The origin of a reply: all that is needed to make the SDK's own objects of it. A stream yields it first.

    Attributes:
        api_client: The SDK's.
        plan: The plan of the request.
        headers: Of the reply.
    """

    api_client: Any
    plan: Plan
    headers: Mapping[str, str] | None

    def responses(self, bodies: list[str], *, streamed: bool) -> list[Any]:
        """The SDK's own response objects, as its public method would have returned them."""
        from google.genai import types

        headers = None if self.headers is None else dict(self.headers)
        answers: list[object] = [types.HttpResponse(headers=headers, body=body) for body in bodies]
        plan = self.plan
        return run_sdk(self.api_client, plan.model, plan.config, answers=answers, streamed=streamed)[1]


@dataclass(slots=True)
class RawReply:
    """A whole reply."""

    body: str
    origin: Origin


def send(api_client: Any, plan: Plan, body: Body) -> RawReply:
    """Send a request and wait for the whole reply."""
    http = api_client.request("post", plan.path, body, plan.http_options)
    return RawReply(http.body or "", Origin(api_client, plan, http.headers))


async def send_async(api_client: Any, plan: Plan, body: Body) -> RawReply:
    """Async version of `send`."""
    http = await api_client.async_request("post", plan.path, body, plan.http_options)
    return RawReply(http.body or "", Origin(api_client, plan, http.headers))


def _sdk_request(api_client: Any, plan: Plan, body: Body) -> Any:
    """The SDK's request. Its ``repr`` shows the credentials, so no frame that an error may pass through keeps it."""
    return api_client._build_request("post", plan.path, body, plan.http_options)  # noqa: SLF001


def open_stream(api_client: Any, plan: Plan, body: Body, meter: ReplyMeter) -> RawStream:
    """Open a stream and read its status and headers."""
    http = api_client._request(_sdk_request(api_client, plan, body), plan.http_options, stream=True)  # noqa: SLF001
    return RawStream(Origin(api_client, plan, http.headers), byte_stream(http.response_stream, meter=meter))


async def open_stream_async(api_client: Any, plan: Plan, body: Body, meter: ReplyMeter) -> AsyncRawStream:
    """Async version of `open_stream`."""
    http = await api_client._async_request(  # noqa: SLF001
        _sdk_request(api_client, plan, body), plan.http_options, stream=True
    )
    pieces = async_byte_stream(http.response_stream, meter=meter)
    return AsyncRawStream(Origin(api_client, plan, http.headers), pieces)


class RawStream:
    """The origin, then the bytes of a streamed reply."""

    def __init__(self, origin: Origin, pieces: OpenStream[bytes]) -> None:
        self._origin = origin
        self._pieces = pieces

    def __iter__(self) -> Iterator[Origin | bytes]:
        yield self._origin
        yield from self._pieces

    def drain(self) -> None:
        """Read the rest of a body whose reply is whole."""
        self._pieces.drain()

    def close(self) -> None:
        """Close the connection."""
        self._pieces.close()


class AsyncRawStream:
    """Async version of `RawStream`."""

    def __init__(self, origin: Origin, pieces: AsyncOpenStream[bytes]) -> None:
        self._origin = origin
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[Origin | bytes]:
        yield self._origin
        async for piece in self._pieces:
            yield piece

    async def drain(self) -> None:
        """Read the rest of a body whose reply is whole."""
        await self._pieces.drain()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._pieces.aclose()
