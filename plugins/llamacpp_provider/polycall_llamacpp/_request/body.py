"""The body of a request: what one call of llama.cpp gets, or a strategy of another distribution."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

from polycall.plugin import Adaptation, JsonObject, Message, RenderedTools, Request, sendable
from polycall_llamacpp._installed import BUILT_IN, require_strategy
from polycall_llamacpp._model.generation import CHAT
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp._request.echoes import readable_echoes
from polycall_llamacpp._request.messages import failed_tools, in_plain_words, read, with_calls
from polycall_llamacpp._request.options import Options, read_options
from polycall_llamacpp._request.tools import LlamaTools
from polycall_llamacpp._settings import LlamaSettings


def render_body(model: LoadedModel, settings: LlamaSettings, request: Request) -> JsonObject:
    """Render a request: a chat completion, or the body of a strategy, with its name as ``strategy``.

    Raises:
        MessageError: A message that this model cannot read.
        ConfigurationError: An option that cannot be passed.
    """
    tools = tools_of(request)
    options = read_options(request, settings)
    conversation = read(readable_echoes(request, model.control_tokens), model.control_tokens)
    if tools.strategy not in BUILT_IN:
        body = require_strategy(tools.strategy).render(conversation, tools, request)
        if body is not None:
            _note_dropped(options.given, tools.strategy, request)
            limits = {"max_tokens": options.max_tokens, "max_calls": options.max_calls}
            return {"strategy": tools.strategy, **_sendable(body), **limits}
    seed = {} if settings.seed is None else {"seed": settings.seed}
    form = (
        _native(model, tools, options, conversation)
        if tools.strategy == "native"
        else _constrained(tools, options, conversation, is_correction=request.round > 0)
    )
    return {
        "temperature": 0,
        **seed,
        **options.given,
        "max_tokens": options.max_tokens,
        **_sendable(form),
        **copy.deepcopy(CHAT),
    }


def tools_of(request: Request) -> LlamaTools:
    """The tools of a request."""
    return cast("RenderedTools[LlamaTools]", request.tool_payload).payload


def _native(
    model: LoadedModel, tools: LlamaTools, options: Options, conversation: list[Message]
) -> Mapping[str, object]:
    messages = with_calls(conversation, model.facts.media)
    form: JsonObject = {"tools": tools.functions, "parallel_tool_calls": options.max_calls > 1}
    if tools.choice != "auto":
        form["tool_choice"] = "required"
        if model.facts.call_prefix:
            # "required" alone lets the model talk before its first call, possibly forever: begin the call for it.
            messages.append({"role": "assistant", "content": model.facts.call_prefix})
    return {"messages": messages, **form}


def _constrained(
    tools: LlamaTools, options: Options, conversation: list[Message], *, is_correction: bool
) -> Mapping[str, object]:
    # A failed result in the first round is one of the caller's messages: any call may follow it.
    failed = failed_tools(conversation) if is_correction else []
    grammar = tools.correction_grammar(failed) if failed else tools.grammar(options.max_calls)
    return {"messages": in_plain_words(conversation, tools.instructions), "grammar": grammar}


def _sendable(body: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", sendable(body, where="body"))


def _note_dropped(options: Mapping[str, object], strategy: str, request: Request) -> None:
    reason = f"The strategy {strategy!r} takes the likeliest choice at each step."
    for name, value in options.items():
        request.adaptations.append(Adaptation(setting=f"options.{name}", kind="dropped", given=value, reason=reason))
