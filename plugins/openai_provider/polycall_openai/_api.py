"""The steps of a call that Chat Completions and the Responses API do differently, as the hooks need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from polycall.plugin import CallResult, Reply, Request, StreamDecoder, ToolSpec
from polycall_openai._json import JsonObject
from polycall_openai._sdk.call_options import CallOptions
from polycall_openai._sdk.endpoint import Endpoint
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload


class Api(Protocol):
    """One of OpenAI's two APIs: the packages ``_chat`` and ``_responses``. No I/O, no state."""

    @property
    def endpoint(self) -> Endpoint: ...

    def render_tools(
        self, profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
    ) -> ToolPayload:
        """Render the tools for a request; the profile is that of the model."""
        ...

    def build(self, server: Server, request: Request) -> tuple[dict[str, Any], CallOptions]:
        """Build the body, and the SDK's options of the call."""
        ...

    def extract_reply(
        self, server: Server, request: Request, body: object, raw_response: Callable[[], object] | None
    ) -> Reply:
        """Read a whole reply; ``body`` is bytes, or the plain data of an SDK object."""
        ...

    def create_decoder(self, server: Server, request: Request) -> StreamDecoder[bytes | JsonObject]:
        """Create a decoder for one streamed reply."""
        ...

    def continue_conversation(
        self,
        profile: ServerProfile,
        messages: Sequence[object],
        reply: Reply,
        results: Sequence[CallResult],
        note: str | None,
    ) -> list[object]:
        """Append the model's turn and the answers to its calls to the conversation."""
        ...
