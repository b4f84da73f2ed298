"""The strategy ``split`` of polycall-llamacpp, for models too small to write a list of calls in one go.

Three steps, each a choice among few, made by log-probabilities:

- the question is split into subquestions (`_subquestions`),
- a tool is chosen for each (`_choice`),
- its arguments are filled in one by one, with words of the subquestion where possible (`_arguments`).

Only the last user message is read. Sampling options have no effect: each step takes the likeliest choice.

The module implements `polycall_llamacpp.strategies.Strategy`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from polycall.plugin import Adaptation, JsonObject, Message, Request, UserMessage, json_int, json_text, text_of
from polycall_llamacpp.strategies import Job, LlamaTools, LoadedModel, ReplyEnd, WholeCall
from polycall_llamacpp_split._arguments import CutOffValueError, fill_arguments, value_prompt
from polycall_llamacpp_split._choice import choose_tool, subquestion_prompt
from polycall_llamacpp_split._scorer import Scorer
from polycall_llamacpp_split._subquestions import split_prompt, split_question
from polycall_llamacpp_split._tokens import PromptKind
from polycall_llamacpp_split._tools import make_tools

__all__ = ["generate", "prepare", "render"]

_WARMING_SUBQUESTION = "do it"
_OTHER_SUBQUESTION = "Find"
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def render(messages: Sequence[Message], tools: LlamaTools, request: Request) -> JsonObject | None:
    """The question; ``None`` if there is none, for a correction, and where making no call is an answer."""
    last = messages[-1] if messages else None
    if request.round > 0 or request.tool_choice == "auto" or not isinstance(last, UserMessage):
        return None
    question = text_of(last.parts, reader="This model")
    if not question.strip():
        return None
    if len(messages) > 1:
        reason = "The strategy 'split' reads the last message only."
        request.adaptations.append(Adaptation(setting="messages", kind="dropped", reason=reason))
    return {"question": question, "tools": [spec.name for spec in tools.specs]}


def prepare(model: LoadedModel, job: Job) -> None:
    """Read the fixed examples, so that the first reply finds them in the model's slots."""
    scorer = Scorer(model, job, len(_WARMING_SUBQUESTION))
    _learn_beginnings(scorer)
    if model.slots:
        for kind, prompt in _prompts(scorer, _WARMING_SUBQUESTION).items():
            scorer.generate(prompt, "root ::= [a-z]", 1, kind)


def generate(model: LoadedModel, tools: LlamaTools, body: Mapping[str, object], job: Job) -> None:
    """Emit each call as soon as its last argument is known.

    Args:
        model: Loaded.
        tools: The tools.
        body: From `render`, with ``max_tokens`` (for all values together) and ``max_calls``.
        job: The reply's consumer.
    """
    question, max_tokens, max_calls = json_text(body, "question"), json_int(body, "max_tokens"), body.get("max_calls")
    scorer = Scorer(model, job, max_tokens or 0)
    if not scorer.tokens.knows_beginnings:
        _learn_beginnings(scorer)
    split_tools = make_tools(tools)
    subquestions: list[str] = []
    finish_reason: Literal["tool_calls", "length"] = "tool_calls"
    cut_off: WholeCall | None = None
    for subquestion in split_question(scorer, question or "", split_tools):
        subquestions.append(subquestion)
        tool = choose_tool(scorer, subquestion, split_tools)
        try:
            arguments = _compact(fill_arguments(scorer, subquestion, tool))
        except CutOffValueError as error:
            # As the model would have written it: not JSON, so the core reports it and asks for it again.
            arguments = (
                f"{_compact(error.filled)[:-1]}{',' if error.filled else ''}{json.dumps(error.name)}:{error.text}"
            )
            if scorer.tokens_left <= 0:
                finish_reason, cut_off = "length", WholeCall(tool.name, arguments)
                break
        job.emit(WholeCall(tool.name, arguments))
        if len(subquestions) == max_calls:
            break
    raw = {"strategy": "split", "subquestions": subquestions, "steps": scorer.steps}
    job.emit(ReplyEnd(finish_reason, scorer.usage, raw, cut_off, scorer.model_name))


def _learn_beginnings(scorer: Scorer) -> None:
    prompts, others = _prompts(scorer, _WARMING_SUBQUESTION), _prompts(scorer, _OTHER_SUBQUESTION)
    for kind, prompt in prompts.items():
        scorer.tokens.learn_beginning(kind, prompt, others[kind])


def _prompts(scorer: Scorer, subquestion: str) -> Mapping[PromptKind, str]:
    return {
        "split": split_prompt(scorer, subquestion),
        "subquestion": subquestion_prompt(subquestion),
        "value": value_prompt(subquestion),
    }
