"""Libraries that instrument the openai SDK see polycall's calls as they see calls by hand.

Each runs in an environment of its own against a server here: ``programs/harness.py`` asks under it by polycall, with a
client made before it was switched on and with one made after, and sends the same request with the SDK alone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from instrumentation.recordings import Record, facts, plain

from support.environments import Environment
from support.openai_replies import Call, chunks, completion, sse
from support.openai_responses import events, output_items, response, typed_sse
from support.wire_server import Reply, WireServer, reply_json, reply_stream

pytestmark = pytest.mark.install

TESTS = Path(__file__).parents[1]

CALLS: list[Call] = [("Weather", {"location": "Toronto"}), ("Weather", {"location": "Dallas"})]
CHAT_USAGE = {"prompt_tokens": 8214, "completion_tokens": 3107, "total_tokens": 11321}
RESPONSES_USAGE = {
    "input_tokens": 8214,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 3107,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 11321,
}
MARKS = {"model": "gpt-4o-mini", "input tokens": "8214", "output tokens": "3107", "tool calls": "Toronto"}
ALWAYS = {"model", "input tokens", "output tokens"}


@dataclass(frozen=True)
class Case:
    """What is to be expected of a library."""

    name: str
    apis: tuple[str, ...] = ("chat", "responses")
    calls_of: tuple[str, ...] = ("chat create", "chat stream", "responses create", "responses stream")
    """The ways in which it records the tool calls."""
    from_the_start: bool = False
    """It is in force before a client is made, so there is no time without it."""
    can_be_switched_off: bool = True
    environment: str = "newest"

    def __str__(self) -> str:
        return self.name if self.environment == "newest" else f"{self.name}, {self.environment} SDK"


CREATE_ONLY = ("chat create", "responses create")
CASES = [
    Case("OpenTelemetry", apis=("chat",)),
    # Its uninstrument() looks for the methods in the wrong place and leaves them wrapped, without a word.
    Case("Traceloop", can_be_switched_off=False),
    Case("OpenInference"),
    Case("Langfuse", can_be_switched_off=False),
    Case("Logfire"),
    Case("LangSmith", can_be_switched_off=False),
    Case("Sentry", calls_of=CREATE_ONLY, can_be_switched_off=False),
    Case("PostHog", from_the_start=True, can_be_switched_off=False),
    Case("Braintrust", can_be_switched_off=False),
    Case("Datadog", calls_of=()),
    Case("MLflow", calls_of=(*CREATE_ONLY, "responses stream")),
    Case("NewRelic", calls_of=(), from_the_start=True, can_be_switched_off=False),
    # As Traceloop's.
    Case("AgentOps", apis=("chat",), calls_of=(), can_be_switched_off=False),
    Case("OpenTelemetry", apis=("chat",), environment="lowest"),
    Case("Langfuse", can_be_switched_off=False, environment="lowest"),
    Case("Elastic", apis=("chat",), calls_of=(), environment="lowest"),
]


class Turn(NamedTuple):
    """One call: what came of it, whether each of its requests went the fast way, what the library recorded."""

    values: list[str]
    fast: list[bool]
    records: list[Record]


@dataclass(frozen=True)
class Comparison:
    case: Case
    ways: dict[str, dict[str, Turn]]
    """By way, then by turn."""

    def turns(self, *names: str) -> Iterator[tuple[str, Turn]]:
        """Those of a name, with their way."""
        for way, turns in self.ways.items():
            yield from ((f"{way}: {name}", turns[name]) for name in names if name in turns)


@pytest.fixture(params=CASES, ids=str, scope="module")
def comparison(request: pytest.FixtureRequest) -> Comparison:
    case: Case = request.param
    environment: Environment = request.getfixturevalue(case.environment)
    with WireServer() as server:
        server.enqueue(*replies(case.apis))
        said = environment.run(
            f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom instrumentation.programs import harness\n"
            f"harness.main({case.name!r}, {server.url!r})",
            strict=False,
        )
    ways: dict[str, Any] = json.loads(said.splitlines()[-1])
    return Comparison(case, {way: {name: Turn(*turn) for name, turn in turns.items()} for way, turns in ways.items()})


def replies(apis: tuple[str, ...]) -> Iterator[Reply]:
    """In the order in which the harness asks; each with an id of its own, by which some libraries know a reply."""
    numbers = itertools.count(1)
    ways = [(api, streamed) for api in apis for streamed in (False, True) for _ in ("sync", "async")]
    plan = [*ways, *(way for way in ways for _ in range(5 if way[1] else 3)), *ways]
    for (api, streamed), number in zip(plan, numbers, strict=False):
        if api == "chat":
            named: dict[str, Any] = {"id": f"chatcmpl-{number}", "usage": CHAT_USAGE}
            yield reply_stream(sse(chunks(CALLS, **named))) if streamed else reply_json(completion(CALLS, **named))
        else:
            named = {"id": f"resp_{number}", "usage": RESPONSES_USAGE}
            items = output_items(CALLS)
            yield reply_stream(typed_sse(events(items, **named))) if streamed else reply_json(response(items, **named))


def test_the_calls_come_out_right(comparison: Comparison) -> None:
    turns = dict(comparison.turns("before", "made before", "made after", "after"))

    assert {name: turn.values for name, turn in turns.items()} == {name: ["Toronto", "Dallas"] for name in turns}


def test_it_records_of_a_call_what_it_records_of_the_same_call_by_hand(comparison: Comparison) -> None:
    for way, turns in comparison.ways.items():
        by_hand = plain(turns["by hand"].records)
        assert plain(turns["made before"].records) == by_hand, way
        assert plain(turns["made after"].records) == by_hand, way


def test_it_records_one_generation_with_the_model_the_tokens_and_the_calls(comparison: Comparison) -> None:
    for name, turn in comparison.turns("made before", "made after"):
        with_usage = [record for record in turn.records if "input tokens" in facts([record], MARKS)]
        wanted = ALWAYS | ({"tool calls"} if name.startswith(comparison.case.calls_of) else set())
        assert (len(with_usage), facts(turn.records, MARKS)) == (1, wanted), name


def test_of_a_stream_that_is_left_it_records_as_much_as_by_hand(comparison: Comparison) -> None:
    for way, turns in comparison.ways.items():
        if "left" in turns:
            assert turns["left"].values == ["Toronto"], way
            assert len(turns["left"].records) == len(turns["left by hand"].records), way


def test_the_fast_way_is_used_whenever_it_is_switched_off(comparison: Comparison) -> None:
    case = comparison.case
    off = {
        "before": not case.from_the_start,
        "after": case.can_be_switched_off,
        "made before": False,
        "made after": False,
    }
    for name, turn in comparison.turns(*off):
        is_off = off[name.partition(": ")[2]]
        assert (turn.fast, turn.records == []) == ([is_off], is_off), name
