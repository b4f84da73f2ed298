"""What a scripted model can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from polycall._data.types import FinishReason, Usage


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as a model makes it, right or wrong; see `call`."""

    name: str
    arguments: Mapping[str, object] | str
    id: str | None = None

    def __repr__(self) -> str:
        return f"call({self.name!r}, {self.arguments!r})"


@dataclass(frozen=True, slots=True)
class CutOffCall:
    """A call that has begun and does not end; see `cut_off`."""

    call: object

    def __repr__(self) -> str:
        return f"cut_off({self.call!r})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model refuses; see `refusal`."""

    reason: str

    def __repr__(self) -> str:
        return f"refusal({self.reason!r})"


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Calls that are made up from the schema; see `made_up`."""

    tools: tuple[str, ...]
    seed: int

    def __repr__(self) -> str:
        return f"made_up({', '.join([*map(repr, self.tools), f'seed={self.seed}'])})"


@dataclass(frozen=True, slots=True)
class WholeReply:
    """A reply with its details; see `reply`."""

    items: tuple[object, ...]
    reasoning: str | None = None
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    raw_finish_reason: str | None = None
    model: str | None = None
    response_id: str | None = None

    def __repr__(self) -> str:
        return f"reply({', '.join(map(repr, self.items))})"


def call(name: str, arguments: Mapping[str, object] | str = "{}", *, id: str | None = None) -> RawCall:
    """A call as a model makes it: unknown names, wrong values and broken JSON too.

    Args:
        name: The tool's name.
        arguments: Their values, or the JSON text.
        id: The call's id; ``None`` makes one that is unique in the conversation.
    """
    return RawCall(name, arguments, id)


def cut_off(one: object) -> CutOffCall:
    """A call that the length limit cuts off; the reply ends with it.

    Args:
        one: A typed object, of whose arguments the first half is written; or `call` with the text so far.
    """
    return CutOffCall(one)


def refusal(reason: str) -> Refusal:
    """The model refuses, or the provider blocks; the reply ends with it.

    Args:
        reason: In the model's words.
    """
    return Refusal(reason)


def made_up(*tools: str, seed: int = 0) -> MadeUp:
    """Calls whose arguments are made up from the schemas of the request: valid, and the same ones for the same seed.

    Custom validators may still refuse them, for they are not in a schema.

    Args:
        *tools: The names of the tools to call, in order. None: those that ``tool_choice`` asks for, else each once.
        seed: Another seed makes other values. Each request of a script gets values of its own.
    """
    return MadeUp(tools, seed)


def reply(
    *items: object,
    reasoning: str | None = None,
    usage: Usage | None = None,
    finish_reason: FinishReason | None = None,
    raw_finish_reason: str | None = None,
    model: str | None = None,
    response_id: str | None = None,
) -> WholeReply:
    """One reply of the model, with its details.

    Args:
        *items: In order: typed objects, `call`, texts, `cut_off`, `refusal`, a `Gate`, an exception.
        reasoning: The model's visible reasoning, before all else.
        usage: The token counts; ``None`` for a service that sends none.
        finish_reason: ``None`` takes the one that fits: tool calls, stop, length or refusal.
        raw_finish_reason: The provider's own word; ``None`` takes the unified one.
        model: The model as served.
        response_id: The response's id.
    """
    return WholeReply(items, reasoning, usage, finish_reason, raw_finish_reason, model, response_id)
