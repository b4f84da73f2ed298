"""The session behind `polycall.from_provider("llamacpp/...")`: a user of loaded models."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress

from polycall_llamacpp._installed import check_strategy
from polycall_llamacpp._model.fork import is_forked_with_model, require_own_process
from polycall_llamacpp._model.pool import LoadedModel, ModelClosedError, pool
from polycall_llamacpp._model.server import LlamaServer, Server, load
from polycall_llamacpp._model.source import EMBEDDED_MODEL, find_model
from polycall_llamacpp._settings import LlamaSettings

_LOADING_SETTINGS = ("n_ctx", "threads", "gpu_layers", "parallel", "chat_template", "hf_file", "verbose")


class Session:
    """Uses models by name, each loaded on first use, or the one of a server that the caller made. Thread-safe.

    Args:
        settings: The settings of every model that this session loads.
        model: The default for calls that name no model.
        server: The caller's server. It answers whatever model a call names, and stays open when the session is closed.

    Raises:
        ConfigurationError: The setting ``strategy`` names a strategy that is not installed.
        PluginError: That strategy cannot be imported.
    """

    def __init__(self, settings: LlamaSettings, model: str | None = None, server: LlamaServer | None = None) -> None:
        check_strategy(settings.strategy)
        self.settings = settings
        self._default = model or EMBEDDED_MODEL
        self._held = _HeldModels(None if server is None else LoadedModel(Server(server), settings.parallel))
        weakref.finalize(self, self._held.release_in_background).atexit = False

    def loaded(self, model: str | None = None) -> LoadedModel:
        """The loaded model of that name. Blocks while it loads.

        Raises:
            ConfigurationError: It cannot be loaded, or this process was forked from one that had loaded a model.
            ModelClosedError: The session is closed.
        """
        require_own_process()
        return self._held.get(model or self._default, self.settings)

    def close(self) -> None:
        """Release the models. Running requests end with a `ModelClosedError`."""
        self._held.close()


class _HeldModels:
    """The models that one session uses, each counted once in the pool."""

    def __init__(self, adopted: LoadedModel | None) -> None:
        self._adopted = adopted
        self._lock = threading.Lock()
        self._closed = False
        self._models: dict[str, tuple[tuple[object, ...], LoadedModel]] = {}

    def get(self, name: str, settings: LlamaSettings) -> LoadedModel:
        with self._lock:
            if self._closed:
                raise ModelClosedError
            if self._adopted is not None:
                return self._adopted
            if name not in self._models:
                source = find_model(name)
                key = (source, *(getattr(settings, setting) for setting in _LOADING_SETTINGS))
                model = pool.acquire(key, lambda: LoadedModel(load(source, settings), settings.parallel))
                self._models[name] = (key, model)
            return self._models[name][1]

    def close(self) -> None:
        if is_forked_with_model():
            return  # they are the parent's
        with self._lock:
            self._closed = True
            models, self._models = self._models, {}
        if self._adopted is not None:
            self._adopted.stop()
        for key, model in models.values():
            pool.release(key, model)

    def release_in_background(self) -> None:
        """Close a session that was dropped and not closed: the collector may run on any thread, under any lock."""
        if (self._models or self._adopted) and not is_forked_with_model():
            with suppress(RuntimeError):  # too late for threads: the interpreter is going away
                threading.Thread(target=self.close, name="polycall-llamacpp-close", daemon=True).start()
