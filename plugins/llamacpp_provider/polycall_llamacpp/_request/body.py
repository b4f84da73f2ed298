"""How the model is made to produce a reply: on a worker thread, with the strategy that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from polycall import ConfigurationError
from polycall.plugin import Request
from polycall_llamacpp._model.generation import chat
from polycall_llamacpp._model.jobs import Job
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp._reply.installed import BUILT_IN, find_strategy, require_strategy
from polycall_llamacpp._request.messages import Message, failed_tools, in_plain_words, to_dicts
from polycall_llamacpp._request.payload import ToolPayload
from polycall_llamacpp._settings import LlamaSettings

_RESERVED_OPTIONS = (
    "messages",
    "tools",
    "stream",
    "stream_options",
    "return_progress",
    "grammar",
    "json_schema",
    "response_format",
)

Kind = Literal["native", "constrained", "whole calls"]
_SMALL_MODELS = "split"
"""The strategy for small models, where it is installed."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The first chunk of every reply: the form of the chunks that follow."""

    kind: Kind


def generate(model: LoadedModel, settings: LlamaSettings, request: Request, job: Job) -> None:
    """Generate one reply; on a worker thread.

    Raises:
        ConfigurationError: The prompt is longer than the context, or an option is one that polycall sets.
        SchemaError: llama.cpp rejects the schema.
    """
    payload = cast("ToolPayload", request.tool_payload)
    messages = to_dicts(request.messages)
    options = _options(settings, request.options)
    name = _choose(model, settings.strategy)
    if name not in BUILT_IN:
        strategy = require_strategy(name)
        if strategy.can_answer(messages, request):
            job.emit(Begun("whole calls"))
            max_tokens = cast("int", options.get("max_tokens", settings.max_tokens))
            strategy.generate(model, messages, payload, max_tokens, job)
            return
    if name == "native":
        job.emit(Begun("native"))
        body = _native(model, payload, messages)
    else:
        job.emit(Begun("constrained"))
        body = _constrained(payload, request, messages)
    chat(model.server.llama, {**options, **body}, job, job.emit)


def prepare(model: LoadedModel, settings: LlamaSettings, job: Job) -> None:
    """Shorten the time to the first reply; on a worker thread, while nobody waits for one."""
    name = _choose(model, settings.strategy)
    if name not in BUILT_IN:
        require_strategy(name).prepare(model, job)


def _choose(model: LoadedModel, strategy: str) -> str:
    if strategy != "auto":
        return strategy
    if model.facts.knows_tools:
        return "native"
    return _SMALL_MODELS if model.facts.is_small and find_strategy(_SMALL_MODELS) is not None else "constrained"


def _native(model: LoadedModel, payload: ToolPayload, messages: list[Message]) -> Message:
    if payload.choice == "auto":
        return {"messages": messages, "tools": payload.functions, "parallel_tool_calls": True}
    # "required" alone lets the model talk before its first call, possibly forever: begin the call for it.
    prefix = model.facts.call_prefix
    begun: list[Message] = [{"role": "assistant", "content": prefix}] if prefix else []
    return {
        "messages": [*messages, *begun],
        "tools": payload.functions,
        "tool_choice": "required",
        "parallel_tool_calls": True,
    }


def _constrained(payload: ToolPayload, request: Request, messages: list[Message]) -> Message:
    # A failed result in the first round is one of the caller's messages: any call may follow it.
    failed = failed_tools(messages) if request.round else []
    grammar = payload.correction_grammar(failed) if failed else payload.grammar
    return {"messages": in_plain_words(messages, payload.instructions), "grammar": grammar}


def _options(settings: LlamaSettings, given: Mapping[str, object]) -> Message:
    for name in _RESERVED_OPTIONS:
        if name in given:
            raise ConfigurationError(
                f"polycall sets the option {name!r} itself for each request; leave it out.", key=name
            )
    options: Message = {"temperature": 0, **given}
    if settings.seed is not None:
        options.setdefault("seed", settings.seed)
    if "max_completion_tokens" in options:
        options.setdefault("max_tokens", options.pop("max_completion_tokens"))
    options.setdefault("max_tokens", settings.max_tokens)
    return options
