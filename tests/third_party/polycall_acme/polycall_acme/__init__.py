"""Acme for polycall: a whole provider plugin, sync, async and streamed.

The hooks stand in the order of their use; `polycall.hookspecs` says what each must do. Acme's protocol and its
client, for which other plugins have an SDK, are in ``_client.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing, closing
from typing import Annotated, cast

from pydantic import BaseModel, SecretStr

from polycall.plugin import (
    NEUTRAL_OPTIONS,
    NEW_CLIENT_ONLY,
    AssistantMessage,
    CallCompleted,
    CallIds,
    CallMaker,
    CallStarted,
    ClientTraits,
    EarlierCall,
    FinishReason,
    MessageError,
    NativeMessage,
    RenderedRequest,
    RenderedTool,
    RenderedTools,
    Reply,
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
    assistant_turn,
    earlier_call_ids,
    hookimpl,
    is_instance_of,
    read_messages,
    refuse_native,
    text_of,
    translate_options,
)

from ._client import AcmeClient, AcmeError, AcmeReply, AsyncAcmeReply, decode_line, encode_line

__all__ = ["AcmeClient", "AcmeError"]  # for users; the hooks are found by their names

polycall_hook_api = 1

# -- clients ----------------------------------------------------------------------------------------------------------


class AcmeSettings(BaseModel):
    """What ``from_provider("acme/...", ...)`` and a profile of a config file can set."""

    host: Annotated[str, NEW_CLIENT_ONLY] = "localhost"
    port: Annotated[int, NEW_CLIENT_ONLY] = 7070
    token: Annotated[SecretStr | None, NEW_CLIENT_ONLY] = None


@hookimpl
def polycall_settings_type() -> type[AcmeSettings]:
    return AcmeSettings


@hookimpl
def polycall_create_client(settings: AcmeSettings) -> AcmeClient:
    token = settings.token.get_secret_value() if settings.token else None
    return AcmeClient(settings.host, settings.port, token)


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    its_own = is_instance_of(client, f"{AcmeClient.__module__}.AcmeClient")
    return ClientTraits(sync=True, asynchronous=True) if its_own else None


@hookimpl
def polycall_describe_session(session: AcmeClient) -> SessionTraits:
    return SessionTraits(host=session.host, port=session.port)


# -- schema rendering -------------------------------------------------------------------------------------------------

_TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


@hookimpl
def polycall_render_tools(tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> RenderedTools[list[str]]:
    if strict:
        raise SchemaError(tools[0].name, "Acme enforces no schema. Leave out strict=True.")
    lines: list[str] = []
    for tool in tools:
        lines.append(encode_line("TOOL", tool.name, *([tool.description] if tool.description else [])))
        required = cast("list[str]", tool.schema.get("required", []))
        for field, schema in cast("Mapping[str, dict[str, object]]", tool.schema.get("properties", {})).items():
            word = "FIELD" if field in required else "OPTIONAL"
            lines.append(encode_line(word, field, _field_type(f"{tool.name}.{field}", schema)))
    lines.append(encode_line("CHOICE", tool_choice))
    return RenderedTools(lines, {tool.name: RenderedTool(tool.name, tool.schema) for tool in tools})


def _field_type(path: str, schema: Mapping[str, object]) -> str:
    # A type that Acme has no word for is refused here: left out, it would only fail later, when calls are validated.
    if schema.get("type") in _TYPES and schema.keys() <= {"type", "title", "default"}:
        return _TYPES[cast("str", schema["type"])]
    if schema.get("type") == "string" and schema.keys() <= {"type", "title", "default", "enum"}:
        return "|".join(cast("list[str]", schema["enum"]))
    raise SchemaError(path, "Acme knows text, whole numbers, numbers, booleans and a Literal of several words only.")


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
    options = translate_options(request.options, provider="acme", neutral=_OPTIONS, reserved={}, known=None)
    lines = [encode_line("MODEL", request.model)] if request.model else []
    lines += tools.payload
    lines += [encode_line("OPTION", name, str(value)) for name, value in options.items()]
    for message in read_messages(request.messages, provider="acme"):
        if isinstance(message, NativeMessage):
            refuse_native(message, "acme")
        text = text_of(message.parts, reader="Acme")
        if isinstance(message, ToolMessage):
            outcome = "error" if message.is_error else "ok"
            lines.append(encode_line("RESULT", message.call_id or message.name or "", outcome, text))
        elif isinstance(message, AssistantMessage):
            lines += _turn_lines(message, text)
        else:
            lines.append(encode_line("SAY", "system" if isinstance(message, SystemMessage) else "user", text))
    return lines


def _turn_lines(message: AssistantMessage, text: str) -> list[str]:
    """The model's own lines as received, or those that say the same for a turn of another provider."""
    if message.provider_data is not None:
        return cast("list[str]", message.provider_data["lines"])
    said = [encode_line("SAY", "assistant", text)] if text and not message.calls else []
    said += [encode_line("TEXT", text)] if text and message.calls else []
    return said + [_call_line(call) for call in message.calls]


def _call_line(call: EarlierCall) -> str:
    arguments = call.arguments
    if arguments is None or any(isinstance(value, (dict, list)) for value in arguments.values()):
        raise MessageError(f"{call.where}: Acme carries arguments that are plain values of named fields only.")
    words = [word for name, value in arguments.items() for word in (name, str(value))]
    return encode_line("CALL", call.id or call.name, call.name, *words)


@hookimpl
def polycall_describe_request(session: AcmeClient, body: list[str]) -> RenderedRequest:
    return RenderedRequest(url=f"tcp://{session.host}:{session.port}", body=body)


@hookimpl
def polycall_send(session: AcmeClient, body: list[str]) -> list[str]:
    with closing(session.ask(body)) as reply:
        return list(reply)


@hookimpl
async def polycall_send_async(session: AcmeClient, body: list[str]) -> list[str]:
    async with aclosing(await session.ask_async(body)) as reply:
        return [line async for line in reply]


@hookimpl
def polycall_open_stream(session: AcmeClient, body: list[str]) -> AcmeReply:
    return session.ask(body)


@hookimpl
async def polycall_open_stream_async(session: AcmeClient, body: list[str]) -> AsyncAcmeReply:
    return await session.ask_async(body)


# -- response extraction ----------------------------------------------------------------------------------------------

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "refused": FinishReason.REFUSAL}


@hookimpl
def polycall_create_decoder(request: Request) -> AcmeDecoder:
    return AcmeDecoder(request)


class AcmeDecoder:
    """Collects the lines of a reply, streamed or not."""

    def __init__(self, request: Request) -> None:
        self.done = False
        self._deltas = request.deltas
        self._maker = CallMaker(request.tool_payload, CallIds(earlier_call_ids(request.messages)))
        self._lines: list[str] = []
        self._calls: list[ToolCall] = []
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._reason: str | None = None

    def feed(self, chunk: str) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        match decode_line(chunk):
            case ["CALL", id, name, *words]:
                # An argument without a value is left out: validation says then what is missing.
                arguments = dict(zip(words[::2], words[1::2], strict=False))
                call = self._maker.make(len(self._calls), id, name, arguments)
                self._calls.append(call)
                events = [CallStarted(call.index, call.id, call.name), CallCompleted(call)]
                chunk = encode_line("CALL", call.id, name, *words)  # an id that was used before has been replaced
            case ["TEXT", text]:
                self._text.append(text)
                events = [TextDelta(text)]
            case ["USAGE", sent, received] if sent.isdecimal() and received.isdecimal():
                self._usage = Usage(input_tokens=int(sent), output_tokens=int(received))
            case ["DONE", reason]:
                self._reason = reason
                self.done = True
            case ["ERROR", message]:
                raise AcmeError(message)
            case _:
                raise ResponseError("This line is not Acme's protocol.", excerpt=chunk)
        self._lines.append(chunk)
        return events if self._deltas else [event for event in events if isinstance(event, CallCompleted)]

    def finish(self) -> Reply:
        text = "".join(self._text) or None
        lines = [line for line in self._lines if line.startswith(("CALL ", "TEXT "))]
        return Reply(
            tool_calls=self._calls,
            text=text,
            finish_reason=_FINISH_REASONS.get(self._reason, FinishReason.OTHER) if self._reason else None,
            raw_finish_reason=self._reason,
            usage=self._usage,
            saw_end=self._reason is not None,
            turn=assistant_turn(text, self._calls, provider="acme", data={"lines": lines}),
            raw_response=lambda: self._lines,
        )
