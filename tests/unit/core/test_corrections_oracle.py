"""Whole conversations with a simulated model, compared with an oracle that knows which call it means each time.

The model intends some calls, spoils some, and answers corrections in every way that models do: only the bad calls or
all of them, in order or not, fewer or more, garbled again, written differently, the bad one and the good one in one
reply. Agents that repeat what succeeded pay twice (crewAIInc/crewAI#5802, stripe/ai#402).
The result must be its intended calls: none lost, none doubled, each in its place.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

import polycall
from support.toy_provider import Hooks, ToyClient, call, make_plugin, reply

ASK: list[object] = [{"role": "user", "content": "Do all of it."}]
CONVERSATIONS = 4_000


class Pay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str
    amount: int
    memo: str = ""
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    at: datetime.datetime = Field(default_factory=lambda: datetime.datetime.now(tz=datetime.UTC))


class Note(BaseModel):
    text: str


@dataclasses.dataclass
class Move:
    start: str
    end: str
    steps: int = 1
    token: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)


MODEL = Iterable[Pay | Note | Move]
WORDS = [
    f"{first}{second}" for first in ("am", "bel", "cor", "dun", "el", "fir") for second in ("ba", "co", "di", "fu")
]
WRONG_NAMES = {"Pay": ["Pey", "pay_money"], "Note": ["Nota", "take_note"], "Move": ["Mve", "go"]}
INTS = {"amount", "steps"}

Arguments = dict[str, Any]


@dataclasses.dataclass(eq=False)
class Intent:
    """A call that the model means to make, however it writes it."""

    name: str
    arguments: Arguments
    is_done: bool = False
    """Whether it has been made well."""
    spoilt: list[str] = dataclasses.field(default_factory=list)
    """The lines of its bad calls."""

    def plain(self) -> tuple[str, tuple[tuple[str, Any], ...]]:
        return self.name, tuple(sorted(self.arguments.items()))


def plain(value: Any) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """A result without the defaults: what the model meant."""
    left_out = {"id", "at", "token"}
    given = {key: part for key, part in vars(value).items() if key not in left_out and (key, part) != ("memo", "")}
    return type(value).__name__, tuple(sorted(given.items()))


class Model:
    """Plays the replies of one conversation; `popleft` makes the next one, as of a script.

    Args:
        seed: The conversation.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = self.random.sample(WORDS, len(WORDS))
        self.numbers = self.random.sample(range(10, 99), 80)
        self.intents = [self.make_intent() for _ in range(self.random.randint(1, 6))]
        self.has_twins = self.random.random() < 0.25
        if self.has_twins:
            self.intents += [Intent(one.name, dict(one.arguments)) for one in self.random.sample(self.intents, 1)]
        self.rounds = 0
        self.clean_after = self.random.randint(1, 4)
        self.spoils = self.random.choice([0.2, 0.5, 0.8])
        self.manner = self.random.choice(["only", "all", "mixed"])
        self.log: list[str] = []

    def make_intent(self) -> Intent:
        name = self.random.choice(["Pay", "Pay", "Note", "Move"])
        if name == "Pay":
            arguments: Arguments = {"to": self.words.pop(), "amount": self.numbers.pop()}
            if self.random.random() < 0.3:
                arguments["memo"] = self.words.pop()
        elif name == "Note":
            arguments = {"text": f"{self.words.pop()} {self.words.pop()}"}
        else:
            arguments = {"start": self.words.pop(), "end": self.words.pop(), "steps": self.numbers.pop()}
        return Intent(name, arguments)

    # -- one reply

    def popleft(self) -> str:
        if not self.rounds:
            lines = [self.write(one) for one in self.intents]
        else:
            lines = [line for one in self.next_calls() for line in self.lines_of(one)]
        self.rounds += 1
        text = reply(*lines) if lines else reply("say Hm.")
        self.log.append(text)
        return text

    def next_calls(self) -> list[Intent]:
        """The calls of a correcting reply, in its order."""
        bad = [one for one in self.intents if not one.is_done]
        everything = self.manner == "all" or (self.manner == "mixed" and self.random.random() < 0.5) or not bad
        calls = list(self.intents) if everything else bad
        missing: set[Intent] = set()
        if not self.has_twins and self.rounds <= self.clean_after and self.random.random() < 0.3:
            kept = [one for one in calls if self.random.random() < 0.6]
            missing = set(bad) - set(kept)
            calls = kept
        if not self.has_twins and self.rounds <= self.clean_after and self.random.random() < 0.2:
            extras = [self.make_intent() for _ in range(self.random.randint(1, 2))]
            # As many as are missing, or of the same tool: they could be corrections that changed everything.
            if len(extras) != len(missing) and not {one.name for one in extras} & {one.name for one in missing}:
                calls += extras
                if missing:
                    for one in extras:
                        one.spoilt.append("")  # written well: nothing tells it from a garbled missing one
        if self.random.random() < 0.4:
            self.random.shuffle(calls)
        self.intents += [one for one in calls if one not in self.intents]
        return calls

    def lines_of(self, intent: Intent) -> list[str]:
        repeats_itself = intent.spoilt and intent.spoilt[-1] and not self.has_twins and not intent.is_done
        if repeats_itself and self.random.random() < 0.1:
            intent.is_done = True
            return [intent.spoilt[-1], self.write_well(intent)]
        return [self.write(intent)]

    def write(self, intent: Intent) -> str:
        spoils = self.rounds <= self.clean_after and self.random.random() < self.spoils and "" not in intent.spoilt
        if not spoils:
            intent.is_done = True
            return self.write_well(intent)
        line = self.write_badly(intent)
        intent.spoilt.append(line)
        return line

    def write_well(self, intent: Intent) -> str:
        arguments = dict(intent.arguments)
        if intent.name == "Pay" and "memo" not in arguments and self.random.random() < 0.2:
            arguments["memo"] = ""
        items = list(arguments.items())
        if self.random.random() < 0.3:
            self.random.shuffle(items)
        return call(intent.name, json.dumps(dict(items), separators=self.random.choice([(",", ":"), (", ", ": ")])))

    # -- its faults

    def write_badly(self, intent: Intent) -> str:
        kinds: list[Callable[[Intent], str]] = [
            self.with_a_bad_value,
            self.with_a_bad_value,
            self.with_broken_json,
            self.with_a_wrong_name,
        ]
        if len(intent.arguments) > 1:
            kinds.append(self.without_a_field)
        if intent.name == "Pay":
            kinds.append(self.with_an_unknown_key)
        return self.random.choice(kinds)(intent)

    def with_a_bad_value(self, intent: Intent) -> str:
        arguments = dict(intent.arguments)
        key = self.random.choice(list(arguments))
        arguments[key] = f"{arguments[key]} or so" if key in INTS else [arguments[key]]
        return call(intent.name, arguments)

    def without_a_field(self, intent: Intent) -> str:
        arguments = dict(intent.arguments)
        del arguments[self.random.choice([key for key in arguments if key not in ("memo", "steps")])]
        return call(intent.name, arguments)

    def with_an_unknown_key(self, intent: Intent) -> str:
        return call(intent.name, {**intent.arguments, "priority": self.random.choice(["high", 1])})

    def with_a_wrong_name(self, intent: Intent) -> str:
        name = self.random.choice(WRONG_NAMES[intent.name])
        if self.random.random() < 0.3:
            return call(name, self.broken(intent))
        return call(name, intent.arguments)

    def with_broken_json(self, intent: Intent) -> str:
        return call(intent.name, self.broken(intent))

    def broken(self, intent: Intent) -> str:
        text = json.dumps(intent.arguments)
        how = self.random.randrange(5)
        if how == 0:
            return text.replace('"', "'")
        if how == 1:
            return text + "}"
        if how == 2:
            return text[:-1]
        if how == 3:
            return "Sure! " + text
        first = len(json.dumps(dict(list(intent.arguments.items())[:1]))) - 1
        return text[: self.random.randint(first, len(text) - 1)]


def converse(seed: int) -> tuple[Model, str | None]:
    """Play a conversation; also what is wrong with its result."""
    model = Model(seed)
    toy = ToyClient()
    toy.script = model  # type: ignore[assignment]  # it is read by popleft() only
    client = polycall.from_client(toy, async_client=False)
    try:
        if seed % 3:
            results: Sequence[object] = client.create(ASK, MODEL, max_retries=8)
        else:
            results = client.stream(ASK, MODEL, max_retries=8).collect()
    except polycall.OutputError as error:
        return model, f"{type(error).__name__}: {error}; calls {list(map(plain, error.calls))}"
    got = [plain(value) for value in results]
    wanted = [one.plain() for one in model.intents]
    if sorted(got) != sorted(wanted):
        return model, f"lost {[one for one in wanted if one not in got]}, got {got}"
    return model, None if got == wanted else f"places: wanted {wanted}, got {got}"


@pytest.fixture
def _toy() -> Iterator[None]:
    polycall.register_provider("toy", make_plugin(Hooks()))
    yield
    polycall.unregister("toy")


@pytest.mark.usefixtures("_toy")
def test_the_intended_calls_each_once_and_in_its_place() -> None:
    corrections = 0
    for seed in range(CONVERSATIONS):
        model, problem = converse(seed)
        assert problem is None, f"conversation {seed}: {problem}\n" + "\n---\n".join(model.log)
        corrections += model.rounds - 1
    assert corrections > CONVERSATIONS
