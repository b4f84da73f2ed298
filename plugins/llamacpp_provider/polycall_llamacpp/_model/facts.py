"""What has to be known of a loaded model to talk to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from polycall_llamacpp._model.listener import Listener, ListenerError

_SMALL_MODEL_PARAMETERS = 1_500_000_000


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts of a model and its chat template; the defaults are what holds if the model cannot be asked."""

    knows_tools: bool = False
    """The chat template renders tools and tool calls."""
    call_prefix: str = ""
    """What the template writes before a turn's first tool call, up to its JSON: ``"<tool_call>\\n"``, say."""
    parameters: int | None = None
    """How many weights the model has."""

    @property
    def is_small(self) -> bool:
        """Too small to write a list of calls in one go. Measured for 135M only; the bound is a guess."""
        return self.parameters is not None and self.parameters < _SMALL_MODEL_PARAMETERS


def ask_facts(listener: Listener) -> ModelFacts:
    """Ask a server for the facts of its model. A server that does not answer (its key is not known) has none."""
    try:
        template = cast("Mapping[str, bool]", listener.ask("/props").get("chat_template_caps") or {})
        knows_tools = template.get("supports_tools", False) and template.get("supports_tool_calls", False)
        return ModelFacts(
            knows_tools=knows_tools,
            call_prefix=_call_prefix(listener) if knows_tools else "",
            parameters=_parameters(listener.ask("/v1/models")),
        )
    except ListenerError:
        return ModelFacts()


def _parameters(models: Mapping[str, object]) -> int | None:
    data = cast("Sequence[Mapping[str, Mapping[str, int]]]", models.get("data") or ())
    return data[0].get("meta", {}).get("n_params") if data else None


def _call_prefix(listener: Listener) -> str:
    """Render a conversation without and with a call: the difference begins with what opens a call."""
    name = "polycall_probe"
    function = {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}}
    call = {"id": "call00000", "type": "function", "function": {"name": name, "arguments": "{}"}}
    question = {"role": "user", "content": "?"}
    tools = [{"type": "function", "function": function}]
    try:
        before = listener.ask("/apply-template", {"messages": [question], "tools": tools})["prompt"]
        turn = {"role": "assistant", "content": None, "tool_calls": [call]}
        # A result follows, because a template may leave off what ends the last turn.
        result = {"role": "tool", "tool_call_id": "call00000", "content": "!"}
        after = listener.ask("/apply-template", {"messages": [question, turn, result], "tools": tools})["prompt"]
    except (ListenerError, KeyError):
        return ""
    return prefix_of_call(str(before), str(after), name)


def prefix_of_call(before: str, after: str, name: str) -> str:
    """What ``after`` has beyond ``before``, up to a call's JSON or its bare name; empty if it begins otherwise."""
    if not after.startswith(before):
        return ""
    opening, found, _ = after[len(before) :].partition(name)
    if not found:
        return ""
    brace = opening.find("{")
    return opening if brace < 0 else opening[:brace]
