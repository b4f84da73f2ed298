"""The conversation of one ``create()`` as data: it pickles, and continues in another process, without a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, replace

from pydantic_core import PydanticSerializationError, to_json

from polycall._data.contract import CallResult, Reply
from polycall._data.errors import ProviderNotFoundError
from polycall._data.types import JsonObject, ToolCall
from polycall._data.wording import Wording
from polycall._engine.corrections import Outcome, answer, answer_surplus
from polycall._engine.result_checks import check_result
from polycall._plugins.registry import Provider, registry

_PART_TYPES = frozenset(
    {
        *("text", "input_text", "output_text", "image_url", "input_image", "input_audio", "audio_url", "video_url"),
        *("file", "input_file"),
    }
)
"""The types of content parts that a result may be a list of."""


@dataclass(slots=True)
class Round:
    """A request's messages, the reply, and how each of its calls was answered.

    Attributes:
        messages: The conversation that led to the reply.
        reply: The whole reply.
        outcomes: Of the calls that are used, in order.
        surplus: Calls beyond ``max_calls``.
        garbled: Failed calls that only repeat an accepted one, by their index in the reply.
        note: Told to the model after the answers.
    """

    messages: list[object]
    reply: Reply
    outcomes: Sequence[Outcome] = ()
    surplus: Sequence[ToolCall] = ()
    garbled: Container[int] = ()
    note: str | None = None

    def answers(self, wording: Wording, max_calls: int | None) -> list[CallResult]:
        """The answer to each call of the reply, in order, while some are corrected."""
        answers = [
            answer(outcome, wording)
            if outcome.tool_call.index not in self.garbled
            else CallResult(outcome.tool_call, wording.repeated)
            for outcome in self.outcomes
        ]
        if not self.surplus:
            return answers
        surplus = {call.index for call in self.surplus}
        by_index = {one.tool_call.index: one for one in answers}
        return [
            answer_surplus(call, max_calls or 0, wording) if call.index in surplus else by_index[call.index]
            for call in self.reply.tool_calls
        ]


@dataclass(slots=True)  # not frozen: that triples the time to make one
class Conversation:
    """Everything that ``Calls.continue_with`` needs.

    Attributes:
        provider: Its hook continues the conversation where the plugin has one and is installed; else the core does.
        wording: The words of the answers.
        max_calls: The caller's.
        rounds: In order.
        tool_calls: Of the good calls, in the order of the result.
        round_of: The number of each one's round.
    """

    provider: str
    wording: Wording
    max_calls: int | None
    rounds: Sequence[Round]
    tool_calls: Sequence[ToolCall]
    round_of: Sequence[int]

    def continue_with(self, results: Sequence[object]) -> list[object]:
        """Replay the conversation with the calls' true results in place of the word "accepted".

        Raises:
            ValueError: A result cannot be written as JSON.
        """
        given = {
            (number, call.index): _result(call, place, result)
            for place, (call, number, result) in enumerate(zip(self.tool_calls, self.round_of, results, strict=True))
        }
        messages = self.rounds[0].messages
        for number, one in enumerate(self.rounds):
            answers = [
                given.get((number, answer.tool_call.index), answer)
                for answer in one.answers(self.wording, self.max_calls)
            ]
            messages = self._continue(messages, one.reply, answers, one.note)
        return messages

    def _continue(
        self, messages: list[object], reply: Reply, answers: Sequence[CallResult], note: str | None
    ) -> list[object]:
        try:
            provider = registry.provider(self.provider)
        except ProviderNotFoundError:
            return _default_continuation(messages, reply, answers, note)
        return continue_conversation(provider, messages, reply, answers, note)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        rounds = [replace(one, reply=replace(one.reply, raw_response=None)) for one in self.rounds]
        return Conversation, (self.provider, self.wording, self.max_calls, rounds, self.tool_calls, self.round_of)


def continue_conversation(
    provider: Provider, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """The conversation with the model's turn and the answers to its calls, by the provider's hook or the core's own.

    Raises:
        PluginError: The hook returned something else than a new list, or changed the one that it got.
    """
    hook = "polycall_continue_conversation"
    if not provider.implements(hook):
        return _default_continuation(messages, reply, results, note)
    count = len(messages)
    try:
        continued: object = provider.hooks.polycall_continue_conversation(
            messages=messages, reply=reply, results=results, note=note
        )
    except Exception as error:
        provider.explain(error, hook)
        raise
    if continued is None and not provider.has_own(hook):
        return _default_continuation(messages, reply, results, note)
    checked: list[object] = check_result(provider, continued, list, hook)
    if checked is messages or len(messages) != count:
        raise provider.error(f"changed the messages that {hook} was given; a new list is due.", hook)
    return checked


def _default_continuation(
    messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
) -> list[object]:
    """The core's own `polycall_continue_conversation`."""
    from polycall._toolkit import conversation as toolkit  # for those who continue

    turn = reply.turn
    if turn is None:
        turn = toolkit.assistant_turn(reply.text, reply.tool_calls, reasoning=reply.reasoning)
    return toolkit.continue_conversation(messages, turn if isinstance(turn, list) else [turn], results, note)


def _result(tool_call: ToolCall, place: int, value: object) -> CallResult:
    if isinstance(value, BaseException):
        return CallResult(tool_call, f"{type(value).__name__}: {value}", is_error=True)
    if isinstance(value, str):
        return CallResult(tool_call, value)
    if isinstance(value, list) and value and all(map(_is_content_part, value)):
        return CallResult(tool_call, list[JsonObject](value))
    where = f"continue_with(): results[{place}], for the call of {tool_call.name},"
    if isinstance(value, dict) and value.get("role") == "tool" and "tool_call_id" in value:
        raise ValueError(f"{where} is a whole message; pass its content. continue_with() makes the messages.")
    try:
        return CallResult(tool_call, to_json(value).decode())
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise ValueError(f"{where} cannot be written as JSON: {_why_not_json(value, error)}") from error


def _why_not_json(value: object, error: Exception) -> str:
    if isinstance(value, type) and issubclass(value, BaseException):
        return f"it is an exception class; pass an exception, {value.__name__}(...)."
    if isinstance(value, type):
        return f"it is the class {value.__name__}; pass an object."
    if isinstance(value, Awaitable):
        return "it was not awaited; write 'await'."
    if callable(value):
        return f"it is the function {getattr(value, '__name__', '?')}; call it."
    return f"{error}. Pass text, or anything that pydantic can write."


def _is_content_part(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") in _PART_TYPES
