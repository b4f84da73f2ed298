"""Sending through the official SDK at the lowest cost that keeps everything it does.

The fast way is ``client.post`` with the header that ``.with_raw_response`` sends: all of the SDK's request machinery
runs (authentication, retries, time-outs, URLs, hooks, errors), nothing of the reply is parsed. A client with any part
of that way replaced, by an instrumentation library, say, goes through the SDK's plain ``create``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from polycall.plugin import MAX_REPLY_BYTES, ReplyMeter
from polycall_openai._chunk_streams import (
    AsyncBytesStream,
    AsyncObjectStream,
    BytesStream,
    ObjectStream,
    request_errors,
    sdk_error,
    unreadable,
)
from polycall_openai._endpoint import Endpoint, create_parameters, sdk_types
from polycall_openai._post import post
from polycall_openai._recognition import is_patched
from polycall_openai._request import CallOptions
from polycall_openai._session import Session

_NO_SUCH_PATH = (404, 405)


class RawReply:
    """A whole reply, not yet looked at."""

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
        """What the SDK's ``create`` returns, ``_request_id`` included."""
        return self._object if self._api_response is None else self._api_response.parse()


def plain_data(sdk_object: Any) -> object:
    """The data of an SDK object; anything else as it is."""
    to_dict = getattr(sdk_object, "to_dict", None)
    return sdk_object if to_dict is None else to_dict(warnings=False)


def send(session: Session, body: dict[str, Any], options: CallOptions) -> RawReply:
    """Send, wait for the whole reply."""
    client, endpoint = session.client, session.api.endpoint
    try:
        if is_patched(client, endpoint):
            return RawReply(sdk_object=endpoint.create(client)(**_create_arguments(endpoint, body, options)))
        return RawReply(
            api_response=post(client, endpoint, session.address, body, options), max_bytes=session.max_reply_bytes
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise unreadable(session.site, error) from error
    except Exception as error:
        _add_note(error, session)
        raise


async def send_async(session: Session, body: dict[str, Any], options: CallOptions) -> RawReply:
    """As `send`, async."""
    client, endpoint = session.client, session.api.endpoint
    try:
        if is_patched(client, endpoint):
            return RawReply(sdk_object=await endpoint.create(client)(**_create_arguments(endpoint, body, options)))
        return RawReply(
            api_response=await post(client, endpoint, session.address, body, options), max_bytes=session.max_reply_bytes
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise unreadable(session.site, error) from error
    except Exception as error:
        _add_note(error, session)
        raise


def open_stream(session: Session, body: dict[str, Any], options: CallOptions) -> BytesStream | ObjectStream:
    """Send, and return when the reply begins."""
    client, endpoint = session.client, session.api.endpoint
    try:
        if is_patched(client, endpoint):
            stream = endpoint.create(client)(**_create_arguments(endpoint, body, options))
            return ObjectStream(stream, session.site)
        types = sdk_types(endpoint)
        reply = post(client, endpoint, session.address, body, options, stream=True, stream_cls=types.stream)
        return BytesStream(reply, session.max_reply_bytes)
    except request_errors("RequestError") as error:  # while the SDK reads the body of a status error
        raise sdk_error(error) from error
    except Exception as error:
        _add_note(error, session)
        raise


async def open_stream_async(
    session: Session, body: dict[str, Any], options: CallOptions
) -> AsyncBytesStream | AsyncObjectStream:
    """As `open_stream`, async."""
    client, endpoint = session.client, session.api.endpoint
    try:
        if is_patched(client, endpoint):
            stream = await endpoint.create(client)(**_create_arguments(endpoint, body, options))
            return AsyncObjectStream(stream, session.site)
        types = sdk_types(endpoint)
        reply = await post(client, endpoint, session.address, body, options, stream=True, stream_cls=types.async_stream)
        return AsyncBytesStream(reply, session.max_reply_bytes)
    except request_errors("RequestError") as error:
        raise sdk_error(error) from error
    except Exception as error:
        _add_note(error, session)
        raise


def _add_note(error: Exception, session: Session) -> None:
    """Say in a note what was expected, if the SDK's exception is for a path that is not there."""
    if getattr(error, "status_code", None) in _NO_SUCH_PATH:
        error.add_note(
            f"{session.site.url} was expected to speak {session.site.protocol}. Check base_url (most servers want a "
            "path such as /v1), the model's name, and that the server has this API."
        )


def _create_arguments(endpoint: Endpoint, body: Mapping[str, Any], options: CallOptions) -> dict[str, Any]:
    """``create`` has a fixed signature, so what it does not know goes into ``extra_body``."""
    known = create_parameters(endpoint)
    arguments = {name: value for name, value in body.items() if name in known} | options.for_create()
    unknown = {name: value for name, value in body.items() if name not in known}
    if unknown:
        arguments["extra_body"] = {**unknown, **(options.body or {})}
    return arguments
