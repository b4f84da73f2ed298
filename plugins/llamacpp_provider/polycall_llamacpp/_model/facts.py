"""What polycall must know about a loaded model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from polycall_llamacpp._model.listener import Listener, ListenerError

_SMALL_MODEL_PARAMETERS = 1_500_000_000
_ABILITIES = {"image": "vision", "audio": "audio"}
"""Kinds of content parts, and llama.cpp's words for models that read them."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts of a model and its chat template; the defaults apply if the server does not answer."""

    knows_tools: bool = False
    """The chat template renders tools and tool calls."""
    call_prefix: str = ""
    """The template's text before a turn's first tool call, up to its JSON: ``"<tool_call>\\n"``, for example."""
    parameters: int | None = None
    """The number of weights."""
    media: frozenset[str] = frozenset()
    """The kinds of content parts that it reads besides text: ``"image"``, ``"audio"``."""

    @property
    def is_small(self) -> bool:
        """Too small to write a list of calls in one go. Measured for 135M only; the bound is a guess."""
        return self.parameters is not None and self.parameters < _SMALL_MODEL_PARAMETERS


def ask_facts(listener: Listener) -> ModelFacts:
    """Ask a server for the facts of its model. Defaults, if the server does not answer (its key may be unknown)."""
    try:
        props = listener.ask("/props")
        template = cast("Mapping[str, bool]", props.get("chat_template_caps") or {})
        modalities = cast("Mapping[str, bool]", props.get("modalities") or {})
        knows_tools = template.get("supports_tools", False) and template.get("supports_tool_calls", False)
        return ModelFacts(
            knows_tools=knows_tools,
            call_prefix=_call_prefix(listener) if knows_tools else "",
            parameters=_parameters(listener.ask("/v1/models")),
            media=frozenset(kind for kind, ability in _ABILITIES.items() if modalities.get(ability)),
        )
    except ListenerError:
        return ModelFacts()


def _parameters(models: Mapping[str, object]) -> int | None:
    data = cast("Sequence[Mapping[str, Mapping[str, int]]]", models.get("data") or ())
    return data[0].get("meta", {}).get("n_params") if data else None


def _call_prefix(listener: Listener) -> str:
    """Render a conversation without and with a call: the difference begins with the text that opens a call."""
    name = "polycall_probe"
    function = {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}}
    call = {"id": "call00000", "type": "function", "function": {"name": name, "arguments": "{}"}}
    question = {"role": "user", "content": "?"}
    tools = [{"type": "function", "function": function}]
    try:
        before = listener.ask("/apply-template", {"messages": [question], "tools": tools})["prompt"]
        turn = {"role": "assistant", "content": None, "tool_calls": [call]}
        # A result follows, because a template may omit the end of the last turn.
        result = {"role": "tool", "tool_call_id": "call00000", "content": "!"}
        after = listener.ask("/apply-template", {"messages": [question, turn, result], "tools": tools})["prompt"]
    except (ListenerError, KeyError):
        return ""
    return prefix_of_call(str(before), str(after), name)


def prefix_of_call(before: str, after: str, name: str) -> str:
    """The part of ``after`` beyond ``before``, up to a call's JSON or its bare name; empty if it begins differently."""
    if not after.startswith(before):
        return ""
    opening, found, _ = after[len(before) :].partition(name)
    if not found:
        return ""
    brace = opening.find("{")
    return opening if brace < 0 else opening[:brace]
