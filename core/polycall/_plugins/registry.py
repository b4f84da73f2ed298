"""Loaded plugins. Each provider has a plugin manager of its own, so its hooks never meet another provider's."""

from __future__ import annotations

import inspect
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import pluggy

from polycall import hookspecs
from polycall._data.errors import PluginError, ProviderNotFoundError
from polycall._plugins.checks import check_hook_api, check_hooks, describe
from polycall._plugins.discovery import (
    EXTENSION_GROUP,
    PROVIDER_GROUP,
    SERVER_GROUP,
    FoundPlugin,
    InstalledPlugin,
    allowed_text,
    find_plugins,
    find_servers,
    forget_plugins,
    installed_names,
    is_allowed,
    is_package_of,
    left_out,
    provider_entries,
    variable_of,
)
from polycall._plugins.name_request import NameRequest

_log = logging.getLogger("polycall.plugins")

_RAISED = " raised this in "
_PROVIDER = "provider"
"""The name of the provider's plugin in pluggy; an extension may have the provider's name."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A loaded provider plugin and its hooks, wrapped by those of the extensions.

    Attributes:
        name: The name that it was selected by: the provider's, or that of one of its servers.
        plugin: The provider's own name.
    """

    name: str
    plugin: str
    distribution: str | None
    hooks: pluggy.HookRelay
    plugins: Mapping[str, str]
    """Every plugin among the hooks: its name in pluggy, and how messages name it."""
    extensions: tuple[str, ...] = ()
    """The names of the extensions among the hooks, in their order."""

    @property
    def server(self) -> str | None:
        """The server that the name stands for, the value of the setting ``server``; ``None`` for a provider's name."""
        return None if self.name == self.plugin else self.name

    def implements(self, hook: str) -> bool:
        """Whether any plugin implements a hook (a wrapper alone does not count)."""
        return bool(self._implementers(hook))

    def has_own(self, hook: str) -> bool:
        """Whether the provider's plugin itself implements a hook, so that it owes an answer."""
        return _PROVIDER in self._implementers(hook)

    def caller(self, hook: str) -> Callable[..., Any]:
        """Call a hook that has one result, by keywords: through pluggy, or without where that is the same.

        pluggy takes 5 us to find out that the provider alone implements a hook. Extensions that come later serve later
        clients, so that this can be found out once for a client.
        """
        caller: pluggy.HookCaller = getattr(self.hooks, hook)
        implementations = caller.get_hookimpls()
        if len(implementations) != 1 or implementations[0].wrapper or implementations[0].hookwrapper:
            return caller
        function, names = implementations[0].function, implementations[0].argnames
        takes_all = caller.spec is not None and set(names) == set(caller.spec.argnames)
        if takes_all and type(function) is FunctionType and not hasattr(function, "__wrapped__"):
            return function
        return lambda **arguments: function(*[arguments[name] for name in names])

    def _implementers(self, hook: str) -> list[str]:
        caller: pluggy.HookCaller = getattr(self.hooks, hook)
        return [impl.plugin_name for impl in caller.get_hookimpls() if not (impl.wrapper or impl.hookwrapper)]

    def error(self, problem: str, hook: str | None = None) -> PluginError:
        """A `PluginError` that names this provider, and the extensions whose answer it may be."""
        plugins = [impl.plugin_name for impl in getattr(self.hooks, hook).get_hookimpls()] if hook else []
        others = [self.plugins[one] for one in plugins if one != _PROVIDER]
        maybe = f" (or {', '.join(others)}, in its place or around it)" if others else ""
        return PluginError(
            f"{describe(self.plugin, self.distribution)}{maybe} {problem}",
            plugin=self.plugin,
            distribution=self.distribution,
        )

    def explain(self, error: Exception, hook: str, plugin: str | None = None) -> None:
        """Note on an exception which plugin it came out of, unless its class says so already.

        polycall's own errors and an SDK's need no note; a bare ``TypeError`` out of a hook does.

        Args:
            error: The exception.
            hook: The hook that was called.
            plugin: The plugin's name in pluggy; ``None`` finds it in the traceback.
        """
        module = type(error).__module__.partition(".")[0]
        if not (module == "builtins" or module in sys.stdlib_module_names) or isinstance(error, OSError):
            return
        if not any(_RAISED in note for note in getattr(error, "__notes__", ())):  # else an inner hook is named already
            error.add_note(f"{self.plugins[plugin or self._culprit(error, hook)]}{_RAISED}{hook}.")

    def _culprit(self, error: Exception, hook: str) -> str:
        """The plugin whose hook is the innermost one in an exception's traceback."""
        caller: pluggy.HookCaller = getattr(self.hooks, hook)
        codes = {
            code: impl.plugin_name
            for impl in caller.get_hookimpls()
            if (code := getattr(inspect.unwrap(impl.function), "__code__", None)) is not None
        }
        culprit, traceback = _PROVIDER, error.__traceback__
        while traceback is not None:
            culprit = codes.get(traceback.tb_frame.f_code, culprit)
            traceback = traceback.tb_next
        return culprit


@dataclass(frozen=True, slots=True)
class _LoadedPlugin:
    name: str
    distribution: str | None
    plugin: object


class Registry:
    """Finds, loads, checks and keeps plugins. Thread-safe; one of them serves the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._registered_providers: dict[str, object] = {}
        self._registered_extensions: dict[str, object] = {}
        self._loaded: dict[tuple[str, str], object] = {}
        self._providers: dict[str, Provider] = {}
        self._said_skipped: set[str] = set()
        self.registrations = 0
        """How many extensions were registered so far: those of later ones do not serve the clients of earlier ones."""

    def provider(self, name: str, request: NameRequest | None = None) -> Provider:
        """The provider of that name, imported and checked on first use.

        Args:
            name: A provider's name, or that of a server.
            request: How the name was asked for, for the error; by default the name alone.

        Raises:
            ProviderNotFoundError: Nothing installed or registered has that name, or it may not load.
            PluginError: Its plugin or an extension is broken, or two distributions claim the name.
        """
        with self._lock:
            if name not in self._providers:
                self._providers[name] = self._build(self._load_provider(name, request or NameRequest(name)), name)
            return self._providers[name]

    def provider_names(self) -> tuple[str, ...]:
        """The names of the providers that may load, sorted; nothing is imported."""
        with self._lock:
            registered = {name for name in self._registered_providers if is_allowed(name, PROVIDER_GROUP)}
        return tuple(sorted({*find_plugins(PROVIDER_GROUP), *registered}))

    def servers(self) -> Mapping[str, tuple[FoundPlugin, ...]]:
        """The servers that can be selected by name; one that is also a provider's name is not among them."""
        with self._lock:
            return {name: one for name, one in find_servers().items() if name not in self._registered_providers}

    def installed_text(self) -> str:
        """What is installed, for messages: providers with the number of their servers; what may not load apart."""
        counts = Counter(found[0].description.server_of for found in self.servers().values())
        names = ", ".join(
            f"{name} (and {counts[name]} servers)" if counts[name] > 1 else name for name in self.provider_names()
        )
        with self._lock:
            everything = {*installed_names(), *self._registered_providers}
        if (listed := allowed_text(PROVIDER_GROUP)) is None or everything <= {*self.provider_names(), *self.servers()}:
            return f"Installed: {names or 'none'}."
        variable = variable_of(PROVIDER_GROUP)
        return f"Installed and allowed by {variable}={listed!r}: {names or 'none'}."

    def providers_for(self, error_type: type[BaseException]) -> Iterator[str]:
        """Names of the providers that may know an exception: those that are loaded, then those whose SDK defines it.

        A plugin that is not loaded counts if a class of the exception is in its own package, or in that of a
        distribution which it requires.
        """
        with self._lock:
            loaded = {name for group, name in self._loaded if group == PROVIDER_GROUP}
            loaded |= {*self._providers, *self._registered_providers}
        known = self.provider_names()
        servers = (name for name in self.servers() if name in loaded)  # whose provider itself may not be allowed
        yield from (name for name in (*known, *servers) if name in loaded)
        packages = {one.__module__ for one in error_type.__mro__}
        for name, found in find_plugins(PROVIDER_GROUP).items():
            if name not in loaded and any(is_package_of(one, packages) for one in found):
                yield name

    def registered_extensions(self) -> tuple[str, ...]:
        """Names of the extensions that were registered in code and may load, sorted."""
        with self._lock:
            return tuple(sorted(name for name in self._registered_extensions if is_allowed(name, EXTENSION_GROUP)))

    def every_provider(self) -> Iterator[tuple[str, Provider | PluginError]]:
        """Each provider, imported; a broken one gives its error in its place."""
        for name in self.provider_names():
            try:
                yield name, self.provider(name)
            except PluginError as error:
                _log.debug("provider %r cannot be loaded: %s", name, error)
                yield name, error

    def check(self, group: str, name: str) -> None:
        """Import an installed plugin and check its hooks, by itself: the faults of others do not count.

        Raises:
            PluginError: It is broken, or two distributions claim the name.
        """
        with self._lock:
            self._load(group, name, find_plugins(group)[name])

    def register_provider(self, name: str, plugin: object) -> None:
        """Register a provider in code; see `polycall.register_provider`."""
        check_hook_api(plugin, name, None)
        check_hooks(plugin, name, None, is_provider=True)
        with self._lock:
            taken = [found.description.distribution_text for found in find_plugins(PROVIDER_GROUP).get(name, ())]
            if name in self._registered_providers or taken:
                raise PluginError(
                    f"A provider named {name!r} already exists ({', '.join(taken) or 'registered in code'}). "
                    "Choose another name, or unregister the other one.",
                    plugin=name,
                )
            self._registered_providers[name] = plugin

    def register_extension(self, name: str, plugin: object) -> None:
        """Register an extension in code; see `polycall.register_extension`."""
        check_hook_api(plugin, name, None)
        check_hooks(plugin, name, None, is_provider=False)
        with self._lock:
            if name in self._registered_extensions:
                raise PluginError(f"An extension named {name!r} is registered already.", plugin=name)
            self._registered_extensions[name] = plugin
            self._providers.clear()
            self.registrations += 1

    def unregister(self, name: str) -> None:
        """Undo a registration in code; see `polycall.unregister`."""
        with self._lock:
            known = name in self._registered_providers or name in self._registered_extensions
            self._registered_providers.pop(name, None)
            self._registered_extensions.pop(name, None)
            self._providers.clear()
        if not known:
            raise PluginError(f"Nothing named {name!r} was registered in code.", plugin=name)

    def refresh(self) -> None:
        """Forget the plugins that were found and loaded; the metadata are read again when next asked."""
        with self._lock:
            forget_plugins()
            self._loaded.clear()
            self._providers.clear()
            self._said_skipped.clear()

    def _build(self, provider: _LoadedPlugin, name: str | None = None) -> Provider:
        manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        manager.add_hookspecs(hookspecs)
        _register(manager, provider, _PROVIDER)
        extensions = self._load_extensions()
        # pluggy calls the last registered first: register in reverse, so that extensions run in the order of names.
        for extension in reversed(extensions):
            _register(manager, extension, f"extension {extension.name}")
        described = {f"extension {one.name}": describe(one.name, one.distribution, "extension") for one in extensions}
        described[_PROVIDER] = describe(provider.name, provider.distribution)
        return Provider(
            name or provider.name,
            provider.name,
            provider.distribution,
            manager.hook,
            described,
            tuple(one.name for one in extensions),
        )

    def _load_provider(self, name: str, request: NameRequest) -> _LoadedPlugin:
        if name in self._registered_providers and is_allowed(name, PROVIDER_GROUP):
            return _LoadedPlugin(name, None, self._registered_providers[name])
        if found := find_plugins(PROVIDER_GROUP).get(name):
            return self._load(PROVIDER_GROUP, name, found)
        if servers := self.servers().get(name):
            return self._load_owner(name, servers)
        raise self._not_found(request)

    def _load_owner(self, name: str, servers: tuple[FoundPlugin, ...]) -> _LoadedPlugin:
        """The provider that reaches a server."""
        _check_one_claim(SERVER_GROUP, name, servers)
        description = servers[0].description
        if description.server_of is None:
            raise PluginError(
                f"{describe(name, description.distribution_text, 'server')} cannot be reached: its entry point names "
                f"{description.target!r}, which is not the target of any provider's entry point.",
                plugin=name,
                distribution=description.distribution_text,
            )
        return self._load(PROVIDER_GROUP, description.server_of, provider_entries(description.server_of))

    def _load_extensions(self) -> list[_LoadedPlugin]:
        found = find_plugins(EXTENSION_GROUP)
        loaded = [self._load(EXTENSION_GROUP, name, plugins) for name, plugins in found.items()]
        skipped = [one.name for one in left_out(EXTENSION_GROUP)]
        for name, plugin in self._registered_extensions.items():
            if is_allowed(name, EXTENSION_GROUP):
                loaded.append(_LoadedPlugin(name, None, plugin))
            else:
                skipped.append(name)
        for name in sorted({*skipped} - self._said_skipped):  # once, not for each provider
            self._said_skipped.add(name)
            _log.info("extension %r is not loaded: %s does not list it", name, variable_of(EXTENSION_GROUP))
        return sorted(loaded, key=lambda extension: extension.name)

    def _load(self, group: str, name: str, found: tuple[FoundPlugin, ...]) -> _LoadedPlugin:
        _check_one_claim(group, name, found)
        description = found[0].description
        distribution = description.distribution_text
        key = (group, name)
        if key not in self._loaded:
            try:
                plugin: object = found[0].entry_point.load()
            except (Exception, SystemExit) as error:
                raise PluginError(
                    _import_problem(group, description, error), plugin=name, distribution=distribution
                ) from error
            check_hook_api(plugin, name, distribution)
            check_hooks(plugin, name, distribution, is_provider=group == PROVIDER_GROUP)
            self._loaded[key] = plugin
        return _LoadedPlugin(name, distribution, self._loaded[key])

    def _not_found(self, request: NameRequest) -> ProviderNotFoundError:
        from polycall._plugins import name_hints  # errors only

        name, names = request.name, sorted({*self.provider_names(), *self.servers()})
        listed = allowed_text(PROVIDER_GROUP)
        known = {*installed_names(), *self._registered_providers}
        if listed is not None and name in known:
            message = name_hints.not_allowed(request, known, variable_of(PROVIDER_GROUP), listed)
        else:
            message = name_hints.not_found(request, names, self.installed_text())
        return ProviderNotFoundError(message, name=name, installed=names)


def _check_one_claim(group: str, name: str, found: tuple[FoundPlugin, ...]) -> None:
    if len(found) > 1:
        claims = " and ".join(plugin.description.distribution_text for plugin in found)
        raise PluginError(
            f"Several distributions claim the name {name!r} in the group {group}: {claims}. Uninstall all but one.",
            plugin=name,
        )


def _register(manager: pluggy.PluginManager, loaded: _LoadedPlugin, role: str) -> None:
    try:
        manager.register(loaded.plugin, name=role)
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(
            f"{describe(loaded.name, loaded.distribution)} cannot be registered: {error}",
            plugin=loaded.name,
            distribution=loaded.distribution,
        ) from error


def _import_problem(group: str, description: InstalledPlugin, error: BaseException) -> str:
    who = describe(description.name, description.distribution_text)
    problem = f"{who} cannot be imported: {type(error).__name__}: {error}."
    if isinstance(error, ModuleNotFoundError):
        problem += f" Reinstall it with what it needs: pip install --upgrade {description.distribution}."
    else:
        problem += f" Upgrade or uninstall {description.distribution}."
    if group == EXTENSION_GROUP:
        problem += f" Extensions load for every provider; {variable_of(EXTENSION_GROUP)} can leave it out."
    return problem


registry = Registry()
"""The registry of this process."""
