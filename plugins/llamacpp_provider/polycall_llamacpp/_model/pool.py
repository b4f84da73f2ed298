"""The loaded models of this process: each once, shared by its users, released when the last one is done."""

from __future__ import annotations

import atexit
import ctypes
import queue
import sys
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import cached_property

from polycall_llamacpp._model.control_tokens import ControlTokens
from polycall_llamacpp._model.facts import ModelFacts, ask_facts
from polycall_llamacpp._model.fork import call_in_forked_child, note_loading
from polycall_llamacpp._model.jobs import Job
from polycall_llamacpp._model.listener import Listener
from polycall_llamacpp._model.server import Server

_EXIT_TIMEOUT_S = 5.0


class ModelClosedError(RuntimeError):
    """The client was closed while the request was waiting or being generated, or before it was sent."""

    def __init__(self) -> None:
        super().__init__("The client is closed. Make a new one with polycall.from_provider().")


class LoadedModel:
    """A loaded model with the threads that generate: at most ``parallel`` jobs at a time, further ones wait in a queue.

    Args:
        server: The model. Dropping the last reference frees the memory.
        parallel: The number of requests that are generated at the same time.
    """

    def __init__(self, server: Server, parallel: int) -> None:
        self._server: Server | None = server
        self.listener = Listener(server.llama.listening_address, server.api_key)
        self._parallel = parallel
        self.control_tokens = ControlTokens(self.listener)
        self.slots = server.slots
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._jobs: set[Job] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        note_loading()
        _models.add(self)

    @cached_property
    def facts(self) -> ModelFacts:
        """The model's abilities; requested on first use, over the listener."""
        return ask_facts(self.listener)

    @property
    def server(self) -> Server:
        """The model itself, for a job.

        Raises:
            ModelClosedError: It is closed.
        """
        server = self._server
        if server is None:
            raise ModelClosedError
        return server

    def keep_forever(self) -> None:
        """Never run llama.cpp's destructor for this model, not even at exit."""
        if self._server is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._server.llama))

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            ModelClosedError: The model is closed.
        """
        with self._lock:
            if self._closing:
                raise ModelClosedError
            self._jobs.add(job)
            if len(self._threads) < min(self._parallel, len(self._jobs)):
                # Daemons: an exit hook stops them; waiting for a whole reply would delay the exit.
                thread = threading.Thread(target=self._work, name="polycall-llamacpp", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(job)

    def close(self) -> None:
        """Stop all jobs and release the memory."""
        self.stop()
        server, self._server = self._server, None
        _models.discard(self)
        if server is not None:
            server.remove_directory()
            del server
            _trim_memory()

    def stop(self, timeout_s: float | None = None) -> None:
        """Stop running and waiting jobs; each consumer gets a `ModelClosedError`. No job runs afterwards."""
        with self._lock:
            self._closing = True
            jobs, threads = list(self._jobs), list(self._threads)
        for job in jobs:
            job.stop(ModelClosedError())
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            with self._lock:
                self._jobs.discard(job)
            del job  # an idle thread keeps no reference to its last job


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.model: LoadedModel | None = None


class ModelPool:
    """Lends loaded models by key, and counts their users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def acquire(self, key: Hashable, load: Callable[[], LoadedModel]) -> LoadedModel:
        """The model of that key, made by ``load`` if it has no user yet. Pair it with `release`."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            entry.users += 1
        try:
            with entry.lock:
                if entry.model is None:
                    entry.model = load()
                return entry.model
        except BaseException:
            self._leave(key, entry)
            raise

    def release(self, key: Hashable, model: LoadedModel) -> None:
        """Remove one user; the last one releases the memory."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and self._leave(key, entry):
            model.close()

    def _leave(self, key: Hashable, entry: _Entry) -> bool:
        with self._lock:
            entry.users -= 1
            last = entry.users == 0
            if last and self._entries.get(key) is entry:
                del self._entries[key]
        return last


_models: set[LoadedModel] = set()

pool = ModelPool()
"""The models of this process."""


def _stop_all() -> None:
    # A thread inside a callback of llama.cpp when the interpreter goes away aborts the process.
    for model in list(_models):
        model.stop(_EXIT_TIMEOUT_S)
        with suppress(ModelClosedError):
            model.server.remove_directory()


def _forget_models() -> None:
    """Forget the parent's models in a forked child, and never free them: that waits for threads of the parent."""
    for model in _models:
        model.keep_forever()
    _models.clear()


def _trim_memory() -> None:
    """Make glibc return freed memory to the system; it would keep 20 MB and more of a small model."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


atexit.register(_stop_all)
call_in_forked_child(_forget_models)
