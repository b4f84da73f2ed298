"""Damages a reply at random, and knows which calls the damage touches and what it may do to them.

A value becomes one of another JSON type, keys and entries are dropped or doubled, places are emptied, events change
places, are dropped or doubled, the body is cut. What the model wrote inside its arguments is left alone: other
arguments would be other objects, and rightly so.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.genai import errors as genai_errors
from random_servers.asking import Outcome
from random_servers.conversation import PROTOCOLS, Conversation
from random_servers.framing import MARK, Stream, event_stream, in_pieces, json_text
from random_servers.liberties import Liberties
from random_servers.meant import mean_something

import polycall

_VALUES: list[Any] = [True, -1, 7, 1.5, "", "x", [], {}, [[]], ["x"], {"x": 1}, [None]]

OFF = frozenset(
    {"index", "ids", "output_index", "item ids", "call ids", "calls in turns", "items in turns", "snapshots"}
    | {
        "{} first",
        "names",
        "several choices",
        "no arguments at all",
        "no arguments as",
        "ending",
        "a place without a call",
        "one call that holds all",
        "several candidates",
        "another candidate between",
    }
)
"""Liberties that a damaged reply does not take: with them it cannot be told any more what a piece belongs to."""


@dataclass
class Injuries:
    """What was done to a reply, and what may come of it.

    Attributes:
        done: In words.
        may_vanish: Calls that nobody can know of any more: all that tells of them was dropped.
        may_differ: Calls a part of whose arguments was dropped, doubled or moved, which nobody can see.
        may_come_twice: Calls that the reply now has twice.
        replaced: Calls in whose place there is a value of another type; further damage may take that away.
    """

    done: list[str] = field(default_factory=list)
    may_vanish: set[int] = field(default_factory=set)
    may_differ: set[int] = field(default_factory=set)
    may_come_twice: set[int] = field(default_factory=set)
    replaced: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Place:
    """A member of an object or of a list."""

    container: Any
    key: Any
    path: tuple[Any, ...]
    calls: frozenset[int]
    """The calls that it is a part of, or that are parts of it."""


def converse_damaged(protocol: str, streamed: bool, number: object) -> tuple[Conversation, Injuries]:
    """A conversation whose reply is damaged."""
    seed = f"damaged {protocol} {'streamed' if streamed else 'whole'} {number}"
    liberties = Liberties(seed, OFF)
    meant = mean_something(liberties, ["whole"])
    speaks, injuries = PROTOCOLS[protocol], Injuries()
    dice = random.Random(seed)
    if streamed:
        stream = speaks.streamed(meant, liberties)
        tree = copy.deepcopy(list(stream.events))
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            _injure(tree, dice, injuries, events=True)
        body = event_stream(Stream(tree, typed=stream.typed, done=stream.done), liberties)
    else:
        tree = copy.deepcopy([speaks.whole(meant, liberties)])
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            _injure(tree, dice, injuries, events=False)
        body = json_text(tree[0] if tree else {}, liberties).encode()
    if dice.random() < 0.1:
        at = dice.randrange(len(body) + 1)
        body = body[:at]
        injuries.done.append(f"cut after {at} bytes")
    return Conversation(protocol, streamed, seed, meant, body, in_pieces(body, liberties), liberties), injuries


def judge_damaged(conversation: Conversation, injuries: Injuries, outcome: Outcome) -> str | None:
    """What is wrong with an outcome: an object that nobody meant, a foreign exception, a call lost in silence."""
    meant, error = conversation.meant, outcome.ended_with
    documented = (polycall.OutputError, polycall.ResponseError, genai_errors.APIError)
    if error is not None and not isinstance(error, documented):
        return f"a foreign exception: {error!r}"
    left = [(number, call) for number, call in enumerate(meant.calls) if call.fault is None]
    differing = {meant.calls[number].name for number in injuries.may_differ}
    twice = [meant.calls[number] for number in injuries.may_come_twice if meant.calls[number].fault is None]
    strangers = []
    for made in outcome.calls:
        found = next((one for one in left if one[1].object() == made), None)
        if found is not None:
            left.remove(found)
        elif not any(call.object() == made for call in twice) and type(made).__name__ not in differing:
            strangers.append(made)
    if strangers:
        return f"objects that nobody meant: {strangers}"
    if outcome.early is not None and any(call not in outcome.calls for call in outcome.early):
        return f"the stream yielded {outcome.early}, then the calls are {outcome.calls}"
    if error is not None and not isinstance(error, polycall.InvalidCallsError):
        return None
    may_be_gone = injuries.may_vanish | injuries.may_differ
    bad = [number for number, call in enumerate(meant.calls) if call.fault is not None and number not in may_be_gone]
    failures = len(getattr(error, "failures", ())) - len(bad)
    gone = [meant.calls[number] for number in may_be_gone]
    forgiven = [(call.name, call.arguments) for call in gone]
    lost = [call for _, call in left if (call.name, call.arguments) not in forgiven]
    if len(lost) > max(0, failures):
        return f"calls lost in silence: {lost}, the result is {outcome.calls}, {error!r}"
    return None


# -- injuries ----------------------------------------------------------------------------------------------------------


def _injure(tree: list[Any], dice: random.Random, injuries: Injuries, *, events: bool) -> None:
    injuries.may_vanish |= injuries.replaced
    injuries.may_differ |= injuries.replaced
    if events and dice.random() < 0.3 and tree:
        _injure_events(tree, dice, injuries)
        return
    places = list(_places(tree, (), frozenset()))
    if not places:
        return
    place = dice.choice(places)
    container, key = place.container, place.key
    before = container[key]
    how = dice.choice(["another type", "another type", "null", "drop", "empty", "double"])
    injuries.done.append(f"{how} at {place.path}: {str(before)[:60]!r}")
    if how == "another type":
        others = [value for value in _VALUES if type(value) is not type(before)]
        container[key] = copy.deepcopy(dice.choice(others))
        injuries.done[-1] += f" -> {container[key]!r}"
        injuries.replaced |= place.calls
        if not container[key] or (isinstance(before, list) and isinstance(container[key], list)):
            # Another empty value counts as nothing, too: PHP writes an empty object as an empty list.
            injuries.may_vanish |= place.calls
            injuries.may_differ |= place.calls
        return
    if how == "double":
        if isinstance(container, list):
            container.insert(key, copy.deepcopy(before))
            injuries.may_come_twice |= place.calls
            injuries.may_differ |= place.calls
        return
    # Dropped, null and empty are how servers say "nothing": it cannot be told from them that there was something.
    injuries.may_vanish |= place.calls
    injuries.may_differ |= place.calls
    if how == "drop":
        del container[key]
    elif how == "empty":
        container[key] = type(before)() if isinstance(before, list | dict | str) else None
    else:
        container[key] = None


def _injure_events(events: list[Any], dice: random.Random, injuries: Injuries) -> None:
    at = dice.randrange(len(events))
    calls = _calls_in(events[at])
    how = dice.choice(["drop", "double", "swap"])
    injuries.done.append(f"{how} event {at}")
    injuries.may_differ |= calls
    if how == "drop":
        injuries.may_vanish |= calls
        del events[at]
    elif how == "double":
        injuries.may_come_twice |= calls
        events.insert(at, copy.deepcopy(events[at]))
    else:
        other = dice.randrange(len(events))
        for one in events[min(at, other) : max(at, other) + 1]:
            injuries.may_differ |= _calls_in(one)
        events[at], events[other] = events[other], events[at]


def _places(node: Any, path: tuple[Any, ...], above: frozenset[int]) -> Iterator[_Place]:
    if isinstance(node, dict):
        above = above | {node[MARK]} if MARK in node else above
        items = [(key, value) for key, value in node.items() if key != MARK]
    elif isinstance(node, list):
        items = list(enumerate(node))
    else:
        return
    for key, value in items:
        yield _Place(node, key, (*path, key), above | _calls_in(value))
        if key in ("args", "arguments", "partialArgs") and not isinstance(value, str):
            continue  # the model's own
        yield from _places(value, (*path, key), above)


def _calls_in(node: Any) -> frozenset[int]:
    found: Collection[int] = ()
    if isinstance(node, dict):
        found = frozenset([node[MARK]]) if MARK in node else frozenset()
        return frozenset(found).union(*(_calls_in(value) for value in node.values()))
    if isinstance(node, list):
        return frozenset().union(*(_calls_in(value) for value in node))
    return frozenset()
