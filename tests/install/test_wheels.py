"""What a built wheel holds and says."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

from support.environments import ROOT, Wheel, run_uv

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

PACKAGES = {
    "polycall": "core/polycall",
    "polycall-openai": "plugins/openai_provider/polycall_openai",
    "polycall-vertex": "plugins/vertex_provider/polycall_vertex",
    "polycall-llamacpp": "plugins/llamacpp_provider/polycall_llamacpp",
    "polycall-llamacpp-split": "plugins/llamacpp_split/polycall_llamacpp_split",
    "polycall-acme": "examples/acme_provider/polycall_acme",
}
OWN = [name for name in PACKAGES if name != "polycall-acme"]
PROVIDERS = {"polycall-openai": "openai", "polycall-vertex": "vertex", "polycall-llamacpp": "llamacpp"}


def source_files(package: str) -> list[str]:
    """A package's files as a wheel names them."""
    folder = ROOT / package
    names = (path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if "/__pycache__/" not in name and "/." not in name)


def test_there_is_a_wheel_of_every_distribution(wheels: Mapping[str, Wheel]) -> None:
    assert wheels.keys() == PACKAGES.keys()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_holds_its_package_and_nothing_else(name: str, wheels: Mapping[str, Wheel]) -> None:
    package = Path(PACKAGES[name]).name

    assert wheels[name].files == source_files(PACKAGES[name])
    assert f"{package}/py.typed" in wheels[name].files


@pytest.mark.parametrize("name", OWN)
def test_a_wheel_has_the_licence(name: str, wheels: Mapping[str, Wheel]) -> None:
    assert wheels[name].metadata["License-Expression"] == "Apache-2.0"
    assert wheels[name].read("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", OWN)
def test_a_wheel_is_for_python_3_11_and_newer_on_any_machine(name: str, wheels: Mapping[str, Wheel]) -> None:
    assert wheels[name].metadata["Requires-Python"] == ">=3.11"
    assert wheels[name].path.name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("name", OWN)
def test_every_requirement_has_a_lower_bound_and_an_upper_one(name: str, wheels: Mapping[str, Wheel]) -> None:
    bounds = [requirement.partition(";")[0] for requirement in wheels[name].requirements]
    unbounded = [bound for bound in bounds if ">=" not in bound or "<" not in bound]

    # xllamacpp's versions are dates: no version of it says that it breaks something. 'all' only names other extras.
    assert [bound for bound in unbounded if not bound.startswith(("xllamacpp", "polycall["))] == []


def test_polycall_needs_no_provider_without_an_extra(wheels: Mapping[str, Wheel]) -> None:
    always = [requirement for requirement in wheels["polycall"].requirements if "extra ==" not in requirement]

    assert {requirement.partition("<")[0] for requirement in always} == {
        "platformdirs",
        "pluggy",
        "pydantic",
        "pydantic-settings",
        "typing-extensions",
    }


@pytest.mark.parametrize(
    ("extra", "distribution"),
    [
        ("openai", "polycall-openai"),
        ("vertex", "polycall-vertex[aiplatform]"),
        ("gemini", "polycall-vertex"),
        ("local", "polycall-llamacpp"),
        ("local", "polycall-llamacpp-split"),
    ],
)
def test_an_extra_brings_the_plugin_of_the_same_release(
    extra: str, distribution: str, wheels: Mapping[str, Wheel]
) -> None:
    assert f"{distribution}<0.2,>=0.1; extra == '{extra}'" in wheels["polycall"].requirements
    assert wheels[distribution.partition("[")[0]].metadata["Version"] == wheels["polycall"].metadata["Version"]
    assert extra in wheels["polycall"].metadata.get_all("Provides-Extra", [])


@pytest.mark.parametrize(("name", "provider"), PROVIDERS.items())
def test_a_plugin_registers_its_name_and_needs_polycall(name: str, provider: str, wheels: Mapping[str, Wheel]) -> None:
    package = Path(PACKAGES[name]).name

    entries = ConfigParser()
    entries.read_string(wheels[name].read("entry_points.txt"))

    assert entries["polycall.providers"][provider] == package
    assert "polycall<0.2,>=0.1" in wheels[name].requirements


def test_the_strategy_for_small_models_registers_its_name_and_needs_the_plugin(wheels: Mapping[str, Wheel]) -> None:
    wheel = wheels["polycall-llamacpp-split"]

    assert wheel.read("entry_points.txt").split() == [
        "[polycall_llamacpp.strategies]",
        "split",
        "=",
        "polycall_llamacpp_split",
    ]
    assert "polycall-llamacpp<0.2,>=0.1" in wheel.requirements
    # The plugin does not need it: that is the users' choice.
    assert not any(each.startswith("polycall-llamacpp-split") for each in wheels["polycall-llamacpp"].requirements)


def test_a_wheel_from_the_source_distribution_holds_the_same(wheels: Mapping[str, Wheel], tmp_path: Path) -> None:
    run_uv("build", "--quiet", "--out-dir", str(tmp_path / "dist"), str(ROOT), cwd=tmp_path)  # the wheel from the sdist
    (_,) = (tmp_path / "dist").glob("*.tar.gz")
    (path,) = (tmp_path / "dist").glob("*.whl")
    wheel = Wheel(path)

    assert wheel.files == wheels["polycall"].files
    assert wheel.read("METADATA") == wheels["polycall"].read("METADATA")
