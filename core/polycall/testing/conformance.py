"""The conformance kit: what makes a provider right, checked over its own protocol. See docs/conformance.md.

An author supplies a wire double, a service of the provider's protocol that answers by a script, and a table of
capabilities. For pytest::

    from polycall.testing.conformance import ProviderSuite

    class TestAcme(ProviderSuite):
        double = AcmeDouble

or from the command line::

    python -m polycall.testing.conformance tests/acme_double.py:AcmeDouble --json report.json --strict-tier gold

What a table declares `Unsupported` is tested the other way: it must be refused, or not be made up. A check that a
provider does not pass yet is named in ``known_failures`` with the reason; none can be left out.
"""

from __future__ import annotations

from polycall.testing._conformance.answers import Answer as Answer
from polycall.testing._conformance.answers import Break as Break
from polycall.testing._conformance.answers import Call as Call
from polycall.testing._conformance.answers import Fault as Fault
from polycall.testing._conformance.answers import Noise as Noise
from polycall.testing._conformance.answers import Part as Part
from polycall.testing._conformance.answers import Reasoning as Reasoning
from polycall.testing._conformance.answers import Text as Text
from polycall.testing._conformance.answers import Told as Told
from polycall.testing._conformance.answers import ToldCall as ToldCall
from polycall.testing._conformance.answers import ToldMessage as ToldMessage
from polycall.testing._conformance.bench import Bench as Bench
from polycall.testing._conformance.bench import Outcome as Outcome
from polycall.testing._conformance.checks_table import Check as Check
from polycall.testing._conformance.checks_table import all_checks as all_checks
from polycall.testing._conformance.command import run_conformance as run_conformance
from polycall.testing._conformance.doubles import SECRET as SECRET
from polycall.testing._conformance.doubles import HttpDouble as HttpDouble
from polycall.testing._conformance.doubles import SocketDouble as SocketDouble
from polycall.testing._conformance.doubles import WireDouble as WireDouble
from polycall.testing._conformance.levels import CAPABILITIES as CAPABILITIES
from polycall.testing._conformance.levels import Full as Full
from polycall.testing._conformance.levels import Level as Level
from polycall.testing._conformance.levels import Unsupported as Unsupported
from polycall.testing._conformance.levels import Weakened as Weakened
from polycall.testing._conformance.report import Report as Report
from polycall.testing._conformance.report import documentation as documentation
from polycall.testing._conformance.report import report_from_json as report_from_json
from polycall.testing._conformance.report import report_of as report_of
from polycall.testing._conformance.report import table_of as table_of
from polycall.testing._conformance.suite import ProviderSuite as ProviderSuite
from polycall.testing._conformance.trial import ConformanceFailure as ConformanceFailure

if __name__ == "__main__":
    import argparse
    import sys
    from pathlib import Path

    parser = argparse.ArgumentParser(prog="python -m polycall.testing.conformance", description="Run the kit.")
    parser.add_argument("name", help="the plugin's name, or its wire double: module:Class or file.py:Class")
    parser.add_argument("--only", default="", help="groups, or the beginnings of ids: E,F02")
    parser.add_argument("--json", type=Path, help="where to write the report")
    parser.add_argument("--badge", type=Path, help="where to write the data of a badge")
    parser.add_argument("--strict-tier", help="fail if this tier is not reached")
    given = parser.parse_args()
    sys.exit(
        run_conformance(
            given.name, only=given.only, json_file=given.json, badge_file=given.badge, strict_tier=given.strict_tier
        )
    )
