"""Sending through the official SDK at the lowest cost that keeps everything it does.

The fast path is ``client.post`` with the header that ``.with_raw_response`` sends: all of the SDK's request machinery
runs (authentication, retries, time-outs, URLs, hooks, errors), and the reply is not parsed. A client with any part of
that path replaced, by an instrumentation library, say, goes through the SDK's plain ``create``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from polycall.plugin import (
    MAX_REPLY_BYTES,
    AsyncOpenStream,
    ConfigurationError,
    JsonObject,
    OpenStream,
    RenderedRequest,
    ReplyMeter,
    Request,
    shown_headers,
    shown_url,
    size_of,
)
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._sdk.endpoint import Endpoint, create_parameters, sdk_types
from polycall_openai._sdk.post import build, post
from polycall_openai._sdk.recognition import is_patched
from polycall_openai._sdk.streams import (
    async_bytes_of,
    async_objects_of,
    bytes_of,
    objects_of,
    plain_data,
    translated,
)
from polycall_openai._sdk.url_cache import UrlCache
from polycall_openai._servers.additions import note_switches, without_refused
from polycall_openai._servers.server import Server

T = TypeVar("T")

_NO_SUCH_PATH = (404, 405)


class RawReply:
    """A whole reply, not yet parsed."""

    __slots__ = ("_api_response", "_max_bytes", "_object")

    def __init__(
        self, *, api_response: Any = None, sdk_object: object = None, max_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        self._api_response = api_response
        self._object = sdk_object
        self._max_bytes = max_bytes

    def body(self) -> object:
        """The body's bytes; from a patched client the plain data of the SDK's object."""
        if self._api_response is not None:
            body: bytes = self._api_response.http_response.content
            ReplyMeter(self._max_bytes).take(len(body))
            return body
        data = plain_data(self._object)
        ReplyMeter(self._max_bytes).take(size_of(data))
        return data

    def sdk_object(self) -> object:
        """The object that the SDK's ``create`` returns, ``_request_id`` included."""
        return self._object if self._api_response is None else self._api_response.parse()


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends the requests of one client to one endpoint."""

    client: Any
    endpoint: Endpoint
    urls: UrlCache
    server: Server
    max_reply_bytes: int

    def send(self, request: Request, body: JsonObject) -> RawReply:
        """Send, and wait for the whole reply."""
        return self._run(request, body, self._whole)

    async def send_async(self, request: Request, body: JsonObject) -> RawReply:
        """Async version of `send`."""
        return await self._run_async(request, body, self._whole)

    def open_stream(self, request: Request, body: JsonObject) -> OpenStream[bytes] | OpenStream[object]:
        """Send, and return when the reply begins."""
        errors, limit = self.server.errors, self.max_reply_bytes

        def opened(answer: Any, patched: bool) -> OpenStream[bytes] | OpenStream[object]:
            return objects_of(answer, errors, limit) if patched else bytes_of(answer, errors, limit)

        return self._run(request, body, opened, stream=True, stream_cls=sdk_types(self.endpoint).stream)

    async def open_stream_async(
        self, request: Request, body: JsonObject
    ) -> AsyncOpenStream[bytes] | AsyncOpenStream[object]:
        """Async version of `open_stream`."""
        errors, limit = self.server.errors, self.max_reply_bytes

        def opened(answer: Any, patched: bool) -> AsyncOpenStream[bytes] | AsyncOpenStream[object]:
            return async_objects_of(answer, errors, limit) if patched else async_bytes_of(answer, errors, limit)

        stream_cls = sdk_types(self.endpoint).async_stream
        return await self._run_async(request, body, opened, stream=True, stream_cls=stream_cls)

    def describe(self, request: Request, body: JsonObject) -> RenderedRequest:
        """The request as it would go over the wire, built by the SDK."""
        raw = not is_patched(self.client, self.endpoint)
        options = replace(CallOptions.of(request.options))
        options.headers = {**_later_key(self.client), **options.headers}
        built = build(self.client, self.endpoint, self.urls, body, options, raw=raw)
        return RenderedRequest(
            method=built.method,
            url=shown_url(built.url),
            headers=shown_headers(built.headers),
            body=json.loads(built.content),
        )

    def _run(self, request: Request, body: JsonObject, made: Callable[[Any, bool], T], **stream: Any) -> T:
        options = CallOptions.of(request.options)
        while True:
            try:
                patched = is_patched(self.client, self.endpoint)
                if patched:
                    return made(self._create(body, options), True)
                return made(post(self.client, self.endpoint, self.urls, body, options, **stream), False)
            except Exception as error:
                next_step = self._after(error, request, body)
                if next_step is error:
                    raise
            if isinstance(next_step, Exception):
                raise next_step
            body = next_step

    async def _run_async(self, request: Request, body: JsonObject, made: Callable[[Any, bool], T], **stream: Any) -> T:
        options = CallOptions.of(request.options)
        while True:
            try:
                patched = is_patched(self.client, self.endpoint)
                if patched:
                    return made(await self._create(body, options), True)
                return made(await post(self.client, self.endpoint, self.urls, body, options, **stream), False)
            except Exception as error:
                next_step = self._after(error, request, body)
                if next_step is error:
                    raise
            if isinstance(next_step, Exception):
                raise next_step  # outside of the handler: a context would show what it hides
            body = next_step

    def _whole(self, answer: Any, patched: bool) -> RawReply:
        if patched:
            return RawReply(sdk_object=answer, max_bytes=self.max_reply_bytes)
        return RawReply(api_response=answer, max_bytes=self.max_reply_bytes)

    def _create(self, body: Mapping[str, Any], options: CallOptions) -> Any:
        """Call ``create``. It has a fixed signature, so fields that it does not know go into ``extra_body``."""
        known = create_parameters(self.endpoint)
        arguments = {name: value for name, value in body.items() if name in known} | options.for_create()
        unknown = {name: value for name, value in body.items() if name not in known}
        if unknown:
            arguments["extra_body"] = unknown
        return self.endpoint.create(self.client)(**arguments)

    def _after(self, error: Exception, request: Request, body: JsonObject) -> JsonObject | Exception:
        """The body to send again, or the exception to raise after an error, which may be the error itself.

        The transport's own errors come from the SDK while it reads the body of a status error.
        """
        if isinstance(error, UnicodeEncodeError) or type(error.__cause__).__name__ == "LocalProtocolError":
            # These show the value of the header, which may be a secret.
            return ConfigurationError(
                "A header of the request cannot be sent: it has a line break, another control character or a character "
                "that is not ASCII in it. Check the key, organization, project and headers of the client.",
                key="api_key",
            )
        instead = translated(error, self.server.errors)
        if instead is not None:
            instead.__cause__ = error
            return instead
        again = without_refused(error, self.server, request, body)
        if again is not None:
            return again
        if getattr(error, "status_code", None) in _NO_SUCH_PATH:
            errors = self.server.errors
            error.add_note(
                f"{errors.url} was expected to speak {errors.protocol}. Check base_url (most servers want a "
                "path such as /v1), the model's name, and that the server has this API."
            )
        if self.server.unreached is not None and type(error).__name__ == "APIConnectionError":
            error.add_note(self.server.unreached)
        note_switches(error)
        return error


def _later_key(client: Any) -> Mapping[str, str]:
    """The header of a key or a token that the SDK asks for when a request is sent, without its value."""
    is_azure = hasattr(client, "_azure_ad_token")
    if is_azure and (client._azure_ad_token or client._azure_ad_token_provider) is None:  # noqa: SLF001
        return {"api-key": "***"}  # openai 2.x adds it when the request is sent
    if getattr(client, "_azure_ad_token_provider", None) is None and getattr(client, "_api_key_provider", None) is None:
        return {}
    return {"Authorization": "***"}
