"""Run the kit for every provider of this repository, and write the reports and the table.

In the folder of the tests: ``python -m conformance.write_reports``, with names of doubles for those alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORTS = Path(__file__).parent / "reports"


def main() -> None:
    from conformance.first_party import DOUBLES

    import polycall
    import polycall_acme
    from polycall.testing.conformance import Bench, report_from_json, report_of, table_of

    polycall.register_provider("acme", polycall_acme)
    reports = []
    for double in DOUBLES:
        file = REPORTS / f"{double.__name__}.json"
        if sys.argv[1:] and double.__name__ not in sys.argv[1:]:
            reports.append(report_from_json(json.loads(file.read_text(encoding="utf-8"))))
            continue
        with Bench(double) as bench:
            bench.run_all()
            report = report_of(bench.double, bench.outcomes)
        print(report.double, dict(report.counts), report.tier)
        for result in report.results.values():
            for message in result.messages.values():
                print(message)
        reports.append(report)
        text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
        file.write_text(f"{text}\n", encoding="utf-8")
    (ROOT / "PROVIDERS.md").write_text(table_of(reports), encoding="utf-8")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "examples/acme_provider"), str(ROOT / "examples/acme_provider/tests")]
    main()
