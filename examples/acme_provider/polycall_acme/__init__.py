"""Acme for polycall: a whole provider plugin, sync, async and streamed, that passes the conformance kit.

The hooks stand in the order of their use; `polycall.hookspecs` says what each must do. Acme's protocol and its
client, for which other plugins have an SDK, are in ``_client.py``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from polycall.plugin import (
    MAX_REPLY_BYTES,
    NEUTRAL_OPTIONS,
    NEW_CLIENT_ONLY,
    AssistantMessage,
    AsyncOpenStream,
    CallCompleted,
    CallIds,
    CallMaker,
    ClientTraits,
    Dialect,
    ErrorKind,
    FinishReason,
    LineReader,
    NativeMessage,
    OpenStream,
    RefusalError,
    RenderedRequest,
    RenderedTools,
    Reply,
    ReplyMeter,
    Request,
    ResponseError,
    SchemaError,
    SessionTraits,
    StreamEvent,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    async_chunk_stream,
    chunk_stream,
    earlier_call_ids,
    excerpt,
    hookimpl,
    is_instance_of,
    read_messages,
    refuse_native,
    render_tool,
    replayable_arguments,
    sendable,
    sendable_key,
    text_of,
    translate_options,
)

from ._client import AcmeClient, AcmeError, decode_line, encode_line

__all__ = ["AcmeClient", "AcmeError"]  # for users; the hooks are found by their names

polycall_hook_api = 1

# -- clients ----------------------------------------------------------------------------------------------------------


class AcmeSettings(BaseModel):
    """What ``from_provider("acme/...", ...)`` and a profile of a config file can set."""

    host: Annotated[str, NEW_CLIENT_ONLY, Field(description="Name or address of the service.")] = "localhost"
    port: Annotated[int, NEW_CLIENT_ONLY, Field(description="Its port.")] = 7070
    token: Annotated[SecretStr | None, NEW_CLIENT_ONLY, Field(description="Opens the service.")] = None
    timeout: Annotated[float | None, NEW_CLIENT_ONLY, Field(description="For each piece of a reply, in seconds.")] = 60
    max_reply_bytes: Annotated[int, Field(description="A longer reply is not read to its end.")] = MAX_REPLY_BYTES


class AcmeSession:
    """A client and what polycall itself needs to know."""

    def __init__(self, client: AcmeClient, max_reply_bytes: int) -> None:
        self.client, self.max_reply_bytes = client, max_reply_bytes

    def meter(self) -> ReplyMeter:
        return ReplyMeter(self.max_reply_bytes)


@hookimpl
def polycall_settings_type() -> type[AcmeSettings]:
    return AcmeSettings


@hookimpl
def polycall_create_client(settings: AcmeSettings) -> AcmeClient:
    token = sendable_key(settings.token.get_secret_value(), "token") if settings.token else None
    return AcmeClient(settings.host, settings.port, token, settings.timeout)


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    its_own = is_instance_of(client, f"{AcmeClient.__module__}.AcmeClient")
    return ClientTraits(sync=True, asynchronous=True) if its_own else None


_KINDS: dict[str, ErrorKind] = {
    "auth": "auth",
    "rate_limit": "rate_limit",
    "not_found": "bad_request",
    "server_error": "server",
    "error_in_reply": "server",
}
"""Of what the service calls its errors. Those of sockets polycall knows by itself."""


@hookimpl
def polycall_error_kind(error: Exception) -> ErrorKind | None:
    return _KINDS.get(error.kind) if isinstance(error, AcmeError) else None


@hookimpl
def polycall_bind_client(client: AcmeClient, settings: AcmeSettings) -> AcmeSession:
    return AcmeSession(client, settings.max_reply_bytes)


@hookimpl
def polycall_describe_session(session: AcmeSession) -> SessionTraits:
    return SessionTraits(host=session.client.host, port=session.client.port)


# -- schema rendering -------------------------------------------------------------------------------------------------

_DIALECT = Dialect(name="Acme's schema", references="inline")  # it has no word for a type within itself


@hookimpl
def polycall_render_tools(tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> RenderedTools[list[str]]:
    if strict:
        raise SchemaError(tools[0].name, "Acme enforces no schema. Leave out strict=True.")
    rendered = {tool.name: render_tool(tool, _DIALECT) for tool in tools}
    lines = [
        encode_line("TOOL", tool.name, json.dumps(rendered[tool.name].schema), tool.description or "") for tool in tools
    ]
    return RenderedTools([*lines, encode_line("CHOICE", tool_choice)], rendered)


# -- request sending --------------------------------------------------------------------------------------------------

_OPTIONS = {
    **dict.fromkeys(NEUTRAL_OPTIONS),  # those that Acme lacks are refused
    "max_tokens": "max_words",
    "temperature": "temperature",
    "seed": "seed",
}


@hookimpl
def polycall_render_request(request: Request) -> list[str]:
    tools: RenderedTools[list[str]] = request.tool_payload
    options = translate_options(
        request.options,
        provider="acme",
        neutral=_OPTIONS,
        reserved={},
        known=None,
        defaults=request.default_options,
    )
    lines = [encode_line("MODEL", request.model)] if request.model else []
    lines += tools.payload
    lines += [encode_line("OPTION", name, json.dumps(value)) for name, value in options.items()]
    for message in read_messages(request.messages, provider="acme"):
        if isinstance(message, NativeMessage):
            refuse_native(message, "acme")
        text = str(sendable(text_of(message.parts, reader="Acme"), where=message.where))
        if isinstance(message, ToolMessage):
            lines.append(encode_line("RESULT", message.call_id or "", "error" if message.is_error else "ok", text))
            continue
        role = "system" if isinstance(message, SystemMessage) else "user"
        calls = message.calls if isinstance(message, AssistantMessage) else ()
        if text or not calls:
            lines.append(encode_line("SAY", "assistant" if isinstance(message, AssistantMessage) else role, text))
        for call in calls:
            arguments = replayable_arguments(call.arguments_text)
            lines.append(encode_line("CALL", *(str(sendable(word)) for word in (call.id or "", call.name, arguments))))
    return lines


@hookimpl
def polycall_describe_request(session: AcmeSession, body: list[str]) -> RenderedRequest:
    return RenderedRequest(url=f"tcp://{session.client.host}:{session.client.port}", body=body)


@hookimpl
def polycall_send(session: AcmeSession, body: list[str]) -> list[bytes]:
    meter, pieces = session.meter(), []
    with closing(session.client.ask(body)) as reply:
        for piece in reply:
            meter.take(len(piece))
            pieces.append(piece)
    return pieces


@hookimpl
async def polycall_send_async(session: AcmeSession, body: list[str]) -> list[bytes]:
    meter, pieces = session.meter(), []
    async with aclosing(await session.client.ask_async(body)) as reply:
        async for piece in reply:
            meter.take(len(piece))
            pieces.append(piece)
    return pieces


@hookimpl
def polycall_open_stream(session: AcmeSession, body: list[str]) -> OpenStream[bytes]:
    return chunk_stream(session.client.ask(body))


@hookimpl
async def polycall_open_stream_async(session: AcmeSession, body: list[str]) -> AsyncOpenStream[bytes]:
    return async_chunk_stream(await session.client.ask_async(body))


# -- response extraction ----------------------------------------------------------------------------------------------

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


@hookimpl
def polycall_create_decoder(session: AcmeSession, request: Request) -> AcmeDecoder:
    return AcmeDecoder(session, request)


class AcmeDecoder:
    """Collects the lines of a reply, streamed or not."""

    def __init__(self, session: AcmeSession, request: Request) -> None:
        self.done = False
        self._deltas = request.deltas
        self._reader = LineReader(session.meter())
        self._maker = CallMaker(request.tool_payload, CallIds(earlier_call_ids(request.messages)))
        self._lines: list[bytes] = []
        self._calls: list[ToolCall] = []
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._reason: str | None = None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        return [event for line in self._reader.feed(chunk) for event in self._read(line)]

    def _read(self, line: bytes) -> list[StreamEvent]:
        self._lines.append(line)
        match decode_line(line):
            case ["CALL", id, name, *arguments]:
                call = self._maker.make(len(self._calls), id, name, "".join(arguments))
                self._calls.append(call)
                return [CallCompleted(call)]
            case ["TEXT", text]:
                self._text.append(text)
                return [TextDelta(text)] if self._deltas else []
            case ["USAGE", sent, received] if sent.isdecimal() and received.isdecimal():
                self._usage = Usage(input_tokens=int(sent), output_tokens=int(received))
            case ["PING"]:
                pass
            case ["DONE", "refused", reason]:
                raise RefusalError(reason)
            case ["DONE", reason]:
                self._reason = reason
                self.done = True
            case ["ERROR", kind, message]:
                raise AcmeError(kind, message)
            case _:
                raise ResponseError("This line is not Acme's protocol.", excerpt=excerpt(line))
        return []

    def finish(self) -> Reply:
        if not self._lines and (rest := self._reader.finish()):
            raise ResponseError("This is not Acme's protocol, which consists of lines.", excerpt=excerpt(rest[0]))
        return Reply(
            tool_calls=self._calls,
            text="".join(self._text) or None,
            finish_reason=_FINISH_REASONS.get(self._reason, FinishReason.OTHER) if self._reason else None,
            raw_finish_reason=self._reason,
            usage=self._usage,
            saw_end=self.done,
            raw_response=lambda: self._lines,
        )
