"""Sending through the official SDK at the lowest cost that keeps everything it does.

The fast way is ``client.post`` with the header that ``.with_raw_response`` sends: all of the SDK's request machinery
runs (authentication, retries, time-outs, URLs, hooks, errors), nothing of the reply is parsed. A client with any part
of that way replaced, by an instrumentation library, say, goes through plain ``chat.completions.create``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from polycall_openai._chunk_streams import (
    AsyncBytesStream,
    AsyncObjectStream,
    BytesStream,
    ObjectStream,
    request_errors,
    sdk_error,
    unreadable,
)
from polycall_openai._recognition import is_patched
from polycall_openai._request import CallOptions

_PATH = "/chat/completions"
_RAW = {"X-Stainless-Raw-Response": "true"}


class RawReply:
    """A whole reply, not yet looked at."""

    __slots__ = ("_api_response", "_object")

    def __init__(self, *, api_response: Any = None, sdk_object: object = None) -> None:
        self._api_response = api_response
        self._object = sdk_object

    def body(self) -> object:
        """The body's bytes; from a patched client the plain data of the SDK's object."""
        if self._api_response is not None:
            return self._api_response.http_response.content
        return plain_data(self._object)

    def sdk_object(self) -> object:
        """What ``client.chat.completions.create`` returns, ``_request_id`` included."""
        return self._object if self._api_response is None else self._api_response.parse()


def plain_data(sdk_object: Any) -> object:
    """The data of an SDK object; anything else as it is."""
    to_dict = getattr(sdk_object, "to_dict", None)
    return sdk_object if to_dict is None else to_dict(warnings=False)


def send(client: Any, body: dict[str, Any], options: CallOptions) -> RawReply:
    """Send, wait for the whole reply."""
    if is_patched(client):
        try:
            return RawReply(sdk_object=client.chat.completions.create(**_create_arguments(body, options)))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise unreadable(error) from error
    return RawReply(api_response=client.post(**_post_arguments(body, options)))


async def send_async(client: Any, body: dict[str, Any], options: CallOptions) -> RawReply:
    """As `send`, async."""
    if is_patched(client):
        try:
            return RawReply(sdk_object=await client.chat.completions.create(**_create_arguments(body, options)))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise unreadable(error) from error
    return RawReply(api_response=await client.post(**_post_arguments(body, options)))


def open_stream(client: Any, body: dict[str, Any], options: CallOptions) -> BytesStream | ObjectStream:
    """Send, and return when the reply begins."""
    try:
        if is_patched(client):
            return ObjectStream(client.chat.completions.create(**_create_arguments(body, options)))
        _, stream_class, _ = _sdk_types()
        return BytesStream(client.post(**_post_arguments(body, options), stream=True, stream_cls=stream_class))
    except request_errors("RequestError") as error:  # while the SDK reads the body of a status error
        raise sdk_error(error) from error


async def open_stream_async(
    client: Any, body: dict[str, Any], options: CallOptions
) -> AsyncBytesStream | AsyncObjectStream:
    """As `open_stream`, async."""
    try:
        if is_patched(client):
            return AsyncObjectStream(await client.chat.completions.create(**_create_arguments(body, options)))
        _, _, stream_class = _sdk_types()
        return AsyncBytesStream(
            await client.post(**_post_arguments(body, options), stream=True, stream_cls=stream_class)
        )
    except request_errors("RequestError") as error:
        raise sdk_error(error) from error


def _post_arguments(body: dict[str, Any], options: CallOptions) -> dict[str, Any]:
    completion, _, _ = _sdk_types()
    return {"path": _PATH, "cast_to": completion, "body": body, "options": options.for_post(_RAW)}


def _create_arguments(body: Mapping[str, Any], options: CallOptions) -> dict[str, Any]:
    """``create`` has a fixed signature, so what it does not know goes into ``extra_body``."""
    known = _create_parameters()
    arguments = {name: value for name, value in body.items() if name in known} | options.for_create()
    unknown = {name: value for name, value in body.items() if name not in known}
    if unknown:
        arguments["extra_body"] = {**unknown, **(options.body or {})}
    return arguments


@lru_cache(maxsize=1)
def _create_parameters() -> frozenset[str]:
    """The body fields that this SDK's ``create`` takes; from its types, because the function may be wrapped."""
    from openai.types.chat import completion_create_params as parameters

    names: set[str] = set()
    for type_ in (parameters.CompletionCreateParamsNonStreaming, parameters.CompletionCreateParamsStreaming):
        names |= type_.__required_keys__ | type_.__optional_keys__
    return frozenset(names)


@lru_cache(maxsize=1)
def _sdk_types() -> tuple[Any, Any, Any]:
    """What the SDK would parse a reply into, and its streams. With the raw header they are only remembered."""
    import openai
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    return ChatCompletion, openai.Stream[ChatCompletionChunk], openai.AsyncStream[ChatCompletionChunk]
