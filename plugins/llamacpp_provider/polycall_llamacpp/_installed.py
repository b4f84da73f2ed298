"""Which strategy there is for a model; those of other distributions are found by their entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from polycall import ConfigurationError, PluginError
from polycall_llamacpp._model.pool import LoadedModel
from polycall_llamacpp.strategies import GROUP, Strategy

BUILT_IN = frozenset({"native", "constrained"})
_SMALL_MODELS = "split"
"""The strategy for small models, where it is installed."""
_DISTRIBUTIONS = {"split": "polycall-llamacpp-split"}


def check_strategy(name: str) -> None:
    """Check the setting ``strategy``.

    Raises:
        ConfigurationError: The strategy is unknown or not installed.
        PluginError: It cannot be imported.
    """
    if name != "auto" and name not in BUILT_IN:
        require_strategy(name)


def choose_strategy(model: LoadedModel, setting: str) -> str:
    """The name of the strategy for a model, by the setting ``strategy``."""
    if setting != "auto":
        return setting
    if model.facts.knows_tools:
        return "native"
    return _SMALL_MODELS if model.facts.is_small and find_strategy(_SMALL_MODELS) is not None else "constrained"


def require_strategy(name: str) -> Strategy:
    """The installed strategy of that name.

    Raises:
        ConfigurationError: There is none.
        PluginError: It cannot be imported, or several distributions bring it.
    """
    strategy = find_strategy(name)
    if strategy is not None:
        return strategy
    distribution = _DISTRIBUTIONS.get(name)
    if distribution is not None:
        raise ConfigurationError(
            f"The strategy {name!r} is not installed. Install it with: pip install {distribution}", key="strategy"
        )
    known = {"auto", *BUILT_IN, *_DISTRIBUTIONS, *entry_points(group=GROUP).names}
    raise ConfigurationError(f"There is no strategy {name!r}. Known: {', '.join(sorted(known))}.", key="strategy")


@cache
def find_strategy(name: str) -> Strategy | None:
    """The installed strategy of that name, ``None`` if there is none; looked up once per process.

    Raises:
        PluginError: It cannot be imported, or several distributions bring it.
    """
    found = {entry.value: entry for entry in entry_points(group=GROUP, name=name)}
    if not found:
        return None
    owners = sorted(str(entry.dist.name if entry.dist else entry.value) for entry in found.values())
    if len(found) > 1:
        raise PluginError(
            f"Several distributions bring the strategy {name!r}: {', '.join(owners)}. Uninstall all but one.",
            plugin="llamacpp",
        )
    (entry,) = found.values()
    try:
        strategy: Strategy = entry.load()
    except Exception as error:  # whatever a plugin raises
        raise PluginError(
            f"The strategy {name!r} ({owners[0]}) cannot be imported: {type(error).__name__}: {error}. "
            f"Try: pip install --upgrade {owners[0]}",
            plugin="llamacpp",
        ) from error
    return strategy
