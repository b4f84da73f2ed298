"""How a reply is had from the model. Each strategy runs on a worker thread and emits what the decoder takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from polycall import ConfigurationError
from polycall.plugin import Request
from polycall_llamacpp._generation import chat
from polycall_llamacpp._jobs import Job
from polycall_llamacpp._messages import Message, failed_tools, in_plain_words, text_of, to_dicts
from polycall_llamacpp._payload import ToolPayload
from polycall_llamacpp._pool import LoadedModel
from polycall_llamacpp._settings import LlamaSettings, Strategy
from polycall_llamacpp._split import run_split, warm_up

_OWN_OPTIONS = (
    "messages",
    "tools",
    "stream",
    "stream_options",
    "return_progress",
    "grammar",
    "json_schema",
    "response_format",
)

Kind = Literal["native", "constrained", "split"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The first chunk of every reply: how it is made, so that the decoder knows what follows."""

    kind: Kind


def generate(model: LoadedModel, settings: LlamaSettings, request: Request, job: Job) -> None:
    """Generate one reply; on a worker thread.

    Raises:
        ConfigurationError: The prompt is longer than the context, or an option is polycall's own.
        SchemaError: llama.cpp refuses the schema.
    """
    payload = cast("ToolPayload", request.tool_payload)
    messages = to_dicts(request.messages)
    options = _options(settings, request.options)
    kind = _choose(model, settings.strategy, request, messages)
    job.emit(Begun(kind))
    if kind == "split":
        run_split(model, messages, payload, cast("int", options.get("max_tokens", settings.max_tokens)), job)
        return
    body = _native(model, payload, messages) if kind == "native" else _constrained(payload, request, messages)
    chat(model.server.llama, {**options, **body}, job, job.emit)


def prepare(model: LoadedModel, settings: LlamaSettings, job: Job) -> None:
    """Do what makes the first reply come sooner; on a worker thread, while nobody waits for one."""
    if _strategy(model, settings.strategy) == "split":
        warm_up(model, job)


def _strategy(model: LoadedModel, strategy: Strategy) -> Kind:
    if strategy != "auto":
        return strategy
    if model.facts.knows_tools:
        return "native"
    return "split" if model.facts.is_small else "constrained"


def _choose(model: LoadedModel, strategy: Strategy, request: Request, messages: list[Message]) -> Kind:
    kind = _strategy(model, strategy)
    if kind != "split":
        return kind
    # Splitting reads requests out of a question. Corrections, and the choice to make no call, are other tasks.
    asks = bool(messages) and messages[-1].get("role") == "user" and bool(text_of(messages[-1]).strip())
    return "split" if asks and request.round == 0 and request.tool_choice != "auto" else "constrained"


def _native(model: LoadedModel, payload: ToolPayload, messages: list[Message]) -> Message:
    if payload.choice == "auto":
        return {"messages": messages, "tools": payload.functions, "parallel_tool_calls": True}
    # "required" alone lets the model talk before its first call, for ever if it likes: begin the call for it.
    prefix = model.facts.call_prefix
    begun: list[Message] = [{"role": "assistant", "content": prefix}] if prefix else []
    return {
        "messages": [*messages, *begun],
        "tools": payload.functions,
        "tool_choice": "required",
        "parallel_tool_calls": True,
    }


def _constrained(payload: ToolPayload, request: Request, messages: list[Message]) -> Message:
    # A failed result in a first round is the caller's own: any call may follow it.
    failed = failed_tools(messages) if request.round else []
    grammar = payload.correction_grammar(failed) if failed else payload.grammar
    return {"messages": in_plain_words(messages, payload.instructions), "grammar": grammar}


def _options(settings: LlamaSettings, given: Mapping[str, object]) -> Message:
    for name in _OWN_OPTIONS:
        if name in given:
            raise ConfigurationError(
                f"The option {name!r} is set by polycall for each request; leave it out.", key=name
            )
    options: Message = {"temperature": 0, **given}
    if settings.seed is not None:
        options.setdefault("seed", settings.seed)
    if "max_completion_tokens" in options:
        options.setdefault("max_tokens", options.pop("max_completion_tokens"))
    options.setdefault("max_tokens", settings.max_tokens)
    return options
