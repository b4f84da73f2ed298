"""How the model is made to produce a reply: on a worker thread."""

from __future__ import annotations

from collections.abc import Mapping

from polycall_llamacpp._installed import BUILT_IN, choose_strategy, require_strategy
from polycall_llamacpp._model.generation import chat
from polycall_llamacpp._model.jobs import Job
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp._request.tools import LlamaTools


def generate(model: LoadedModel, tools: LlamaTools, body: Mapping[str, object], job: Job) -> None:
    """Generate one reply; on a worker thread.

    Raises:
        ConfigurationError: The prompt is longer than the context, or an option has a wrong type.
        SchemaError: llama.cpp rejects the schema.
    """
    strategy = body.get("strategy")
    if isinstance(strategy, str):
        require_strategy(strategy).generate(model, tools, body, job)
    else:
        chat(model.server.llama, body, job, job.emit)


def prepare(model: LoadedModel, strategy: str, job: Job) -> None:
    """Shorten the time to the first reply; on a worker thread, while nobody waits for one."""
    name = choose_strategy(model, strategy)
    if name not in BUILT_IN:
        require_strategy(name).prepare(model, job)
