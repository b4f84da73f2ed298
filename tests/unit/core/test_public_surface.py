"""What polycall offers, and what its core must not know."""

from __future__ import annotations

import importlib
import inspect
import re
import types
from pathlib import Path

import pytest

import polycall
import polycall.plugin
from polycall._data import errors

CORE = Path(polycall.__file__).parent
PROVIDER = re.compile(r"openai|azure|vertex|gemini|genai|google|llama|gguf|anthropic|mistral", re.IGNORECASE)
MAY_NAME_PROVIDERS = {
    "_clients/shortcuts.py": "from_openai and from_vertexai",
    "_data/types.py": "Mode.VERTEXAI_PARALLEL_TOOLS",
    "__init__.py": "exports from_openai and from_vertexai",
    "cli/_commands/demo.py": "the demo runs the embedded model",
    "cli/_examples.py": "the examples of help texts",
}


def public_names(module: types.ModuleType) -> set[str]:
    importlib.import_module("polycall._clients.config")
    return {
        name
        for name in dir(module)
        if not name.startswith("_") and not isinstance(getattr(module, name), types.ModuleType)
    }


class TestNames:
    @pytest.mark.parametrize("module", [polycall, polycall.plugin])
    def test_what_is_importable_is_what_is_promised(self, module: types.ModuleType) -> None:
        assert public_names(module) == set(module.__all__)
        assert len(set(module.__all__)) == len(module.__all__)

    def test_every_promised_name_is_documented(self) -> None:
        undocumented = [
            name
            for module in (polycall, polycall.plugin)
            for name in module.__all__
            if isinstance(value := getattr(module, name), type) or inspect.isfunction(value)
            if not value.__doc__ or value.__doc__.startswith(f"{name}(")
        ]

        assert undocumented == []

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'from_nothing'"):
            polycall.from_nothing  # noqa: B018


class TestErrors:
    ALL = tuple(value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception))

    def test_every_error_is_a_polycall_error_and_exported(self) -> None:
        assert {error.__name__ for error in self.ALL} == {name for name in polycall.__all__ if name.endswith("Error")}
        assert all(issubclass(error, polycall.PolycallError) for error in self.ALL)

    @pytest.mark.parametrize(
        ("error", "built_in"),
        [
            (polycall.ConfigurationError, ValueError),
            (polycall.ModeError, ValueError),
            (polycall.ProviderNotFoundError, LookupError),
            (polycall.UnknownClientError, TypeError),
            (polycall.ResponseModelError, TypeError),
            (polycall.MessageError, TypeError),
            (polycall.SchemaError, TypeError),
        ],
    )
    def test_what_a_caller_may_catch_as_a_built_in(self, error: type[Exception], built_in: type[Exception]) -> None:
        assert issubclass(error, built_in)

    def test_what_is_in_a_reply_is_an_output_error(self) -> None:
        assert {error.__name__ for error in self.ALL if issubclass(error, polycall.OutputError)} == {
            "OutputError",
            "InvalidCallsError",
            "NoToolCallsError",
            "IncompleteOutputError",
            "RefusalError",
            "ResponseError",
        }


class TestTheCoreKnowsNoProvider:
    def test_only_the_convenience_functions_and_the_modes_name_one(self) -> None:
        """Comments and docstrings may cite a source; code may not depend on one."""
        naming = {
            path.relative_to(CORE).as_posix()
            for path in CORE.rglob("*.py")
            if PROVIDER.search(_without_comments(path.read_text(encoding="utf-8")))
        }

        assert naming == set(MAY_NAME_PROVIDERS)

    def test_importing_every_module_of_the_core_needs_no_sdk(self) -> None:
        for path in CORE.rglob("*.py"):
            code = _without_comments(path.read_text(encoding="utf-8"))
            for line in code.splitlines():
                if match := re.match(r"(?:from|import) (\w+)", line):
                    assert not PROVIDER.search(match[1]), f"{path.name}: {line}"


def _without_comments(source: str) -> str:
    """The code alone: names, and strings that are no docstrings."""
    import ast

    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.unparse(tree)
