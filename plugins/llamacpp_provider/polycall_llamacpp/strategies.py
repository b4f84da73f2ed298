"""The contract of strategies that other distributions bring, and the names that they import from this plugin.

A strategy makes a model produce calls in a way of its own. It is a module, or another object, with the functions of
`Strategy`, and an entry point of the group ``polycall_llamacpp.strategies``. Users choose it by the entry point's name:
``strategy="..."``. ``polycall-llamacpp-split`` is an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from polycall.plugin import JsonObject, Message, Request
from polycall_llamacpp._model.generation import complete
from polycall_llamacpp._model.jobs import Job, Stopped
from polycall_llamacpp._model.listener import Listener, ListenerError
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp._request.tools import LlamaTools

__all__ = [
    "GROUP",
    "Job",
    "Listener",
    "ListenerError",
    "LlamaTools",
    "LoadedModel",
    "ReplyEnd",
    "Stopped",
    "Strategy",
    "WholeCall",
    "complete",
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
    model: str | None = None
    """The model, by llama.cpp's name for it."""


class Strategy(Protocol):
    """The functions of a strategy. All but `render` run on a worker thread."""

    def render(self, messages: Sequence[Message], tools: LlamaTools, request: Request) -> JsonObject | None:
        """Render a request; no I/O.

        Args:
            messages: The conversation, checked. `polycall.plugin.text_of` gives the text of one.
            tools: The tools that may be called.
            request: Append to its ``adaptations`` what is left out of the caller's request. Its ``round`` is 0 for the
                first request of a ``create()``, and counts corrections from there.

        Returns:
            What `generate` needs to know, as JSON data that ``client.render()`` shows; ``None`` for requests that the
            strategy does not take: those are ``constrained``.
        """
        ...

    def prepare(self, model: LoadedModel, job: Job) -> None:
        """Work ahead for the first reply, right after loading. Errors are dropped: that reply meets them again."""
        ...

    def generate(self, model: LoadedModel, tools: LlamaTools, body: Mapping[str, object], job: Job) -> None:
        """Emit each `WholeCall` to the job as soon as it is complete, then a `ReplyEnd`.

        Args:
            model: Generates, with `complete`.
            tools: The tools that may be called.
            body: The result of `render`, with ``max_tokens``, the bound for the generated tokens of all steps together,
                and ``max_calls``.
            job: The reply's consumer.

        Raises:
            Stopped: The consumer has left; `complete` and `Job.emit` raise it.
        """
        ...
