"""Sending through the official SDK at the lowest cost that keeps everything it does.

The fast way is ``client.post`` with the header that ``.with_raw_response`` sends: all of the SDK's request machinery
runs (authentication, retries, time-outs, URLs, hooks, errors), and the reply is not parsed. A client with any part of
that way replaced, by an instrumentation library, say, goes through the SDK's plain ``create``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polycall.plugin import MAX_REPLY_BYTES, ReplyMeter
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._sdk.chunk_streams import (
    AsyncBytesStream,
    AsyncObjectStream,
    BytesStream,
    ObjectStream,
    plain_data,
    request_errors,
    sdk_error,
    unreadable,
)
from polycall_openai._sdk.endpoint import Endpoint, create_parameters, sdk_types
from polycall_openai._sdk.post import post
from polycall_openai._sdk.recognition import is_patched
from polycall_openai._sdk.url_cache import UrlCache
from polycall_openai._servers.reply_errors import ReplyErrors

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
        return plain_data(self._object)

    def sdk_object(self) -> object:
        """The object that the SDK's ``create`` returns, ``_request_id`` included."""
        return self._object if self._api_response is None else self._api_response.parse()


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends the requests of one client to one endpoint."""

    client: Any
    endpoint: Endpoint
    urls: UrlCache
    errors: ReplyErrors
    max_reply_bytes: int

    def send(self, body: dict[str, Any], options: CallOptions) -> RawReply:
        """Send, and wait for the whole reply."""
        try:
            if is_patched(self.client, self.endpoint):
                return RawReply(sdk_object=self._create(body, options))
            return RawReply(api_response=self._post(body, options), max_bytes=self.max_reply_bytes)
        except Exception as error:
            self._explain(error)
            raise

    async def send_async(self, body: dict[str, Any], options: CallOptions) -> RawReply:
        """Async version of `send`."""
        try:
            if is_patched(self.client, self.endpoint):
                return RawReply(sdk_object=await self._create(body, options))
            return RawReply(api_response=await self._post(body, options), max_bytes=self.max_reply_bytes)
        except Exception as error:
            self._explain(error)
            raise

    def open_stream(self, body: dict[str, Any], options: CallOptions) -> BytesStream | ObjectStream:
        """Send, and return when the reply begins."""
        try:
            if is_patched(self.client, self.endpoint):
                return ObjectStream(self._create(body, options), self.errors)
            types = sdk_types(self.endpoint)
            reply = self._post(body, options, stream=True, stream_cls=types.stream)
            return BytesStream(reply, self.max_reply_bytes)
        except Exception as error:
            self._explain(error)
            raise

    async def open_stream_async(
        self, body: dict[str, Any], options: CallOptions
    ) -> AsyncBytesStream | AsyncObjectStream:
        """Async version of `open_stream`."""
        try:
            if is_patched(self.client, self.endpoint):
                return AsyncObjectStream(await self._create(body, options), self.errors)
            types = sdk_types(self.endpoint)
            reply = await self._post(body, options, stream=True, stream_cls=types.async_stream)
            return AsyncBytesStream(reply, self.max_reply_bytes)
        except Exception as error:
            self._explain(error)
            raise

    def _post(self, body: dict[str, Any], options: CallOptions, **stream: Any) -> Any:
        return post(self.client, self.endpoint, self.urls, body, options, **stream)

    def _create(self, body: Mapping[str, Any], options: CallOptions) -> Any:
        """Call ``create``. It has a fixed signature, so fields that it does not know go into ``extra_body``."""
        known = create_parameters(self.endpoint)
        arguments = {name: value for name, value in body.items() if name in known} | options.for_create()
        unknown = {name: value for name, value in body.items() if name not in known}
        if unknown:
            arguments["extra_body"] = {**unknown, **(options.body or {})}
        return self.endpoint.create(self.client)(**arguments)

    def _explain(self, error: Exception) -> None:
        """Raise polycall's or the SDK's error for a bare one, and add a note to the SDK's for a missing path.

        The transport's own errors come from the SDK while it reads the body of a status error.
        """
        if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
            raise unreadable(self.errors, error) from error
        if isinstance(error, request_errors("RequestError")):
            raise sdk_error(error) from error
        if getattr(error, "status_code", None) in _NO_SUCH_PATH:
            error.add_note(
                f"{self.errors.url} was expected to speak {self.errors.protocol}. Check base_url (most servers want a "
                "path such as /v1), the model's name, and that the server has this API."
            )
