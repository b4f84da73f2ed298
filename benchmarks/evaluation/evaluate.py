"""Score how well a model finds several tool calls in one question, through polycall's public API.

    python -m benchmarks.evaluation [--model smollm2] [--strategy auto] [--half dev|heldout|all] [--quiet]

A call's name counts when it stands in the longest common subsequence of expected and given names.
Of the calls so aligned, an argument matches when

- numbers and booleans are equal;
- texts are equal under the rule below;
- ``any`` takes what validates; ``one_of`` any of its values (null: may be left out);
- an optional argument that is not expected is left out, null or false.

A call is right when name and every argument match; a question is right when all calls are, in order and none more.
Each is counted under two rules for texts:

- strict: equal but for case, white space, an article at the beginning and punctuation at the end;
- lenient: equal but for case, punctuation and all articles, or the one contains the other as whole words and the longer
  has at most three words more. It lets a text pass that has lost its meaning: "super bowl" of "who won the super bowl".
"""

# a script

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

import polycall

CASES = Path(__file__).parent / "cases.json"
Json = Mapping[str, Any]
Call = tuple[str, Json]

TYPES: Mapping[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}
_ARTICLES = {"the", "a", "an"}
_MAX_MORE_WORDS = 3


def make_model(tool: Json) -> type[BaseModel]:
    """The pydantic model that a user would have written for a tool of the cases."""
    schema = tool["parameters"]
    fields: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        required = name in schema["required"]
        annotation = make_type(part) if required else make_type(part) | None
        bounds = {"ge": part.get("minimum"), "le": part.get("maximum"), "description": part.get("description")}
        fields[name] = (
            annotation,
            Field(... if required else None, **{k: v for k, v in bounds.items() if v is not None}),
        )
    return create_model(
        tool["name"], __doc__=tool["description"] or None, __config__=ConfigDict(extra="forbid"), **fields
    )


def make_type(part: Json) -> Any:
    """The annotation of a field."""
    if "enum" in part:
        return Literal[tuple(part["enum"])]
    if part["type"] == "array":
        return list[make_type(part["items"])]  # type: ignore[misc]
    return TYPES[part["type"]]


def words(value: object) -> list[str]:
    """What is compared of a text."""
    return [word for word in re.findall(r"\w+", str(value).casefold()) if word not in _ARTICLES]


def same_text(expected: object, given: object) -> bool:
    """The strict rule."""

    def plain(value: object) -> str:
        text = " ".join(str(value).casefold().split()).rstrip(" .,;:!?")
        return re.sub(r"^(?:the|an?) ", "", text)

    return plain(expected) == plain(given)


def similar_text(expected: object, given: object) -> bool:
    """The lenient rule."""
    short, long = sorted((words(expected), words(given)), key=len)
    inside = any(long[start : start + len(short)] == short for start in range(len(long) - len(short) + 1))
    return bool(short) and len(long) - len(short) <= _MAX_MORE_WORDS and inside


TextRule = Callable[[object, object], bool]
RULES: Mapping[str, TextRule] = {"strict": same_text, "lenient": similar_text}


def matches(expected: Any, given: Any, rule: TextRule) -> bool:
    """Whether an argument is as expected."""
    if isinstance(expected, dict):
        return bool(expected.get("any")) or any(matches(one, given, rule) for one in expected.get("one_of", ()))
    if expected is None or given is None or isinstance(expected, bool) or isinstance(given, bool):
        return expected is given
    if isinstance(expected, int | float):
        return isinstance(given, int | float) and float(given) == float(expected)
    return rule(expected, given)


def is_right(expected: Call, given: Call, rule: TextRule) -> bool:
    """Whether name and arguments are as expected."""
    (name, wanted), (given_name, got) = expected, given
    return (
        name == given_name
        and all(matches(value, got.get(key), rule) for key, value in wanted.items())
        and all(got[key] in (None, False) for key in got if key not in wanted)
    )


def align(expected: Sequence[Call], given: Sequence[Call], rule: TextRule) -> list[tuple[int, int]]:
    """Pair calls in order: most names first, most right calls second."""
    best: dict[tuple[int, int], tuple[tuple[int, int], list[tuple[int, int]]]] = {}
    for i in range(len(expected) + 1):
        for j in range(len(given) + 1):
            options = [best[i - 1, j], best[i, j - 1]] if i and j else [((0, 0), [])]
            if i and j and expected[i - 1][0] == given[j - 1][0]:
                (names, right), pairs = best[i - 1, j - 1]
                right += is_right(expected[i - 1], given[j - 1], rule)
                options.append(((names + 1, right), [*pairs, (i - 1, j - 1)]))
            best[i, j] = max(options, key=lambda option: option[0])
    return best[len(expected), len(given)][1]


@dataclass
class Right:
    """What is right under one rule for texts, summed over the questions."""

    calls: int = 0
    questions: int = 0

    def add(self, expected: Sequence[Call], given: Sequence[Call], rule: TextRule) -> bool:
        """Score one question; whether it is right as a whole."""
        right = sum(is_right(expected[i], given[j], rule) for i, j in align(expected, given, rule))
        whole = right == len(expected) == len(given)
        self.calls += right
        self.questions += whole
        return whole


@dataclass
class Score:
    """Sums over the questions."""

    questions: int = 0
    wanted: int = 0
    given: int = 0
    names: int = 0
    counts: int = 0
    right: dict[str, Right] = field(default_factory=lambda: {rule: Right() for rule in RULES})
    first_s: list[float] = field(default_factory=list)
    all_s: list[float] = field(default_factory=list)

    def add(self, expected: Sequence[Call], given: Sequence[Call]) -> list[str]:
        """Score one question; the rules under which it is right as a whole."""
        self.questions += 1
        self.wanted += len(expected)
        self.given += len(given)
        self.names += len(align(expected, given, same_text))
        self.counts += len(expected) == len(given)
        return [name for name, rule in RULES.items() if self.right[name].add(expected, given, rule)]

    def __str__(self) -> str:
        given = max(self.given, 1)
        names = f"{self.names / self.wanted:.2f} / {self.names / given:.2f} (recall / precision)"
        lines = [f"{self.questions} questions; right number of calls {self.counts}; names {names}"]
        for rule, right in self.right.items():
            low, high = interval(right.questions, self.questions)
            lines.append(
                f"{rule}: calls {right.calls / self.wanted:.2f} / {right.calls / given:.2f}, whole question right "
                f"{right.questions} ({right.questions / self.questions:.0%}, 95 % interval {low:.0%} to {high:.0%})"
            )
        lines.append(
            f"median seconds to the first call {statistics.median(self.first_s or [0]):.1f}, to the last "
            f"{statistics.median(self.all_s):.1f}"
        )
        return "\n  ".join(lines)


def interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    share = right / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)


def ask(client: polycall.Client, question: str, models: Sequence[type[BaseModel]], score: Score) -> list[Call]:
    """The calls that the model makes; no corrections."""
    messages = [{"role": "system", "content": "You must always use tools"}, {"role": "user", "content": question}]
    response_model: Any = list[reduce(or_, models)]  # type: ignore[misc]
    started = time.perf_counter()
    calls: list[Call] = []
    try:
        for call in client.stream(messages, response_model, max_retries=0):
            if not calls:
                score.first_s.append(time.perf_counter() - started)
            calls.append((type(call).__name__, call.model_dump(exclude_none=True)))
    except polycall.OutputError as error:
        print(f"      {type(error).__name__}: {error}")
    score.all_s.append(time.perf_counter() - started)
    return calls


def main() -> None:
    """Run the cases and print the sums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--half", choices=["dev", "heldout", "all"], default="all")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--quiet", action="store_true")
    arguments = parser.parse_args()
    data = json.loads(CASES.read_text(encoding="utf-8"))
    models = {name: [make_model(tool) for tool in tools] for name, tools in data["tool_sets"].items()}
    score = Score()
    with polycall.from_provider(
        f"llamacpp/{arguments.model}", strategy=arguments.strategy, threads=arguments.threads
    ) as client:
        for case in data["cases"]:
            if arguments.half not in (case["split"], "all"):
                continue
            expected = [(call["name"], call["arguments"]) for call in case["expected"]]
            given = ask(client, case["prompt"], models[case["tools"]], score)
            right = score.add(expected, given)
            if not arguments.quiet:
                mark = "right  " if "strict" in right else "lenient" if right else "WRONG  "
                print(mark, case["prompt"], *(() if "strict" in right else ("\n       ", given)))
    print(f"{arguments.model}, {arguments.strategy}, {arguments.half}: {score}")
