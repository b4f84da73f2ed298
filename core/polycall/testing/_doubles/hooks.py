"""The hooks of a scripted provider. Its protocol is polycall's own events, so nothing has to be decoded.

As a plugin they make a provider; as an extension they stand in the place of every provider's own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, create_model

from polycall._data.contract import (
    CallCompleted,
    CallResult,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    StreamEvent,
    ToolSpec,
)
from polycall._toolkit.conversation import assistant_turn, continue_conversation
from polycall._toolkit.json_values import to_plain_data
from polycall._toolkit.messages import read_messages
from polycall.plugin import HOOK_API_VERSION, hookimpl
from polycall.testing._doubles.script import Script
from polycall.testing._doubles.steps import Step
from polycall.testing._doubles.streams import ScriptedStream


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedTraits(SessionTraits):
    """Of a session that sends nothing: `polycall.testing.block_network` lets it be."""


class ScriptedDecoder:
    """Passes on the events that were asked for."""

    def __init__(self, request: Request) -> None:
        self._deltas = request.deltas
        self._calls: list[CallCompleted] = []
        self._reply: Reply | None = None

    def feed(self, chunk: StreamEvent | Reply) -> Iterable[StreamEvent]:
        """The event, if it was asked for."""
        if isinstance(chunk, Reply):
            self._reply = chunk
            return []
        if isinstance(chunk, CallCompleted):
            self._calls.append(chunk)
            return [chunk]
        return [chunk] if self._deltas else []

    def finish(self) -> Reply:
        """The reply of the script."""
        return self._reply or Reply(tool_calls=[event.tool_call for event in self._calls], saw_end=False)


class ScriptedHooks:
    """Hooks that answer with a script's replies.

    Args:
        script: The script.
    """

    polycall_hook_api = HOOK_API_VERSION

    def __init__(self, script: Script) -> None:
        self._script = script

    @hookimpl
    def polycall_create_client(self) -> Script:
        return self._script

    @hookimpl
    def polycall_bind_client(self) -> Script:
        return self._script

    @hookimpl
    def polycall_describe_session(self) -> SessionTraits:
        return ScriptedTraits()

    @hookimpl
    def polycall_close_client(self) -> bool:
        return True  # an answer: the provider's own hook would look for its own session

    @hookimpl
    async def polycall_close_client_async(self) -> None:
        """Nothing to release."""

    @hookimpl
    def polycall_render_tools(self, tools: Sequence[ToolSpec]) -> object:
        return [{"name": tool.name, "description": tool.description, "parameters": tool.schema} for tool in tools]

    @hookimpl
    def polycall_render_request(self, request: Request) -> dict[str, object]:
        read_messages(request.messages, provider=request.provider)  # refuses what no provider takes
        return {
            "model": request.model,
            "messages": [_plain(message) for message in request.messages],
            "tools": request.tool_payload,
            "tool_choice": request.tool_choice,
            **request.options,
        }

    @hookimpl
    def polycall_describe_request(self, body: object) -> RenderedRequest:
        return RenderedRequest(body=body)

    @hookimpl
    def polycall_send(self, session: Script, request: Request, body: object) -> list[Step]:
        return list(ScriptedStream(session.answer(request, body)))

    @hookimpl
    async def polycall_send_async(self, session: Script, request: Request, body: object) -> list[Step]:
        return [step async for step in ScriptedStream(session.answer(request, body))]

    @hookimpl
    def polycall_open_stream(self, session: Script, request: Request, body: object) -> ScriptedStream:
        return ScriptedStream(session.answer(request, body))

    @hookimpl
    async def polycall_open_stream_async(self, session: Script, request: Request, body: object) -> ScriptedStream:
        return ScriptedStream(session.answer(request, body))

    @hookimpl
    def polycall_extract_reply(self, request: Request, response: list[Any]) -> Reply:
        decoder = ScriptedDecoder(request)
        for step in response:
            decoder.feed(step)
        return decoder.finish()

    @hookimpl
    def polycall_create_decoder(self, request: Request) -> ScriptedDecoder:
        return ScriptedDecoder(request)

    @hookimpl
    def polycall_continue_conversation(
        self, messages: Sequence[Any], reply: Reply, results: Sequence[CallResult], note: str | None
    ) -> list[object]:
        turn = reply.turn or assistant_turn(reply.text, reply.tool_calls, reasoning=reply.reasoning)
        return continue_conversation(messages, turn if isinstance(turn, list) else [turn], results, note)


class HooksInPlace(ScriptedHooks):
    """Hooks of an extension that stands in the place of every provider."""

    @hookimpl(wrapper=True)
    def polycall_settings_type(self) -> Generator[None, type[BaseModel] | None, type[BaseModel] | None]:
        """The provider's settings by their names; no value is looked at, and none is needed."""
        own = yield
        if own is None:
            return None
        names = {name for field, info in own.model_fields.items() for name in (field, info.alias) if name is not None}
        return _settings_named(frozenset(names | {f"{name}_env" for name in names}))


@lru_cache(maxsize=64)
def _settings_named(names: frozenset[str]) -> type[BaseModel]:
    fields: dict[str, Any] = dict.fromkeys(sorted(names), (object, None))
    return create_model("Settings", **fields)


def _plain(message: object) -> object:
    return {"role": "user", "content": message} if isinstance(message, str) else to_plain_data(message)
