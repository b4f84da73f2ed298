"""A provider in memory with a made-up protocol, to drive the core's engine through the real hooks.

The protocol: a reply is text, one statement a line; a stream gives the same lines one by one.

====================  ==================================================================
``call ID NAME``      a call begins
``+TEXT``             a piece of its arguments
``done``              it is complete
``say TEXT``          the model's words
``usage IN OUT``      token counts
``refuse WHY``        the model refuses
``end WHY``           the reply is whole; WHY is the finish reason
====================  ==================================================================
"""

from __future__ import annotations

import asyncio
import json
import types
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, SecretStr

import polycall
from polycall.plugin import (
    ArgumentsDelta,
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

WAIT = "(wait)"
"""In a script: an async stream never gives another line, a sync one refuses to be read further."""

Script = str | Exception


def call(name: str, arguments: Mapping[str, object] | str = "", /, *, id: str = "?", **fields: object) -> str:
    """The lines of one call; the arguments in two pieces, so that every stream has something to put together."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    text = json.dumps(fields) if fields else text
    middle = len(text) // 2
    return "\n".join([f"call {id} {name}", f"+{text[:middle]}", f"+{text[middle:]}", "done"])


def reply(*parts: str, end: str | None = "calls", usage: tuple[int, int] | None = None) -> str:
    """A whole reply of lines from `call`, ``"say ..."`` and the like."""
    counts = [f"usage {usage[0]} {usage[1]}"] if usage else []
    return "\n".join([*parts, *counts, *([f"end {end}"] if end is not None else [])])


class ToyClient:
    """The SDK's client: answers each request with the next reply of its script, and remembers what was asked."""

    def __init__(self, *script: Script) -> None:
        self.script = deque(script)
        self.requests: list[Request] = []
        self.bodies: list[Any] = []
        """The rendered request of each round."""
        self.streams: list[ToyStream] = []
        self.closed = 0
        self.released = 0
        """How often the hook that closes was called, also for a client that was handed in."""

    def answer(self, request: Request) -> str:
        self.requests.append(request)
        answer = self.script.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def open(self, request: Request) -> ToyStream:
        stream = ToyStream(self.answer(request))
        self.streams.append(stream)
        return stream


class AsyncToyClient(ToyClient):
    """The same for async."""


class ToyStream:
    """An open stream, sync and async; counts what was read of it and how often it was closed."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.read = 0
        self.closed = 0
        self.waiting = asyncio.Event()
        """Set when an async reader waits for a line that does not come."""

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            assert line != WAIT, "the stream was read further than it should have been"
            self.read += 1
            yield line

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in self.lines:
            if line == WAIT:
                self.waiting.set()
                await asyncio.Event().wait()
            self.read += 1
            yield line

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class ToyDecoder:
    """Lines to events and to the reply, for streams and for whole replies alike."""

    def __init__(self, request: Request) -> None:
        self._report_deltas = request.deltas
        self._calls: list[ToolCall] = []
        self._open: tuple[str, str] | None = None
        self._arguments: list[str] = []
        self._lines: list[str] = []
        self._reply = Reply(saw_end=False)

    def feed(self, chunk: str) -> Iterable[StreamEvent]:
        self._lines.append(chunk)
        word, _, rest = chunk.partition(" ")
        index = len(self._calls)
        event: StreamEvent | None = None
        if word == "call":
            id_, _, name = rest.partition(" ")
            self._open, self._arguments = (f"{index}" if id_ == "?" else id_, name), []
            event = CallStarted(index, *self._open)
        elif chunk.startswith("+"):
            self._arguments.append(chunk[1:])
            event = ArgumentsDelta(index, chunk[1:])
        elif word == "done" and self._open is not None:
            self._calls.append(self._call())
            self._open = None
            return [CallCompleted(self._calls[-1])]
        elif word == "say":
            self._reply.text = (self._reply.text or "") + rest
            event = TextDelta(rest)
        elif word == "usage":
            given, made = map(int, rest.split())
            self._reply.usage = Usage(input_tokens=given, output_tokens=made, total_tokens=given + made)
        elif word == "refuse":
            self._reply.refusal = rest
        elif word == "end":
            self._reply.saw_end = True
            self._reply.raw_finish_reason = rest
            reasons = {"calls": FinishReason.TOOL_CALLS, **{reason.value: reason for reason in FinishReason}}
            self._reply.finish_reason = reasons.get(rest, FinishReason.OTHER)
        else:
            raise polycall.ResponseError("A line of the toy protocol was expected.", excerpt=chunk)
        return [event] if event is not None and self._report_deltas else []

    def finish(self) -> Reply:
        self._reply.tool_calls = tuple(self._calls)
        self._reply.cut_off = (self._call(),) if self._open else ()
        self._reply.turn = {"role": "model", "calls": [[made.id, made.name] for made in self._calls]}
        text = "\n".join(self._lines)
        self._reply.raw_response = lambda: {"toy": text}
        return self._reply

    def _call(self) -> ToolCall:
        assert self._open is not None
        return ToolCall(*self._open, "".join(self._arguments), len(self._calls))


class ToySettings(BaseModel):
    base_url: str = "toy://local"
    api_key: SecretStr | None = None
    timeout_s: float = 1.0
    style: Literal["plain", "fancy"] = "plain"


class Hooks:
    """The plugin's hooks, as one would write them into a module."""

    polycall_hook_api = 1

    def __init__(self) -> None:
        self.created: list[tuple[BaseModel | None, str | None, bool]] = []
        self.script: tuple[Script, ...] = ()
        self.rendered = 0

    @hookimpl
    def polycall_settings_type(self) -> type[BaseModel]:
        return ToySettings

    @hookimpl
    def polycall_create_client(self, settings: BaseModel | None, model: str | None, async_client: bool) -> ToyClient:
        self.created.append((settings, model, async_client))
        return AsyncToyClient(*self.script) if async_client else ToyClient(*self.script)

    @hookimpl
    def polycall_recognize_client(self, client: object) -> ClientTraits | None:
        if not isinstance(client, ToyClient):
            return None
        asynchronous = isinstance(client, AsyncToyClient)
        return ClientTraits(sync=not asynchronous, asynchronous=asynchronous, model="toy-1")

    @hookimpl
    def polycall_close_client(self, session: ToyClient, created: bool) -> bool:
        session.closed += created
        session.released += 1
        return True

    @hookimpl
    def polycall_render_tools(self, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None) -> object:
        self.rendered += 1
        return {"tools": [tool.name for tool in tools], "choice": tool_choice, "strict": strict}

    @hookimpl
    def polycall_render_request(self, request: Request) -> dict[str, object]:
        return {
            "model": request.model,
            "messages": list(request.messages),
            "payload": request.tool_payload,
            **request.options,
        }

    @hookimpl
    def polycall_send(self, session: ToyClient, request: Request, body: object) -> str:
        session.bodies.append(body)
        return session.answer(request)

    @hookimpl
    async def polycall_send_async(self, session: ToyClient, request: Request, body: object) -> str:
        session.bodies.append(body)
        answer = session.answer(request)
        if answer == WAIT:
            await asyncio.Event().wait()
        return answer

    @hookimpl
    def polycall_open_stream(self, session: ToyClient, request: Request, body: object) -> ToyStream:
        session.bodies.append(body)
        return session.open(request)

    @hookimpl
    async def polycall_open_stream_async(self, session: ToyClient, request: Request, body: object) -> ToyStream:
        session.bodies.append(body)
        return session.open(request)

    @hookimpl
    def polycall_extract_reply(self, request: Request, response: str) -> Reply:
        decoder = ToyDecoder(request)
        for line in response.split("\n"):
            decoder.feed(line)
        return decoder.finish()

    @hookimpl
    def polycall_create_decoder(self, request: Request) -> ToyDecoder:
        return ToyDecoder(request)

    @hookimpl
    def polycall_continue_conversation(
        self, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
    ) -> list[object]:
        answers = [
            {"role": "error" if result.is_error else "result", "id": result.tool_call.id, "content": result.content}
            for result in results
        ]
        words = [] if note is None else [{"role": "user", "content": note}]
        turn = reply.turn if isinstance(reply.turn, list) else [reply.turn]
        return [*messages, *turn, *answers, *words]


HOOK_NAMES = tuple(name for name in vars(Hooks) if name.startswith("polycall_") and name != "polycall_hook_api")


def make_plugin(hooks: Hooks | None = None, /, *, without: Iterable[str] = (), **replaced: Any) -> types.ModuleType:
    """A plugin module with the toy's hooks, some of them left out or replaced."""
    hooks = hooks or Hooks()
    module = types.ModuleType("toy_plugin")
    attributes: dict[str, object] = {name: getattr(hooks, name) for name in ("polycall_hook_api", *HOOK_NAMES)}
    for name in without:
        del attributes[name]
    attributes.update(replaced)
    for name, value in attributes.items():
        setattr(module, name, value)
    return module
