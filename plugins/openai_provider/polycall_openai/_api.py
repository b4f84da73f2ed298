"""What Chat Completions and the Responses API have in common: the steps of a call, as the hooks need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from polycall.plugin import CallResult, Reply, Request, StreamDecoder, ToolSpec
from polycall_openai._endpoint import Endpoint
from polycall_openai._json import JsonObject
from polycall_openai._profile import ServerProfile
from polycall_openai._request import CallOptions, ToolPayload

if TYPE_CHECKING:
    from polycall_openai._session import Session


class WireApi(Protocol):
    """One of OpenAI's two APIs. No I/O; one object serves all clients."""

    @property
    def endpoint(self) -> Endpoint: ...

    def render_tools(
        self, profile: ServerProfile, tools: Sequence[ToolSpec], tool_choice: str, strict: bool | None
    ) -> ToolPayload:
        """The tools as the request wants them; the profile is that of the model."""
        ...

    def build(self, session: Session, request: Request) -> tuple[dict[str, Any], CallOptions]:
        """The body, and the SDK's options of the call."""
        ...

    def extract_reply(
        self, session: Session, request: Request, body: object, raw_response: Callable[[], object] | None
    ) -> Reply:
        """A whole reply; ``body`` is bytes, or the plain data that an SDK object held."""
        ...

    def create_decoder(self, session: Session, request: Request) -> StreamDecoder[bytes | JsonObject]:
        """A decoder for one streamed reply."""
        ...

    def continue_conversation(
        self,
        session: Session,
        messages: Sequence[object],
        reply: Reply,
        results: Sequence[CallResult],
        note: str | None,
    ) -> list[object]:
        """The conversation with the model's turn and the answers to its calls."""
        ...
