"""The settings of the provider: how a model is loaded, and the defaults of requests."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, SecretStr

LoadProgress = Callable[[int, int], object]


class LlamaSettings(BaseModel):
    """Settings of ``polycall.from_provider("llamacpp/...")`` and of a profile of ``polycall.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    n_ctx: int = Field(default=4096, ge=0)
    """Size of the context in tokens, prompt and reply together; 0 takes the size that the model was trained for.
    llama.cpp rounds up to a multiple of 256."""
    threads: int | None = Field(default=None, ge=1)
    """Threads to compute with. ``None``: all cores but one where there are up to four, else llama.cpp's default (one
    for each physical core)."""
    gpu_layers: int | None = Field(default=None, ge=-1)
    """Layers to put on a GPU, -1 for all; ``None`` leaves it to llama.cpp. Requires a GPU build of xllamacpp."""
    parallel: int = Field(default=1, ge=1)
    """Requests that are generated at the same time; further ones wait their turn. They share ``n_ctx``."""
    strategy: str = "auto"
    """How tool calls are obtained: ``"native"`` (llama.cpp's own tool calling, for models whose chat template knows
    tools), ``"constrained"`` (one JSON list of calls, held to the schema by a grammar), or the name of a strategy of
    another distribution, such as ``"split"`` of ``polycall-llamacpp-split`` (one subquestion at a time, for very small
    models). ``"auto"`` takes ``"native"`` where the template knows tools, else ``"split"`` for models of fewer than 1.5
    billion parameters if it is installed, else ``"constrained"``."""
    chat_template: str | None = None
    """A Jinja chat template, or the name of one that llama.cpp knows, in place of the model's own."""
    max_tokens: int = Field(default=1024, ge=1)
    """Maximum number of tokens of a reply, unless the call sets its own."""
    max_calls: int = Field(default=16, ge=1)
    """Maximum number of calls in one reply, for the strategies that constrain the output: small models may repeat
    themselves forever."""
    seed: int | None = None
    """Seed of sampling, for calls with a ``temperature`` above 0; others are deterministic."""
    hf_file: str | None = None
    """The file to load from a Hugging Face repository, where the quantisation does not determine its name."""
    hf_token: SecretStr | None = None
    """The token for gated repositories."""
    offline: bool = False
    """Load models of Hugging Face from the local cache only."""
    verbose: bool = False
    """Let llama.cpp log to stderr. The switch is one per process: the model loaded last sets it."""
    on_load_progress: LoadProgress | None = None
    """Called while the file is read, with the bytes read and their total, on the thread that loads; the last call has
    both equal."""
