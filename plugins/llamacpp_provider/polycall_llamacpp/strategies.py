"""The contract of strategies that other distributions bring, and the names that they import from this plugin.

A strategy makes a model produce calls in a way of its own. It is a module, or another object, with the functions of
`Strategy`, and an entry point of the group ``polycall_llamacpp.strategies``. Users choose it by the entry point's name:
``strategy="..."``. ``polycall-llamacpp-split`` is an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from polycall.plugin import Request
from polycall_llamacpp._model.generation import LlamaJson, complete
from polycall_llamacpp._model.jobs import Job, Stopped
from polycall_llamacpp._model.listener import Listener, ListenerError
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp._request.messages import Message, text_of
from polycall_llamacpp._request.payload import ToolPayload
from polycall_llamacpp._request.schema import JsonSchema

__all__ = [
    "GROUP",
    "Job",
    "JsonSchema",
    "Listener",
    "ListenerError",
    "LlamaJson",
    "LoadedModel",
    "Message",
    "ReplyEnd",
    "Stopped",
    "Strategy",
    "ToolPayload",
    "WholeCall",
    "complete",
    "text_of",
]

GROUP = "polycall_llamacpp.strategies"
"""The entry-point group."""


@dataclass(frozen=True, slots=True)
class WholeCall:
    """A complete call."""

    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """The end of a reply, emitted once, after its calls."""

    finish_reason: Literal["tool_calls", "length"]
    usage: Mapping[str, object]
    """Token counts of all steps together, in OpenAI's form."""
    raw_response: Mapping[str, object]
    """The reply's `Calls.raw_response`."""
    cut_off: WholeCall | None = None
    """The call that the length limit cut off; its ``arguments`` are incomplete."""


class Strategy(Protocol):
    """The functions of a strategy. All but `can_answer` run on a worker thread."""

    def can_answer(self, messages: Sequence[Message], request: Request) -> bool:
        """Whether the strategy takes this request. Those that it does not take are ``constrained``.

        Args:
            messages: The conversation.
            request: Its ``round`` is 0 for the first request of a ``create()``, and counts corrections from there.
        """
        ...

    def prepare(self, model: LoadedModel, job: Job) -> None:
        """Work ahead for the first reply, right after loading. Errors are dropped: that reply meets them again."""
        ...

    def generate(
        self, model: LoadedModel, messages: Sequence[Message], payload: ToolPayload, max_tokens: int, job: Job
    ) -> None:
        """Emit each `WholeCall` to the job as soon as it is complete, then a `ReplyEnd`.

        Args:
            model: Generates, with `complete`.
            messages: The conversation.
            payload: The tools that may be called.
            max_tokens: Bound for the generated tokens of all steps together.
            job: The reply's consumer.

        Raises:
            Stopped: The consumer has left; `complete` and `Job.emit` raise it.
        """
        ...
