"""Fills in a call's arguments one by one; numbers, listed values and texts come from the subquestion if possible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from pydantic_core import from_json

from polycall.plugin import JsonObject
from polycall_llamacpp_split._coverage import cover
from polycall_llamacpp_split._scorer import Scorer
from polycall_llamacpp_split._tools import SplitTool, choices_of, is_free_text, is_numeric
from polycall_llamacpp_split._words import mentioned, numbers, plain_name, stems

_EXAMPLES = (
    ("water the plants in the garden", "water plants", "place", "garden"),
    ("how long is the river Nile", "encyclopedia", "question", "how long is the river Nile"),
    ("tell Frank that I am late", "send message", "text", "I am late"),
    ("open the blinds of the office", "move blinds", "open (true to open, false to close)", "true"),
    ("shut the blinds of the attic", "move blinds", "open (true to open, false to close)", "false"),
    ("find the phone number of Susan Hill", "phone book", "person (whose number)", "Susan Hill"),
    ("find a cheap bike in size 40", "bike search", "price", "low"),
)
_EXAMPLES_TEXT = "".join(
    f"Request: {example}\nFunction: {function}\n{name}: {value}\n\n" for example, function, name, value in _EXAMPLES
)
_NO_SUBQUESTION = "N/A"
_MAX_TEXT_TOKENS = 48
_LEFT_OUT = 1.5
"""How much less likely a text may be for each further word that it includes (a difference of log-probabilities).

The texts of the evaluation's development half, and of 34 more subquestions, are the same from 0.75 to 2.25; this is
the middle.
"""
_MAX_VALUE_TOKENS = 256
_ESCAPED = {code: f"\\x{code:02X}" for code in (*range(0x20), ord('"'), ord("\\"))}

Arguments = dict[str, object]


class CutOffValueError(Exception):
    """A value did not end within its bound of tokens.

    Args:
        filled: The arguments before it.
        name: The argument's name.
        text: Its text so far.
    """

    def __init__(self, filled: Arguments, name: str, text: str) -> None:
        super().__init__(name)
        self.filled = filled
        self.name = name
        self.text = text


def fill_arguments(scorer: Scorer, subquestion: str, tool: SplitTool) -> Arguments:
    """Fill in the arguments of a call from a subquestion.

    Optional arguments are filled in only where the subquestion mentions them.

    Raises:
        CutOffValueError: The length limit was reached, or a value did not end.
    """
    filled: Arguments = {}
    for name, schema in tool.properties.items():
        asker = _Asker(scorer, subquestion, tool, name, schema, filled)
        optional = name not in tool.required
        values = choices_of(schema) or ([True, False] if schema.get("type") == "boolean" else [])
        if values:
            if optional and not (stems(subquestion) & stems(plain_name(name))):
                continue
            named = [value for value in mentioned(choices_of(schema), subquestion) if value not in filled.values()]
            filled[name] = asker.pick(named or values)
        elif is_numeric(schema) and (given := _usable_numbers(subquestion, schema, filled)):
            open_places = [key for key, other in tool.properties.items() if key not in filled and is_numeric(other)]
            # As many numbers as places: in their order.
            filled[name] = given[0] if len(given) == len(open_places) else asker.pick(list(dict.fromkeys(given)))
        elif optional:
            continue
        elif is_free_text(schema):
            texts = (key for key, other in tool.properties.items() if is_free_text(other) and key in tool.required)
            filled[name] = asker.copy_words(last=all(key == name or key in filled for key in texts))
        else:
            filled[name] = asker.write()
    return filled


class _Asker:
    """Asks the model for one argument."""

    def __init__(
        self, scorer: Scorer, subquestion: str, tool: SplitTool, name: str, schema: JsonObject, filled: Arguments
    ) -> None:
        self._scorer = scorer
        self._subquestion = subquestion
        self._tool = tool
        self._name = name
        self._schema = schema
        self._filled = filled

    def pick(self, values: Sequence[object]) -> object:
        """The likeliest value, corrected for how likely each value is without a subquestion."""
        if len(values) == 1:
            return values[0]
        asked, neutral = self._prompt(self._subquestion, self._filled), self._prompt(_NO_SUBQUESTION, {})

        texts = [f" {value if isinstance(value, str) else json.dumps(value)}\n" for value in values]
        self._scorer.tokens.learn(texts)

        def fit(place: int) -> float:
            text = texts[place]
            return self._scorer.score(asked, text, "value") - self._scorer.score(neutral, text, "value")

        return values[max(range(len(values)), key=fit)]

    def copy_words(self, *, last: bool) -> str:
        """Copy consecutive words of the subquestion.

        Args:
            last: Whether this is the last text, so that no other can take the words that it leaves out.
        """
        prompt = self._prompt(self._subquestion, self._filled)
        grammar = _span_grammar(self._subquestion.split(), self._tool)
        text, whole = self._generate(prompt, grammar, _MAX_TEXT_TOKENS)
        if not whole and self._scorer.tokens_left <= 0:
            raise CutOffValueError(self._filled, self._name, json.dumps(text.strip(), ensure_ascii=False)[:-1])
        return self._widen(prompt, text.strip()) if whole and last else text.strip()

    def _widen(self, prompt: str, text: str) -> str:
        """The text, or one that includes more of the subquestion, unless that is too unlikely."""
        coverage = cover(self._subquestion, self._tool, self._filled)
        short = coverage.find(text)
        wide = coverage.widened(short)
        less_left_out = coverage.left_out(short) - coverage.left_out(wide)
        if not less_left_out:
            return text
        wide_score, score = self._scorer.score_each(prompt, (f" {coverage.text(wide)}\n", f" {text}\n"), "value")
        return coverage.text(wide) if wide_score + _LEFT_OUT * less_left_out > score else text

    def write(self) -> object:
        """Have the model write a value as JSON, held to its schema."""
        schema = {**self._schema, "x-guidance": {"whitespace_flexible": False}}
        if self._tool.definitions:
            schema["$defs"] = self._tool.definitions
        grammar = f"%llguidance {{}}\nstart: %json {json.dumps(schema)}\n"
        prompt = f"{self._prompt(self._subquestion, self._filled)} "
        text, whole = self._generate(prompt, grammar, _MAX_VALUE_TOKENS)
        try:
            return cast("object", from_json(text))
        except ValueError as error:
            if whole:
                raise
            raise CutOffValueError(self._filled, self._name, text) from error

    def _generate(self, prompt: str, grammar: str, max_tokens: int) -> tuple[str, bool]:
        if self._scorer.tokens_left <= 0:
            raise CutOffValueError(self._filled, self._name, "")
        return self._scorer.generate(prompt, grammar, max_tokens, "value")

    def _prompt(self, subquestion: str, filled: Arguments) -> str:
        done = "".join(
            f"{plain_name(name)}: {value if isinstance(value, str) else json.dumps(value)}\n"
            for name, value in filled.items()
        )
        description = self._schema.get("description")
        label = plain_name(self._name) + (f" ({description})" if description else "")
        return f"{value_prompt(subquestion)}Function: {self._tool.plain_name}\n{done}{label}:"


def value_prompt(subquestion: str) -> str:
    """The start of the prompt for the value of an argument."""
    return f"Requests and what they say.\n\n{_EXAMPLES_TEXT}Request: {subquestion}\n"


def _usable_numbers(subquestion: str, schema: JsonObject, filled: Arguments) -> list[int | float]:
    """The numbers of the subquestion that fit a schema and are not used yet."""
    low = cast("float", schema.get("minimum", float("-inf")))
    high = cast("float", schema.get("maximum", float("inf")))
    above = cast("float", schema.get("exclusiveMinimum", float("-inf")))
    below = cast("float", schema.get("exclusiveMaximum", float("inf")))
    whole = schema.get("type") == "integer"
    given = [
        number
        for number in numbers(subquestion)
        if low <= number <= high and above < number < below and (isinstance(number, int) or not whole)
    ]
    for value in filled.values():
        if not isinstance(value, bool) and value in given:
            given.remove(cast("float", value))
    return given


def _span_grammar(words: Sequence[str], tool: SplitTool) -> str:
    """The grammar of consecutive words of the subquestion; the first must not name the tool."""
    named = stems(tool.plain_name)
    starts = [position for position, word in enumerate(words) if not (stems(word) & named)] or list(range(len(words)))
    rules = ['root ::= " " (' + " | ".join(f"w{position}" for position in starts) + ') "\\n"']
    for position, word in enumerate(words):
        following = f' (" " w{position + 1})?' if position + 1 < len(words) else ""
        rules.append(f'w{position} ::= "{word.translate(_ESCAPED)}"{following}')
    return "\n".join(rules)
