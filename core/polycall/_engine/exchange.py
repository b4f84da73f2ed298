"""The engine of one ``create()``: requests, replies and corrections, without any I/O.

Sync, async and streamed clients drive the same `Exchange`::

    request = exchange.next_request()
    while request is not None:
        reply = ...                      # send, extract
        exchange.receive(reply)          # raises what the reply deserves
        request = exchange.next_request()
    return exchange.calls()
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from pydantic_core import to_json

from polycall._data.calls import Calls
from polycall._data.contract import CallResult, Reply, Request
from polycall._data.errors import IncompleteOutputError, InvalidCallsError, NoToolCallsError, OutputError, RefusalError
from polycall._data.types import CallFailure, FinishReason, ToolCall, Usage
from polycall._engine.matching import match_corrections
from polycall._engine.tools import ToolSet
from polycall._engine.validation import ValidCall, validate_call

_log = logging.getLogger("polycall.calls")

_ACCEPTED = "accepted"

Outcome = ValidCall | CallFailure
ContinueConversation = Callable[[Sequence[object], Reply, Sequence[CallResult], str | None], list[object]]


@dataclass(slots=True)
class _Round:
    """A request with its reply and how each of its calls was answered."""

    messages: list[object]
    reply: Reply
    outcomes: list[Outcome]
    note: str | None = None


class Exchange:
    """One ``create()``: which request is next, what of the replies is good, what has to be asked again.

    Args:
        first_request: Sends the first round; further rounds are copies of it with a longer conversation.
        tools: The tools of ``response_model``.
        max_retries: Corrections to ask for, at most.
        context: pydantic validation context.
        continue_conversation: The provider's hook.
    """

    def __init__(
        self,
        first_request: Request,
        tools: ToolSet,
        *,
        max_retries: int,
        context: object,
        continue_conversation: ContinueConversation,
    ) -> None:
        self.first_request = first_request
        self._request = first_request
        self._next: Request | None = first_request
        self._options = dict(first_request.options)
        self._tools = tools
        self._retries_left = max_retries
        self._context = context
        self._continue_conversation = continue_conversation
        # The places of the result: the latest outcome for each, and the round that it was said in.
        self._outcomes: list[Outcome] = []
        self._said_in: list[int] = []
        self._rounds: list[_Round] = []
        self._usage: Usage | None = None
        self._early: dict[int, Outcome] = {}
        self._round_began = time.perf_counter()

    def next_request(self) -> Request | None:
        """The request to send now; ``None`` when the result stands."""
        self._round_began = time.perf_counter()
        return self._next

    @property
    def correcting(self) -> bool:
        """Whether the next reply is a correction of earlier calls."""
        return bool(self._rounds)

    def validate_early(self, tool_call: ToolCall) -> Outcome:
        """Validate a call of a reply that is still coming; `receive` takes the outcome over.

        A good outcome of the first round is final. The place of a correction is known only when all are there.
        """
        outcome = validate_call(tool_call, self._tools, self._context)
        self._early[tool_call.index] = outcome
        return outcome

    def receive(self, reply: Reply) -> list[ValidCall]:
        """Take a whole reply.

        Returns:
            The good calls that this reply adds to the result, in order, without those of the first round that
            `validate_early` has given out already.

        Raises:
            InvalidCallsError: Calls still fail and no correction is left.
            NoToolCallsError: A call was required, none was made, and no correction is left.
            IncompleteOutputError: The reply was cut off.
            RefusalError: The model refused, or the provider blocked.
        """
        self._next = None
        if reply.usage is not None:
            self._usage = reply.usage if self._usage is None else self._usage + reply.usage
        early, self._early = self._early, {}
        tools, context = self._tools, self._context
        if early:
            outcomes = [early.get(call.index) or validate_call(call, tools, context) for call in reply.tool_calls]
        else:
            outcomes = [validate_call(call, tools, context) for call in reply.tool_calls]
        this_round = _Round(self._request.messages, reply, outcomes)
        self._rounds.append(this_round)
        if len(self._rounds) == 1:
            self._outcomes = outcomes.copy()
            self._said_in = [0] * len(outcomes)
            added = [call for call in outcomes if isinstance(call, ValidCall)]
            if early:
                added = [call for call in added if call.tool_call.index not in early]
        else:
            added = self._place_corrections(outcomes)
        self._log_round(this_round)
        self._raise_if_unusable(reply)
        self._plan_correction(this_round)
        return added

    def calls(self) -> Calls[object]:
        """The good calls so far, in order, with what else the replies said."""
        good = [
            (call, number)
            for call, number in zip(self._outcomes, self._said_in, strict=True)
            if isinstance(call, ValidCall)
        ]
        reply = self._rounds[-1].reply if self._rounds else Reply()
        return Calls(
            [call.value for call, _ in good],
            tool_calls=[call.tool_call for call, _ in good],
            text=self._text(),
            usage=self._usage,
            finish_reason=reply.finish_reason,
            raw_finish_reason=reply.raw_finish_reason,
            make_raw_response=reply.raw_response,
            continue_with=partial(self._continue_with, good),
        )

    def fill_in(self, error: OutputError) -> None:
        """Give an error that came in the middle of a reply the good calls so far."""
        early = [call for _, call in sorted(self._early.items())]
        self._early = {}
        if self._rounds:
            self._place_corrections([call for call in early if isinstance(call, ValidCall)])
            error.calls = self.calls()
            return
        good = [call for call in early if isinstance(call, ValidCall)]
        error.calls = Calls([call.value for call in good], tool_calls=[call.tool_call for call in good])

    def leave_calls_on(self, error: Exception) -> None:
        """Give somebody else's error, which came instead of a correction, the good calls of the rounds before."""
        if not self._rounds:
            return
        calls = self.calls()
        with suppress(AttributeError, TypeError):  # a class may refuse attributes
            error.polycall_calls = calls  # type: ignore[attr-defined]
            error.add_note(f"While a correction was asked for; {len(calls)} good calls are in error.polycall_calls.")

    def _text(self) -> str | None:
        """What the model said beside its calls, first of all in the first round; without calls, its last words."""
        rounds = self._rounds if self._outcomes else self._rounds[::-1]
        return next((one.reply.text for one in rounds if one.reply.text), None)

    def _failures(self) -> list[CallFailure]:
        return [outcome for outcome in self._outcomes if isinstance(outcome, CallFailure)]

    def _place_corrections(self, outcomes: list[Outcome]) -> list[ValidCall]:
        failed = [place for place, outcome in enumerate(self._outcomes) if isinstance(outcome, CallFailure)]
        accepted = [outcome for outcome in self._outcomes if isinstance(outcome, ValidCall)]
        matching = match_corrections(self._failures(), accepted, outcomes, known_tools=self._tools.tools)
        this_round = len(self._rounds) - 1
        added: list[ValidCall] = []
        for index, outcome in enumerate(outcomes):
            if index in matching.repeats:
                continue
            if index in matching.corrections:
                place = failed[matching.corrections[index]]
                self._outcomes[place], self._said_in[place] = outcome, this_round
            else:
                self._outcomes.append(outcome)
                self._said_in.append(this_round)
            if isinstance(outcome, ValidCall):
                added.append(outcome)
        return added

    def _raise_if_unusable(self, reply: Reply) -> None:
        if reply.refusal is not None or reply.finish_reason is FinishReason.REFUSAL:
            reason = reply.refusal or reply.text or f"the finish reason is {reply.raw_finish_reason!r}"
            raise RefusalError(reason, calls=self.calls())
        if reply.finish_reason is FinishReason.LENGTH:
            problem = "The reply was cut off by the length limit; allow more output tokens or ask for fewer calls."
        elif not reply.whole:
            problem = "The stream ended without any sign that the reply is whole; send the request again."
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

    def _plan_correction(self, this_round: _Round) -> None:
        failures = self._failures()
        missing = not self._outcomes and self._request.tool_choice != "auto"
        if not failures and not missing:
            return
        if self._retries_left <= 0:
            raise InvalidCallsError(failures, calls=self.calls()) if failures else NoToolCallsError(calls=self.calls())
        self._retries_left -= 1
        said_now = {id(outcome) for outcome in this_round.outcomes}
        unanswered = [failure for failure in failures if id(failure) not in said_now]
        this_round.note = self._note(unanswered, this_round) if unanswered or missing else None
        messages = self._continue_conversation(
            this_round.messages, this_round.reply, self._results(this_round.outcomes), this_round.note
        )
        _log.debug(
            "%s: asking for a correction (%d calls failed, %d corrections left)",
            self._request.provider,
            len(failures),
            self._retries_left,
        )
        # A new list of options: an extension may have changed the last request's own.
        self._request = replace(
            self._request, messages=messages, options=dict(self._options), round=self._request.round + 1
        )
        self._next = self._request

    def _results(self, outcomes: Sequence[Outcome]) -> list[CallResult]:
        return [
            CallResult(outcome.tool_call, _ACCEPTED)
            if isinstance(outcome, ValidCall)
            else CallResult(outcome.tool_call, self._correction_text(outcome), is_error=True)
            for outcome in outcomes
        ]

    def _correction_text(self, failure: CallFailure) -> str:
        return f"Error: {failure.reason}. Make this call again, corrected. Do not repeat the calls that were accepted."

    def _note(self, unanswered: Sequence[CallFailure], this_round: _Round) -> str:
        """What no call's result can say: that there was no call, or that an earlier one still needs correction."""
        names = ", ".join(tool.name for tool in self._request.tools)
        silent = "" if this_round.outcomes else "You made no tool call. "
        if not unanswered:
            return f"{silent}Answer with calls of these tools only: {names}."
        reasons = "; ".join(f"{failure.tool_call.name}: {failure.reason}" for failure in unanswered)
        return f"{silent}These calls still need a correction: {reasons}. The tools are: {names}."

    def _continue_with(self, good: Sequence[tuple[ValidCall, int]], results: Sequence[object]) -> list[object]:
        """Replay the conversation with the calls' true results in place of the word 'accepted'."""
        contents: Mapping[tuple[int, int], object] = {
            (number, call.tool_call.index): result for (call, number), result in zip(good, results, strict=True)
        }
        messages = self._rounds[0].messages if self._rounds else self._request.messages
        for number, this_round in enumerate(self._rounds):
            answers = [
                _result(outcome.tool_call, contents[key])
                if (key := (number, outcome.tool_call.index)) in contents
                else answer
                for outcome, answer in zip(this_round.outcomes, self._results(this_round.outcomes), strict=True)
            ]
            messages = self._continue_conversation(messages, this_round.reply, answers, this_round.note)
        return messages

    def _log_round(self, this_round: _Round) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            bad = sum(isinstance(outcome, CallFailure) for outcome in this_round.outcomes)
            _log.debug(
                "%s, model %s, round %d: %d calls, %d of them bad, finish reason %s, %.3f s",
                self._request.provider,
                self._request.model,
                self._request.round,
                len(this_round.outcomes),
                bad,
                this_round.reply.raw_finish_reason,
                time.perf_counter() - self._round_began,
            )


def _result(tool_call: ToolCall, value: object) -> CallResult:
    if isinstance(value, BaseException):
        return CallResult(tool_call, f"{type(value).__name__}: {value}", is_error=True)
    return CallResult(tool_call, value if isinstance(value, str) else to_json(value).decode())
