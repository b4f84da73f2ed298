"""Chooses the tool for a subquestion: by its likelihood given the tool, and by shared words and types."""

from __future__ import annotations

from collections.abc import Sequence

from polycall_llamacpp_split._scorer import Scorer
from polycall_llamacpp_split._tools import SplitTool, choices_of, is_numeric
from polycall_llamacpp_split._words import mentioned, numbers, stems

_SUBQUESTION_EXAMPLES = (
    ("water plants: Water the plants (place)", "water the plants in the garden"),
    ("encyclopedia: Look up facts (topic)", "how long is the Nile"),
    ("send message: Send a text message (person, text)", "tell Frank that I am late"),
    ("set alarm: Set an alarm clock (time)", "wake me up at 6"),
)
_EXAMPLES_TEXT = "".join(f"Function: {name}\nRequest: {example}\n\n" for name, example in _SUBQUESTION_EXAMPLES)

# Weights of the parts of the score, tuned on the development half of the evaluation's cases alone.
_LIKELIHOOD = 0.2
_WORDS = 1.0
_TYPES = 1.0


def choose_tool(scorer: Scorer, subquestion: str, tools: Sequence[SplitTool]) -> SplitTool:
    """Choose the tool that fits a subquestion best."""
    return tools[0] if len(tools) == 1 else max(tools, key=lambda tool: _fit(scorer, subquestion, tool))


def _fit(scorer: Scorer, subquestion: str, tool: SplitTool) -> float:
    likelihood = scorer.score(subquestion_prompt(tool.described), f" {subquestion}\n", "subquestion")
    return (
        _LIKELIHOOD * likelihood + _WORDS * _shared_words(subquestion, tool) + _TYPES * _shared_types(subquestion, tool)
    )


def subquestion_prompt(description: str) -> str:
    """The prompt for a subquestion, given a function's description."""
    return f"Functions and a request for each.\n\n{_EXAMPLES_TEXT}Function: {description}\nRequest:"


def _shared_words(subquestion: str, tool: SplitTool) -> float:
    asked, name, description = stems(subquestion), stems(tool.plain_name), stems(tool.description)
    about = stems(tool.arguments_text)
    return 1.5 * len(asked & name) + len(asked & (description - name)) + 0.5 * len(asked & (about - name - description))


def _shared_types(subquestion: str, tool: SplitTool) -> float:
    """Score whether the subquestion has the numbers and listed values that the tool needs, and no more."""
    schemas = tool.properties
    given = len(numbers(subquestion))
    takes = sum(map(is_numeric, schemas.values()))
    needs = sum(is_numeric(schemas[name]) for name in tool.required)
    takes_text = any(schema.get("type") == "string" and not choices_of(schema) for schema in schemas.values())
    named = sum(bool(mentioned(choices_of(schema), subquestion)) for schema in schemas.values())
    return named - max(0, needs - given) - max(0, given - takes) * (0.5 if takes_text else 1.0)
