"""``docs/openai-servers.md``: every row names a test that exists, and no entry of the corpus is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from polycall_openai import PROFILES
from polycall_openai._servers.access import ACCESS
from support.openai_corpus import STREAMS
from support.openai_responses_corpus import RESPONSES_STREAMS

TESTS = Path(__file__).parents[2]
DOCUMENT = (TESTS.parent / "docs" / "openai-servers.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| .* \| `(\S+\.py)::(\w+)(?:\[(.*)\])?` \|$", DOCUMENT, re.MULTILINE)
CORPORA = {"TestChatCorpus": STREAMS, "TestResponsesCorpus": RESPONSES_STREAMS}


@pytest.mark.parametrize(("file", "name", "case"), ROWS, ids=lambda value: value)
def test_the_test_of_a_row_exists(file: str, name: str, case: str) -> None:
    source = (TESTS / file).read_text(encoding="utf-8")

    assert re.search(rf"(?:def|class) {name}\b", source)
    assert not case or case in CORPORA[name]


def test_every_row_was_read() -> None:
    assert len(ROWS) == DOCUMENT.count(".py::")


@pytest.mark.parametrize("name", CORPORA)
def test_every_stream_of_the_corpus_has_a_row(name: str) -> None:
    assert {case for _, each, case in ROWS if each == name} == set(CORPORA[name])


def test_every_profile_has_a_row_with_its_hosts() -> None:
    for profile in PROFILES.values():
        assert f"| `{profile.name}` | {', '.join(profile.hosts) or 'name only'} |" in DOCUMENT


@pytest.mark.parametrize("name", PROFILES)
def test_the_row_of_a_profile_tells_its_facts_with_their_values(name: str) -> None:
    section = DOCUMENT.split("\n## Profiles\n")[1].split("\n## ")[0]
    (cell,) = re.findall(rf"^\| `{name}` \| .* \| (.*) \|$", section, re.MULTILINE)
    everywhere, _, by_model = cell.partition("by model: ")
    told = dict(re.findall(r"`(\w+)`: ([^;]+?)(?:;|$)", everywhere.strip()))
    profile = PROFILES[name]

    assert told == {fact: written(getattr(profile, fact)) for fact in profile.sources}
    assert set(re.findall(r"`(\w+)`", by_model)) == {fact for family in profile.families for fact in family.facts}


def test_the_table_of_names_tells_where_each_server_is_reached_and_with_which_key() -> None:
    section = DOCUMENT.split("\n## By name\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.* \| .*) \|$", section, re.MULTILINE))
    del rows["azure"]

    assert rows == {
        name: f"{access.base_url} | " + (" or ".join(f"`{one}`" for one in access.key_variables) or "none")
        + ("" if access.needs_key or not access.key_variables else ", if set")
        for name, access in ACCESS.items()
    }  # fmt: skip


def written(value: object) -> str:
    """A fact's value as the table has it."""
    if isinstance(value, (frozenset, dict)):
        return ", ".join(sorted(value) if isinstance(value, frozenset) else value)
    return json.dumps(value)
