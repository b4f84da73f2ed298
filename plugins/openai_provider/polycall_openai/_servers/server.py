"""The server behind a client, as far as the two APIs need to know it."""

from __future__ import annotations

from dataclasses import dataclass

from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.reply_errors import ReplyErrors


@dataclass(frozen=True, slots=True)
class Server:
    """One server, reached by one of the APIs."""

    profile: ServerProfile
    errors: ReplyErrors
    model: str | None
    """Used when a call names no model: the Azure deployment of the client's URL."""
    stream_usage: bool
    """Ask for token counts at the end of a stream."""

    def profile_for(self, model: str | None) -> ServerProfile:
        """The profile for the model of a call."""
        return self.profile.for_model(model or self.model)
