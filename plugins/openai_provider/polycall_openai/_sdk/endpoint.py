"""Where the SDK keeps each of the two APIs, as data, so that nothing is imported before the first request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple


@dataclass(frozen=True, eq=False, slots=True)
class Endpoint:
    """One API of OpenAI, and its place in the SDK."""

    protocol: str
    """The API's name, for errors."""
    path: str
    """The path that follows ``base_url``."""
    resource: tuple[str, ...]
    """The attributes that lead from a client to the resource with ``create``."""
    resource_module: str
    types_module: str
    reply_type: str
    event_type: str
    parameters_module: str
    parameters_types: tuple[str, str]

    def create(self, client: Any) -> Callable[..., Any]:
        """The SDK's ``create``, with any wrapper around it."""
        resource = client
        for name in self.resource:
            resource = getattr(resource, name)
        method: Callable[..., Any] = resource.create
        return method


class SdkTypes(NamedTuple):
    """The classes that the SDK would parse a reply into. With the raw header it only remembers them."""

    reply: Any
    stream: Any
    async_stream: Any


@lru_cache(maxsize=4)
def sdk_types(endpoint: Endpoint) -> SdkTypes:
    """The classes for `Endpoint.path`."""
    import openai

    types = import_module(endpoint.types_module)
    event: Any = getattr(types, endpoint.event_type)
    stream: Any = openai.Stream
    async_stream: Any = openai.AsyncStream
    return SdkTypes(getattr(types, endpoint.reply_type), stream[event], async_stream[event])


@lru_cache(maxsize=4)
def create_parameters(endpoint: Endpoint) -> frozenset[str]:
    """The body fields that this SDK's ``create`` takes; from its types, because the function may be wrapped."""
    parameters = import_module(endpoint.parameters_module)
    names: set[str] = set()
    for name in endpoint.parameters_types:
        type_ = getattr(parameters, name)
        names |= type_.__required_keys__ | type_.__optional_keys__
    return frozenset(names)


CHAT_COMPLETIONS = Endpoint(
    protocol="Chat Completions",
    path="/chat/completions",
    resource=("chat", "completions"),
    resource_module="openai.resources.chat.completions",
    types_module="openai.types.chat",
    reply_type="ChatCompletion",
    event_type="ChatCompletionChunk",
    parameters_module="openai.types.chat.completion_create_params",
    parameters_types=("CompletionCreateParamsNonStreaming", "CompletionCreateParamsStreaming"),
)
RESPONSES = Endpoint(
    protocol="the Responses API",
    path="/responses",
    resource=("responses",),
    resource_module="openai.resources.responses.responses",
    types_module="openai.types.responses",
    reply_type="Response",
    event_type="ResponseStreamEvent",
    parameters_module="openai.types.responses.response_create_params",
    parameters_types=("ResponseCreateParamsNonStreaming", "ResponseCreateParamsStreaming"),
)
