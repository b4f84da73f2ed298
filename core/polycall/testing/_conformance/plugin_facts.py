"""What can be known of a plugin without a request: its hooks, its settings, its modules, its distribution."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

import polycall
from polycall._data.contract import NewClientOnly
from polycall._plugins.registry import Provider, registry

_PROVIDER_ROLE = "provider"


class PluginFacts:
    """One provider's plugin.

    Args:
        name: Its name.

    Attributes:
        provider: Its hooks, wrapped by those of extensions.
        plugin: The module or object.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.provider: Provider = registry.provider(name)
        hooks = self.provider.hooks
        implementations = [
            impl for hook in vars(hooks).values() if hasattr(hook, "get_hookimpls") for impl in hook.get_hookimpls()
        ]
        self.plugin: object = next(impl.plugin for impl in implementations if impl.plugin_name == _PROVIDER_ROLE)

    @property
    def module(self) -> str:
        """The name of the plugin's module."""
        if isinstance(self.plugin, ModuleType):
            return self.plugin.__name__
        return type(self.plugin).__module__

    @property
    def package(self) -> str:
        """The top-level package that the module belongs to."""
        return self.module.partition(".")[0]

    @property
    def settings_type(self) -> type[BaseModel] | None:
        """The type of its settings."""
        hooks: Any = self.provider.hooks
        return hooks.polycall_settings_type() if self.provider.has_own("polycall_settings_type") else None

    @property
    def distribution(self) -> Distribution | None:
        """The distribution that brings it; ``None`` where it was registered in code."""
        for found in polycall.providers():
            if found.name == self.name and found.distribution is not None:
                try:
                    return distribution(found.distribution)
                except PackageNotFoundError:
                    return None
        return None

    def new_client_only(self) -> list[str]:
        """The settings that only a client made by polycall can have."""
        fields = self.settings_type.model_fields if self.settings_type else {}
        return [name for name, field in fields.items() if any(isinstance(one, NewClientOnly) for one in field.metadata)]

    def sources(self) -> Iterator[tuple[Path, ast.Module]]:
        """Every module of its package, parsed."""
        file = getattr(sys.modules[self.package], "__file__", None) or inspect.getfile(sys.modules[self.module])
        root = Path(file)
        for path in sorted(root.parent.rglob("*.py")) if root.name == "__init__.py" else [root]:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def undocumented_fields(model: type[BaseModel]) -> list[str]:
    """Fields that neither a description nor a docstring of their own, nor the class's, explains."""
    documented = set(_attribute_docstrings(model))
    text = inspect.getdoc(model) or ""
    return [
        name
        for name, field in model.model_fields.items()
        if not field.description and name not in documented and f"{name}:" not in text
    ]


def _attribute_docstrings(model: type[BaseModel]) -> Iterator[str]:
    for base in model.__mro__:
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, doc in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(doc, ast.Expr):
                yield field.target.id


_PROBE = """
import importlib, json, sys, time
sys.path[:0] = {path}
module, sdk = {module!r}, {sdk!r}
import polycall
polycall.providers()
listed = [name for name in [module, *sdk] if name in sys.modules]
import polycall.plugin, polycall.hookspecs, pydantic
started = time.process_time()
importlib.import_module(module)
took = time.process_time() - started
started = time.process_time()
sum(number * number for number in range(300_000))
yardstick = time.process_time() - started
imported = [name for name in sdk if name in sys.modules]
print(json.dumps({{"listed": listed, "imported": imported, "seconds": took, "yardstick": yardstick}}))
"""
_WITHOUT_SDK = """
import importlib, json, sys
sys.path[:0] = {path}

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {top!r} or name in {sdk!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Gone())
import polycall
if {name!r} not in [one.name for one in polycall.providers()]:
    polycall.register_provider({name!r}, importlib.import_module({module!r}))
try:
    polycall.from_provider({name!r} + "/" + {model!r}, **json.loads({settings!r}))
except BaseException as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    print(json.dumps(["no error", ""]))
"""


def probe(facts: PluginFacts, sdk: list[str]) -> dict[str, Any]:
    """What importing the plugin in a new process imports, and the CPU seconds that it takes."""
    program = _PROBE.format(path=sys.path, module=facts.module, sdk=sdk)
    found: dict[str, Any] = json.loads(_run(program))
    return found


def without_sdk(facts: PluginFacts, sdk: list[str], model: str, settings: dict[str, object]) -> tuple[str, str]:
    """The class and the message of the error for a client by name, where the SDK is not installed."""
    plain = {name: value for name, value in settings.items() if isinstance(value, (str, int, float))}
    top = [name for name in sdk if "." not in name]
    program = _WITHOUT_SDK.format(
        path=sys.path, module=facts.module, sdk=sdk, top=top, name=facts.name, model=model, settings=json.dumps(plain)
    )
    kind, message = json.loads(_run(program))
    return kind, message


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return done.stdout.splitlines()[-1]
