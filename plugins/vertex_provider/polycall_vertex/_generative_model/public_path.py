"""A call through the public methods of a ``GenerativeModel`` whose methods somebody has wrapped.

The wrapper sees a call as a user writes it by hand, and the SDK's own response. The public methods take no system
instruction, time-out or other model, so these are set on a copy of the model.
"""

from __future__ import annotations

import copy
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import Any

from google.cloud.aiplatform_v1beta1 import types as v1beta1

from polycall.plugin import AsyncOpenStream, OpenStream, async_chunk_stream, close_all, is_untouched, parse_object
from polycall_vertex._generative_model.request_template import ModelRequest
from polycall_vertex._protocol.chunk import error_inside_success

_PACKAGE = "vertexai"
_NAMES = {
    # (streamed, asynchronous)
    (False, False): ("generate_content", "_generate_content"),
    (False, True): ("generate_content_async", "_generate_content_async"),
    (True, False): ("generate_content", "_generate_content_streaming"),
    (True, True): ("generate_content_async", "_generate_content_streaming_async"),
}
Errors = Callable[[Exception], Exception | None]


def is_wrapped(model: Any, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether a public method on the path of a call is not the SDK's own."""
    return not is_untouched(model, _NAMES[streamed, asynchronous], _PACKAGE)


def is_wrapped_alone(model: Any, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether the wrapper is set on this one object, and calls this one object: a copy cannot replace it."""
    return any(name in model.__dict__ for name in _NAMES[streamed, asynchronous])


class WrappedCall:
    """One call.

    Args:
        model: The SDK's model, wrapped.
        request: The request.
    """

    def __init__(self, model: Any, request: ModelRequest) -> None:
        self._model = model
        self._message = request.message
        self._options = request.call_options
        self._client: _ClientWithOptions | None = None

    def start(self, *, streamed: bool, asynchronous: bool) -> Any:
        """Call the public method and return its result."""
        model = self._model
        shown = v1beta1.GenerateContentRequest.deserialize(type(self._message).serialize(self._message))
        if not is_wrapped_alone(model, streamed=streamed, asynchronous=asynchronous):
            name = "_prediction_async_client" if asynchronous else "_prediction_client"
            self._client = _ClientWithOptions(getattr(model, name), self._options)
            model = copy.copy(model)
            model.__dict__[name] = self._client
            model._prediction_resource_name = shown.model  # noqa: SLF001
            if shown.system_instruction:
                sdk: Any = sys.modules["vertexai.generative_models"]
                content = sdk.Content._from_gapic(shown.system_instruction)  # noqa: SLF001
                model._system_instruction = content.parts  # noqa: SLF001
        method = model.generate_content_async if asynchronous else model.generate_content
        return method(**_arguments(shown), stream=streamed)

    def cancel(self) -> None:
        """Cancel the call, so that its connection closes; the public streams cannot do that."""
        if self._stream is not None:
            self._stream.cancel()

    def interrupt(self) -> None:
        """Wake a thread that waits for the connection."""
        wake_reader(self._stream)

    @property
    def _stream(self) -> Any:
        return None if self._client is None else self._client.stream


def wake_reader(stream: Any) -> None:
    """End the read that another thread waits for: closing the response of ``requests`` would wait for it, too.

    Args:
        stream: Of the generated client; that of gRPC needs no help.
    """
    raw = getattr(getattr(stream, "_response", None), "raw", None)
    connection = getattr(getattr(raw, "connection", None), "sock", None)
    if isinstance(connection, socket.socket):
        # Not the override of ssl.SSLSocket, which would let the reader see bytes that are still encrypted.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def refuse_errors(stream: Any) -> Any:
    """Let a stream over REST raise `ResponseError` for an error object, which the SDK reads as an empty message.

    Args:
        stream: Of the generated client. That of gRPC has no error objects.

    Returns:
        The same stream.
    """
    texts, read_next = getattr(stream, "_ready_objs", None), getattr(stream, "_grab", None)
    if isinstance(texts, deque) and read_next is not None:

        def read_next_or_raise() -> object:
            if texts[0].startswith('{"error":'):  # the SDK has dropped the blanks
                raise error_inside_success(parse_object(texts[0])["error"])
            return read_next()

        stream._grab = read_next_or_raise  # noqa: SLF001
    return stream


def begin(call: WrappedCall, reading: Callable[[], AbstractContextManager[None]], errors: Errors) -> OpenStream[Any]:
    """The SDK's responses of a stream; waits for the first one, since the SDK sends the request only then.

    Args:
        call: The call.
        reading: Turns the errors of the SDK's parsers into `ResponseError`.
        errors: Translates them while the stream is read.
    """
    responses = call.start(streamed=True, asynchronous=False)
    following = iter(responses)
    try:
        with reading():
            first = list(islice(following, 1))
    except BaseException:
        close_all(call.cancel, following, responses)
        raise
    closers = (call.cancel, following, responses)
    return OpenStream(chain(first, following), closers, errors, None, interrupt=call.interrupt)


async def begin_async(call: WrappedCall, errors: Errors) -> AsyncOpenStream[Any]:
    """Async version of `begin`, which need not wait."""
    responses = await call.start(streamed=True, asynchronous=True)
    return async_chunk_stream(responses, call.cancel, errors=errors)


class _ClientWithOptions:
    """The generated client, sync or async, with further keyword arguments; keeps the stream that it opened."""

    def __init__(self, client: Any, options: Mapping[str, object]) -> None:
        self._client = client
        self._options = options
        self.stream: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def generate_content(self, **given: object) -> Any:
        return self._client.generate_content(**{**given, **self._options})

    def stream_generate_content(self, **given: object) -> Any:
        stream = self._client.stream_generate_content(**{**given, **self._options})
        if hasattr(stream, "__await__"):
            return self._keep(stream)
        self.stream = refuse_errors(stream)
        return stream

    async def _keep(self, opening: Any) -> Any:
        self.stream = await opening
        return self.stream


def _arguments(shown: Any) -> dict[str, object]:
    """The arguments of the public methods for a request."""
    sdk: Any = sys.modules["vertexai.generative_models"]
    arguments: dict[str, object] = {
        "contents": [sdk.Content._from_gapic(content) for content in shown.contents],  # noqa: SLF001
    }
    if shown.tools:
        arguments["tools"] = [sdk.Tool._from_gapic(tool) for tool in shown.tools]  # noqa: SLF001
        arguments["tool_config"] = sdk.ToolConfig._from_gapic(shown.tool_config)  # noqa: SLF001
    if shown.generation_config:
        arguments["generation_config"] = shown.generation_config
    if shown.safety_settings:
        arguments["safety_settings"] = list(shown.safety_settings)
    if shown.labels:
        arguments["labels"] = dict(shown.labels)
    return arguments
