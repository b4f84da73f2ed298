"""Acme for polycall: a whole provider plugin, sync, async and streamed.

The hooks stand in the order of their use; what each must do is said in `polycall.hookspecs`. Acme's protocol and its
client, for which other plugins have an SDK, are in ``_client.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing, closing
from typing import cast

from pydantic import BaseModel, SecretStr

from polycall import ResponseError, SchemaError
from polycall.plugin import (
    CallCompleted,
    CallResult,
    CallStarted,
    ClientTraits,
    FinishReason,
    Reply,
    Request,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    hookimpl,
)

from ._client import AcmeClient, AcmeError, AcmeReply, AsyncAcmeReply, decode_line, encode_line

__all__ = ["AcmeClient", "AcmeError"]  # for users; the hooks are found by their names

polycall_hook_api = 1

# -- clients ----------------------------------------------------------------------------------------------------------


class AcmeSettings(BaseModel):
    """What ``from_provider("acme/...", ...)`` and a profile of a config file can set."""

    host: str = "localhost"
    port: int = 7070
    token: SecretStr | None = None


@hookimpl
def polycall_settings_type() -> type[AcmeSettings]:
    return AcmeSettings


@hookimpl
def polycall_create_client(settings: AcmeSettings) -> AcmeClient:
    token = settings.token.get_secret_value() if settings.token else None
    return AcmeClient(settings.host, settings.port, token)


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    return ClientTraits(sync=True, asynchronous=True) if isinstance(client, AcmeClient) else None


# -- schema rendering -------------------------------------------------------------------------------------------------

_TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


@hookimpl
def polycall_render_tools(tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> list[str]:
    if strict:
        raise SchemaError(tools[0].name, "Acme enforces no schema. Leave out strict=True.")
    lines: list[str] = []
    for tool in tools:
        lines.append(encode_line("TOOL", tool.name, *([tool.description] if tool.description else [])))
        required = cast("list[str]", tool.schema.get("required", []))
        for field, schema in cast("Mapping[str, dict[str, object]]", tool.schema.get("properties", {})).items():
            word = "FIELD" if field in required else "OPTIONAL"
            lines.append(encode_line(word, field, _field_type(f"{tool.name}.{field}", schema)))
    return [*lines, encode_line("CHOICE", tool_choice)]


def _field_type(path: str, schema: Mapping[str, object]) -> str:
    # What Acme has no word for is refused here: left out, it would only fail later, when the calls are validated.
    if schema.get("type") in _TYPES and schema.keys() <= {"type", "title", "default"}:
        return _TYPES[cast("str", schema["type"])]
    if schema.get("type") == "string" and schema.keys() <= {"type", "title", "default", "enum"}:
        return "|".join(cast("list[str]", schema["enum"]))
    raise SchemaError(path, "Acme knows text, whole numbers, numbers, booleans and a Literal of several words only.")


# -- request sending --------------------------------------------------------------------------------------------------


def _request_lines(request: Request) -> list[str]:
    return [
        *([encode_line("MODEL", request.model)] if request.model else []),
        *cast("list[str]", request.tool_payload),
        *(encode_line("OPTION", name, str(value)) for name, value in request.options.items()),
        *(_message_line(message) for message in request.messages),
    ]


def _message_line(message: object) -> str:
    match message:
        case {"role": "system" | "user" | "assistant" as role, "content": str(content)}:
            return encode_line("SAY", role, content)
        case str():  # a line of Acme's own, see polycall_continue_conversation
            return message
    raise TypeError(f"Acme takes messages with a role and a text as content, not {message!r}.")


@hookimpl
def polycall_send(client: AcmeClient, request: Request) -> list[str]:
    with closing(client.ask(_request_lines(request))) as reply:
        return list(reply)


@hookimpl
async def polycall_send_async(client: AcmeClient, request: Request) -> list[str]:
    async with aclosing(await client.ask_async(_request_lines(request))) as reply:
        return [line async for line in reply]


@hookimpl
def polycall_open_stream(client: AcmeClient, request: Request) -> AcmeReply:
    return client.ask(_request_lines(request))


@hookimpl
async def polycall_open_stream_async(client: AcmeClient, request: Request) -> AsyncAcmeReply:
    return await client.ask_async(_request_lines(request))


# -- response extraction ----------------------------------------------------------------------------------------------

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "refused": FinishReason.REFUSAL}


@hookimpl
def polycall_extract_reply(request: Request, response: list[str]) -> Reply:
    decoder = AcmeDecoder(request)
    for line in response:
        decoder.feed(line)
    return decoder.finish()


@hookimpl
def polycall_create_decoder(request: Request) -> AcmeDecoder:
    return AcmeDecoder(request)


class AcmeDecoder:
    """Collects the lines of a reply, streamed or not."""

    def __init__(self, request: Request) -> None:
        self._report_deltas = request.report_deltas
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
                call = ToolCall(id, name, arguments, index=len(self._calls))
                self._calls.append(call)
                events = [CallStarted(call.index, id, name), CallCompleted(call)]
            case ["TEXT", text]:
                self._text.append(text)
                events = [TextDelta(text)]
            case ["USAGE", sent, received] if sent.isdecimal() and received.isdecimal():
                self._usage = Usage(input_tokens=int(sent), output_tokens=int(received))
            case ["DONE", reason]:
                self._reason = reason
            case ["ERROR", message]:
                raise AcmeError(message)
            case _:
                raise ResponseError("This line is not Acme's protocol.", excerpt=chunk)
        self._lines.append(chunk)
        return [event for event in events if self._report_deltas or isinstance(event, CallCompleted)]

    def finish(self) -> Reply:
        return Reply(
            tool_calls=self._calls,
            text="".join(self._text) or None,
            finish_reason=_FINISH_REASONS.get(self._reason, FinishReason.OTHER) if self._reason else None,
            raw_finish_reason=self._reason,
            usage=self._usage,
            whole=self._reason is not None,
            turn=[line for line in self._lines if line.startswith(("CALL ", "TEXT "))],
            raw_response=lambda: self._lines,
        )


# -- continuing the conversation --------------------------------------------------------------------------------------


@hookimpl
def polycall_continue_conversation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    answers = [encode_line("RESULT", it.tool_call.id, "error" if it.is_error else "ok", it.content) for it in results]
    note_line = [encode_line("SAY", "user", note)] if note else []
    return [*messages, *cast("list[str]", reply.turn), *answers, *note_line]
