"""The session of a ``vertexai.generative_models.GenerativeModel``, over gRPC or REST.

Its public methods take no system instruction per call, and closing their streams does not close the connection over
REST or with asyncio. So this uses the generated client below them, which can do both, through private names of the
wrapper; a missing one is a `PluginError`. Nothing here imports ``vertexai``: the maker of the model has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from google.api_core import exceptions as api_exceptions
from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from polycall.plugin import (
    MAX_REPLY_BYTES,
    Adaptation,
    AsyncOpenStream,
    ConfigurationError,
    JsonObject,
    OpenStream,
    RenderedRequest,
    Reply,
    ReplyMeter,
    Request,
    SessionTraits,
    StreamEvent,
    async_chunk_stream,
    sendable_headers,
    shown_headers,
)
from polycall_vertex._errors import outdated, reading, translation, unreadable_message
from polycall_vertex._generative_model.protobuf import read_chunk
from polycall_vertex._generative_model.public_path import (
    WrappedCall,
    begin,
    begin_async,
    is_wrapped,
    is_wrapped_alone,
    refuse_errors,
    wake_reader,
)
from polycall_vertex._generative_model.request_template import ModelRequest, Template, make_template
from polycall_vertex._protocol.body import CallSettings
from polycall_vertex._protocol.contradictions import TOP_LEVEL, contradictions
from polycall_vertex._protocol.decoder import ReplyDecoder
from polycall_vertex._protocol.options import (
    as_dict,
    builtin_tools,
    hashable,
    own_options,
    reject_non_finite,
    reject_unknown_fields,
    safety_settings,
    seconds,
    system_parts,
    tool_config,
)
from polycall_vertex._sdk_objects import merge_objects, short_model_name, to_rest

_DISTRIBUTION = "google-cloud-aiplatform"
_PRIVATE = (
    *("_prepare_request", "_parse_response", "_prediction_resource_name", "_generation_config"),
    *("_system_instruction", "_tools", "_tool_config", "_cached_content"),
)
_PARSER_ERRORS = (json_format.ParseError, DecodeError, ValueError, RecursionError)
_UNREADABLE_MESSAGE = "Exception deserializing response!"
_PROJECT_AND_LOCATION = re.compile(r"projects/[^/]+/locations/[^/]+")
_MOST_TEMPLATES = 64
_CALL_OPTIONS = ("timeout", "retry", "metadata", "extra_headers")
_OPTIONS = ("generation_config", "safety_settings", "labels", "system_instruction", "tools", "tool_config")

# The generated classes (v1 for a model, v1beta1 for a preview model) are dynamic: `Any` stands for their objects.


class GenerativeModelSession:
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

    def traits(self) -> SessionTraits:
        """Host and port of the endpoint."""
        url = urlsplit(self._endpoint())
        return SessionTraits(host=url.hostname, port=url.port or 443, telemetry_name="gcp.vertex_ai")

    def render(self, request: Request) -> ModelRequest:
        """A request as a protobuf message."""
        template = self._template(request)
        request.adaptations.extend(template.adaptations)
        return template.fill(request.messages)

    def describe(self, request: Request, body: ModelRequest) -> RenderedRequest:
        """The request as it is sent: over gRPC the whole message, over REST what the SDK puts into the body.

        The SDK adds headers of its own while it sends.
        """
        type_ = type(body.message)
        version = type_.__module__.split(".")[2].removeprefix("aiplatform_")
        headers = shown_headers(dict(body.call_options.get("metadata") or ()))  # type: ignore[call-overload]
        message = type_.pb(body.message)
        if not _takes_rest():
            method = "StreamGenerateContent" if request.stream else "GenerateContent"
            url = f"google.cloud.aiplatform.{version}.PredictionService/{method}"
            return RenderedRequest(url=url, headers=headers, body=json_format.MessageToDict(message))
        method = "streamGenerateContent" if request.stream else "generateContent"
        dumped = json_format.MessageToDict(message, use_integers_for_enums=True)
        url = f"{self._endpoint()}/{version}/{dumped.pop('model')}:{method}?$alt=json;enum-encoding=int"
        return RenderedRequest(method="POST", url=url, headers=headers, body=dumped)

    def send(self, request: Request, body: ModelRequest) -> Any:
        """Send a request and wait for the whole reply, a ``GenerateContentResponse`` message."""
        if self._goes_public(request, body, asynchronous=False):
            with _reading_public():
                return WrappedCall(self._model, body).start(streamed=False, asynchronous=False)
        with _reading():
            return self._client("_prediction_client").generate_content(request=body.message, **body.call_options)

    async def send_async(self, request: Request, body: ModelRequest) -> Any:
        """Async version of `send`."""
        if self._goes_public(request, body, asynchronous=True):
            with _reading_public():
                return await WrappedCall(self._model, body).start(streamed=False, asynchronous=True)
        with _reading():
            client = self._client("_prediction_async_client")
            response = await client.generate_content(request=body.message, **body.call_options)
        if response is None:  # what the async client returns for a message that it cannot read (grpcio 1.85)
            raise unreadable_message()
        return response

    def open_stream(self, request: Request, body: ModelRequest) -> OpenStream[Any]:
        """Open a stream."""
        if self._goes_public(request, body, asynchronous=False):
            return begin(WrappedCall(self._model, body), _reading_public, _translate_public)
        with _reading():
            client = self._client("_prediction_client")
            chunks = refuse_errors(client.stream_generate_content(request=body.message, **body.call_options))
        return OpenStream(chunks, (chunks.cancel,), _translate, None, interrupt=lambda: wake_reader(chunks))

    async def open_stream_async(self, request: Request, body: ModelRequest) -> AsyncOpenStream[Any]:
        """Async version of `open_stream`."""
        if self._goes_public(request, body, asynchronous=True):
            return await begin_async(WrappedCall(self._model, body), _translate_public)
        with _reading():
            client = self._client("_prediction_async_client")
            chunks = await client.stream_generate_content(request=body.message, **body.call_options)
        return async_chunk_stream(chunks, chunks.cancel, errors=_translate)

    def decoder(self, request: Request) -> MessageDecoder:
        """Decode a reply."""
        return MessageDecoder(request, self._max_reply_bytes, self._model._parse_response)  # noqa: SLF001

    def close(self) -> None:
        """Do nothing: polycall makes no ``GenerativeModel``."""

    async def close_async(self) -> None:
        """Do nothing: polycall makes no ``GenerativeModel``."""

    def _goes_public(self, request: Request, body: ModelRequest, *, asynchronous: bool) -> bool:
        """Whether the call must go through the model's public methods, because somebody has wrapped them.

        A wrapper of this one object, and not of its class, cannot get a system instruction, another model or options
        of the call: such a call bypasses it, rather than being sent without them.
        """
        streamed = request.stream
        if not is_wrapped(self._model, streamed=streamed, asynchronous=asynchronous):
            return False
        if not is_wrapped_alone(self._model, streamed=streamed, asynchronous=asynchronous):
            return True
        own_system = len(system_parts(self._model._system_instruction))  # noqa: SLF001
        return (
            self._resource(request.model) is None
            and not body.call_options
            and len(body.message.system_instruction.parts) == own_system
        )

    def _client(self, name: str) -> Any:
        if not hasattr(type(self._model), name) and name not in self._model.__dict__:
            raise outdated(f"GenerativeModel.{name}", _DISTRIBUTION)
        return getattr(self._model, name)

    def _endpoint(self) -> str:
        """The endpoint as a URL without a path."""
        config = _sdk_config()
        options = getattr(config, "get_client_options", None)
        endpoint = ""
        if options is not None:
            location = getattr(self._model, "_location", None)
            endpoint = options(location_override=location, prediction_client=True).api_endpoint or ""
        return endpoint if "://" in endpoint else f"https://{endpoint}"

    def _template(self, request: Request) -> Template:
        """The part of a request that does not depend on the conversation; made once for options of plain JSON."""
        payload = request.tool_payload
        key: Hashable = None
        try:
            key = (id(payload), request.model, hashable(request.options), request.default_options)
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
        known = _generation_fields()
        options = own_options(request.options, {*known, *_OPTIONS, *_CALL_OPTIONS}, defaults=request.default_options)
        reject_non_finite({name: one for name, one in options.items() if name not in _CALL_OPTIONS})
        flat = {name: one for name, one in options.items() if name in known}
        settings, adaptations = self._settings(options)
        given = options.get("generation_config")
        places = {"generation_config": as_dict(given, "generation_config"), TOP_LEVEL: flat}
        adaptations += contradictions(places, request.default_options)
        try:
            message = self._model._prepare_request(  # noqa: SLF001
                "-",
                model=self._resource(request.model),
                generation_config=self._generation_config(given, flat),
                labels=options.get("labels"),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(
                f"GenerativeModel rejects the options: {error}", key="generation_config"
            ) from error
        fields: JsonObject = {}
        if options.get("safety_settings") is not None:
            fields["safetySettings"] = safety_settings(options["safety_settings"])
        call_options = self._call_options(options)
        return make_template(message, fields, settings, call_options, request.tool_payload, adaptations)

    def _settings(self, options: Mapping[str, object]) -> tuple[CallSettings, list[Adaptation]]:
        """The model's own instruction, tools and tool configuration, merged with those of the call."""
        model, adaptations = self._model, list[Adaptation]()
        tools: list[JsonObject] = []
        for tool in model._tools or ():  # noqa: SLF001
            rest = to_rest(tool) or {}
            functions = rest.pop("functionDeclarations", None)
            if functions:
                names = [one.get("name") for one in functions]  # type: ignore[attr-defined]
                reason = "the functions come from response_model"
                adaptations.append(
                    Adaptation(setting="GenerativeModel.tools", kind="dropped", given=names, reason=reason)
                )
            tools += [rest] if rest else []
        cached = model._cached_content  # noqa: SLF001
        settings = CallSettings(
            system=[
                *system_parts(model._system_instruction),  # noqa: SLF001
                *system_parts(options.get("system_instruction")),
            ],
            tools=[*tools, *builtin_tools(options.get("tools"))],
            tool_config=merge_objects(tool_config(model._tool_config), tool_config(options.get("tool_config"))),  # noqa: SLF001
            cached_content=cached and cached.resource_name,
        )
        return settings, adaptations

    def _call_options(self, options: Mapping[str, Any]) -> dict[str, object]:
        """Keyword arguments for the generated client."""
        call: dict[str, object] = {"retry": options["retry"]} if "retry" in options else {}
        metadata = options.get("metadata") or []
        if not isinstance(metadata, (list, tuple)) or not all(isinstance(one, (list, tuple)) for one in metadata):
            raise ConfigurationError("metadata must be a list of pairs of name and value.", key="metadata")
        metadata = list(metadata)
        if options.get("extra_headers") is not None:
            headers = sendable_headers(options["extra_headers"], encoding="ascii")
            metadata += [(name.lower(), value) for name, value in headers.items()]
        if metadata:
            call["metadata"] = metadata
        timeout_s = self._timeout_s if options.get("timeout") is None else seconds(options["timeout"])
        if timeout_s is not None:
            call["timeout"] = timeout_s
        return call

    def _generation_config(self, given: object, flat: Mapping[str, object]) -> object:
        """The model's own configuration, overridden by the call's, option by option."""
        if given is None and not flat:
            return None
        merged = as_dict(self._model._generation_config, "generation_config")  # noqa: SLF001
        merged |= as_dict(given, "generation_config")
        merged |= flat
        reject_unknown_fields(merged, _generation_fields(), "GenerationConfig")
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


class MessageDecoder:
    """Decodes one reply of protobuf messages, or of the wrappers that the public methods return.

    Args:
        request: Its tools determine how arguments are read.
        max_reply_bytes: Size limit of the reply.
        parse_response: The SDK's own: makes its wrapper of a message.
    """

    def __init__(self, request: Request, max_reply_bytes: int, parse_response: Callable[[Any], object]) -> None:
        self._decoder = ReplyDecoder(request, from_doubles=True)
        self._is_whole = not request.stream
        self._meter = ReplyMeter(max_reply_bytes)
        self._parse_response = parse_response
        self._responses: list[Any] = []

    def feed(self, response: Any) -> list[StreamEvent]:
        """Take the next message; see `polycall.plugin.StreamDecoder.feed`."""
        if response is None:
            raise unreadable_message()
        self._responses.append(response)
        message = getattr(response, "_raw_response", response)  # in the wrapper that the public methods return
        message = type(message).pb(message)
        self._meter.take(message.ByteSize())
        if not isinstance(message, v1beta1.GenerateContentResponse.pb()):
            # v1 knows no ids of calls: they are unknown fields, which v1beta1 can read.
            message = v1beta1.GenerateContentResponse.pb().FromString(message.SerializeToString())
        return self._decoder.take(read_chunk(message))

    def finish(self) -> Reply:
        """Return the reply; see `polycall.plugin.StreamDecoder.finish`."""
        return self._decoder.finish(self._build_raw)

    def _build_raw(self) -> object:
        """The SDK's own wrappers of the messages, as its public methods return them."""
        built = [one if hasattr(one, "_raw_response") else self._parse_response(one) for one in self._responses]
        return built[0] if self._is_whole else built


_translate_parsers = translation(*_PARSER_ERRORS)
_translate_attributes = translation(AttributeError)


def _translate(error: Exception) -> Exception | None:
    """The `ResponseError` for an error of gRPC's and REST's parsers."""
    if isinstance(error, api_exceptions.InternalServerError) and _UNREADABLE_MESSAGE in str(error):
        return unreadable_message()
    return _translate_parsers(error)


def _translate_public(error: Exception) -> Exception | None:
    """`_translate` for the public methods, which raise `AttributeError` for a reply that the client could not read."""
    return _translate(error) or _translate_attributes(error)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        with reading(*_PARSER_ERRORS):
            yield
    except api_exceptions.InternalServerError as error:
        raise (_translate(error) or error) from error


@contextmanager
def _reading_public() -> Iterator[None]:
    with _reading(), reading(AttributeError):
        yield


def _sdk_config() -> Any:
    return getattr(sys.modules.get("google.cloud.aiplatform.initializer"), "global_config", None)


def _takes_rest() -> bool:
    return getattr(_sdk_config(), "_api_transport", None) == "rest"


def _generation_fields() -> frozenset[str]:
    return frozenset(v1beta1.GenerationConfig.pb().DESCRIPTOR.fields_by_name)
