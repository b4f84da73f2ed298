"""The provider-neutral data that users see: modes, tool calls, finish reasons and token counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class Mode(StrEnum):
    """How a client asks for tool calls.

    A provider plugin says per client which modes fit (`polycall.plugin.ClientTraits.modes`); any other is a
    `polycall.ModeError`. Both members mean the same way of working: several tool calls in one reply.
    """

    PARALLEL_TOOLS = "parallel_tools"
    VERTEXAI_PARALLEL_TOOLS = "vertexai_parallel_tools"


class FinishReason(StrEnum):
    """Why the model stopped, in one vocabulary for all providers.

    The provider's own word stays beside it as ``raw_finish_reason``. Never used to decide whether there were
    calls (servers send `STOP` with calls and `TOOL_CALLS` without any); only to notice truncation and refusal.
    """

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    REFUSAL = "refusal"
    OTHER = "other"
    """The provider gave a reason that has no unified word; see ``raw_finish_reason``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts. A count that the provider did not send is ``None``, never ``0``.

    Over several rounds (corrections) counts add up; a sum with an unknown part is the sum of what is known.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_input_tokens: int | None = None
    """The part of ``input_tokens`` that the provider served from its prompt cache."""
    reasoning_tokens: int | None = None
    """The part of ``output_tokens`` that the model spent on reasoning."""

    def __add__(self, other: Usage) -> Usage:
        """Add two rounds' counts field by field."""
        return Usage(
            input_tokens=_add(self.input_tokens, other.input_tokens),
            output_tokens=_add(self.output_tokens, other.output_tokens),
            total_tokens=_add(self.total_tokens, other.total_tokens),
            cached_input_tokens=_add(self.cached_input_tokens, other.cached_input_tokens),
            reasoning_tokens=_add(self.reasoning_tokens, other.reasoning_tokens),
        )


def _add(left: int | None, right: int | None) -> int | None:
    if left is None:
        return right
    return left if right is None else left + right


@dataclass(frozen=True, slots=True, init=False)
class ToolCall:
    """One call as the model made it, before validation.

    Made by a provider plugin; read by users as ``Calls.tool_calls`` and `CallFailure.tool_call`.
    """

    id: str
    """Unique within the reply. The provider's own id where it sent a usable one, else made up by the plugin."""
    name: str
    """The tool's name as the model gave it; it may be no tool of the request."""
    arguments: str | Mapping[str, object]
    """As received: JSON text, or the decoded object where the protocol carries structures."""
    index: int = 0
    """Place in its reply, from 0, in the order in which the calls began."""
    normalized_arguments: str | Mapping[str, object] | None = None
    """What to validate instead of ``arguments``, where the plugin had to undo something that its schema dialect
    or its protocol did; ``None`` where there was nothing to undo."""
    problem: str | None = None
    """Why the call cannot be used at all, said by the plugin (a kind of call it does not know, a wrapper that
    cannot be unpacked); such a call is reported and corrected like one that does not validate."""

    def __init__(
        self,
        id: str,
        name: str,
        arguments: str | Mapping[str, object],
        index: int = 0,
        normalized_arguments: str | Mapping[str, object] | None = None,
        problem: str | None = None,
    ) -> None:
        # What @dataclass makes for a frozen class takes twice the time, and a reply may hold 100,000 calls.
        _set_id(self, id)
        _set_name(self, name)
        _set_arguments(self, arguments)
        _set_index(self, index)
        _set_normalized_arguments(self, normalized_arguments)
        _set_problem(self, problem)


_set_id, _set_name, _set_arguments, _set_index, _set_normalized_arguments, _set_problem = (
    getattr(ToolCall, field.name).__set__ for field in fields(ToolCall)
)


@dataclass(frozen=True, slots=True)
class CallFailure:
    """A call that could not be turned into an object of ``response_model``."""

    tool_call: ToolCall
    reason: str
    """What is wrong, in words that the model was (or would have been) told."""
    fields: frozenset[str] = frozenset()
    """The top-level arguments that do not validate; empty where the call fails as a whole (no JSON, unknown name)."""
