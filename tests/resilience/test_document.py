"""``docs/what-happens.md`` names what there is: every error, every limit with its default, every attribute."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel

import polycall
from polycall._engine.defaults import CORRECTIONS
from polycall._plugins.registry import registry
from polycall.plugin import MAX_REPLY_BYTES

TEXT = (Path(__file__).parents[2] / "docs" / "what-happens.md").read_text(encoding="utf-8")
ERRORS = {
    name: value
    for name in polycall.__all__
    if isinstance(value := getattr(polycall, name), type) and issubclass(value, polycall.PolycallError)
}
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TEXT.splitlines() if line.startswith("| ")]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_error_is_in_it_and_every_error_in_it_exists() -> None:
    named = {name.removeprefix("polycall.") for name in in_code(TEXT) if re.fullmatch(r"(polycall\.)?\w+Error", name)}
    builtin = {"TypeError", "ValueError", "LookupError", "ConnectionError", "RuntimeError"}

    assert named - builtin == set(ERRORS)


def test_the_built_in_base_of_each_error_is_as_it_says() -> None:
    said = {
        match[1]: match[2]
        for match in re.finditer(r"`(\w+Error)`, an? `(TypeError|ValueError|LookupError|RuntimeError)`", TEXT)
    }
    true = {
        name: base
        for name, error in ERRORS.items()
        for base in ("TypeError", "ValueError", "LookupError", "RuntimeError")
        if base in {one.__name__ for one in error.__mro__}
    }

    assert said == true


def test_the_exceptions_of_the_sdks_exist() -> None:
    dotted = [
        name for name in in_code(TEXT) if re.fullmatch(r"(openai|httpx|requests|google)\.[\w.]+(Error|Timeout)", name)
    ]
    dotted += [name for name in in_code(TEXT) if name.startswith("google.api_core.exceptions.")]

    assert len(dotted) >= 10
    for name in dotted:
        module, _, attribute = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), attribute), Exception), name


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) > 2 and "`." in row[2]], ids=lambda row: row[0][:40])
def test_the_attributes_of_each_error_exist(row: list[str]) -> None:
    errors = [ERRORS[name] for name in in_code(row[1]) if name in ERRORS]
    # `.failures` has `.tool_call` and `.reason` of its own.
    attributes = [name[1:] for name in in_code(row[2].partition(", each with")[0]) if name.startswith(".")]

    assert errors
    for attribute in attributes:
        assert any(
            ("__init__" in vars(class_) and f"self.{attribute} =" in inspect.getsource(class_.__init__))
            or attribute in class_.__dict__
            or attribute in class_.__annotations__
            for error in errors
            for class_ in error.__mro__
            if issubclass(class_, polycall.PolycallError)
        ), attribute


@pytest.mark.parametrize("plugin", ["openai", "vertex"])
def test_the_limit_is_a_setting_with_the_default_it_says(plugin: str) -> None:
    settings = cast("type[BaseModel]", registry.provider(plugin).hooks.polycall_settings_type())
    [row] = [row for row in ROWS if row[0] == "`max_reply_bytes`"]

    assert f"`{plugin}`" in row[2]
    assert settings.model_fields["max_reply_bytes"].default == MAX_REPLY_BYTES
    assert row[1] == f"{MAX_REPLY_BYTES // 1024**2} MiB"


@pytest.mark.parametrize("method", [polycall.Client.create, polycall.Client.stream, polycall.AsyncClient.create])
def test_the_default_of_max_retries_is_what_it_says(method: object) -> None:
    [row] = [row for row in ROWS if row[0] == "`max_retries`"]

    assert inspect.signature(cast("type", method)).parameters["max_retries"].default is None  # the client's
    assert row[1] == str(CORRECTIONS)
