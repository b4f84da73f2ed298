"""Several calls out of one question, for models too small to write a list of calls in one go.

Three steps, each a choice among few, made by log-probabilities:

- the question is split into single requests (`_requests`),
- a tool is chosen for each (`_choice`),
- its arguments are filled in one by one, from the words of the request where they stand there (`_arguments`).

Only the last user message is read. Sampling options have no effect: the likeliest is taken at each step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from polycall_llamacpp._jobs import Job
from polycall_llamacpp._messages import Message, text_of
from polycall_llamacpp._payload import ToolPayload
from polycall_llamacpp._pool import LoadedModel
from polycall_llamacpp._split._arguments import CutOffValueError, fill_arguments, value_prompt
from polycall_llamacpp._split._choice import choose_tool, request_prompt
from polycall_llamacpp._split._requests import split_prompt, split_requests
from polycall_llamacpp._split._scorer import Scorer
from polycall_llamacpp._split._tokens import PromptKind
from polycall_llamacpp._split._tools import make_tools

_WARMING_REQUEST = "do it"
_OTHER_REQUEST = "Find"
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class SplitCall:
    """A whole call."""

    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class SplitDone:
    """The end of the reply."""

    finish_reason: str
    """``"tool_calls"`` or ``"length"``."""
    usage: Mapping[str, object]
    """Of all steps together, in OpenAI's form."""
    requests: Sequence[str] = ()
    """The single requests that the question was split into."""
    steps: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    """llama.cpp's own replies."""
    cut_off: SplitCall | None = None
    """The call that the length limit cut off."""


def run_split(model: LoadedModel, messages: Sequence[Message], payload: ToolPayload, max_tokens: int, job: Job) -> None:
    """Emit each call as soon as its last argument is known; on a worker thread.

    Args:
        max_tokens: Bound for the tokens of all values together.
    """
    scorer = Scorer(model, job, max_tokens)
    if not scorer.tokens.knows_beginnings:
        _learn_beginnings(scorer)
    tools = make_tools(payload)
    requests: list[str] = []
    finish_reason, cut_off = "tool_calls", None
    for request in split_requests(scorer, text_of(messages[-1]), tools):
        requests.append(request)
        tool = choose_tool(scorer, request, tools)
        try:
            arguments = _compact(fill_arguments(scorer, request, tool))
        except CutOffValueError as error:
            # What there is, as the model would have written it: no JSON, so it is reported and asked for again.
            arguments = (
                f"{_compact(error.filled)[:-1]}{',' if error.filled else ''}{json.dumps(error.name)}:{error.text}"
            )
            if scorer.tokens_left <= 0:
                finish_reason, cut_off = "length", SplitCall(tool.name, arguments)
                break
        job.emit(SplitCall(tool.name, arguments))
        if len(requests) == payload.max_calls:
            break
    job.emit(SplitDone(finish_reason, scorer.usage, requests, scorer.steps, cut_off))


def warm_up(model: LoadedModel, job: Job) -> None:
    """Read the fixed examples, so that the first reply finds them in the model's slots; on a worker thread."""
    scorer = Scorer(model, job, len(_WARMING_REQUEST))
    _learn_beginnings(scorer)
    if model.slots:
        for kind, prompt in _prompts(scorer, _WARMING_REQUEST).items():
            scorer.generate(prompt, "root ::= [a-z]", 1, kind)


def _learn_beginnings(scorer: Scorer) -> None:
    prompts, others = _prompts(scorer, _WARMING_REQUEST), _prompts(scorer, _OTHER_REQUEST)
    for kind, prompt in prompts.items():
        scorer.tokens.learn_beginning(kind, prompt, others[kind])


def _prompts(scorer: Scorer, request: str) -> Mapping[PromptKind, str]:
    return {
        "split": split_prompt(scorer, request),
        "request": request_prompt(request),
        "value": value_prompt(request),
    }
