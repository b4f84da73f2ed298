"""The oracle notices each kind of fault, and the smallest form of a fault names the liberty that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from random_servers.asking import Asker, Outcome
from random_servers.conversation import Conversation, converse
from random_servers.hunt import Fault, shrink
from random_servers.meant import Ping, Search
from random_servers.oracle import disagreement, judge

import polycall
from polycall import Calls


def conversation_with(calls: int, *, streamed: bool = True, off: frozenset[str] = frozenset()) -> Conversation:
    """A conversation without liberties."""
    for number in range(1000):
        names = set(converse("chat", streamed, number).liberties.taken)
        made = converse("chat", streamed, number, names | off)
        if len(made.meant.calls) == calls and not made.liberties.taken:
            return made
    raise AssertionError("no such conversation")


@pytest.fixture
def conversation() -> Conversation:
    return conversation_with(3)


@pytest.fixture
def outcome(asker: Asker, conversation: Conversation) -> Outcome:
    outcome = asker.ask(conversation)
    assert judge(conversation, outcome) is None
    return outcome


def lose(outcome: Outcome) -> None:
    del outcome.calls[1]


def double(outcome: Outcome) -> None:
    outcome.calls.append(outcome.calls[-1])


def swap(outcome: Outcome) -> None:
    outcome.calls.reverse()


def another(outcome: Outcome) -> None:
    outcome.calls[0] = Search(query="never meant")


def early_stranger(outcome: Outcome) -> None:
    outcome.early = [Search(query="never meant")]


def foreign_exception(outcome: Outcome) -> None:
    outcome.ended_with = KeyError("arguments")


def another_error(outcome: Outcome) -> None:
    outcome.ended_with = polycall.NoToolCallsError(calls=Calls([]))


def other_ids(outcome: Outcome) -> None:
    assert outcome.result is not None
    tool_calls = [replace(call, id=f"made_up_{call.index}") for call in outcome.result.tool_calls]
    outcome.result = Calls(outcome.calls, tool_calls=tool_calls, usage=outcome.result.usage)


@pytest.mark.parametrize(
    "spoil", [lose, double, swap, another, early_stranger, foreign_exception, another_error, other_ids]
)
def test_it_notices(conversation: Conversation, outcome: Outcome, spoil: Callable[[Outcome], None]) -> None:
    spoil(outcome)

    assert judge(conversation, outcome) is not None


async def test_it_notices_two_ways_that_differ(asker: Asker, conversation: Conversation, outcome: Outcome) -> None:
    other = await asker.ask_async(conversation)
    assert disagreement(outcome, other) is None

    other.calls.append(Ping())

    assert disagreement(outcome, other) is not None


def test_a_liberty_that_is_switched_off_leaves_the_others_as_they_were() -> None:
    for number in range(200):
        whole = converse("chat", True, number)
        for name in whole.liberties.taken:
            if name in ("unknown fields", "null in place of missing", "no type"):
                less = converse("chat", True, number, {name})
                assert [call.arguments for call in less.meant.calls] == [call.arguments for call in whole.meant.calls]
                assert name not in less.liberties.taken


class Careless(Asker):
    """Loses a call whenever the server names the finish reason in other words."""

    def ask(self, conversation: Conversation) -> Outcome:
        outcome = super().ask(conversation)
        if "word for the end" in conversation.liberties.taken:
            outcome.calls = outcome.calls[:-1]
        return outcome


async def test_the_smallest_form_of_a_fault_names_the_liberty_that_it_comes_from() -> None:
    asker = Careless()
    for number in range(1000):
        conversation = converse("chat", False, number)
        taken = conversation.liberties.taken
        if "word for the end" in taken and len(taken) > 4 and "no calls" not in taken:
            break

    smallest = await shrink(asker, Fault(conversation, "lost"), number)

    assert list(smallest.conversation.liberties.taken) == ["word for the end"]
    assert "word for the end" in str(smallest)
    assert repr(smallest.conversation.seed) in str(smallest)
    await asker.aclose()
