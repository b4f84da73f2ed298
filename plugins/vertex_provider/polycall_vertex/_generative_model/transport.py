"""The transport of ``vertexai.generative_models.GenerativeModel``, over gRPC or REST.

Its public methods take no system instruction per call, and closing their streams does not close the connection over
REST or with asyncio. So this uses the generated client below them, which can do both, through four private names of
the wrapper; a missing one is a `PluginError`. Nothing here imports ``vertexai``: the maker of the model has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions as api_exceptions
from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from polycall import ConfigurationError, ResponseError
from polycall.plugin import MAX_REPLY_BYTES, Reply, ReplyMeter, Request
from polycall_vertex._errors import outdated, reading_reply
from polycall_vertex._generative_model.protobuf import read_chunk
from polycall_vertex._generative_model.public_path import (
    AsyncWrappedStream,
    WrappedCall,
    WrappedStream,
    is_wrapped,
    is_wrapped_alone,
)
from polycall_vertex._generative_model.request_template import Template, make_template
from polycall_vertex._protocol.body import make_conversation, make_tools, other_options
from polycall_vertex._protocol.chunk import Chunk
from polycall_vertex._protocol.decoder import ReplyDecoder
from polycall_vertex._protocol.options import as_dict, hashable, reject_unknown_options, safety_settings, seconds
from polycall_vertex._sdk_objects import short_model_name

_DISTRIBUTION = "google-cloud-aiplatform"
_PRIVATE = ("_prepare_request", "_parse_response", "_prediction_resource_name", "_generation_config")
_PARSER_ERRORS = (json_format.ParseError, DecodeError, ValueError, RecursionError)
_UNREADABLE_MESSAGE = "Exception deserializing response!"
_PROJECT_AND_LOCATION = re.compile(r"projects/[^/]+/locations/[^/]+")
_MOST_TEMPLATES = 64
_CALL_OPTIONS = ("timeout", "retry", "metadata")
_END = object()

# The generated classes (v1 for a model, v1beta1 for a preview model) are dynamic: `Any` stands for their objects.


class GenerativeModelTransport:
    """Sends requests through the client of a ``GenerativeModel``.

    Args:
        model: The SDK's model.
        asynchronous: Whether async methods will be used.
        timeout_s: Default time limit of a call in seconds; ``None`` leaves it to the SDK, which waits forever.
        max_reply_bytes: Size limit of one reply, as a protobuf message.

    Raises:
        PluginError: The SDK lacks a name that this needs.
        ConfigurationError: ``asynchronous`` over REST.
    """

    def __init__(
        self,
        model: Any,
        *,
        asynchronous: bool = False,
        timeout_s: float | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        for name in _PRIVATE:
            if not hasattr(model, name):
                raise outdated(f"GenerativeModel.{name}", _DISTRIBUTION)
        if asynchronous and _takes_rest():
            raise ConfigurationError(
                "A GenerativeModel over REST has no async client. Use gRPC "
                "(vertexai.init(api_transport='grpc', ...)), or a google.genai.Client(vertexai=True).",
                key="use_async",
            )
        self._model = model
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._templates: dict[Hashable, Template] = {}

    def send(self, request: Request) -> Any:
        """Send a request and wait for the whole reply, a ``GenerateContentResponse`` message."""
        message, options = self._message(request)
        if self._goes_public(request, asynchronous=False):
            with _reading_public():
                return WrappedCall(self._model, message, options).start(streamed=False, asynchronous=False)
        with _reading():
            return self._client("_prediction_client").generate_content(request=message, **options)

    async def send_async(self, request: Request) -> Any:
        """Async version of `send`."""
        message, options = self._message(request)
        if self._goes_public(request, asynchronous=True):
            with _reading_public():
                return await WrappedCall(self._model, message, options).start(streamed=False, asynchronous=True)
        with _reading():
            response = await self._client("_prediction_async_client").generate_content(request=message, **options)
        return _not_none(response)

    def open_stream(self, request: Request) -> GrpcOrRestStream | WrappedStream:
        """Open a stream."""
        message, options = self._message(request)
        if self._goes_public(request, asynchronous=False):
            call = WrappedCall(self._model, message, options)
            return WrappedStream(call, call.start(streamed=True, asynchronous=False), _reading_public)
        with _reading():
            chunks = self._client("_prediction_client").stream_generate_content(request=message, **options)
        return GrpcOrRestStream(chunks)

    async def open_stream_async(self, request: Request) -> AsyncGrpcStream | AsyncWrappedStream:
        """Async version of `open_stream`."""
        message, options = self._message(request)
        if self._goes_public(request, asynchronous=True):
            call = WrappedCall(self._model, message, options)
            return AsyncWrappedStream(call, await call.start(streamed=True, asynchronous=True), _reading_public)
        with _reading():
            chunks = await self._client("_prediction_async_client").stream_generate_content(request=message, **options)
        return AsyncGrpcStream(chunks)

    def _goes_public(self, request: Request, *, asynchronous: bool) -> bool:
        """Whether the call must go through the model's public methods, because somebody has wrapped them.

        A wrapper of this one object, and not of its class, cannot get a system instruction, another model or options
        of the call: such a call bypasses it, rather than being sent without them.
        """
        streamed = request.stream
        if not is_wrapped(self._model, streamed=streamed, asynchronous=asynchronous):
            return False
        if not is_wrapped_alone(self._model, streamed=streamed, asynchronous=asynchronous):
            return True
        return (
            self._resource(request.model) is None
            and self._timeout_s is None
            and not any(name in request.options for name in ("system_instruction", *_CALL_OPTIONS))
            and "systemInstruction" not in make_conversation(request)
        )

    def extract(self, request: Request, response: Any) -> Reply:
        """Read a whole reply."""
        decoder = ReplyDecoder[Any](
            request,
            self._reader(),
            from_doubles=True,
            build_raw=lambda responses: self._build(responses[0]),
        )
        decoder.feed(response)
        return decoder.finish(whole=True)

    def decoder(self, request: Request) -> ReplyDecoder[Any]:
        """Decode the messages of a stream."""
        return ReplyDecoder(
            request, self._reader(), from_doubles=True, build_raw=lambda chunks: [self._build(one) for one in chunks]
        )

    def close(self) -> None:
        """Do nothing: polycall makes no ``GenerativeModel``."""

    async def close_async(self) -> None:
        """Do nothing: polycall makes no ``GenerativeModel``."""

    def _build(self, response: Any) -> object:
        """The SDK's own wrapper of a message, as its public methods return it."""
        return response if hasattr(response, "_raw_response") else self._model._parse_response(response)  # noqa: SLF001

    def _reader(self) -> Callable[[Any], Chunk]:
        """Make a function that reads the messages of one reply."""
        meter = ReplyMeter(self._max_reply_bytes)
        return lambda response: _read_response(response, meter)

    def _client(self, name: str) -> Any:
        if not hasattr(type(self._model), name) and name not in self._model.__dict__:
            raise outdated(f"GenerativeModel.{name}", _DISTRIBUTION)
        return getattr(self._model, name)

    def _message(self, request: Request) -> tuple[Any, dict[str, object]]:
        """The request as a message, and the keyword arguments of the generated client."""
        conversation = make_conversation(request)
        template = self._template(request)
        return template.fill(conversation), dict(template.call_options)

    def _template(self, request: Request) -> Template:
        """The part of a request that does not depend on the conversation; made once for options of plain JSON."""
        payload = request.tool_payload
        key: Hashable = None
        try:
            key = (id(payload), request.model, hashable(request.options))
            template = self._templates.get(key)
        except TypeError:
            template = None
        if template is None:
            template = self._make_template(request)
            if key is not None:
                if len(self._templates) >= _MOST_TEMPLATES:
                    self._templates.clear()
                self._templates[key] = template
        return template

    def _make_template(self, request: Request) -> Template:
        options = other_options(request)
        known = _generation_fields()
        reject_unknown_options(
            options, {*known, "generation_config", "safety_settings", "labels", *_CALL_OPTIONS}, "GenerativeModel"
        )
        body = make_tools(request)
        if options.get("safety_settings") is not None:
            body["safetySettings"] = safety_settings(options["safety_settings"])
        flat = {name: one for name, one in options.items() if name in known}
        try:
            message = self._model._prepare_request(  # noqa: SLF001
                "-",
                model=self._resource(request.model),
                generation_config=self._generation_config(options.get("generation_config"), flat),
                labels=options.get("labels"),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(
                f"GenerativeModel rejects the options: {error}", key="generation_config"
            ) from error
        call: dict[str, object] = {name: options[name] for name in ("retry", "metadata") if name in options}
        timeout_s = self._timeout_s if options.get("timeout") is None else seconds(options["timeout"])
        if timeout_s is not None:
            call["timeout"] = timeout_s
        return make_template(message, body, call, request.tool_payload)

    def _generation_config(self, given: object, flat: Mapping[str, object]) -> object:
        """The model's own configuration, overridden by the call's, option by option."""
        if given is None and not flat:
            return None
        merged = as_dict(self._model._generation_config, "generation_config")  # noqa: SLF001
        merged |= as_dict(given, "generation_config")
        merged |= flat
        reject_unknown_options(merged, _generation_fields(), "GenerationConfig")
        return merged

    def _resource(self, model: str | None) -> str | None:
        """The full resource name of a model; ``None`` for the model that the client was made for."""
        if model is None or model == short_model_name(self._model):
            return None
        if model.startswith("projects/"):
            return model
        own = _PROJECT_AND_LOCATION.match(self._model._prediction_resource_name)  # noqa: SLF001
        if own is None:
            raise ConfigurationError(f"model={model!r} needs its full resource name, projects/...", key="model")
        short = model.removeprefix("models/")
        path = short if short.startswith("publishers/") else f"publishers/google/models/{short}"
        return f"{own[0]}/{path}"


class GrpcOrRestStream:
    """The messages of a streamed reply."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[Any]:
        chunks = iter(self._chunks)
        while True:
            with _reading():
                chunk = next(chunks, _END)
            if chunk is _END:
                return
            yield chunk

    def close(self) -> None:
        """Cancel the call; over REST this closes the connection."""
        self._chunks.cancel()


class AsyncGrpcStream:
    """Async version of the gRPC half of `GrpcOrRestStream`."""

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[Any]:
        chunks = aiter(self._chunks)
        while True:
            with _reading():
                chunk = await anext(chunks, _END)
            if chunk is _END:
                return
            yield _not_none(chunk)

    async def aclose(self) -> None:
        """Cancel the call."""
        self._chunks.cancel()


@contextmanager
def _reading() -> Iterator[None]:
    """Turn the errors of gRPC's and REST's parsers into `ResponseError`."""
    try:
        with reading_reply(*_PARSER_ERRORS):
            yield
    except api_exceptions.InternalServerError as error:
        if _UNREADABLE_MESSAGE not in str(error):
            raise
        raise ResponseError("The SDK could not read the reply: the message does not follow the protocol.") from error


@contextmanager
def _reading_public() -> Iterator[None]:
    """`_reading` for the public methods, which raise `AttributeError` for a reply that the client could not read."""
    with _reading(), reading_reply(AttributeError):
        yield


def _takes_rest() -> bool:
    initializer = sys.modules.get("google.cloud.aiplatform.initializer")
    config = getattr(initializer, "global_config", None)
    return getattr(config, "_api_transport", None) == "rest"


def _generation_fields() -> frozenset[str]:
    return frozenset(v1beta1.GenerationConfig.pb().DESCRIPTOR.fields_by_name)


def _read_response(response: Any, meter: ReplyMeter) -> Chunk:
    response = getattr(response, "_raw_response", response)  # the wrapper that the public methods return
    message = type(response).pb(response)
    meter.take(message.ByteSize())
    if not isinstance(message, v1beta1.GenerateContentResponse.pb()):
        # v1 knows no ids of calls: they are unknown fields, which v1beta1 can read.
        message = v1beta1.GenerateContentResponse.pb().FromString(message.SerializeToString())
    return read_chunk(message)


def _not_none(message: Any) -> Any:
    """Reject ``None``, which the async client returns for a message that it cannot read (grpcio 1.85)."""
    if message is None:
        raise ResponseError("The SDK could not read the reply: the message does not follow the protocol.")
    return message
