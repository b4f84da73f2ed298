"""What a plugin author imports. The hooks themselves are described in `polycall.hookspecs`.

A provider is a module with functions like this, and an entry point in the group ``polycall.providers``::

    from polycall.plugin import HOOK_API_VERSION, Reply, Request, ToolCall, hookimpl

    polycall_hook_api = 1

    @hookimpl
    def polycall_send(client, request):
        return client.ask(request.messages, request.tool_payload)
"""

from __future__ import annotations

import pluggy

from polycall._data.contract import (
    ArgumentsDelta,
    AsyncChunkStream,
    CallCompleted,
    CallResult,
    CallStarted,
    ChunkStream,
    ClientTraits,
    Reply,
    Request,
    StreamDecoder,
    StreamEvent,
    TextDelta,
    ToolSpec,
)
from polycall._data.errors import (
    ConfigurationError,
    MessageError,
    PluginError,
    RefusalError,
    ResponseError,
    SchemaError,
)
from polycall._data.types import FinishReason, Mode, ToolCall, Usage
from polycall._schema.dialect import Dialect, RenderedSchema, SchemaLimits
from polycall._schema.render import render_schema
from polycall._toolkit.reply_meter import MAX_REPLY_BYTES, ReplyMeter
from polycall._toolkit.server_sent_events import EventReader, ServerSentEvent
from polycall.hookspecs import HOOK_API_VERSION
from polycall.hookspecs import PROJECT_NAME as _PROJECT_NAME

__all__ = [
    "HOOK_API_VERSION",
    "MAX_REPLY_BYTES",
    "ArgumentsDelta",
    "AsyncChunkStream",
    "CallCompleted",
    "CallResult",
    "CallStarted",
    "ChunkStream",
    "ClientTraits",
    "ConfigurationError",
    "Dialect",
    "EventReader",
    "FinishReason",
    "MessageError",
    "Mode",
    "PluginError",
    "RefusalError",
    "RenderedSchema",
    "Reply",
    "ReplyMeter",
    "Request",
    "ResponseError",
    "SchemaError",
    "SchemaLimits",
    "ServerSentEvent",
    "StreamDecoder",
    "StreamEvent",
    "TextDelta",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "hookimpl",
    "is_instance_of",
    "render_schema",
]

hookimpl = pluggy.HookimplMarker(_PROJECT_NAME)
"""Marks a function as the implementation of the hook of its name; ``hookimpl(wrapper=True)`` wraps it."""


def is_instance_of(value: object, *class_names: str) -> bool:
    """Whether an object is an instance of a class, or of a subclass, that is known only by name.

    For `polycall_recognize_client`: it imports nothing.

    Args:
        value: Any object.
        class_names: Module and name of each class as they are defined, e.g. ``"acme.client.Client"``.
    """
    return any(f"{class_.__module__}.{class_.__qualname__}" in class_names for class_ in type(value).__mro__)
