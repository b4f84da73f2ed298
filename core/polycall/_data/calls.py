"""The result of ``create()``: the typed calls of one reply, and what else the reply said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

from polycall._data.types import FinishReason, ToolCall, Usage

T_co = TypeVar("T_co", covariant=True)


class Calls(Sequence[T_co]):
    """The typed calls of a reply, in the order in which the model made them. Immutable.

    Compares equal to any sequence of equal objects: ``calls == [Weather(...), GoogleSearch(...)]``.
    """

    __slots__ = (
        "_continue_with",
        "_make_raw_response",
        "_raw_response",
        "_values",
        "finish_reason",
        "raw_finish_reason",
        "text",
        "tool_calls",
        "usage",
    )

    tool_calls: tuple[ToolCall, ...]
    """Id, name and raw arguments of each call, in the same order as the objects."""
    text: str | None
    """What the model said beside its calls, ``None`` if nothing."""
    usage: Usage | None
    """Token counts of all rounds together, ``None`` if the provider sent none."""
    finish_reason: FinishReason | None
    """Why the model stopped; ``None`` if the provider did not say."""
    raw_finish_reason: str | None
    """The provider's own word for it."""

    def __init__(
        self,
        values: Sequence[T_co],
        *,
        tool_calls: Sequence[ToolCall] = (),
        text: str | None = None,
        usage: Usage | None = None,
        finish_reason: FinishReason | None = None,
        raw_finish_reason: str | None = None,
        make_raw_response: Callable[[], object] | None = None,
        continue_with: Callable[[Sequence[object]], list[object]] | None = None,
    ) -> None:
        self._values = tuple(values)
        self.tool_calls = tuple(tool_calls)
        self.text = text
        self.usage = usage
        self.finish_reason = finish_reason
        self.raw_finish_reason = raw_finish_reason
        self._make_raw_response = make_raw_response
        self._raw_response: object = None
        self._continue_with = continue_with

    @property
    def raw_response(self) -> object:
        """The SDK's own response object of the last round, built on first use; ``None`` where there is none."""
        if self._make_raw_response is not None:
            self._raw_response = self._make_raw_response()
            self._make_raw_response = None
        return self._raw_response

    def continue_with(self, results: Sequence[object]) -> list[object]:
        """The messages for the next ``create()``: the conversation, the model's calls, and their results.

        Args:
            results: One for each call, in order: text, or anything that pydantic can write as JSON. An exception
                tells the model that the call failed, and why.

        Returns:
            A new list. Calls that failed on the way are in it with their errors, so the conversation is what the
            model saw.

        Raises:
            ValueError: Not one result for each call.
        """
        if len(results) != len(self._values):
            raise ValueError(f"{len(self._values)} calls need as many results, in their order; got {len(results)}.")
        if self._continue_with is None:
            raise ValueError("These calls are part of a reply that is not over; read the stream to its end first.")
        return self._continue_with(results)

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> T_co | tuple[T_co, ...]:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Calls):
            return self._values == other._values
        if isinstance(other, (list, tuple)):
            return self._values == tuple(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # the objects are mutable, as in a list

    def __repr__(self) -> str:
        return f"Calls({list(self._values)!r})"
