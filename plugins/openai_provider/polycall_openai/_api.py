"""The steps of a call in which Chat Completions and the Responses API differ, as the hooks need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from polycall.plugin import Adaptation, JsonObject, Reply, Request, StreamDecoder, ToolSpec
from polycall_openai._sdk.endpoint import Endpoint
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.server import Server
from polycall_openai._tools import ToolPayload


class Api(Protocol):
    """One of OpenAI's two APIs: the packages ``_chat`` and ``_responses``. No I/O, no state."""

    @property
    def endpoint(self) -> Endpoint: ...

    def render_tools(
        self,
        profile: ServerProfile,
        tools: Sequence[ToolSpec],
        tool_choice: str,
        strict: bool | None,
        adaptations: list[Adaptation],
    ) -> ToolPayload:
        """Render the tools for a request; the profile is that of the model."""
        ...

    def render_request(self, server: Server, request: Request) -> JsonObject:
        """Render the body."""
        ...

    def extract_reply(
        self, server: Server, request: Request, body: object, raw_response: Callable[[], object] | None
    ) -> Reply:
        """Read a whole reply; ``body`` is bytes, or the plain data of an SDK object."""
        ...

    def create_decoder(self, server: Server, request: Request) -> StreamDecoder[bytes | JsonObject]:
        """Create a decoder for one streamed reply."""
        ...
