"""The documents and the reports agree with the kit."""

from __future__ import annotations

import json

import pytest
from conformance.first_party import DOUBLES
from conformance.write_document import DOCUMENT, tables
from conformance.write_reports import REPORTS, ROOT

from polycall.testing.conformance import Report, WireDouble, all_checks, report_from_json, table_of


def stored(double: type[WireDouble]) -> Report:
    return report_from_json(json.loads((REPORTS / f"{double.__name__}.json").read_text(encoding="utf-8")))


def test_the_document_has_every_check_and_capability() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert text.endswith(tables()), "python -m conformance.write_document, in the folder of the tests"


def test_the_table_of_providers_is_that_of_the_reports() -> None:
    text = (ROOT / "PROVIDERS.md").read_text(encoding="utf-8")

    assert text == table_of(map(stored, DOUBLES)), "python -m conformance.write_reports, in the folder of the tests"


@pytest.mark.parametrize("double", DOUBLES)
def test_a_report_is_of_these_checks_and_has_no_failure(double: type[WireDouble]) -> None:
    """What passes is shown by the suites; that each check ran, and why one does not apply, is in the report."""
    report = stored(double)

    assert {id: result.name for id, result in report.results.items()} == {
        id: check.name for id, check in all_checks().items()
    }
    assert {result.status for result in report.results.values()} <= {"PASS", "UNSUPPORTED", "XFAIL"}
    assert {id for id, result in report.results.items() if result.status == "XFAIL"} == set(double.known_failures)
