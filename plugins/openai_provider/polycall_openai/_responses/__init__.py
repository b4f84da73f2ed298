"""The Responses API: OpenAI's newer one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polycall.plugin import CallResult, Reply, Request, ToolSpec
from polycall_openai._endpoint import RESPONSES
from polycall_openai._profile import ServerProfile
from polycall_openai._request import CallOptions, ToolPayload
from polycall_openai._responses import conversation as _conversation
from polycall_openai._responses import reply as _reply
from polycall_openai._responses import request as _request
from polycall_openai._responses.decoder import ResponsesDecoder
from polycall_openai._session import Session


class Responses:
    """Implements `polycall_openai._api.WireApi`."""

    endpoint = RESPONSES

    def render_tools(
        self, profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
    ) -> ToolPayload:
        return _request.render_tools(profile, tools, tool_choice, strict)

    def build(self, session: Session, request: Request) -> tuple[dict[str, Any], CallOptions]:
        return _request.build(session, request)

    def extract_reply(
        self, session: Session, request: Request, body: object, raw_response: Callable[[], object] | None
    ) -> Reply:
        return _reply.extract_reply(session, request, body, raw_response)

    def create_decoder(self, session: Session, request: Request) -> ResponsesDecoder:
        return ResponsesDecoder(session, request)

    def continue_conversation(
        self,
        session: Session,
        messages: Sequence[object],
        reply: Reply,
        results: Sequence[CallResult],
        note: str | None,
    ) -> list[object]:
        return _conversation.continue_conversation(session.profile, messages, reply, results, note)
