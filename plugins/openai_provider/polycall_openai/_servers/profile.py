"""A server's rules and deviations, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

ToolChoice = Literal["auto", "required", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """Overrides for some models of a server."""

    names: str
    """A regular expression for the beginning of the model's name, after its last slash."""
    facts: Mapping[str, Any]
    """Fields of `ServerProfile` that differ for these models; ``refused`` is merged."""
    source: str = ""
    """The source of the facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """The rules of a server. The defaults are for a server that nothing is known about."""

    name: str = "unknown"
    hosts: tuple[str, ...] = ()
    """Hosts of its base URL, exact or parent domains; ``host:port`` where only the port identifies it."""

    strict: bool = False
    """It enforces ``strict: true``. Effect: where the caller leaves ``strict`` open, it is asked for each tool whose
    schema fits as it is."""
    stream_usage: bool = False
    """It understands ``stream_options={"include_usage": true}``. Effect: sent with each streamed Chat Completion."""
    stream_usage_since: str | None = None
    """The first ``api-version`` of the URL's query that does. Effect: with an older one it is not sent."""
    tool_choices: frozenset[ToolChoice] = frozenset({"auto", "required", "named"})
    """The forms of ``tool_choice`` it takes. Effect: for a named tool only that one is offered, and required if the
    server knows that; for "required" "auto" is sent. Whether the reply has calls is checked anyway."""
    parallel_switch: bool = False
    """It takes ``parallel_tool_calls``. Effect: where ``max_calls`` is 1 and the caller leaves the field open, false is
    sent."""
    refused: Mapping[str, object] = field(default_factory=dict)
    """Request fields that it rejects, each with the value that it always works with. Effect: a field that the caller
    sets to that value is left out; with any other value it is a `ConfigurationError` before the request."""
    max_tools: int | None = None
    """How many tools one request may have; 0 for none at all. Effect: more are a `ConfigurationError` before the
    request."""
    max_name_length: int = 64
    """Characters of a tool's name. Effect: longer ones, made up by a model, are cut in the history."""
    resolves_references: bool = True
    """It, and the templates of its models, resolve ``$ref`` in a tool's schema. Effect: if not, definitions are written
    out where they are referred to, except in a type that refers to itself."""
    empty_content: str | None = None
    """The ``content`` of an assistant's turn with calls and no text: ``""``, or ``None`` for null."""
    echoes_unknown_fields: bool = True
    """It accepts, in the assistant's turn, fields that Chat Completions does not have (reasoning, signatures).
    Effect: if not, they are left out of corrections."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The field of Chat Completions for the option ``max_tokens``."""
    call_id_length: int | None = None
    """Ids of calls are this many letters and digits; ``None``: of any form. Effect: on ids that polycall has to make
    up. The server's own ids are echoed unchanged."""
    finish_reason_required: bool = False
    """A whole stream always has a finish reason. Effect: one that has only ``[DONE]`` is incomplete."""
    tells_truncation: bool = False
    """Its finish reason can be trusted. Effect: if not, a reply that is as long as the caller's limit counts as cut
    off, whatever its finish reason is."""
    replays_call_status: bool = True
    """The Responses API accepts the ``status`` of a ``function_call`` in its input. Effect: if not, null is sent."""
    encrypted_reasoning: bool = False
    """It can send a model's reasoning encrypted. Effect: with ``store=False`` the Responses API is asked for it
    (``include``), so that a correction can replay it."""
    families: tuple[ModelFamily, ...] = ()
    """Overrides for some of its models."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By field: the source of the fact."""

    def make_call_id(self) -> str:
        """Make an id for a call without a usable one."""
        if self.call_id_length is None:
            return f"call_{uuid4().hex[:24]}"
        return uuid4().hex[: self.call_id_length]

    def takes_stream_usage(self, api_version: object) -> bool:
        """Whether the server takes ``include_usage``, in the ``api-version`` of the client's URL if it has one."""
        if self.stream_usage_since is None or api_version is None:  # the v1 API has no version
            return self.stream_usage
        # Or it has a word ("preview"), which is greater than any date.
        return self.stream_usage and str(api_version) >= self.stream_usage_since

    def for_model(self, model: str | None) -> ServerProfile:
        """The profile with the overrides for a model."""
        name = (model or "").rpartition("/")[2]
        facts: dict[str, Any] = {}
        for family in self.families:
            if re.match(family.names, name):
                refused = {**self.refused, **facts.get("refused", {}), **family.facts.get("refused", {})}
                facts |= {**family.facts, "refused": refused}
        return replace(self, name=f"{self.name} (model {model!r})", **facts) if facts else self
