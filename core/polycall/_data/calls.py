"""The result of ``create()``: the typed calls of one reply, and what else the reply said."""

# Annotations are objects here and not texts, as in `polycall._data.types`.

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, get_args

from polycall._data.public import public
from polycall._data.types import Adaptation, FinishReason, ToolCall, Usage

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_OF_A_RESPONSE = frozenset({"choices", "message", "content", "output", "candidates", "id", "created"})
"""What the SDKs' own responses have."""

T_co = TypeVar("T_co", covariant=True)
MemberT = TypeVar("MemberT")


class Conversation(Protocol):
    """The conversation that led to some calls, as data."""

    def continue_with(self, results: Sequence[object]) -> list[object]:
        """The messages for the next turn, with one result for each call."""
        ...


@public
class Calls(tuple[T_co, ...], Generic[T_co]):  # noqa: SLOT001 - a tuple's subclass cannot have slots with names
    """The typed calls of a reply, in the order in which the model made them. Immutable.

    A sequence that equals any list or tuple of equal objects: ``calls == [Weather(...), GoogleSearch(...)]``.
    It pickles and deep-copies (without ``raw_response``), and pydantic validates and serialises it as the list of its
    objects: as a field, as ``TypeAdapter(Calls[Weather])`` and as the return value of a FastAPI route.

    Attributes:
        tool_calls: Id, name and raw arguments of each call, in the same order as the objects.
        text: The model's words outside of its calls, ``None`` if there are none.
        reasoning: The model's visible reasoning, ``None`` if there is none.
        usage: Token counts of all rounds together, ``None`` if the provider sent none.
        finish_reason: Why the model stopped; ``None`` if the provider did not say.
        raw_finish_reason: The provider's own word for it.
        provider: The provider's name, ``None`` for calls that were made by hand.
        model: The model that answered the last round, as served; ``None`` if the provider did not say.
        response_id: The provider's id of the last round's response.
        adaptations: Changes that were made to the request so that the provider can take it; see `polycall.Adaptation`.
        surplus: Calls beyond ``max_calls``, which are not among the objects.
    """

    tool_calls: tuple[ToolCall, ...]
    text: str | None
    reasoning: str | None
    usage: Usage | None
    finish_reason: FinishReason | None
    raw_finish_reason: str | None
    provider: str | None
    model: str | None
    response_id: str | None
    adaptations: tuple[Adaptation, ...]
    surplus: tuple[ToolCall, ...]

    def __new__(
        cls,
        values: Sequence[T_co] = (),
        *,
        tool_calls: Sequence[ToolCall] = (),
        text: str | None = None,
        reasoning: str | None = None,
        usage: Usage | None = None,
        finish_reason: FinishReason | None = None,
        raw_finish_reason: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        response_id: str | None = None,
        adaptations: Sequence[Adaptation] = (),
        surplus: Sequence[ToolCall] = (),
        conversation: Conversation | None = None,
        make_raw_response: Callable[[], object] | None = None,
    ) -> Self:
        self = super().__new__(cls, values)
        attributes: dict[str, object] = {
            "tool_calls": tuple(tool_calls),
            "text": text,
            "reasoning": reasoning,
            "usage": usage,
            "finish_reason": finish_reason,
            "raw_finish_reason": raw_finish_reason,
            "provider": provider,
            "model": model,
            "response_id": response_id,
            "adaptations": tuple(adaptations),
            "surplus": tuple(surplus),
            "_conversation": conversation,
            "_make_raw_response": make_raw_response,
            "_raw_response": None,
        }
        object.__setattr__(self, "__dict__", attributes)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Calls are immutable; {name!r} cannot be set.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Calls are immutable; {name!r} cannot be deleted.")

    @property
    def raw_response(self) -> object:
        """The SDK's own response object of the last round, built on first use; ``None`` where there is none.

        Raises:
            ValueError: The calls came through ``pickle`` or ``copy.deepcopy``, which the raw response does not survive.
            Exception: The SDK's own, for a response that it cannot read.
        """
        make = self.__dict__["_make_raw_response"]
        if make is not None:
            self.__dict__.update(_raw_response=make(), _make_raw_response=None)
        return self.__dict__["_raw_response"]

    def of_type(self, type_: type[MemberT]) -> list[MemberT]:
        """The calls of one class, in order: ``calls.of_type(Weather)``."""
        return [value for value in self if isinstance(value, type_)]

    def continue_with(self, results: Sequence[object]) -> list[object]:
        """The messages for the next ``create()``: the conversation, the model's calls, and their results.

        Args:
            results: One for each call, in order: text; a list of content parts (``{"type": "image_url", ...}``); or
                anything that pydantic can write as JSON. An exception tells the model that the call failed, and why.

        Returns:
            A new list of JSON data (and of the caller's own message objects). Calls that failed on the way are in it
            with their errors, so the conversation is what the model saw.

        Raises:
            TypeError: ``results`` is text, a mapping, a set or a single object, not one result for each call.
            ValueError: Not one result for each call, a result that cannot be written as JSON, or calls without a
                conversation: the reply is still streaming, or they were made by hand.
        """
        if isinstance(results, (str, bytes, Mapping, AbstractSet)) or not isinstance(results, Iterable):
            order = ", which has no order" if isinstance(results, AbstractSet) else ""
            raise TypeError(
                f"continue_with() takes a list with one result per call, got {type(results).__name__}{order}; "
                "write continue_with([...])."
            )
        conversation: Conversation | None = self.__dict__["_conversation"]
        if conversation is None:
            raise ValueError(
                "These calls have no conversation to continue: they were made by hand, or their reply is still "
                "streaming. Read the stream to its end before calling continue_with()."
            )
        results = list(results)
        if len(results) != len(self):
            names = ", ".join([call.name for call in self.tool_calls[:8]])
            raise ValueError(
                f"continue_with() needs one result per call, in order: {len(self)} calls, {len(results)} results. "
                f"The calls: {names or 'none'}."
            )
        return conversation.continue_with(results)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            hint = ""
            if not name.startswith("_"):
                if tuple.__len__(self) and hasattr(self[0], name):
                    hint = f" The calls have it: calls[0].{name}, or 'for call in calls'."
                elif name in _OF_A_RESPONSE:
                    hint = " The SDK's own response is in calls.raw_response."
            raise AttributeError(f"'Calls' object has no attribute {name!r}.{hint}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (list, tuple)):
            return tuple.__eq__(self, tuple(other))
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None  # type: ignore[assignment]  # the objects are mutable, as in a list

    def __repr__(self) -> str:
        return f"Calls({list(self)!r})"

    def __copy__(self) -> Self:
        return self  # immutable

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        state = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        had_raw = self.__dict__["_make_raw_response"] is not None or self.__dict__["_raw_response"] is not None
        return _restore, (type(self), tuple(self), {**state, "conversation": self.__dict__["_conversation"]}, had_raw)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        """Validate calls, or any list of their objects; serialise as the list of the objects."""
        from pydantic_core import core_schema

        (member,) = get_args(source) or (Any,)
        members = core_schema.list_schema(handler.generate_schema(member))
        from_list = core_schema.no_info_after_validator_function(cls, members)
        return core_schema.json_or_python_schema(
            json_schema=from_list,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_list]),
            serialization=core_schema.plain_serializer_function_ser_schema(list, return_schema=members),
        )


def _restore(type_: type[Calls[T_co]], values: tuple[T_co, ...], state: dict[str, Any], had_raw: bool) -> Calls[T_co]:
    return type_(values, **state, make_raw_response=_raw_response_is_gone if had_raw else None)


def _raw_response_is_gone() -> object:
    raise ValueError("The raw response did not survive pickle or copy.deepcopy; read it from the original calls.")
