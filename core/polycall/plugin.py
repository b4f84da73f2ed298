"""The names that a plugin author imports. The hooks themselves are described in `polycall.hookspecs`.

A provider is a module with functions like this, and an entry point in the group ``polycall.providers``::

    from polycall.plugin import hookimpl

    polycall_hook_api = 1

    @hookimpl
    def polycall_send(session, body):
        return session.ask(body)
"""

import pluggy

from polycall._data.contract import IN_CODE_ONLY as IN_CODE_ONLY
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
from polycall._data.contract import OtherNames as OtherNames
from polycall._data.contract import ReadFrom as ReadFrom
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
from polycall._data.types import ErrorKind as ErrorKind
from polycall._data.types import FinishReason as FinishReason
from polycall._data.types import JsonObject as JsonObject
from polycall._data.types import Mode as Mode
from polycall._data.types import ToolCall as ToolCall
from polycall._data.types import Usage as Usage
from polycall._data.wording import Wording as Wording
from polycall._schema.dialect import Dialect as Dialect
from polycall._schema.dialect import RenderedSchema as RenderedSchema
from polycall._schema.dialect import SchemaAdaptation as SchemaAdaptation
from polycall._schema.dialect import SchemaLimits as SchemaLimits
from polycall._schema.render import render_schema as render_schema
from polycall._toolkit.adaptations import schema_adaptations as schema_adaptations
from polycall._toolkit.byte_streams import AsyncOpenStream as AsyncOpenStream
from polycall._toolkit.byte_streams import DoneMark as DoneMark
from polycall._toolkit.byte_streams import OpenStream as OpenStream
from polycall._toolkit.byte_streams import aclose_all as aclose_all
from polycall._toolkit.byte_streams import async_byte_stream as async_byte_stream
from polycall._toolkit.byte_streams import async_chunk_stream as async_chunk_stream
from polycall._toolkit.byte_streams import async_error_body as async_error_body
from polycall._toolkit.byte_streams import byte_stream as byte_stream
from polycall._toolkit.byte_streams import chunk_stream as chunk_stream
from polycall._toolkit.byte_streams import close_all as close_all
from polycall._toolkit.byte_streams import error_body as error_body
from polycall._toolkit.byte_streams import wake_reader as wake_reader
from polycall._toolkit.calls import NAME_SPACES as NAME_SPACES
from polycall._toolkit.calls import CallIds as CallIds
from polycall._toolkit.calls import CallMaker as CallMaker
from polycall._toolkit.calls import RenderedTool as RenderedTool
from polycall._toolkit.calls import RenderedTools as RenderedTools
from polycall._toolkit.calls import earlier_call_ids as earlier_call_ids
from polycall._toolkit.calls import render_tool as render_tool
from polycall._toolkit.calls import resolve_name as resolve_name
from polycall._toolkit.conversation import assistant_turn as assistant_turn
from polycall._toolkit.conversation import continue_conversation as continue_conversation
from polycall._toolkit.error_kinds import is_about_connection as is_about_connection
from polycall._toolkit.error_kinds import kind_by_class as kind_by_class
from polycall._toolkit.error_kinds import kind_of_code as kind_of_code
from polycall._toolkit.error_kinds import kind_of_report as kind_of_report
from polycall._toolkit.error_kinds import kind_of_status as kind_of_status
from polycall._toolkit.error_kinds import kind_of_transport as kind_of_transport
from polycall._toolkit.headers import shown_headers as shown_headers
from polycall._toolkit.headers import shown_url as shown_url
from polycall._toolkit.hints import did_you_mean as did_you_mean
from polycall._toolkit.hints import nearest as nearest
from polycall._toolkit.hints import sdk_missing as sdk_missing
from polycall._toolkit.json_values import NotJsonError as NotJsonError
from polycall._toolkit.json_values import arguments_object as arguments_object
from polycall._toolkit.json_values import arguments_text as arguments_text
from polycall._toolkit.json_values import excerpt as excerpt
from polycall._toolkit.json_values import json_int as json_int
from polycall._toolkit.json_values import json_list as json_list
from polycall._toolkit.json_values import json_object as json_object
from polycall._toolkit.json_values import json_text as json_text
from polycall._toolkit.json_values import parse_json as parse_json
from polycall._toolkit.json_values import parse_object as parse_object
from polycall._toolkit.json_values import replayable_arguments as replayable_arguments
from polycall._toolkit.json_values import to_plain_data as to_plain_data
from polycall._toolkit.keys import unsendable as unsendable
from polycall._toolkit.lines import LineReader as LineReader
from polycall._toolkit.media import MediaPart as MediaPart
from polycall._toolkit.media import media_type_of as media_type_of
from polycall._toolkit.media import required_media_type as required_media_type
from polycall._toolkit.message_types import AssistantMessage as AssistantMessage
from polycall._toolkit.message_types import EarlierCall as EarlierCall
from polycall._toolkit.message_types import Message as Message
from polycall._toolkit.message_types import NativeMessage as NativeMessage
from polycall._toolkit.message_types import NativePart as NativePart
from polycall._toolkit.message_types import Part as Part
from polycall._toolkit.message_types import SystemMessage as SystemMessage
from polycall._toolkit.message_types import TextPart as TextPart
from polycall._toolkit.message_types import ToolMessage as ToolMessage
from polycall._toolkit.message_types import UserMessage as UserMessage
from polycall._toolkit.message_types import name_of as name_of
from polycall._toolkit.message_types import refuse_native as refuse_native
from polycall._toolkit.message_types import text_of as text_of
from polycall._toolkit.messages import check_messages as check_messages
from polycall._toolkit.messages import read_messages as read_messages
from polycall._toolkit.options import NEUTRAL_OPTIONS as NEUTRAL_OPTIONS
from polycall._toolkit.options import Translation as Translation
from polycall._toolkit.options import check_timeout as check_timeout
from polycall._toolkit.options import client_settings as client_settings
from polycall._toolkit.options import translate_options as translate_options
from polycall._toolkit.patched import is_untouched as is_untouched
from polycall._toolkit.reading import parser_errors as parser_errors
from polycall._toolkit.reading import reading_reply as reading_reply
from polycall._toolkit.reading import size_of as size_of
from polycall._toolkit.recognition import is_instance_of as is_instance_of
from polycall._toolkit.reply_meter import MAX_REPLY_BYTES as MAX_REPLY_BYTES
from polycall._toolkit.reply_meter import ReplyMeter as ReplyMeter
from polycall._toolkit.sendable import sendable as sendable
from polycall._toolkit.sendable import sendable_headers as sendable_headers
from polycall._toolkit.sendable import sendable_key as sendable_key
from polycall._toolkit.sendable import sendable_name as sendable_name
from polycall._toolkit.sendable import without_surrogates as without_surrogates
from polycall._toolkit.server_sent_events import EventReader as EventReader
from polycall._toolkit.server_sent_events import ServerSentEvent as ServerSentEvent
from polycall._toolkit.threads import ElasticThreads as ElasticThreads
from polycall.hookspecs import HOOK_API_VERSION as HOOK_API_VERSION
from polycall.hookspecs import PROJECT_NAME as _PROJECT_NAME

hookimpl = pluggy.HookimplMarker(_PROJECT_NAME)
"""Marks a function as the implementation of the hook of its name; ``hookimpl(wrapper=True)`` wraps it."""

__all__ = [name for name in list(globals()) if name.isidentifier() and not name.startswith("_") and name != "pluggy"]
