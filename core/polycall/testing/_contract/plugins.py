"""Whose hook is being called: found among the callers, for the hooks themselves are not told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from polycall._data.errors import PluginError
from polycall._engine.bound_hooks import BoundHooks
from polycall._plugins.registry import Provider
from polycall.testing._contract.rules import ContractViolation, violation

T = TypeVar("T")

_PROVIDER = "provider"
"""The name of the provider's plugin in pluggy."""


class CheckedPlugin:
    """A provider whose hook is being checked.

    Args:
        provider: The provider.
        found: Takes note of each violation.
    """

    def __init__(self, provider: Provider, found: Callable[[ContractViolation], None]) -> None:
        self.provider = provider
        self._found = found

    def fail(self, rule: str, hook: str, came: str, due: str) -> NoReturn:
        """Raise a `ContractViolation`, and take note of it."""
        error = violation(rule, hook=hook, plugin=self.provider.plugins[_PROVIDER], came=came, due=due)
        self._found(error)
        raise error

    def check(self, rule: str, hook: str, came: str | None, due: str) -> None:
        """Fail if something came that should not."""
        if came is not None:
            self.fail(rule, hook, came, due)

    def typed(self, hook: str, check: Callable[..., T], *arguments: object) -> T:
        """Make a check of the core's own; what it refuses breaks the rule ``result-type``."""
        try:
            return check(self.provider, *arguments, hook)
        except PluginError as error:
            self.fail("result-type", hook, str(error), "the type that the hook's docstring names")

    def owes(self, hook: str, result: object) -> bool:
        """Whether a result is to be checked: there is one, or the provider's own hook should have given one."""
        return result is not None or self.provider.has_own(hook)

    def own(self, hook: str) -> Callable[..., Any] | None:
        """The provider's own implementation; ``None`` if there is none or an extension may answer in its place."""
        caller = getattr(self.provider.hooks, hook)
        made = [impl for impl in caller.get_hookimpls() if not (impl.wrapper or impl.hookwrapper)]
        if len(made) != 1 or made[0].plugin_name != _PROVIDER:
            return None
        function, names = made[0].function, made[0].argnames
        return lambda **arguments: function(*[arguments[name] for name in names])


def calling_provider() -> Provider | None:
    """The provider for which the core calls a hook right now; ``None`` if it is not the core that calls."""
    frame = sys._getframe(1)  # noqa: SLF001  # the documented way to the callers
    while frame is not None:
        for name in ("self", "provider"):
            value = frame.f_locals.get(name)
            if isinstance(value, Provider):
                return value
            if isinstance(value, BoundHooks):
                return value.provider
        frame = frame.f_back  # type: ignore[assignment]
    return None
