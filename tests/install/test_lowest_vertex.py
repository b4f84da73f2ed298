"""The tests that go over a socket, with the lowest version of everything that polycall[vertex] takes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from support.environments import Environment, Wheel

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: Mapping[str, Wheel]) -> Environment:
    return Environment.with_lowest(
        tmp_path_factory.mktemp("lowest") / "environment", wheels, "polycall", "polycall-vertex[aiplatform]"
    )


def test_what_the_lowest_versions_are(environment: Environment) -> None:
    packages = environment.packages()

    assert {name: packages[name] for name in ("google-cloud-aiplatform", "google-genai", "pluggy", "pydantic")} == {
        "google-cloud-aiplatform": "2.0.1",
        "google-genai": "2.0.0",
        "pluggy": "1.7.0",
        "pydantic": "2.12.0",
    }


def test_the_wire_tests_pass(environment: Environment) -> None:
    # A finish reason that came after these SDKs is a warning of theirs, for which the tests that know it do not ask.
    warnings = "filterwarnings=error\nignore:.* is not a valid FinishReason:UserWarning"

    # What breaks on the way is broken before a wrapper sees it, and takes as long again.
    summary = environment.test("tests/wire/vertex", "-k", "not (test_faults and wrapped)", "-o", warnings)

    assert summary.passed > 700
    assert summary.skipped == 0
