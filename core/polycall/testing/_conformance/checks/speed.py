"""Group N: work grows with a reply and no faster; counted in function calls, which a busy machine leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from polycall.testing._conformance.answers import Answer, answer
from polycall.testing._conformance.checks_table import check
from polycall.testing._conformance.trial import Trial

HOOK = "polycall_create_decoder"
WAYS = ("create", "stream")
TOLERANCE = 1.35


def _function_calls(action: Callable[[], object]) -> int:
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def _cost(t: Trial, made: Answer) -> int:
    t.script(made)

    def ask() -> None:
        if t.streamed:
            with t.clients.sync.stream(**t.options()) as stream:
                stream.collect()
        else:
            t.clients.sync.create(**t.options())

    return _function_calls(ask)


@check("N03 linear_in_calls", hook=HOOK, ways=WAYS)
def linear_in_calls(t: Trial) -> None:
    """Twenty times as many calls cost at most about twenty times the work."""
    costs = [_cost(t, answer(*[("Search", {"query": str(at)}) for at in range(count)])) for count in (50, 1_000)]
    t.true(costs[1] <= costs[0] * 20 * TOLERANCE, f"{costs[1] / costs[0]:.1f} times the work", "about 20 times")


@check("N04 linear_in_bytes", hook=HOOK, ways=WAYS)
def linear_in_bytes(t: Trial) -> None:
    """Arguments ten times as long cost at most about ten times the work, in small fragments too."""
    costs = [_cost(t, answer(("Search", {"query": "x" * size}), fragment=16)) for size in (2_000, 20_000)]
    t.true(costs[1] <= costs[0] * 10 * TOLERANCE, f"{costs[1] / costs[0]:.1f} times the work", "about ten times")
