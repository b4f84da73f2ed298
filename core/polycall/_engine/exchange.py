"""The engine of one ``create()``: requests, replies and corrections, without any I/O.

Sync, async and streamed clients drive the same `Exchange`::

    request = exchange.next_request()
    while request is not None:
        reply = ...                      # render, send, extract
        exchange.receive(reply)          # raises what the reply deserves
        request = exchange.next_request()
    return exchange.calls()
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from itertools import count
from os import urandom
from typing import Protocol

from polycall._data.calls import Calls
from polycall._data.contract import CallResult, Reply, Request, SessionTraits
from polycall._data.errors import (
    IncompleteOutputError,
    InvalidCallsError,
    NoToolCallsError,
    OutputError,
    RefusalError,
)
from polycall._data.types import Adaptation, CallFailure, FinishReason, ToolCall, Usage
from polycall._data.wording import Wording
from polycall._engine.ask import Ask
from polycall._engine.conversation import Conversation, Round
from polycall._engine.corrections import Outcome, note
from polycall._engine.defaults import Defaults
from polycall._engine.validation import ValidCall, validate_call

_log = logging.getLogger("polycall.calls")

_NO_NAMES: frozenset[str] = frozenset()
_PROCESS_ID = urandom(6).hex()
_numbers = count(1)


class ExchangeHooks(Protocol):
    """The part of a provider that an exchange needs."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def traits(self) -> SessionTraits:
        """Where the session sends to."""
        ...

    @property
    def wording(self) -> Wording:
        """The words for the model."""
        ...

    @property
    def defaults(self) -> Defaults:
        """What holds unless the call says otherwise."""
        ...

    @property
    def calls_validated(self) -> Callable[..., None] | None:
        """Tells the extensions of a validated round; ``None`` if there are none."""
        ...

    def continue_conversation(
        self, messages: Sequence[object], reply: Reply, results: Sequence[CallResult], note: str | None
    ) -> list[object]:
        """The conversation with the model's turn and the answers to its calls."""
        ...


class Exchange:
    """One ``create()``: the next request, the good calls of the replies, the calls to ask for again.

    Args:
        ask: What the caller asks for.
        hooks: The provider's.

    Raises:
        MessageError: ``messages`` is not a list of messages.
        ResponseModelError: ``response_model`` has another form.
        ConfigurationError: ``max_retries``, ``max_calls`` or ``tool_choice`` cannot be used.
    """

    def __init__(self, ask: Ask, hooks: ExchangeHooks) -> None:
        self.ask = ask
        self.tools = ask.tool_set()
        self.tool_choice, self._required_tools = ask.choice(self.tools)
        self._messages = ask.message_list()
        self._hooks = hooks
        self._wording = hooks.wording
        self._only_tool = self.tool_choice if self.tool_choice in self.tools.tools else None
        self._defaults = hooks.defaults
        self._retries_left = self._defaults.max_corrections if ask.max_retries is None else ask.max_retries
        self._room = _NO_LIMIT if ask.max_calls is None else _Room(ask.max_calls, self._required_tools)
        self._create_id = f"{_PROCESS_ID}-{next(_numbers)}"
        self._extension_data: dict[str, object] = {}
        # The places of the result: the latest outcome for each, and the round that it belongs to.
        self._outcomes: list[Outcome] = []
        self._round_of: list[int] = []
        # The failed calls that were made for a place before its latest one; the places that the first calls took.
        self._attempts: dict[int, list[CallFailure]] = {}
        self._first_places = 0
        self._surplus: list[ToolCall] = []
        self._rounds: list[Round] = []
        self._usage: Usage | None = None
        self._adaptations: list[Adaptation] = []
        self._early: dict[int, Outcome] = {}
        self._goes_on = True
        self._round_began = 0.0
        self.told_end = False
        """Whether the extensions know that the ``create()`` has ended."""
        self.request = self._make_request()
        """The request of the current round."""

    def next_request(self) -> Request | None:
        """The request to send now; ``None`` when the result stands."""
        self._round_began = time.perf_counter()
        if not self._goes_on:
            return None
        if self._rounds:
            self.request = self._make_request()
        return self.request

    @property
    def is_correction(self) -> bool:
        """Whether the next reply is a correction of earlier calls."""
        return bool(self._rounds)

    def validate_early(self, tool_call: ToolCall) -> Outcome | None:
        """Validate a call of a reply that is still coming; `receive` takes the outcome over.

        A good outcome of the first round is final. The place of a correction is known only when all are there.

        Returns:
            ``None`` for a call beyond ``max_calls``.
        """
        if not self._rounds and not self._room.take(tool_call.name):
            return None
        outcome = validate_call(tool_call, self.tools, self.ask.context, self._only_tool, self._wording)
        self._early[tool_call.index] = outcome
        return outcome

    def receive(self, reply: Reply) -> list[ValidCall]:
        """Take a whole reply.

        Returns:
            The good calls that this reply adds to the result, in order, without those of the first round that
            `validate_early` has returned already.

        Raises:
            InvalidCallsError: Calls still fail and no correction is left.
            NoToolCallsError: A call was required and not made, and no correction is left.
            IncompleteOutputError: The reply was cut off.
            RefusalError: The model refused, or the provider blocked.
        """
        self._goes_on = False
        if reply.usage is not None:
            self._usage = reply.usage if self._usage is None else self._usage + reply.usage
        self._keep_adaptations()
        if reply.finish_reason is FinishReason.LENGTH:
            _move_unwritten_call(reply, self._early)
        early, self._early = self._early, {}
        this_round = Round(self._messages, reply)
        calls = reply.tool_calls
        if self.ask.max_calls is not None and not self._rounds:
            calls = self._within_limit(this_round, early)
        tools, context, only_tool, wording = self.tools, self.ask.context, self._only_tool, self._wording
        outcomes = [
            (early and early.get(call.index)) or validate_call(call, tools, context, only_tool, wording)
            for call in calls
        ]
        this_round.outcomes = outcomes
        self._rounds.append(this_round)
        if len(self._rounds) == 1:
            self._outcomes = outcomes.copy()
            self._round_of = [0] * len(outcomes)
            self._first_places = len(outcomes)
            added = [call for call in outcomes if isinstance(call, ValidCall)]
            if early:
                added = [call for call in added if call.tool_call.index not in early]
        else:
            added = self._place_corrections(this_round)
        self._log_round(this_round)
        try:
            self._raise_if_unusable(reply)
            self._plan_correction(this_round)
        except OutputError as error:
            self._tell_extensions(this_round, error)
            raise
        self._tell_extensions(this_round, None)
        return added

    def calls(self) -> Calls[object]:
        """The good calls so far, in order, and everything else that the replies held."""
        good = [call for call in self._outcomes if isinstance(call, ValidCall)]
        tool_calls = tuple([call.tool_call for call in good])
        round_of = self._round_of
        if len(good) < len(round_of):
            outcomes = zip(self._outcomes, round_of, strict=True)
            round_of = [number for call, number in outcomes if isinstance(call, ValidCall)]
        rounds = self._rounds
        reply = rounds[-1].reply if rounds else Reply()
        return Calls(
            [call.value for call in good],
            tool_calls=tool_calls,
            text=self._first("text"),
            reasoning=self._first("reasoning"),
            usage=self._usage,
            finish_reason=reply.finish_reason,
            raw_finish_reason=reply.raw_finish_reason,
            provider=self._hooks.name,
            model=reply.model,
            response_id=reply.response_id,
            adaptations=self._adaptations,
            surplus=self._surplus,
            conversation=Conversation(
                self._hooks.name, self._wording, self.ask.max_calls, tuple(rounds), tool_calls, tuple(round_of)
            )
            if rounds
            else None,
            make_raw_response=reply.raw_response,
        )

    def attach_calls(self, error: BaseException) -> Calls[object]:
        """Give an exception that ends the ``create()``, of whatever class, the good calls so far, and return them.

        polycall's own have them as ``.calls``, others as ``polycall_calls``, where their class takes attributes.
        """
        self._keep_adaptations()
        early = [call for _, call in sorted(self._early.items()) if isinstance(call, ValidCall)]
        self._early = {}
        if self._rounds:
            if early:
                self._place_corrections(Round(self._messages, Reply(), early))
            calls = self.calls()
        else:
            calls = Calls(
                [call.value for call in early],
                tool_calls=[call.tool_call for call in early],
                provider=self._hooks.name,
                adaptations=self._adaptations,
            )
        if isinstance(error, OutputError):
            error.calls = calls
        elif self._rounds or calls:
            with suppress(AttributeError, TypeError):  # a class may refuse attributes
                error.polycall_calls = calls  # type: ignore[attr-defined]
                doing = "requesting a correction" if self._rounds else "reading the reply"
                error.add_note(
                    f"Raised while polycall was {doing}; the {len(calls)} valid calls so far are in "
                    "error.polycall_calls."
                )
        return calls

    def _make_request(self) -> Request:
        """The next round's request, of the caller's own values: an extension may have changed those of the last one."""
        ask, hooks = self.ask, self._hooks
        options, default_options = ask.options, _NO_NAMES
        if self._defaults.options:
            options, default_options = self._defaults.join(ask.options), self._defaults.named(ask.options)
        return Request(
            provider=hooks.name,
            model=ask.model,
            messages=self._messages.copy(),
            tools=self.tools.specs,
            tool_payload=None,
            tool_choice=self.tool_choice,
            required_tools=self._required_tools,
            max_calls=ask.max_calls,
            strict=ask.strict,
            options=dict(options),
            default_options=default_options,
            stream=ask.stream,
            deltas=ask.deltas,
            round=len(self._rounds),
            create_id=self._create_id,
            extension_data=self._extension_data,
            session_traits=hooks.traits,
            wording=self._wording,
            dry_run=ask.dry_run,
        )

    def _within_limit(self, this_round: Round, early: dict[int, Outcome]) -> Sequence[ToolCall]:
        """The calls of the first reply that are used: those that a stream has yielded, then the first ones."""
        calls = this_round.reply.tool_calls
        used = set(early) | {call.index for call in calls if call.index not in early and self._room.take(call.name)}
        this_round.surplus = [call for call in calls if call.index not in used]
        self._surplus += this_round.surplus
        return [call for call in calls if call.index in used]

    def _first(self, member: str) -> str | None:
        """The text next to the calls, of the first round that has some; without calls, of the last one."""
        rounds = self._rounds if self._outcomes else self._rounds[::-1]
        for one in rounds:
            text: str | None = getattr(one.reply, member)
            if text:
                return text
        return None

    def _keep_adaptations(self) -> None:
        """Those of the current round's request, each once."""
        if self.request.adaptations:
            self._adaptations += [one for one in self.request.adaptations if one not in self._adaptations]

    def _failures(self) -> list[CallFailure]:
        return [outcome for outcome in self._outcomes if isinstance(outcome, CallFailure)]

    def _place_corrections(self, this_round: Round) -> list[ValidCall]:
        from polycall._engine.matching import match_corrections  # nearly every create() ends without a correction

        outcomes = this_round.outcomes
        matching = match_corrections(
            self._outcomes,
            outcomes,
            known_tools=self.tools.tools,
            attempts=self._attempts,
            asked=self._first_places,
        )
        this_round.garbled = frozenset(
            outcomes[index].tool_call.index for index in matching.repeats if isinstance(outcomes[index], CallFailure)
        )
        number = len(self._rounds) - 1
        surplus: list[ToolCall] = []
        added: list[ValidCall] = []
        for index, outcome in enumerate(outcomes):
            if index in matching.repeats:
                continue
            if index in matching.corrections:
                place = matching.corrections[index]
                earlier = self._outcomes[place]
                if isinstance(earlier, CallFailure):
                    self._attempts.setdefault(place, []).append(earlier)
                self._outcomes[place], self._round_of[place] = outcome, number
                self._room.kept.discard(outcome.tool_call.name)
            elif not self._room.take(outcome.tool_call.name):
                surplus.append(outcome.tool_call)
                continue
            else:
                self._outcomes.append(outcome)
                self._round_of.append(number)
            if isinstance(outcome, ValidCall):
                added.append(outcome)
        this_round.surplus = surplus
        self._surplus += surplus
        if not self._first_places:
            self._first_places = len(self._outcomes)
        for place in sorted(matching.withdrawn, reverse=True):
            del self._outcomes[place], self._round_of[place]
            self._room.give_back()
            self._attempts = {at - (at > place): calls for at, calls in self._attempts.items() if at != place}
        return added

    def _raise_if_unusable(self, reply: Reply) -> None:
        if reply.refusal is not None or reply.finish_reason is FinishReason.REFUSAL:
            reason = reply.refusal or reply.text or f"the finish reason is {reply.raw_finish_reason!r}"
            raise RefusalError(reason, calls=self.calls())
        if reply.stopped is not None and not (self._outcomes or reply.cut_off) and self.tool_choice != "auto":
            raise NoToolCallsError(calls=self.calls(), stopped=reply.stopped)
        if reply.finish_reason is FinishReason.LENGTH:
            problem = "The reply was cut off by the length limit; allow more output tokens or ask for fewer calls."
        elif not reply.saw_end:
            ended = "The stream ended without any sign"
            if reply.raw_finish_reason is not None:
                ended = f"The finish reason {reply.raw_finish_reason!r} is not known as a sign"
            why = f" ({reply.stopped})" if reply.stopped is not None else ""
            problem = f"{ended} that the reply is whole{why}; send the request again."
        elif reply.cut_off:
            problem = "The reply ended in the middle of a call; send the request again."
        else:
            return
        calls = self.calls()
        raise IncompleteOutputError(
            f"{problem} {len(calls)} complete call(s) are in .calls.",
            calls=calls,
            cut_off=reply.cut_off,
            failures=self._failures(),
        )

    def _plan_correction(self, this_round: Round) -> None:
        failures = self._failures()
        silent = not self._outcomes and self.tool_choice != "auto"
        missing: Sequence[str] = ()
        if self._required_tools:
            made = {outcome.tool_call.name for outcome in self._outcomes}
            missing = [name for name in self._required_tools if name not in made]
        if not failures and not silent and not missing:
            return
        if self._retries_left <= 0:
            if failures:
                raise InvalidCallsError(failures, calls=self.calls(), corrections=len(self._rounds) - 1)
            raise NoToolCallsError(calls=self.calls(), missing=missing)
        self._retries_left -= 1
        made_now = {id(outcome) for outcome in this_round.outcomes}
        unanswered = [failure for failure in failures if id(failure) not in made_now]
        if unanswered or silent or missing:
            this_round.note = note(
                self._wording,
                silent=not this_round.reply.tool_calls,
                unanswered=unanswered,
                missing=missing,
                tools=list(self.tools.tools) if self._only_tool is None else [self._only_tool],
            )
        self._messages = self._hooks.continue_conversation(
            this_round.messages,
            this_round.reply,
            this_round.answers(self._wording, self.ask.max_calls),
            this_round.note,
        )
        self._goes_on = True
        _log.debug(
            "%s: asking for a correction (%d calls failed, %d corrections left)",
            self._hooks.name,
            len(failures),
            self._retries_left,
        )

    def _tell_extensions(self, this_round: Round, error: OutputError | None) -> None:
        if self._hooks.calls_validated is not None:
            self._hooks.calls_validated(
                error,
                request=self.request,
                calls=[one.tool_call for one in this_round.outcomes if isinstance(one, ValidCall)],
                failures=self._failures(),
                correction=self._goes_on,
            )

    def _log_round(self, this_round: Round) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            bad = sum(isinstance(outcome, CallFailure) for outcome in this_round.outcomes)
            _log.debug(
                "%s, model %s, round %d: %d calls, %d of them bad, finish reason %s, %.3f s",
                self._hooks.name,
                self.request.model,
                self.request.round,
                len(this_round.outcomes),
                bad,
                None if this_round.reply.raw_finish_reason is None else ascii(this_round.reply.raw_finish_reason)[1:-1],
                time.perf_counter() - self._round_began,
            )


class _Room:
    """The places that ``max_calls`` leaves; one is kept for each tool that must be called and was not yet.

    Args:
        limit: ``max_calls``.
        required: The tools that must be called; no more than ``limit``.
    """

    __slots__ = ("_left", "kept")

    def __init__(self, limit: int | None, required: Sequence[str]) -> None:
        self._left = limit
        self.kept = set(required)

    def take(self, name: str) -> bool:
        """Take a place for a call of a tool; False if there is none."""
        if self._left is None:
            return True
        if self._left <= len(self.kept) - (name in self.kept):
            return False
        self._left -= 1
        self.kept.discard(name)
        return True

    def give_back(self) -> None:
        """Free the place of a call that left the result."""
        if self._left is not None:
            self._left += 1


_NO_LIMIT = _Room(None, ())


def _move_unwritten_call(reply: Reply, complete: Container[int]) -> None:
    """Under a length limit, a last call without any arguments was cut off before they began.

    Taken for complete, it would be a valid call of a model whose fields all have defaults.
    """
    if reply.cut_off or not reply.tool_calls:
        return
    *calls, last = reply.tool_calls
    if last.index not in complete and isinstance(last.arguments, str) and not last.arguments.strip():
        reply.tool_calls, reply.cut_off = calls, (last,)
