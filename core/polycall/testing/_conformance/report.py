"""The report of a run: one JSON document, the tier that it shows, the badge, and the row of a table of providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, cast

from polycall.hookspecs import HOOK_API_VERSION
from polycall.testing._conformance.bench import Outcome, Status
from polycall.testing._conformance.checks_table import EVERY_WAY, GROUPS, TIERS, Check, all_checks
from polycall.testing._conformance.doubles import WireDouble

_COLOURS = {"platinum": "blueviolet", "gold": "gold", "silver": "silver", "bronze": "orange", "none": "lightgrey"}
_ORDER: Sequence[Status] = ("FAIL", "XFAIL", "NOT RUN", "PASS", "UNSUPPORTED")


@dataclass(frozen=True)
class Result:
    """What became of a check in all its ways.

    Attributes:
        status: The worst of its ways; ``PASS`` where it passes in one way and cannot run in another.
        reason: Of ``UNSUPPORTED`` and ``XFAIL``.
        messages: Of the ways that failed.
    """

    name: str
    status: Status
    reason: str = ""
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What became of every check.

    Attributes:
        provider: The plugin's name.
        double: The class of the wire double: a provider with several protocols has one for each.
        kit: The version of polycall that ran it.
        hook_api: The version of the hook API.
        results: By the id of the check.
    """

    provider: str
    double: str
    kit: str
    hook_api: int
    results: Mapping[str, Result]

    @property
    def tier(self) -> str:
        """The highest tier all of whose checks pass or do not apply; ``"none"`` without bronze."""
        reached = "none"
        for tier, groups in TIERS.items():
            if any(one.status not in ("PASS", "UNSUPPORTED") for one in self._of(groups)):
                break
            reached = tier
        return reached

    def _of(self, groups: str) -> list[Result]:
        return [result for id, result in self.results.items() if id[0] in groups]

    def reaches(self, tier: str) -> bool:
        """Whether the tier is this one, or a higher one."""
        order = ["none", *TIERS]
        return order.index(self.tier) >= order.index(tier)

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many checks of each status."""
        statuses = [result.status for result in self.results.values()]
        return {status: statuses.count(status) for status in _ORDER if status in statuses}

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "kit": self.kit,
            "hook_api": self.hook_api,
            "provider": self.provider,
            "double": self.double,
            "tier": self.tier,
            "badge": self.badge(),
            "checks": {
                id: {"name": one.name, "status": one.status}
                | ({"reason": one.reason} if one.reason else {})
                | ({"messages": dict(one.messages)} if one.messages else {})
                for id, one in self.results.items()
            },
        }

    def badge(self) -> dict[str, Any]:
        """An endpoint badge: https://shields.io/badges/endpoint-badge."""
        return {"schemaVersion": 1, "label": "polycall", "message": self.tier, "color": _COLOURS[self.tier]}


def report_of(double: WireDouble, outcomes: Mapping[tuple[str, str], Outcome]) -> Report:
    """The report of a run; what did not run is in it as ``NOT RUN``."""
    results = {check.id: _result(check, outcomes) for check in all_checks().values()}
    return Report(double.provider, type(double).__name__, version("polycall"), HOOK_API_VERSION, results)


def report_from_json(data: Mapping[str, Any]) -> Report:
    """A report that was stored."""
    results = {
        id: Result(one["name"], cast("Status", one["status"]), one.get("reason", ""), one.get("messages", {}))
        for id, one in data["checks"].items()
    }
    return Report(data["provider"], data["double"], data["kit"], data["hook_api"], results)


def _result(check: Check, outcomes: Mapping[tuple[str, str], Outcome]) -> Result:
    each = {way: outcomes.get((check.id, way), Outcome("NOT RUN")) for way in check.ways}
    status = next(one for one in _ORDER if any(outcome.status == one for outcome in each.values()))
    reason = next((one.reason for one in each.values() if one.status == status), "")
    return Result(
        check.name, status, reason, {way: outcome.message for way, outcome in each.items() if outcome.message}
    )


def table_of(reports: Iterable[Report]) -> str:
    """The table of providers, in Markdown: a row for each report, and what they declare unsupported."""
    reports = list(reports)
    lines = [
        "# Providers",
        "",
        "What each provider passes of the [conformance kit](docs/conformance.md). Generated from the reports in",
        "`tests/conformance/reports`: `python -m conformance.write_reports` in the folder `tests`.",
        "",
        "| provider | wire double | tier | pass | does not apply | known failures |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in reports:
        counts = one.counts
        numbers = [str(counts.get(status, 0)) for status in ("PASS", "UNSUPPORTED", "XFAIL")]
        lines.append(f"| {one.provider} | {one.double} | {one.tier} | {' | '.join(numbers)} |")
    lines += ["", "By group (checks that pass, of those that apply):", ""]
    lines += ["| wire double | " + " | ".join(GROUPS) + " |", "| --- |" + " --- |" * len(GROUPS)]
    for one in reports:
        lines.append(f"| {one.double} | {' | '.join(_share(one, group) for group in GROUPS)} |")
    lines += ["", "Why a check does not apply, or fails:", ""]
    for one in reports:
        by_reason: dict[str, list[str]] = {}
        for id, result in one.results.items():
            if result.status in ("UNSUPPORTED", "XFAIL"):
                known = "fails: " if result.status == "XFAIL" else ""
                by_reason.setdefault(known + result.reason, []).append(id)
        lines.append(f"- {one.double}")
        lines += [f"  - {', '.join(ids)}: {reason}" for reason, ids in by_reason.items()]
    return "\n".join([*lines, ""])


def _share(report: Report, group: str) -> str:
    of_group = [one for id, one in report.results.items() if id[0] == group and one.status != "UNSUPPORTED"]
    return f"{sum(one.status == 'PASS' for one in of_group)}/{len(of_group)}" if of_group else "-"


def documentation() -> str:
    """The table of all checks, in Markdown, for docs/conformance.md: each has an anchor of its id."""
    lines: list[str] = []
    for group, (title, _) in GROUPS.items():
        lines += ["", f"### {group}. {title}", "", "| check | rule | ways |", "| --- | --- | --- |"]
        for check in all_checks().values():
            if check.id[0] == group:
                ways = "each" if tuple(check.ways) == EVERY_WAY else ", ".join(check.ways)
                name = f'<a id="{check.id.lower()}"></a>{check.id} `{check.name}`'
                needs = f" (needs {', '.join(f'`{one}`' for one in check.needs)})" if check.needs else ""
                lines.append(f"| {name} | {check.rule}{needs} | {ways} |")
    return "\n".join([*lines, ""])
