"""Runs conversations, and makes a failing one as small as it can be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from random_servers.asking import Asker
from random_servers.conversation import Conversation, converse
from random_servers.oracle import disagreement, judge


@dataclass(frozen=True)
class Fault:
    """A conversation that went wrong."""

    conversation: Conversation
    problem: str

    def __str__(self) -> str:
        return f"{self.problem}\n{self.conversation}"


async def try_conversation(
    asker: Asker, protocol: str, streamed: bool, number: object, off: Collection[str] = (), *, both: bool = False
) -> Fault | None:
    """Hold one conversation.

    Args:
        asker: Its clients.
        protocol: As in `PROTOCOLS`.
        streamed: Whether the reply is streamed.
        number: Of the conversation.
        off: Liberties that are not taken.
        both: Ask with the async client, too.
    """
    conversation = converse(protocol, streamed, number, off)
    outcome = asker.ask(conversation)
    problem = judge(conversation, outcome)
    if problem is None and both:
        other = await asker.ask_async(conversation)
        problem = judge(conversation, other) or disagreement(outcome, other)
    return None if problem is None else Fault(conversation, problem)


async def shrink(asker: Asker, fault: Fault, number: object, *, both: bool = False) -> Fault:
    """Switch off one liberty after another, as long as the conversation still goes wrong."""
    smallest, changed = fault, True
    while changed:
        changed = False
        for name in list(smallest.conversation.liberties.taken):
            conversation = smallest.conversation
            off = {*conversation.liberties.off, name}
            still = await try_conversation(asker, conversation.protocol, conversation.streamed, number, off, both=both)
            if still is not None:
                smallest, changed = still, True
    return smallest
