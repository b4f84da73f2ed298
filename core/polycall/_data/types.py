"""The provider-neutral data that users see: modes, tool calls, finish reasons, token counts, adaptations."""
# Annotations are objects here and not texts: pydantic and `typing.get_type_hints` look up the names of texts in the
# module that a class names as its own, which for public ones is `polycall`.

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import EnumType, StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

from polycall._data.public import public

JsonObject: TypeAlias = dict[str, object]
"""A JSON object, decoded."""
ErrorKind: TypeAlias = Literal["rate_limit", "auth", "timeout", "connection", "server", "bad_request"]
"""What `polycall.kind_of` says of an error."""


class _ModeType(EnumType):
    """Says which modes there are where one of another library is asked for."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in cls._member_map_:  # a member itself, in Python 3.11
                return cls._member_map_[name]
            modes = " and ".join(f"Mode.{mode}" for mode in cls._member_map_)
            raise AttributeError(f"polycall has {modes}, not Mode.{name}. Leave mode out.", name=name, obj=cls)


@public
class Mode(StrEnum, metaclass=_ModeType):
    """How a client asks for tool calls.

    A provider plugin says per client which modes fit (`polycall.plugin.ClientTraits.modes`); any other is a
    `polycall.ModeError`. Both members mean the same way of working: several tool calls in one reply.
    """

    PARALLEL_TOOLS = "parallel_tools"
    VERTEXAI_PARALLEL_TOOLS = "vertexai_parallel_tools"


@public
class FinishReason(StrEnum):
    """Why the model stopped, in one vocabulary for all providers.

    The provider's own word stays next to it as ``raw_finish_reason``. Never used to decide whether there were
    calls (servers send `STOP` with calls and `TOOL_CALLS` without any); only to notice truncation and refusal.
    """

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    REFUSAL = "refusal"
    OTHER = "other"
    """The provider gave a reason that has no unified word; see ``raw_finish_reason``."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts. A count that the provider did not send is ``None``, never ``0``, and never made up.

    Over several rounds (corrections) counts add up; a sum with an unknown part is the sum of what is known.

    Attributes:
        input_tokens: Tokens of the request, those served from a cache included.
        output_tokens: Tokens of the reply, reasoning included.
        total_tokens: As the provider sent it; ``None`` where it sent no total.
        cached_input_tokens: The part of ``input_tokens`` that the provider served from its prompt cache.
        cache_write_input_tokens: The part of ``input_tokens`` that the provider wrote into its prompt cache.
        reasoning_tokens: The part of ``output_tokens`` that the model spent on reasoning.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Add two rounds' counts field by field."""
        return Usage(
            input_tokens=_add(self.input_tokens, other.input_tokens),
            output_tokens=_add(self.output_tokens, other.output_tokens),
            total_tokens=_add(self.total_tokens, other.total_tokens),
            cached_input_tokens=_add(self.cached_input_tokens, other.cached_input_tokens),
            cache_write_input_tokens=_add(self.cache_write_input_tokens, other.cache_write_input_tokens),
            reasoning_tokens=_add(self.reasoning_tokens, other.reasoning_tokens),
        )


def _add(left: int | None, right: int | None) -> int | None:
    if left is None:
        return right
    return left if right is None else left + right


@public
@dataclass(frozen=True, slots=True, init=False)
class ToolCall:
    """One call as the model made it, before validation.

    Made by a provider plugin; read by users as ``Calls.tool_calls`` and `CallFailure.tool_call`.

    Attributes:
        id: Unique within the conversation. The provider's own id where it sent a usable one, else made up by the
            plugin.
        name: The tool's name as the model gave it; it may not be a tool of the request.
        arguments: As received: JSON text, or the decoded object where the protocol carries structures.
        index: Place in its reply, from 0, in the order in which the calls began.
        normalized_arguments: Validated in place of ``arguments``, where the plugin had to undo something that its
            schema dialect or its protocol did; ``None`` where there was nothing to undo.
        problem: Why the call cannot be used at all, said by the plugin (a kind of call it does not know, a wrapper
            that cannot be unpacked); such a call is reported and corrected like one that does not validate.
    """

    id: str
    name: str
    arguments: str | Mapping[str, object]
    index: int = 0
    normalized_arguments: str | Mapping[str, object] | None = None
    problem: str | None = None

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

    @property
    def arguments_text(self) -> str:
        """``arguments`` as JSON text: as received where they came as text."""
        return (
            self.arguments
            if isinstance(self.arguments, str)
            else json.dumps(self.arguments, ensure_ascii=False, default=str)
        )


_set_id, _set_name, _set_arguments, _set_index, _set_normalized_arguments, _set_problem = (
    getattr(ToolCall, field.name).__set__ for field in fields(ToolCall)
)


@public
@dataclass(frozen=True, slots=True)
class CallFailure:
    """A call that could not be turned into an object of ``response_model``.

    Attributes:
        tool_call: The call as the model made it.
        reason: The problem, in the words that the model was (or would have been) told.
        fields: The top-level arguments that do not validate; empty where the call fails as a whole (not JSON, unknown
            name).
        wrong_name: The call fails for its name: there is no such tool, or it is not the one that was asked for.
    """

    tool_call: ToolCall
    reason: str
    fields: frozenset[str] = frozenset()
    wrong_name: bool = False


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """One change that was made to the caller's request so that the provider can take it.

    Attributes:
        setting: What was changed: ``"tool_choice"``, ``"strict"``, ``"options.seed"`` or the path of a field,
            ``"tools.Trip.legs[].size"``.
        kind: ``"dropped"``, ``"clamped"`` (to the nearest value that the provider takes), ``"substituted"`` (by
            something that means the same, or nearly), or ``"client_side"`` (polycall does it in the provider's place).
        given: The caller's value, as plain data.
        sent: The value that was sent in its place; ``None`` if none was.
        reason: Why, with the fact of the dialect, profile or model that asks for it.
    """

    setting: str
    kind: Literal["dropped", "clamped", "substituted", "client_side"]
    given: object = None
    sent: object = None
    reason: str = ""
