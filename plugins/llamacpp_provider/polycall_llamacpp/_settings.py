"""The settings of the provider: how a model is loaded, and the defaults of requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from polycall.plugin import IN_CODE_ONLY, NEW_CLIENT_ONLY, OtherNames, ReadFrom

LoadProgress = Callable[[int, int], object]


class LlamaSettings(BaseModel):
    """Settings of ``polycall.from_provider("llamacpp/...")`` and of a profile of ``polycall.toml``.

    A server that was made by the caller takes ``parallel``, ``strategy``, ``max_tokens``, ``max_calls`` and ``seed``.

    Attributes:
        n_ctx: Size of the context in tokens, prompt and reply together; 0 takes the size that the model was trained
            for. llama.cpp rounds up to a multiple of 256.
        threads: Threads to compute with. ``None``: all cores but one where there are up to four, else llama.cpp's
            default (one for each physical core).
        gpu_layers: Layers to put on a GPU, -1 for all; ``None`` leaves it to llama.cpp. Requires a GPU build of
            xllamacpp.
        parallel: Requests that are generated at the same time; further ones wait their turn. They share ``n_ctx``.
        strategy: How tool calls are obtained: ``"native"`` (llama.cpp's own tool calling, for models whose chat
            template knows tools), ``"constrained"`` (one JSON list of calls, held to the schema by a grammar), or the
            name of a strategy of another distribution, such as ``"split"`` of ``polycall-llamacpp-split`` (one
            subquestion at a time, for very small models). ``"auto"`` takes ``"native"`` where the template knows tools,
            else ``"split"`` for models of fewer than 1.5 billion parameters if it is installed, else
            ``"constrained"``.
        chat_template: A Jinja chat template, or the name of one that llama.cpp knows, in place of the model's own.
        max_tokens: Maximum number of tokens of a reply, unless the call sets its own.
        max_calls: Maximum number of calls in one reply, for the strategies that constrain the output: small models may
            repeat themselves forever. A call's own ``max_calls`` can only lower it.
        seed: Seed of sampling, for calls with a ``temperature`` above 0; others are deterministic.
        hf_file: The file to load from a Hugging Face repository, where the quantisation does not determine its name.
        hf_token: The token for gated repositories.
        offline: Load models of Hugging Face from the local cache only.
        verbose: Let llama.cpp log to stderr. The switch is one per process: the model loaded last sets it.
        on_load_progress: Called while the file is read, with the bytes read and their total, on the thread that loads;
            the last call has both equal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    n_ctx: Annotated[
        int, NEW_CLIENT_ONLY, OtherNames("context_length", "context_size", "context_window", "num_ctx")
    ] = Field(default=4096, ge=0)
    threads: Annotated[int | None, NEW_CLIENT_ONLY, OtherNames("n_threads", "num_threads")] = Field(default=None, ge=1)
    gpu_layers: Annotated[int | None, NEW_CLIENT_ONLY, OtherNames("n_gpu_layers", "ngl")] = Field(default=None, ge=-1)
    parallel: int = Field(default=1, ge=1)
    strategy: str = "auto"
    chat_template: Annotated[str | None, NEW_CLIENT_ONLY] = None
    max_tokens: int = Field(default=1024, ge=1)
    max_calls: int = Field(default=16, ge=1)
    seed: int | None = None
    hf_file: Annotated[str | None, NEW_CLIENT_ONLY] = None
    hf_token: Annotated[SecretStr | None, NEW_CLIENT_ONLY, ReadFrom("HF_TOKEN")] = None
    offline: Annotated[bool, NEW_CLIENT_ONLY] = False
    verbose: Annotated[bool, NEW_CLIENT_ONLY] = False
    on_load_progress: Annotated[LoadProgress | None, NEW_CLIENT_ONLY, IN_CODE_ONLY] = None
