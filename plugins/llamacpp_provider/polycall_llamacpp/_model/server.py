"""Loads a model into this process."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from polycall import ConfigurationError
from polycall.plugin import sdk_missing, sendable_key
from polycall_llamacpp._model.listener import Listener, ListenerError
from polycall_llamacpp._model.source import ModelSource, read_through
from polycall_llamacpp._settings import LlamaSettings

_SLOTS = 4
"""Sequences of the model that keep their prompts: a strategy of several steps alternates between kinds of prompt."""

_FEW_CORES = 4
_BATCH_TOKENS = 256
"""Prompt tokens between two checks whether the caller has left."""

_PROMPT_CACHE_MIB = 0  # prompts stay in their slots
_SOCKET_PATH_LIMIT = 100  # bytes; Linux takes 107, macOS 103
_QUIET = -1
_TALKATIVE = 3


class LlamaServer(Protocol):
    """The part of ``xllamacpp.Server`` that is used here; xllamacpp has no type annotations."""

    @property
    def listening_address(self) -> str:
        """``http://host:port`` or ``unix:///path``."""
        ...

    def handle_chat_completions(
        self, body: Mapping[str, object], callback: Callable[[dict[str, object]], bool]
    ) -> None:
        """Generate; the callback gets each chunk on this thread, and stops with True."""
        ...

    def handle_completions(self, body: Mapping[str, object]) -> dict[str, object]:
        """Generate from a raw prompt."""
        ...


@dataclass(slots=True)
class Server:
    """A loaded model."""

    llama: LlamaServer
    api_key: str | None = None
    """The HTTP listener's key; calls in the process need none."""
    directory: Path | None = None
    """The directory of the listener's socket, to be removed by polycall."""
    slots: int = 0
    """The number of sequences that keep their prompts; 0 if it is not known."""

    def remove_directory(self) -> None:
        """Remove the socket, which llama.cpp leaves behind."""
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)


def load(source: ModelSource, settings: LlamaSettings) -> Server:
    """Load a model. Blocks; the part inside llama.cpp holds the interpreter's lock.

    Raises:
        ConfigurationError: The model cannot be loaded.
        PluginError: xllamacpp is missing.
    """
    try:
        import xllamacpp  # type: ignore[import-untyped]
    except ImportError as error:
        raise sdk_missing("llamacpp", "xllamacpp", error, extra="local") from error
    if settings.on_load_progress is not None and source.path is not None:
        read_through(source.path, settings.on_load_progress)
    params = xllamacpp.CommonParams()
    _set_params(params, source, settings)
    api_key = secrets.token_hex(16)
    params.api_keys = [api_key]
    directory = _socket_directory()
    # Never an empty list of host names: llama.cpp crashes on it.
    params.hostnames = ["127.0.0.1"] if directory is None else [str(directory / "llama.sock")]
    try:
        llama: LlamaServer = xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        raise _load_error(source, settings) from error
    _wait_until_running(Listener(llama.listening_address, api_key))
    return Server(llama, api_key, directory, params.n_parallel)


def _wait_until_running(listener: Listener) -> None:
    """Wait until llama.cpp's own thread takes tasks, by a request that becomes one.

    Its destructor cannot stop a thread that has not begun its loop, and then waits for it forever. Observed with
    xllamacpp 2026.10, on a busy machine, when a model was closed right after loading.
    """
    with suppress(ListenerError):
        listener.ask("/lora-adapters")


def _default_threads() -> int | None:
    """The number of threads: few cores less one; ``None`` leaves it to llama.cpp.

    llama.cpp's threads wait for each other in a busy loop after every step. Where another program uses one of their
    cores, each step takes as long as the scheduler lets that program run: measured, 10 times the time of one thread.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, available - 1) if available <= _FEW_CORES else None


def _set_params(params: Any, source: ModelSource, settings: LlamaSettings) -> None:
    # For a repository llama.cpp ignores the path, but rejects an empty one.
    params.model.path = str(source)
    if source.repository is not None:
        params.model.hf_repo = source.repository
        if settings.hf_file is not None:
            params.model.hf_file = settings.hf_file
        if settings.hf_token is not None:
            params.hf_token = settings.hf_token.get_secret_value()
        elif token := os.environ.get("HF_TOKEN", "").strip():  # llama.cpp would send it with its line break
            params.hf_token = sendable_key(token, "The environment variable HF_TOKEN")
        params.offline = settings.offline
    params.n_ctx = settings.n_ctx
    params.n_parallel = max(settings.parallel, _SLOTS)
    params.kv_unified = True  # each sequence may use the whole context
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    threads = settings.threads or _default_threads()
    if threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    if settings.gpu_layers is not None:
        params.n_gpu_layers = settings.gpu_layers
    if settings.chat_template is not None:
        params.chat_template = settings.chat_template
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.warmup = False
    params.fit_params = False  # measuring the memory of devices takes 0.15 s
    params.verbosity = _TALKATIVE if settings.verbose else _QUIET
    params.ui = params.endpoint_slots = False


def _socket_directory() -> Path | None:
    """A directory for a Unix socket that only this user can enter; ``None`` where such sockets are not possible."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    directory = Path(tempfile.mkdtemp(prefix="polycall-"))
    if len(str(directory / "llama.sock").encode()) > _SOCKET_PATH_LIMIT:
        directory.rmdir()
        return None
    return directory


def _load_error(source: ModelSource, settings: LlamaSettings) -> ConfigurationError:
    hint = "" if settings.verbose else " Pass verbose=True to see llama.cpp's own messages."
    template = ", or chat_template is not valid Jinja" if settings.chat_template is not None else ""
    if source.path is not None:
        problem = (
            f"llama.cpp cannot load {source.path} ({source.path.stat().st_size:,} bytes): the file is truncated or of "
            f"an unknown kind{template}, or n_ctx={settings.n_ctx} needs more memory than there is. "
            "Download the file again, or lower n_ctx."
        )
    elif settings.offline:
        problem = f"{source} is not in the local cache of Hugging Face. Load it once without offline=True."
    else:
        problem = (
            f"llama.cpp cannot load {source} from Hugging Face: there is no network, no such repository or "
            f"quantisation, or it needs hf_token{template}. Check the name, or download the file and give its path."
        )
    return ConfigurationError(problem + hint, key="model")
