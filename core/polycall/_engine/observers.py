"""Calling the hooks that observe: every implementation, in the order of the extensions."""

from __future__ import annotations

import logging

import pluggy

from polycall._plugins.registry import Provider

_log = logging.getLogger("polycall.plugins")


class Observers:
    """The implementations of one observing hook.

    Args:
        provider: Whose hooks they are among.
        hook: The hook's name.
        implementations: In the order of their calls.
    """

    __slots__ = ("_hook", "_implementations", "_provider")

    def __init__(self, provider: Provider, hook: str, implementations: list[pluggy.HookImpl]) -> None:
        self._provider = provider
        self._hook = hook
        self._implementations = [(impl.function, impl.argnames, impl.plugin_name) for impl in implementations]

    def __call__(self, ending_with: BaseException | None = None, /, **arguments: object) -> None:
        """Call all of them.

        Args:
            ending_with: The error that ends the call already: it is kept, and what an observer raises is logged.
            **arguments: The hook's, by name.

        Raises:
            Exception: The first observer's, with a note that names it.
        """
        for function, names, plugin in self._implementations:
            try:
                function(*[arguments[name] for name in names])
            except Exception as error:
                self._provider.explain(error, self._hook, plugin)
                if ending_with is None:
                    raise
                _log.exception("%s raised while a call was ending with %s", self._hook, type(ending_with).__name__)


def observers_of(provider: Provider, hook: str) -> Observers | None:
    """The observers of one hook, ``None`` if there are none, so that a call without extensions pays nothing."""
    caller: pluggy.HookCaller = getattr(provider.hooks, hook)
    implementations = caller.get_hookimpls()
    return Observers(provider, hook, implementations[::-1]) if implementations else None
