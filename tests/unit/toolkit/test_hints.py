"""Hints in errors: the nearest known name, the package to install."""

from __future__ import annotations

import pytest

from polycall._toolkit.hints import did_you_mean, nearest, sdk_missing

KNOWN = ("max_output_tokens", "temperature", "topP")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("temprature", "temperature"),
        ("TEMPERATURE", "temperature"),
        ("top_p", "topP"),
        ("tokens", "max_output_tokens"),
        ("colour", None),
        ("", None),
        ("p", None),
        ("t" * 10_000, None),
        (7, None),
    ],
)
def test_the_nearest_name_whatever_its_case(name: object, expected: str | None) -> None:
    assert nearest(name, KNOWN) == expected


def test_of_names_that_differ_in_case_only_the_first_is_meant() -> None:
    assert nearest("NAME", ["name", "Name"]) == nearest("NAME", ["Name", "name"]) == "Name"


def test_a_hint_names_the_nearest_or_all_or_nothing() -> None:
    assert did_you_mean("temprature", KNOWN) == " Did you mean 'temperature'?"
    assert did_you_mean("colour", ["b", "a"]) == " Known: a, b."
    assert did_you_mean("colour", []) == ""


def test_a_missing_sdk_is_named_with_the_command_that_installs_it() -> None:
    error = sdk_missing("acme", "acme_sdk", ImportError("No module named 'acme_sdk'"))

    assert error.plugin == "acme"
    assert str(error) == (
        "acme_sdk cannot be imported (No module named 'acme_sdk'). "
        'Install it with: pip install --upgrade "polycall[acme]"'
    )
    assert "polycall[local]" in str(sdk_missing("llamacpp", "xllamacpp", ImportError("x"), extra="local"))
    assert str(sdk_missing("a", "b", ImportError("x"), command="uv add acme")).endswith("with: uv add acme")
