"""Servers that take liberties at random: what comes out is what was meant, or the documented error.

A conversation that goes wrong is printed with its seed, the liberties that the server took and the bytes, after all
liberties without which it still goes wrong were switched off. Run it again, or more of them, with

    POLYCALL_RANDOM_SEED=... POLYCALL_RANDOM_CONVERSATIONS=... pytest tests/random_servers

`random_servers.hunt` looks for more of them, for as long as it is told to.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from random_servers.asking import Asker
from random_servers.conftest import CONVERSATIONS, SEED
from random_servers.conversation import PROTOCOLS, converse
from random_servers.damage import converse_damaged, judge_damaged
from random_servers.hunt import Fault, shrink, try_conversation

from support.wire_server import WireServer

EACH = [(protocol, streamed) for protocol in PROTOCOLS for streamed in (False, True)]
IN_WORDS = [f"{protocol} {'streamed' if streamed else 'whole'}" for protocol, streamed in EACH]
OVER_SOCKETS = max(CONVERSATIONS // 100, 5)
"""For each protocol, whole and streamed."""

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # google-genai says what it does not know of a reply


async def hold(asker: Asker, protocol: str, streamed: bool, count: int, *, both_every: int) -> None:
    """Hold conversations; fail with the smallest form of the first that goes wrong."""
    faults: list[tuple[str, Fault]] = []
    for number in range(count):
        name, both = f"{SEED} {number}", number % both_every == 0
        fault = await try_conversation(asker, protocol, streamed, name, both=both)
        if fault is not None:
            faults.append((name, fault))
    if faults:
        name, first = faults[0]
        smallest = await shrink(asker, first, name, both=True)
        pytest.fail(f"{len(faults)} of {count} conversations went wrong. The first:\n{smallest}", pytrace=False)


@pytest.mark.parametrize(("protocol", "streamed"), EACH, ids=IN_WORDS)
async def test_what_was_meant_comes_out(asker: Asker, protocol: str, streamed: bool) -> None:
    await hold(asker, protocol, streamed, CONVERSATIONS // len(EACH), both_every=4)


@pytest.mark.parametrize(("protocol", "streamed"), EACH, ids=IN_WORDS)
async def test_over_sockets(protocol: str, streamed: bool) -> None:
    with WireServer() as server:
        asker = Asker(server)
        try:
            await hold(asker, protocol, streamed, OVER_SOCKETS, both_every=1)
        finally:
            await asker.aclose()


@pytest.mark.parametrize(("protocol", "streamed"), EACH, ids=IN_WORDS)
async def test_damaged_replies_end_well(asker: Asker, protocol: str, streamed: bool) -> None:
    ends = {"success": 0, "an error": 0}
    for number in range(CONVERSATIONS // len(EACH) // 2):
        conversation, injuries = converse_damaged(protocol, streamed, f"{SEED} {number}")
        outcome = asker.ask(conversation) if number % 4 else await asker.ask_async(conversation)
        ends["success" if outcome.ended_with is None else "an error"] += 1
        problem = judge_damaged(conversation, injuries, outcome)
        if problem is not None:
            pytest.fail(f"{problem}\n{injuries}\n{conversation}", pytrace=False)

    # Damage that breaks everything, or nothing, shows little.
    assert min(ends.values()) > 0.05 * sum(ends.values())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_liberty_is_taken(protocol: str) -> None:
    sources = [Path(__file__).with_name(f"{name}.py") for name in (protocol, "meant")]
    written = {
        name
        for source in sources
        for name in re.findall(r'\.(?:takes|pick|cuts)\(\s*"([^"]+)"', source.read_text(encoding="utf-8"))
    }
    taken: set[str] = set()
    for number in range(2000):
        taken.update(converse(protocol, number % 2 == 0, f"liberties {number}").liberties.taken)

    # Gemini's arguments are no text, and its models do not know OpenAI's wrapper.
    assert written - ({"JSON style", "one call that holds all"} if protocol == "gemini" else set()) <= taken
