"""What a provider says that it can do: a level for each capability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Full:
    """The capability is there. What a table does not name is this."""


@dataclass(frozen=True, slots=True)
class Weakened:
    """The next best thing is sent, and recorded as a `polycall.Adaptation`.

    Attributes:
        reason: What is sent in its place, and why.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """It is not there: what a caller asks for is refused, and what a service does not say is not made up.

    Attributes:
        reason: The fact about the service that asks for it.
    """

    reason: str


Level: TypeAlias = Full | Weakened | Unsupported

CAPABILITIES: Mapping[str, str] = {
    # What a caller asks for. Unsupported: refused with the documented error before anything is sent.
    "strict": "strict=True makes the service enforce the schema",
    "strict.off": "a schema that is not enforced, without strict=True",
    "tool_choice.auto": "the model may answer without a call",
    "tool_choice.required": "the model must call a tool",
    "tool_choice.name": "the model must call the named tool",
    "unknown_options": "options that the plugin does not know pass through",
    "foreign_client": "polycall.from_client takes a client of the SDK",
    "no_argument_tool": "a tool may have no arguments",
    "recursive_schema": "a tool's schema may refer to itself",
    "model_required": "a request needs a model's name",
    # What a reply carries. Unsupported: the neutral reply has None there, or polycall's own in its place.
    "text": "text beside calls",
    "reasoning": "visible reasoning",
    "ids": "an id for each call",
    "usage": "token counts",
    "usage.cached": "a count of cached input tokens",
    "usage.reasoning": "a count of reasoning tokens",
    "usage.total": "a count of all tokens",
    "response_id": "an id of the reply",
    "served_model": "the model that answered",
    "finish_reason": "why the model stopped",
    "unknown_finish_reason": "words for it that the plugin does not know",
    "length": "a reply that the length limit cut",
    "refusal": "a reply that says that the model refused",
    "partial_calls": "half a call, where the reply was cut",
    "argument_text": "arguments as the model wrote them, so that they may be broken JSON",
    "argument_deltas": "arguments that grow piece by piece in a stream",
    "call_end": "a sign in the stream that this call is whole, before the next one begins",
    "interleaved": "two calls that grow at once in a stream",
    "unknown_tool_names": "calls of tools that were not offered",
    "call_index": "a number for each call, which servers get wrong",
    # What the wire is.
    "stream": "a stream that yields calls before the reply ends",
    "network": "a service at the other end of a connection",
    "json_reply": "a whole reply is one JSON document",
    "end_mark": "a sign in the stream that the reply is whole",
    "final_event": "an event in the stream after which nothing comes",
    "keep_alives": "comments, empty events or pings in a stream",
    "unknown_events": "events and fields in a reply that a client must ignore",
    "error_in_reply": "an error inside a reply of good status",
    "error_status": "errors by kind: authentication, rate limit, not found, of the server",
    "timeout": "the SDK gives up after a time",
    "reply_limit": "the setting max_reply_bytes",
    "secret": "a key or a token",
}
"""Each capability of a table, by its name."""


def level_of(table: Mapping[str, Level], capability: str) -> Level:
    """The level in a table; `Full` for what it does not name.

    Raises:
        ValueError: There is no such capability.
    """
    if capability not in CAPABILITIES:
        raise ValueError(f"{capability!r} is not a capability. They are: {', '.join(CAPABILITIES)}.")
    return table.get(capability, Full())
