"""The server behind a client, as far as the two APIs need to know it."""

from __future__ import annotations

from dataclasses import dataclass, field

from polycall.plugin import CallIds, Request, earlier_call_ids
from polycall_openai._servers.profile import ServerProfile
from polycall_openai._servers.reply_errors import ReplyErrors


@dataclass(frozen=True, slots=True)
class Server:
    """One server, reached by one of the APIs.

    Attributes:
        profile: Its rules.
        errors: Makes the errors about its replies.
        model: Used when a call names no model: the Azure deployment of the client's URL.
        stream_usage: Ask for token counts at the end of a stream.
        unreached: What to do where nothing answers; for servers of one's own, reached by their name.
        refused_additions: Model and name of each addition of polycall's own that the server turned out to refuse.
    """

    profile: ServerProfile
    errors: ReplyErrors
    model: str | None
    stream_usage: bool
    unreached: str | None = None
    refused_additions: set[tuple[str | None, str]] = field(default_factory=set)

    def profile_for(self, model: str | None) -> ServerProfile:
        """The profile for the model of a call."""
        return self.profile.for_model(model or self.model)

    def call_ids(self, request: Request) -> CallIds:
        """The ids of a reply's calls, unique in the conversation, those that are made up in the server's form."""
        return CallIds(earlier_call_ids(request.messages), make=self.profile.make_call_id)
