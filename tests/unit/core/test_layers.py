"""Each module of the core imports only from its own layer or an earlier one, inside functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import polycall

CORE = Path(polycall.__file__).parent

LAYERS = (
    "_data",
    "_schema",
    "_toolkit",
    "hookspecs",
    "plugin",
    "_plugins",
    "_engine",
    "_clients",
    "__init__",
    "testing",
    "cli",
    "__main__",
)
"""From the bottom up: data, helpers for plugins, the hook contract, loaded plugins, the engine, clients, doubles, the
command."""


def module_names() -> dict[str, Path]:
    """Every module of the core by its name below ``polycall``: ``"_data.calls"``, ``"__init__"``."""
    return {
        ".".join(path.relative_to(CORE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(CORE.rglob("*.py"))
    }


MODULES = module_names()


def imports(name: str) -> Iterator[tuple[str, int]]:
    """The modules of the core that a module imports, and the lines: at the top, in functions and for types alike."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "polycall":
                    yield _module(alias.name), node.lineno
        elif isinstance(node, ast.ImportFrom):
            source = f"{_package_of(name, node.level)}.{node.module or ''}".strip(".") if node.level else node.module
            if source is not None and source.partition(".")[0] == "polycall":
                for alias in node.names:
                    yield _module(f"{source}.{alias.name}"), node.lineno


def _package_of(name: str, level: int) -> str:
    parts = ["polycall", *(name.split(".") if name != "__init__" else [])]
    is_package = MODULES[name].name == "__init__.py"
    return ".".join(parts[: len(parts) - level + is_package])


def _module(dotted: str) -> str:
    """The module that an imported name is in, or is."""
    inner = dotted.removeprefix("polycall").strip(".")
    while inner and inner not in MODULES:
        inner = inner.rpartition(".")[0]
    return inner or "__init__"


def layer(module: str) -> int:
    return LAYERS.index(module.partition(".")[0])


def test_every_module_has_a_layer() -> None:
    without = sorted({module for module in MODULES if module.partition(".")[0] not in LAYERS})

    assert without == [], "Name its layer in LAYERS."


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_own_layer_and_earlier_ones(module: str) -> None:
    upward = [f"line {line}: {other}" for other, line in imports(module) if layer(other) > layer(module)]

    assert upward == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: {other for other, _ in imports(module)} - {module} for module in MODULES}

    TopologicalSorter(graph).prepare()  # names the circle


class TestTheReaderOfImports:
    def test_it_sees_those_inside_functions_and_those_for_types(self) -> None:
        """`OutputError` imports `Calls` when it is made, and for its annotations."""
        assert [other for other, _ in imports("_data.errors")].count("_data.calls") == 2

    def test_it_tells_modules_from_names(self) -> None:
        assert _module("polycall.hookspecs") == "hookspecs"
        assert _module("polycall._data.calls.Calls") == "_data.calls"
        assert _module("polycall.Client") == "__init__"

    def test_it_resolves_relative_ones(self) -> None:
        assert _package_of("_engine.drive", 1) == "polycall._engine"
        assert _package_of("_engine.drive", 2) == "polycall"
        assert _package_of("_engine", 1) == "polycall._engine"
        assert _package_of("__init__", 1) == "polycall"
