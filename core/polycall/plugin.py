"""The names that a plugin author imports. The hooks themselves are described in `polycall.hookspecs`.

A provider is a module with functions like this, and an entry point in the group ``polycall.providers``::

    from polycall.plugin import Reply, Request, ToolCall, hookimpl

    polycall_hook_api = 1

    @hookimpl
    def polycall_send(session, body):
        return session.ask(body)
"""

from __future__ import annotations

import pluggy

from polycall._data.contract import NEW_CLIENT_ONLY as NEW_CLIENT_ONLY
from polycall._data.contract import ArgumentsDelta as ArgumentsDelta
from polycall._data.contract import AsyncChunkStream as AsyncChunkStream
from polycall._data.contract import BatchRequest as BatchRequest
from polycall._data.contract import BatchResult as BatchResult
from polycall._data.contract import BatchStatus as BatchStatus
from polycall._data.contract import CallCompleted as CallCompleted
from polycall._data.contract import CallResult as CallResult
from polycall._data.contract import CallStarted as CallStarted
from polycall._data.contract import ChunkStream as ChunkStream
from polycall._data.contract import ClientTraits as ClientTraits
from polycall._data.contract import ReasoningDelta as ReasoningDelta
from polycall._data.contract import RenderedRequest as RenderedRequest
from polycall._data.contract import Reply as Reply
from polycall._data.contract import Request as Request
from polycall._data.contract import SessionTraits as SessionTraits
from polycall._data.contract import StreamDecoder as StreamDecoder
from polycall._data.contract import StreamEvent as StreamEvent
from polycall._data.contract import TextDelta as TextDelta
from polycall._data.contract import ToolSpec as ToolSpec
from polycall._data.errors import ConfigurationError as ConfigurationError
from polycall._data.errors import MessageError as MessageError
from polycall._data.errors import PluginError as PluginError
from polycall._data.errors import RefusalError as RefusalError
from polycall._data.errors import ResponseError as ResponseError
from polycall._data.errors import SchemaError as SchemaError
from polycall._data.types import Adaptation as Adaptation
from polycall._data.types import CallFailure as CallFailure
from polycall._data.types import FinishReason as FinishReason
from polycall._data.types import JsonObject as JsonObject
from polycall._data.types import Mode as Mode
from polycall._data.types import ToolCall as ToolCall
from polycall._data.types import Usage as Usage
from polycall._data.wording import Wording as Wording
from polycall._schema.dialect import Dialect as Dialect
from polycall._schema.dialect import RenderedSchema as RenderedSchema
from polycall._schema.dialect import SchemaLimits as SchemaLimits
from polycall._schema.render import render_schema as render_schema
from polycall._toolkit.recognition import is_instance_of as is_instance_of
from polycall._toolkit.reply_meter import MAX_REPLY_BYTES as MAX_REPLY_BYTES
from polycall._toolkit.reply_meter import ReplyMeter as ReplyMeter
from polycall._toolkit.server_sent_events import EventReader as EventReader
from polycall._toolkit.server_sent_events import ServerSentEvent as ServerSentEvent
from polycall.hookspecs import HOOK_API_VERSION as HOOK_API_VERSION
from polycall.hookspecs import PROJECT_NAME as _PROJECT_NAME

hookimpl = pluggy.HookimplMarker(_PROJECT_NAME)
"""Marks a function as the implementation of the hook of its name; ``hookimpl(wrapper=True)`` wraps it."""

__all__ = [name for name in list(globals()) if not name.startswith("_") and name not in ("annotations", "pluggy")]
