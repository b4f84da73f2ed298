"""A call through the public methods of a ``GenerativeModel`` whose methods somebody has wrapped.

The wrapper sees a call as a user writes it by hand, and the SDK's own response. The public methods take no system
instruction, time-out or other model, so these are set on a copy of the model.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from google.cloud.aiplatform_v1beta1 import types as v1beta1

from polycall_vertex._untouched import are_untouched

_PACKAGE = "vertexai."
_NAMES = {
    # (streamed, asynchronous)
    (False, False): ("generate_content", "_generate_content"),
    (False, True): ("generate_content_async", "_generate_content_async"),
    (True, False): ("generate_content", "_generate_content_streaming"),
    (True, True): ("generate_content_async", "_generate_content_streaming_async"),
}
_END = object()


def is_wrapped(model: Any, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether a public method on the path of a call is not the SDK's own."""
    return not are_untouched(model, _NAMES[streamed, asynchronous], _PACKAGE)


def is_wrapped_alone(model: Any, *, streamed: bool, asynchronous: bool) -> bool:
    """Whether the wrapper is set on this one object, and calls this one object: a copy cannot replace it."""
    return any(name in model.__dict__ for name in _NAMES[streamed, asynchronous])


class WrappedCall:
    """One call.

    Args:
        model: The SDK's model, wrapped.
        message: The request, of the generated client's API version.
        options: Keyword arguments for the generated client.
    """

    def __init__(self, model: Any, message: Any, options: dict[str, object]) -> None:
        self._model = model
        self._message = message
        self._options = options
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
        stream = None if self._client is None else self._client.stream
        if stream is not None:
            stream.cancel()


class WrappedStream:
    """The SDK's responses of a stream.

    Args:
        call: The call, started.
        responses: The public method's result.
        reading: Turns the errors of the SDK's parsers into `ResponseError`.
    """

    def __init__(self, call: WrappedCall, responses: Any, reading: Callable[[], AbstractContextManager[None]]) -> None:
        self._call = call
        self._responses = responses
        self._reading = reading
        self._following = iter(responses)
        try:
            self._next = self._read()  # waits for the first response: the SDK sends the request only then
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Any]:
        while self._next is not _END:
            yield self._next
            self._next = self._read()

    def _read(self) -> Any:
        with self._reading():
            return next(self._following, _END)

    def close(self) -> None:
        """End the wrapper's generator, and cancel the call."""
        self._call.cancel()
        for one in (self._following, self._responses):
            close = getattr(one, "close", None)
            if close is not None:
                close()


class AsyncWrappedStream:
    """Async version of `WrappedStream`."""

    def __init__(self, call: WrappedCall, responses: Any, reading: Callable[[], AbstractContextManager[None]]) -> None:
        self._call = call
        self._responses = responses
        self._reading = reading
        self._following = aiter(responses)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            with self._reading():
                response = await anext(self._following, _END)
            if response is _END:
                return
            yield response

    async def aclose(self) -> None:
        """End the wrapper's generator, and cancel the call."""
        self._call.cancel()
        for one in (self._following, self._responses):
            close = getattr(one, "aclose", None)
            if close is not None:
                await close()


class _ClientWithOptions:
    """The generated client, sync or async, with further keyword arguments; keeps the stream that it opened."""

    def __init__(self, client: Any, options: dict[str, object]) -> None:
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
        self.stream = stream
        return stream

    async def _keep(self, opening: Any) -> Any:
        self.stream = await opening
        return self.stream


def _arguments(shown: Any) -> dict[str, object]:
    """The arguments of the public methods for a request."""
    sdk: Any = sys.modules["vertexai.generative_models"]
    arguments: dict[str, object] = {
        "contents": [sdk.Content._from_gapic(content) for content in shown.contents],  # noqa: SLF001
        "tools": [sdk.Tool._from_gapic(tool) for tool in shown.tools],  # noqa: SLF001
        "tool_config": sdk.ToolConfig._from_gapic(shown.tool_config),  # noqa: SLF001
    }
    if shown.generation_config:
        arguments["generation_config"] = shown.generation_config
    if shown.safety_settings:
        arguments["safety_settings"] = list(shown.safety_settings)
    if shown.labels:
        arguments["labels"] = dict(shown.labels)
    return arguments
