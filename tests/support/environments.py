"""Wheels of this repository's distributions, and clean virtual environments to install them in.

Both are made with uv, in its default configuration: where packages come from is the machine's business. Whoever has
no package registry gets an error that says so, never a skipped test.

    wheels = build_wheels(folder / "wheels", ROOT)
    environment = Environment.create(folder / "environment", wheels, "polycall[openai]")
    environment.run("import polycall; print(polycall.providers())")
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cache, cached_property
from pathlib import Path
from zipfile import ZipFile

from support.authorities import trusting_the_machines

ROOT = Path(__file__).parents[2]
"""The repository."""

_TIMEOUT_S = 300
# What would let a clean environment see something of the one that runs the tests, or of the caller's configuration.
_REMOVED_VARIABLES = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "OPENAI_API_KEY", "OPENAI_BASE_URL")


@dataclass(frozen=True)
class Wheel:
    """A built wheel, read without installing it."""

    path: Path

    @cached_property
    def files(self) -> list[str]:
        """What it installs, without its metadata."""
        return [name for name in self._names if not name.startswith(f"{self._metadata_folder}/")]

    @cached_property
    def metadata_files(self) -> list[str]:
        """The files of its ``.dist-info`` folder, by their names in it."""
        prefix = f"{self._metadata_folder}/"
        return [name.removeprefix(prefix) for name in self._names if name.startswith(prefix)]

    @cached_property
    def metadata(self) -> Message:
        """The fields of ``METADATA``."""
        return Parser().parsestr(self.read("METADATA"))

    @property
    def name(self) -> str:
        """The distribution's name."""
        return str(self.metadata["Name"])

    @property
    def requirements(self) -> list[str]:
        """What it depends on, with extras as markers."""
        return self.metadata.get_all("Requires-Dist") or []

    def read(self, metadata_file: str) -> str:
        """The text of a file of the ``.dist-info`` folder."""
        with ZipFile(self.path) as archive:
            return archive.read(f"{self._metadata_folder}/{metadata_file}").decode()

    @cached_property
    def _names(self) -> list[str]:
        with ZipFile(self.path) as archive:
            return sorted(archive.namelist())

    @property
    def _metadata_folder(self) -> str:
        return f"{'-'.join(self.path.name.split('-')[:2])}.dist-info"


def lower_bounds(wheels: Mapping[str, Wheel], *names: str) -> list[str]:
    """What distributions of this repository require of others: to install with ``--resolution lowest-direct``.

    Args:
        wheels: The wheels by name.
        names: Distributions, also with one extra: ``"polycall-vertex[aiplatform]"``.
    """
    bounds: list[str] = []
    for name in names:
        distribution, _, extra = name.rstrip("]").partition("[")
        for each in wheels[distribution].requirements:
            requirement, _, marker = each.partition("; extra == ")
            if not each.startswith("polycall") and marker.strip("'\"") in ("", extra):
                bounds.append(requirement)
    return bounds


def _requirements_of_tests() -> list[str]:
    """What this repository's tests need beside the distributions that they test."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements: list[str] = project["dependency-groups"]["test"]
    return requirements


def build_wheels(folder: Path, *projects: Path) -> dict[str, Wheel]:
    """Build one wheel of each project, into ``folder``.

    Returns:
        The wheels by the names of their distributions.
    """
    for project in projects:
        run_uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(project), cwd=folder.parent)
    wheels = [Wheel(path) for path in sorted(folder.glob("*.whl"))]
    return {wheel.name: wheel for wheel in wheels}


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing in it but what was asked for."""

    folder: Path

    @classmethod
    def create(
        cls, folder: Path, wheels: Mapping[str, Wheel], *requirements: str, options: Iterable[str] = ()
    ) -> Environment:
        """Make one and install ``requirements`` in it; those of this repository come from ``wheels``."""
        run_uv("venv", "--quiet", "--python", sys.executable, str(folder), cwd=folder.parent)
        environment = cls(folder)
        environment.install(wheels, *requirements, options=options)
        return environment

    @classmethod
    def with_lowest(cls, folder: Path, wheels: Mapping[str, Wheel], *distributions: str) -> Environment:
        """Make one with distributions of this repository, the lowest of all that they require, and what tests need."""
        bounds = lower_bounds(wheels, *distributions)
        environment = cls.create(folder, wheels, *distributions, *bounds, options=["--resolution", "lowest-direct"])
        environment.install(wheels, *_requirements_of_tests())
        return environment

    def install(self, wheels: Mapping[str, Wheel], *requirements: str, options: Iterable[str] = ()) -> None:
        """Install more, as ``uv pip install`` would."""
        # By address, so that a registry's distribution of the same name cannot take a wheel's place.
        constraints = self.folder / "wheels.txt"
        constraints.write_text("".join(f"{name} @ {wheel.path.as_uri()}\n" for name, wheel in wheels.items()))
        run_uv(
            *("pip", "install", "--quiet", "--python", str(self.python), "--constraint", str(constraints)),
            *options,
            *requirements,
            cwd=self.folder,
        )

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return Path(self.run("import sysconfig; print(sysconfig.get_path('purelib'))").strip())

    def command(
        self, *command: str, cwd: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that is installed in it, without an input."""
        return _run([str(self.python.parent / command[0]), *command[1:]], cwd, variables)

    def packages(self) -> dict[str, str]:
        """What is installed: versions by name, in lower case with hyphens."""
        listed = json.loads(
            run_uv("pip", "list", "--quiet", "--format", "json", "--python", str(self.python), cwd=self.folder)
        )
        return {package["name"]: package["version"] for package in listed}

    def run(
        self, program: str, *, variables: Mapping[str, str] | None = None, cwd: Path | None = None, strict: bool = True
    ) -> str:
        """Run a program in isolated mode.

        Args:
            program: Its text.
            variables: Environment variables beside those of this process.
            cwd: The working directory; by default the environment's own folder.
            strict: Warnings are errors; not for SDKs that warn by themselves.

        Returns:
            What it prints.

        Raises:
            AssertionError: It failed, or it wrote to standard error; with what it wrote.
        """
        script = self.folder / "program.py"
        script.write_text(program)
        warnings = ("error", "-X", "dev") if strict else ("ignore",)
        done = _run([str(self.python), "-I", "-W", *warnings, str(script)], cwd or self.folder, variables)
        if done.returncode != 0 or (strict and done.stderr):
            raise AssertionError(f"The program ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test(self, *arguments: str) -> TestSummary:
        """Run tests of this repository with what is installed here; pytest has to be a part of that.

        Args:
            arguments: Which tests, by their paths in the repository, and pytest's options.

        Raises:
            AssertionError: A test failed, or none ran; with what pytest said.
        """
        # Without the working directory on the path: what is imported is what is installed.
        plugins = ("-p", "no:cacheprovider", "-p", "no:anyio")  # that of anyio breaks with some versions of pytest
        command = [str(self.python), "-P", "-m", "pytest", "-q", "--tb=short", *plugins, *arguments]
        done = _run(command, ROOT)
        summary = TestSummary.read(done.stdout)
        if done.returncode != 0 or not summary.passed:
            raise AssertionError(f"pytest ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return summary


@dataclass(frozen=True)
class TestSummary:
    """How many tests ran, as pytest's last line says."""

    __test__ = False

    passed: int
    failed: int
    skipped: int

    @classmethod
    def read(cls, output: str) -> TestSummary:
        """From what pytest printed."""
        last = output.strip().rpartition("\n")[2]
        counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped)", last)}
        return cls(**{"passed": 0, "failed": 0, "skipped": 0, **counts})


def run_uv(*arguments: str, cwd: Path) -> str:
    """Run uv; ``cwd`` is outside of this repository, so that its settings do not count.

    Raises:
        AssertionError: It failed; with what it said.
    """
    done = _run(
        [find_uv(), *arguments], cwd, {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}, from_registry=True
    )
    if done.returncode != 0:
        raise AssertionError(
            f"'uv {' '.join(arguments)}' failed. These tests need a package registry that uv can reach in its default "
            f"configuration (leave them out with: -m 'not install'). It said:\n{done.stderr}"
        )
    return done.stdout


@cache
def find_uv() -> str:
    """The uv on the path, in this environment, or in ``.tools``, where the Makefile puts it.

    Raises:
        AssertionError: There is none.
    """
    scripts = Path(sys.executable).parent
    for folders in (None, str(scripts), str(ROOT / ".tools" / "bin")):
        found = shutil.which("uv", path=folders)
        if found is not None:
            return found
    raise AssertionError("uv is needed to build and install wheels. Run 'make test', which brings it, or install uv.")


def _run(
    command: list[str], cwd: Path, variables: Mapping[str, str] | None = None, *, from_registry: bool = False
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _REMOVED_VARIABLES}
    inherited = {name: value for name, value in inherited.items() if not name.startswith(("POLYCALL_", "PYTEST_"))}
    environment = {**inherited, **(variables or {})}
    return subprocess.run(
        command,
        cwd=cwd,
        env=trusting_the_machines(environment) if from_registry else environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
