"""A client with what is worked out once for it: what the hooks get as ``client``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polycall_openai._address import Address
from polycall_openai._profile import ServerProfile
from polycall_openai._site import Site

if TYPE_CHECKING:
    from polycall_openai._api import WireApi


@dataclass(frozen=True, slots=True)
class Session:
    """An SDK client, bound to an API and to a server's profile."""

    client: Any
    """``openai.OpenAI``, ``openai.AsyncOpenAI`` or a relative."""
    api: WireApi
    profile: ServerProfile
    site: Site
    address: Address
    model: str | None
    """Stands in where a call names no model: the Azure deployment of the client's URL."""
    stream_usage: bool
    """Ask for token counts at the end of a stream."""
    owns_http_client: bool
    """Closing the SDK's client closes nothing of the user's."""
    max_reply_bytes: int


def understands_stream_usage(profile: ServerProfile, client: Any) -> bool:
    """Whether the server, in the version that the client asks for, knows ``include_usage``."""
    if not profile.stream_usage or profile.stream_usage_since is None:
        return profile.stream_usage
    query = client.default_query
    version = query.get("api-version") if isinstance(query, Mapping) else None
    # The v1 API has no version, or a word ("preview"); a word is greater than any date.
    return version is None or str(version) >= profile.stream_usage_since
