"""The kit itself: none of its checks can be dodged, its report tells what happened, and the command runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import polycall
import polycall_acme
from acme_double import AcmeDouble
from polycall.testing.conformance import (
    Bench,
    Outcome,
    ProviderSuite,
    Unsupported,
    WireDouble,
    all_checks,
    report_from_json,
    report_of,
    run_conformance,
)


@pytest.fixture(autouse=True)
def acme_is_registered() -> Iterator[None]:
    polycall.register_provider("acme", polycall_acme)
    yield
    polycall.unregister("acme")


def outcome_of(double: type[AcmeDouble], check: str, way: str = "create") -> Outcome:
    with Bench(double) as bench:
        return bench.run(all_checks()[check], way)


class TestTheTableOfChecks:
    def test_each_has_a_rule_a_hook_and_ways(self) -> None:
        for check in all_checks().values():
            assert check.rule.endswith("."), check.id
            assert check.hook, check.id
            assert check.ways, check.id

    def test_a_suite_has_a_test_for_each(self) -> None:
        tests = {name.split("_")[1] for name in dir(ProviderSuite) if name.startswith("test_")}

        assert tests == set(all_checks())


class TestADoubleThatIsNotFinished:
    def test_a_check_says_which_method_is_missing_and_what_may_stand_in_its_place(self) -> None:
        class Unfinished(AcmeDouble):
            def time_out(self, seconds: float) -> dict[str, object]:
                return WireDouble.time_out(self, seconds)

        outcome = outcome_of(Unfinished, "H05")

        assert outcome.status == "FAIL"
        assert (
            "Unfinished.time_out() is not written. Write it, or state in Unfinished.capabilities that 'timeout' is "
            "Unsupported, with the reason." in str(outcome)
        )


class TestNoDodging:
    def test_a_check_cannot_be_removed(self) -> None:
        with pytest.raises(TypeError, match="test_E02_ids_kept overrides a check"):
            type("TestAcme", (ProviderSuite,), {"test_E02_ids_kept": None})

    def test_an_override_needs_a_reason(self) -> None:
        @pytest.mark.xfail
        def test(self: object) -> None: ...

        with pytest.raises(TypeError, match="overrides a check"):
            type("TestAcme", (ProviderSuite,), {"test_E02_ids_kept": test})

    def test_with_a_reason_it_may(self) -> None:
        @pytest.mark.xfail(reason="the service has changed its mind")
        def test(self: object) -> None: ...

        type("TestAcme", (ProviderSuite,), {"test_E02_ids_kept": test})

    @pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.skipif(True, reason="x")])
    def test_a_suite_cannot_be_skipped(self, mark: Any) -> None:
        with pytest.raises(TypeError, match="cannot be left out"):
            type("TestAcme", (ProviderSuite,), {"pytestmark": [mark]})

    def test_what_is_declared_unsupported_must_be_refused(self) -> None:
        class Claims(AcmeDouble):
            capabilities: ClassVar = {**AcmeDouble.capabilities, "unknown_options": Unsupported("never")}

        outcome = outcome_of(Claims, "D02")

        assert outcome.status == "FAIL"
        assert "due:   ConfigurationError" in outcome.message

    def test_what_is_declared_missing_must_not_be_there(self) -> None:
        class Claims(AcmeDouble):
            capabilities: ClassVar = {**AcmeDouble.capabilities, "finish_reason": Unsupported("never")}

        assert outcome_of(Claims, "E15").status == "FAIL"

    def test_a_known_failure_is_told_with_its_reason(self) -> None:
        class Knows(AcmeDouble):
            capabilities: ClassVar = {**AcmeDouble.capabilities, "unknown_options": Unsupported("never")}
            known_failures: ClassVar = {"D02": "soon"}

        assert outcome_of(Knows, "D02") == Outcome("XFAIL", "soon")

    def test_a_known_failure_that_passes_is_a_failure(self) -> None:
        class Knows(AcmeDouble):
            known_failures: ClassVar = {"E02": "soon"}

        outcome = outcome_of(Knows, "E02")

        assert outcome.status == "FAIL"
        assert "leave it out" in outcome.message

    @pytest.mark.parametrize("table", [{"known_failures": {"Z99": "x"}}, {"capabilities": {"magic": Unsupported("x")}}])
    def test_unknown_names_in_the_tables_are_refused(self, table: Any) -> None:
        with pytest.raises(ValueError, match=r"Z99|magic"):
            Bench(type("Odd", (AcmeDouble,), table))


class TestTheReport:
    def test_what_did_not_run_is_told_and_has_no_tier(self) -> None:
        with Bench(AcmeDouble) as bench:
            bench.run_all("E01,E02")
            report = report_of(bench.double, bench.outcomes)

        assert report.results["E01"].status == "PASS"
        assert report.results["F01"].status == "NOT RUN"
        assert report.tier == "none"
        assert report.badge()["message"] == "none"

    @pytest.mark.parametrize(
        ("broken", "tier"),
        [("", "platinum"), ("N03", "gold"), ("L01", "silver"), ("G01", "bronze"), ("E01", "none")],
    )
    def test_a_tier_needs_every_check_of_its_groups(self, broken: str, tier: str) -> None:
        outcomes = {(id, way): Outcome("PASS") for id, check in all_checks().items() for way in check.ways}
        if broken:
            outcomes[broken, "create"] = Outcome("FAIL", message="it does not")
        report = report_of(AcmeDouble(), outcomes)

        assert report.tier == tier
        assert report_from_json(json.loads(json.dumps(report.to_json()))) == report

    def test_a_known_failure_keeps_from_a_tier(self) -> None:
        outcomes = {(id, way): Outcome("PASS") for id, check in all_checks().items() for way in check.ways}
        outcomes["F19", "stream"] = Outcome("XFAIL", "soon")

        assert report_of(AcmeDouble(), outcomes).tier == "bronze"


class TestTheCommand:
    ACME = "acme_double:AcmeDouble"

    def test_it_runs_checks_and_writes_report_and_badge(self, tmp_path: Path) -> None:
        said: list[str] = []
        report_file, badge_file = tmp_path / "report.json", tmp_path / "badge.json"
        status = run_conformance(self.ACME, only="E02", json_file=report_file, badge_file=badge_file, say=said.append)

        assert status == 0
        assert said[-1].startswith("acme (AcmeDouble): ")
        report = json.loads(report_file.read_text())
        assert (report["provider"], report["hook_api"], report["checks"]["E02"]["status"]) == ("acme", 1, "PASS")
        assert json.loads(badge_file.read_text())["label"] == "polycall"

    def test_a_tier_that_is_not_reached_is_a_failure(self) -> None:
        assert run_conformance(self.ACME, only="E02", strict_tier="gold", say=len) == 1

    def test_a_file_names_a_double(self) -> None:
        file = Path(polycall_acme.__file__).parents[1] / "tests" / "acme_double.py"

        assert run_conformance(f"{file}:AcmeDouble", only="E02", say=len) == 0

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("acme", "entry point"),
            ("no.such:Double", "no"),
            ("acme_double:SECRET", "WireDouble"),
            ("gone.py:X", "gone"),
        ],
    )
    def test_what_is_not_a_double_is_told(self, name: str, word: str) -> None:
        with pytest.raises(polycall.ConfigurationError, match=word):
            run_conformance(name)

    def test_an_unknown_tier_is_told(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="bronze, silver, gold, platinum"):
            run_conformance(self.ACME, strict_tier="diamond")

    def test_the_command_line_has_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        from polycall.cli import main

        assert main(["conformance", self.ACME, "--only", "E02"]) == 0
        assert "acme (AcmeDouble): 1 PASS" in capsys.readouterr().out.replace("154 NOT RUN, ", "")
