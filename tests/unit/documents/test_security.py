"""Each sentence of ``docs/security.md`` about what somebody can do names the tests that show it, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
DOCUMENT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
SENTENCES = [line for line in DOCUMENT.splitlines() if line.startswith("- ") and not line.startswith("- [")]
NAMED = sorted(set(re.findall(r"`(\S+\.py)::(\w+)`", DOCUMENT)))
SHOWN_BY_NOTHING = [
    "- The values of valid arguments are yours to judge: polycall checks their form, not their sense.",
    "- A chat template can take any time and memory that a loop in it asks for.",
]
"""What polycall does not do."""


def test_each_sentence_names_a_test() -> None:
    assert [line for line in SENTENCES if ".py::" not in line] == SHOWN_BY_NOTHING


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_exists(file: str, name: str) -> None:
    assert re.search(rf"\bdef {name}\(", (TESTS / file).read_text(encoding="utf-8"))


def test_every_test_that_is_named_was_read() -> None:
    assert DOCUMENT.count(".py::") == len(re.findall(r"`(\S+\.py)::(\w+)`", DOCUMENT))
