"""Refuse a plugin that breaks the hook contract when it is registered, by name, before anything is called.

pluggy alone is not enough: a misspelt hook registers in silence, a keyword-only parameter fails at the first call,
and a parameter with a default is filled or not depending on pluggy's version.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from polycall import hookspecs
from polycall._data.errors import PluginError
from polycall._toolkit.hints import nearest

_PREFIX = "polycall_"
_VERSION_ATTRIBUTE = "polycall_hook_api"
_HOOK_NAMES = tuple(
    name for name, value in vars(hookspecs).items() if name.startswith(_PREFIX) and inspect.isfunction(value)
)
_MAY_YIELD = ("polycall_open_stream", "polycall_collect_batch")
"""Hooks whose result may be a generator."""


def check_hook_api(plugin: object, name: str, distribution: str | None) -> None:
    """Check that the plugin was built for the hook API that this polycall speaks.

    Raises:
        PluginError: It states another version, or none.
    """
    stated = getattr(plugin, _VERSION_ATTRIBUTE, None)
    if stated == hookspecs.HOOK_API_VERSION:
        return
    who = describe(name, distribution)
    if stated is None:
        problem = (
            f"{who} does not state its hook API version. If it is your plugin, write "
            f"'{_VERSION_ATTRIBUTE} = {hookspecs.HOOK_API_VERSION}' next to its hooks."
        )
    else:
        newer = isinstance(stated, int) and stated > hookspecs.HOOK_API_VERSION
        problem = (
            f"{who} was built for hook API {stated!r}; this polycall takes {hookspecs.HOOK_API_VERSION}. "
            f"Upgrade {'polycall' if newer else distribution or 'the plugin'}."
        )
    raise PluginError(problem, plugin=name, distribution=distribution)


def check_hooks(plugin: object, name: str, distribution: str | None, *, is_provider: bool) -> None:
    """Check names and signatures of a plugin's hooks, and for a provider that the required ones are there.

    Raises:
        PluginError: Names every hook that is wrong, and what would be right.
    """
    problems: list[str] = []
    implemented: set[str] = set()
    for attribute in dir(plugin):
        if not attribute.startswith(_PREFIX):
            continue
        function = getattr(plugin, attribute, None)
        if not inspect.isroutine(function):
            continue
        options = getattr(function, f"{hookspecs.PROJECT_NAME}_impl", None)
        hook = (options or {}).get("specname") or attribute
        if hook not in _HOOK_NAMES:
            problems.append(f"'{attribute}' is not a hook{_hint(hook, _HOOK_NAMES)}")
        elif options is None:
            problems.append(f"'{attribute}' is not marked with @polycall.plugin.hookimpl")
        else:
            if not (wraps := options.get("wrapper") or options.get("hookwrapper")):
                implemented.add(hook)
            problems.extend(_kind_problems(attribute, hook, function, wraps=bool(wraps)))
            if not wraps and (order := "tryfirst" if is_provider else "trylast") and options.get(order):
                problems.append(f"'{attribute}' is marked {order}, but extensions come before providers")
            problems.extend(_signature_problems(attribute, hook, function))
    if is_provider:
        problems.extend(
            f"the required hook '{hook}' is missing"
            for hook in hookspecs.REQUIRED_HOOKS
            if hook not in implemented and not any(f"mean '{hook}'" in problem for problem in problems)
        )
        problems.extend(
            f"one of {', '.join(map(repr, hooks))} is required"
            for hooks in hookspecs.ALTERNATIVE_HOOKS
            if implemented.isdisjoint(hooks)
        )
        problems.extend(
            f"'{hook}' needs '{other}' next to it"
            for hook, other in hookspecs.DEPENDENT_HOOKS.items()
            if hook in implemented and other not in implemented
        )
    if problems:
        raise PluginError(
            f"{describe(name, distribution)} violates the hook contract: {'; '.join(problems)}. "
            "The contract is in polycall.hookspecs.",
            plugin=name,
            distribution=distribution,
        )


def describe(name: str, distribution: str | None, kind: str = "plugin") -> str:
    """Name a plugin for a message."""
    return f"{kind.capitalize()} {name!r} ({distribution or 'registered in code'})"


def _signature_problems(attribute: str, hook: str, function: Callable[..., object]) -> list[str]:
    allowed = tuple(inspect.signature(getattr(hookspecs, hook)).parameters)
    problems: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        where = f"'{attribute}', parameter '{parameter.name}'"
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            problems.append(f"{where}: write it without '*' and '/'")
        elif parameter.name not in allowed:
            hint = _hint(parameter.name, allowed) or f" (it has: {', '.join(allowed) or 'none'})"
            problems.append(f"{where}: the hook has no such parameter{hint}")
        elif parameter.default is not inspect.Parameter.empty:
            problems.append(f"{where}: write it without a default")
    return problems


def _kind_problems(attribute: str, hook: str, function: Callable[..., object], *, wraps: bool) -> list[str]:
    """What would run nothing when it is called: a generator where a result is due, a coroutine where it is not."""
    if wraps and hook in hookspecs.OBSERVING_HOOKS:
        return [f"'{attribute}' observes, and cannot be a wrapper"]
    if wraps != inspect.isgeneratorfunction(function) and not (hook in _MAY_YIELD and not wraps):
        advice = "has no 'yield', which a wrapper needs" if wraps else "yields: mark it hookimpl(wrapper=True)"
        return [f"'{attribute}' {advice}"]
    if inspect.isasyncgenfunction(function):
        return [f"'{attribute}' is an async generator: write an 'async def' that returns the result"]
    if inspect.iscoroutinefunction(function) and not hook.endswith("_async"):
        return [f"'{attribute}' must not be an 'async def'"]
    return []


def _hint(name: str, names: tuple[str, ...]) -> str:
    meant = nearest(name, names)
    return f" (did you mean '{meant}'?)" if meant else ""
