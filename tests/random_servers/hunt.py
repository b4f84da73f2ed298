"""Runs conversations, and makes a failing one as small as it can be.

As a program it looks for faults that are not known yet, until the time is over::

    cd tests && python -m random_servers.hunt --minutes 60
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass

from random_servers.asking import Asker
from random_servers.conversation import PROTOCOLS, Conversation, converse
from random_servers.damage import Injuries, converse_damaged, judge_damaged
from random_servers.oracle import disagreement, judge


@dataclass(frozen=True)
class Fault:
    """A conversation that went wrong."""

    conversation: Conversation
    problem: str
    injuries: Injuries | None = None
    """Of a damaged reply."""

    def __str__(self) -> str:
        return "\n".join(str(one) for one in (self.problem, self.injuries, self.conversation) if one is not None)


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


async def try_damaged(
    asker: Asker, protocol: str, streamed: bool, number: object, *, both: bool = False
) -> Fault | None:
    """Hold one conversation whose reply is damaged; arguments as for `try_conversation`."""
    conversation, injuries = converse_damaged(protocol, streamed, number)
    outcome = await asker.ask_async(conversation) if both else asker.ask(conversation)
    problem = judge_damaged(conversation, injuries, outcome)
    return None if problem is None else Fault(conversation, problem, injuries)


async def hunt(seeds: random.Random, until: float) -> tuple[int, int]:
    """Hold conversations of new numbers and print each fault.

    Args:
        seeds: Where the numbers come from.
        until: When to stop, by `time.monotonic`.

    Returns:
        How many conversations were held, and how many went wrong.
    """
    asker = Asker()
    held = wrong = 0
    while time.monotonic() < until:
        number = seeds.getrandbits(48)
        for protocol in PROTOCOLS:
            for streamed in (False, True):
                fault = await try_conversation(asker, protocol, streamed, number, both=number % 8 == 0)
                if fault is not None:
                    fault = await shrink(asker, fault, number, both=True)
                damage = await try_damaged(asker, protocol, streamed, number, both=number % 8 == 1)
                held += 2
                for one in (fault, damage):
                    if one is not None:
                        wrong += 1
                        print(f"\n== number {number}: {one}", flush=True)
    await asker.aclose()
    return held, wrong


def main() -> None:
    """Read the arguments and hunt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", help="the same conversations again")
    given = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # google-genai says what it does not know of a reply
    began = time.monotonic()
    held, wrong = asyncio.run(hunt(random.Random(given.seed), began + 60 * given.minutes))
    print(f"\n{held:,} conversations in {(time.monotonic() - began) / 60:.1f} minutes, {wrong} went wrong")


if __name__ == "__main__":
    main()
