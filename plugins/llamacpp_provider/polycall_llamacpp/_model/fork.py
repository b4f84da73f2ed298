"""Processes that were forked from one that had loaded a model: llama.cpp cannot be used in them.

Its threads stay in the parent. Whatever waits for them, waits forever: loading another model with more than one thread,
and llama.cpp's destructors, also those that run when the process ends. Observed with xllamacpp 2026.10.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress

from polycall import ConfigurationError

_loaded = False
_forked = False


def note_loading() -> None:
    """Remember that this process has loaded a model."""
    global _loaded
    _loaded = True


def is_forked_with_model() -> bool:
    """Whether this process was forked from one that had loaded a model."""
    return _forked


def require_own_process() -> None:
    """Refuse to use llama.cpp where it would hang.

    Raises:
        ConfigurationError: This process was forked from one that had loaded a model.
    """
    if _forked:
        raise ConfigurationError(
            "This process was forked from one that had loaded a model, and llama.cpp does not survive os.fork(). Load "
            'models in child processes only, or start those with the method "spawn" or "forkserver" of multiprocessing.'
        )


def call_in_forked_child(function: Callable[[], object]) -> None:
    """Call a function in each child that is forked once a model was loaded."""

    def forked() -> None:
        global _forked
        if _loaded:
            _forked = True
            function()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)


def _skip_destructors_at_exit() -> None:
    """Make the process end without llama.cpp's static destructors, which run before those registered earlier."""
    with suppress(OSError, AttributeError):  # glibc only; elsewhere a child has to end with os._exit()
        libc = ctypes.CDLL(None)
        libc["on_exit"](libc["_exit"], None)
        libc["__cxa_atexit"](libc["fflush"], None, None)


call_in_forked_child(_skip_destructors_at_exit)
