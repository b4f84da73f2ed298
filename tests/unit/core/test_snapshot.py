"""The hook contract and the public names as they were agreed, against those of this checkout.

After an intended change write the snapshot again::

    python tests/unit/core/test_snapshot.py
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import polycall
import polycall.plugin
from polycall import hookspecs
from polycall._plugins.checks import _HOOK_NAMES

SNAPSHOT = Path(__file__).with_name("snapshot.json")

MADE_BY_FUNCTIONS = (polycall.Client, polycall.AsyncClient, polycall.CallStream, polycall.AsyncCallStream)
"""Nobody calls these classes, so what they are made of may change."""

RULE = f"""\
The hook contract or a public signature is not the one of {SNAPSHOT.name} (lines with - are agreed, with + new).
A change of the hook API needs a new version (HOOK_API_VERSION) unless it only adds: an optional hook, a parameter of a
hook, a field with a default at the end of a dataclass, a public name. Whatever else changes breaks plugins or programs.
If it is intended: python tests/unit/core/{Path(__file__).name}"""


def surface() -> dict[str, object]:
    """Everything that plugins and programs can depend on, as JSON data."""
    return {
        "hook_api_version": hookspecs.HOOK_API_VERSION,
        "hooks": {name: _hook(name) for name in _HOOK_NAMES},
        "required_hooks": list(hookspecs.REQUIRED_HOOKS),
        "alternative_hooks": [list(hooks) for hooks in hookspecs.ALTERNATIVE_HOOKS],
        "dependent_hooks": dict(hookspecs.DEPENDENT_HOOKS),
        "observing_hooks": list(hookspecs.OBSERVING_HOOKS),
        "polycall": _public(polycall),
        "polycall.plugin": _public(polycall.plugin),
    }


def _hook(name: str) -> str:
    function = getattr(hookspecs, name)
    first = getattr(function, f"{hookspecs.PROJECT_NAME}_spec")["firstresult"]
    return f"({', '.join(inspect.signature(function).parameters)}) {'first result' if first else 'all are called'}"


def _public(module: ModuleType) -> dict[str, object]:
    return {name: _described(getattr(module, name)) for name in sorted(module.__all__)}


def _described(value: Any) -> object:
    if isinstance(value, type):
        return _class(value)
    if inspect.isfunction(value):
        return _signature(value)
    return _shown(value) if isinstance(value, (int, str, tuple)) else "alias or object"


def _class(type_: type) -> dict[str, object]:
    bases = () if type_ in MADE_BY_FUNCTIONS else type_.__mro__[1:-1]
    described: dict[str, object] = {"is a": ", ".join(one.__name__ for one in bases if _is_public(one))}
    if issubclass(type_, enum.Enum):
        return {**described, "members": {name: member.value for name, member in type_.__members__.items()}}
    if dataclasses.is_dataclass(type_):
        described["fields"] = [f"{field.name}{_default(field)}" for field in dataclasses.fields(type_)]
    elif type_ not in MADE_BY_FUNCTIONS and ("__init__" in vars(type_) or "__new__" in vars(type_)):
        described["parameters"] = _signature(type_)
    members = {name: _member(type_, name) for name in dir(type_) if not name.startswith("_")}
    return {name: fact for name, fact in {**described, **members}.items() if fact}


def _is_public(type_: type) -> bool:
    return not type_.__name__.startswith("_") and type_.__module__ not in ("typing", "enum")


def _member(type_: type, name: str) -> str | None:
    """A method or a property that polycall itself defines."""
    member = inspect.getattr_static(type_, name)
    if isinstance(member, property):
        return "property"
    function = getattr(member, "__func__", member)
    if not inspect.isfunction(function) or not function.__module__.startswith("polycall"):
        return None
    return ("async " if inspect.iscoroutinefunction(function) else "") + _signature(function)


def _signature(function: Any) -> str:
    parameters = [
        parameter.replace(
            annotation=inspect.Parameter.empty,
            default=parameter.default if parameter.default is parameter.empty else _Shown(parameter.default),
        )
        for parameter in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(parameters))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return " = a new one"
    return "" if field.default is dataclasses.MISSING else f" = {_shown(field.default)}"


class _Shown:
    """A default, in the form in which `str` of a signature shows it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return _shown(self.value)


def _shown(value: object) -> str:
    """A value, the same in every process and with every version of Python."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (tuple, frozenset)):
        shown = [_shown(one) for one in value]
        return f"{type(value).__name__}({', '.join(shown if isinstance(value, tuple) else sorted(shown))})"
    return type(value).__name__


def text() -> str:
    return json.dumps(surface(), indent=1) + "\n"


def test_the_hook_contract_and_the_public_names_are_those_that_were_agreed() -> None:
    agreed, now = SNAPSHOT.read_text(encoding="utf-8").splitlines(), text().splitlines()
    changes = [
        line
        for line in difflib.unified_diff(agreed, now, lineterm="", n=1)
        if not line.startswith(("---", "+++", "@@"))
    ]

    assert not changes, "\n".join([RULE, *changes])


def test_the_hooks_of_each_table_exist() -> None:
    named = {
        *hookspecs.REQUIRED_HOOKS,
        *hookspecs.OBSERVING_HOOKS,
        *(hook for hooks in hookspecs.ALTERNATIVE_HOOKS for hook in hooks),
        *hookspecs.DEPENDENT_HOOKS,
        *hookspecs.DEPENDENT_HOOKS.values(),
    }

    assert named <= set(_HOOK_NAMES)


def test_exactly_the_hooks_that_observe_are_all_called() -> None:
    called = [name for name in _HOOK_NAMES if _hook(name).endswith("all are called")]

    assert called == list(hookspecs.OBSERVING_HOOKS)


if __name__ == "__main__":
    SNAPSHOT.write_text(text(), encoding="utf-8")
    print(
        f"Wrote {SNAPSHOT}. Look at the difference: a change of the hook API needs a new version unless it only adds."
    )
