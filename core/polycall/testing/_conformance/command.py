"""Running the kit from a command line."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import polycall
from polycall.testing._conformance.bench import Bench
from polycall.testing._conformance.checks_table import TIERS
from polycall.testing._conformance.doubles import WireDouble
from polycall.testing._conformance.report import Report, report_of

GROUP = "polycall.conformance"
"""Entry points of wire doubles: the plugin's name, and the class."""


def find_double(name: str) -> type[WireDouble]:
    """Find a wire double.

    Args:
        name: A plugin's name, for an entry point of the group ``polycall.conformance``; or a class as
            ``module:Class`` or ``path/to/file.py:Class``.

    Raises:
        ConfigurationError: There is none.
    """
    if ":" not in name:
        found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
        if not found:
            raise polycall.ConfigurationError(
                f"No wire double of {name!r} is installed: no distribution has an entry point of that name in the "
                f"group {GROUP!r}. Name its class: tests/{name}_double.py:{name.capitalize()}Double.",
                key=name,
            )
        double: object = found[0].load()
    else:
        source, _, attribute = name.rpartition(":")
        try:
            module = _load_file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
            double = getattr(module, attribute)
        except (ImportError, AttributeError, FileNotFoundError) as error:
            raise polycall.ConfigurationError(f"{name!r} is not a wire double: {error}", key=name) from error
    if not (isinstance(double, type) and issubclass(double, WireDouble)):
        raise polycall.ConfigurationError(f"{name!r} is not a class derived from WireDouble.", key=name)
    return double


def _load_file(path: Path) -> object:
    sys.path.insert(0, str(path.parent.resolve()))
    return importlib.import_module(path.stem) if path.exists() else _missing(path)


def _missing(path: Path) -> object:
    raise FileNotFoundError(f"there is no file {path}")


def run_conformance(
    name: str,
    *,
    only: str = "",
    json_file: Path | None = None,
    badge_file: Path | None = None,
    strict_tier: str | None = None,
    say: Callable[[str], object] = print,
) -> int:
    """Run the kit for one provider, and say what came of it.

    Args:
        name: As `find_double` takes it.
        only: The groups, or the beginnings of ids, to run: ``"E,F02"``. Default: all.
        json_file: Where to write the report.
        badge_file: Where to write the data of a badge.
        strict_tier: Fail if this tier is not reached. Default: fail if a check fails.
        say: Prints a line.

    Returns:
        The exit status: 0, or 1 if a check fails or the tier is not reached.

    Raises:
        ConfigurationError: There is no such double or tier.
    """
    if strict_tier is not None and strict_tier not in TIERS:
        raise polycall.ConfigurationError(
            f"{strict_tier!r} is not a tier. They are: {', '.join(TIERS)}.", key="strict_tier"
        )
    with Bench(find_double(name)) as bench:
        bench.run_all(only)
        report = report_of(bench.double, bench.outcomes)
    for result in report.results.values():
        for message in result.messages.values():
            say(f"{message}\n")
    say(_summary(report))
    if json_file is not None:
        json_file.write_text(json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if badge_file is not None:
        badge_file.write_text(json.dumps(report.badge()) + "\n", encoding="utf-8")
    failed = "FAIL" in report.counts
    return int(failed if strict_tier is None else not report.reaches(strict_tier))


def _summary(report: Report) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    return f"{report.provider} ({report.double}): {counts}; tier: {report.tier}"
