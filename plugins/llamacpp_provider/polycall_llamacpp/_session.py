"""The client behind `polycall.from_provider("llamacpp/...")`: a user of loaded models."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress

from polycall import ConfigurationError
from polycall_llamacpp._model.pool import LoadedModel, ModelClosedError, pool
from polycall_llamacpp._model.server import LlamaServer, Server, load
from polycall_llamacpp._model.source import EMBEDDED_MODEL, find_model
from polycall_llamacpp._reply.installed import check_strategy
from polycall_llamacpp._settings import LlamaSettings

_LOADING_SETTINGS = (
    "n_ctx",
    "threads",
    "gpu_layers",
    "parallel",
    "chat_template",
    "hf_file",
    "verbose",
)


class Session:
    """Uses models by name, each loaded on first use. Thread-safe.

    Args:
        settings: The settings of every model that this session loads.
        model: The default for calls that name no model.

    Raises:
        ConfigurationError: The setting ``strategy`` names a strategy that is not installed.
        PluginError: That strategy cannot be imported.
    """

    def __init__(self, settings: LlamaSettings, model: str | None = None) -> None:
        check_strategy(settings.strategy)
        self.settings = settings
        self._default = model or EMBEDDED_MODEL
        self._lock = threading.Lock()
        self._held = _HeldModels()
        weakref.finalize(self, self._held.release_in_background).atexit = False

    def loaded(self, model: str | None = None) -> LoadedModel:
        """The loaded model of that name. Blocks while it loads.

        Raises:
            ConfigurationError: It cannot be loaded.
            ModelClosedError: The client is closed.
        """
        name = model or self._default
        with self._lock:
            self._held = self._held.of_this_process()
            return self._held.get(name) or self._held.add(name, self.settings)

    def close(self) -> None:
        """Release the models. Running requests end with a `ModelClosedError`."""
        with self._lock:
            self._held.close()


class AdoptedServer(Session):
    """The session of a server that the caller made: it serves its own model only, and stays open when closed here."""

    def __init__(self, server: LlamaServer, settings: LlamaSettings) -> None:
        super().__init__(settings)
        self._adopted = LoadedModel(Server(server), settings.parallel)
        self._process = os.getpid()
        weakref.finalize(self, self._adopted.stop, 0).atexit = False

    def loaded(self, model: str | None = None) -> LoadedModel:  # noqa: ARG002
        """The server's model, whichever the call names."""
        if os.getpid() != self._process:
            raise ConfigurationError("An xllamacpp.Server does not survive os.fork(). Make one in the child process.")
        return self._adopted


class _HeldModels:
    """The models that one session uses, each counted once in the pool."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._closed = False
        self._models: dict[str, tuple[tuple[object, ...], LoadedModel]] = {}

    def of_this_process(self) -> _HeldModels:
        """These models; in a forked child an empty set, because a model's threads stay in the parent."""
        if os.getpid() == self._process or self._closed:
            return self
        return _HeldModels()

    def get(self, name: str) -> LoadedModel | None:
        if self._closed:
            raise ModelClosedError
        held = self._models.get(name)
        return None if held is None else held[1]

    def add(self, name: str, settings: LlamaSettings) -> LoadedModel:
        source = find_model(name)
        key = (source, *(getattr(settings, setting) for setting in _LOADING_SETTINGS))
        model = pool.acquire(key, lambda: LoadedModel(load(source, settings), settings.parallel))
        self._models[name] = (key, model)
        return model

    def close(self) -> None:
        self._closed = True
        while self._models:
            _, (key, model) = self._models.popitem()
            pool.release(key, model)

    def release_in_background(self) -> None:
        """Close a session that was dropped and not closed: the collector may run on any thread, under any lock."""
        if self._models and os.getpid() == self._process:
            with suppress(RuntimeError):  # too late for threads: the interpreter is going away
                threading.Thread(target=self.close, name="polycall-llamacpp-close", daemon=True).start()
