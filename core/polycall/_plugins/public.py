"""The public functions about plugins: which are installed, and registering one in code."""

from __future__ import annotations

from polycall._data.errors import PluginError
from polycall._data.public import public
from polycall._plugins.discovery import EXTENSION_GROUP, PROVIDER_GROUP, InstalledPlugin, find_plugins
from polycall._plugins.registry import registry


@public
def providers() -> list[InstalledPlugin]:
    """The names that `from_provider` takes, sorted, from metadata alone: no plugin is imported.

    These are the installed providers and the servers that they know by name; for a server, ``server_of`` is its
    provider. A name that two distributions claim is listed twice; selecting it is an error. A server whose name is a
    provider's, too, is not listed: the provider takes precedence. Providers that were registered in code are listed
    without a distribution. Those that ``POLYCALL_PLUGINS`` does not allow are not listed.
    """
    found = find_plugins(PROVIDER_GROUP)
    everything = [*found.values(), *registry.servers().values()]
    installed = [plugin.description for plugins in everything for plugin in plugins]
    in_code = [
        InstalledPlugin(name, None, None, "registered in code")
        for name in registry.provider_names()
        if name not in found
    ]
    return sorted([*installed, *in_code], key=lambda plugin: (plugin.name, plugin.distribution or ""))


@public
def extensions() -> list[InstalledPlugin]:
    """The extensions that clients get, in their order, from metadata alone: no plugin is imported.

    Extensions that were registered in code are listed without a distribution. Those that ``POLYCALL_EXTENSIONS`` does
    not allow are not listed.
    """
    found = find_plugins(EXTENSION_GROUP)
    installed = [plugin.description for plugins in found.values() for plugin in plugins]
    in_code = [InstalledPlugin(name, None, None, "registered in code") for name in registry.registered_extensions()]
    return sorted([*installed, *in_code], key=lambda plugin: (plugin.name, plugin.distribution or ""))


@public
def register_provider(name: str, plugin: object) -> None:
    """Register a provider plugin in code, without an entry point.

    Args:
        name: The name to select it by.
        plugin: A module or object with hooks; see `polycall.hookspecs`.

    Raises:
        PluginError: It breaks the hook contract, or the name is taken.
    """
    _require_name("register_provider", name, plugin)
    registry.register_provider(name, plugin)


@public
def register_extension(name: str, plugin: object) -> None:
    """Register an extension plugin in code. It serves the clients that are made afterwards, of every provider.

    A client that was made before and is used afterwards is logged as a warning.

    Args:
        name: For messages and `unregister`; extensions run in the order of their names.
        plugin: A module or object that implements or wraps hooks; see `polycall.hookspecs`.

    Raises:
        PluginError: It breaks the hook contract, or the name is taken.
    """
    _require_name("register_extension", name, plugin)
    registry.register_extension(name, plugin)


@public
def unregister(name: str) -> None:
    """Undo a registration in code. Clients that exist keep their plugins.

    Raises:
        PluginError: Nothing was registered under that name.
    """
    registry.unregister(name)


def _require_name(function: str, name: object, plugin: object) -> None:
    if not isinstance(name, str):
        swapped = " The name comes first." if isinstance(plugin, str) else ""
        raise PluginError(
            f"{function}(name, plugin) needs a text as the plugin's name, got {type(name).__name__}.{swapped}",
            plugin=str(plugin) if isinstance(plugin, str) else "?",
        )
