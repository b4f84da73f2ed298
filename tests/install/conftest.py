"""Wheels of every distribution, built once; the programs of the README, word for word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.environments import ROOT, Environment, Wheel, build_wheels

ACME = ROOT / "examples" / "acme_provider"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Wheel]:
    """A wheel of each distribution of this repository, and of the stranger's, by name."""
    return build_wheels(tmp_path_factory.mktemp("dist") / "wheels", ROOT, *sorted(ROOT.glob("plugins/*")), ACME)


@pytest.fixture(scope="module")
def core_environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    """polycall alone."""
    return Environment.create(tmp_path_factory.mktemp("core") / "environment", wheels, "polycall")


@pytest.fixture(scope="session")
def example() -> str:
    """The first program of the README."""
    return _readme_block("python")


@pytest.fixture(scope="session")
def example_output(example: str) -> str:
    """What the README says that program prints: the comment at its end."""
    return "".join(f"{line.removeprefix('# ')}\n" for line in example.splitlines() if line.startswith("# "))


def _readme_block(language: str) -> str:
    text = Path(ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"README.md has no block of {language}"
    return found[1]
