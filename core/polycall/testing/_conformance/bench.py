"""Running checks: one double, one event loop, one pair of clients for a whole run."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from polycall.testing._conformance.checks_table import Check, all_checks
from polycall.testing._conformance.doubles import WireDouble
from polycall.testing._conformance.levels import Unsupported
from polycall.testing._conformance.trial import Clients, ConformanceFailure, NothingToTest, Trial, failure
from polycall.testing.contract import checked

Status: TypeAlias = Literal["PASS", "FAIL", "UNSUPPORTED", "XFAIL", "NOT RUN"]


@dataclass(frozen=True)
class Outcome:
    """What became of a check in one way.

    Attributes:
        status: ``NOT RUN`` in a report alone.
        reason: Of `Unsupported` or of a known failure.
        message: What a failed check says.
    """

    status: Status
    reason: str = ""
    message: str = ""


class Bench:
    """A double that runs, with its clients; a context manager. The contract checker is on.

    Args:
        double: The double's class.
    """

    def __init__(self, double: type[WireDouble]) -> None:
        self.double = double()
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        unknown = set(double.known_failures) - set(all_checks())
        if unknown:
            raise ValueError(f"known_failures of {double.__name__} names {sorted(unknown)}, which are not checks.")
        for capability in double.capabilities:
            self.double.level(capability)

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._checker = self._stack.enter_context(checked())
        self._runner = self._stack.enter_context(asyncio.Runner())
        self._stack.enter_context(self.double)
        self.clients = Clients(self.double)
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self.clients.close())
        self._checker.violations.clear()
        self._stack.close()

    def run(self, check: Check, way: str) -> Outcome:
        """Run one check in one way; never raises."""
        outcome = self._outcome(check, way)
        self.outcomes[check.id, way] = outcome
        return outcome

    def _outcome(self, check: Check, way: str) -> Outcome:
        known = self.double.known_failures.get(check.id)
        missing = [level for need in check.needs if isinstance(level := self.double.level(need), Unsupported)]
        function = check.function
        if missing:
            if check.otherwise is None:
                return Outcome("UNSUPPORTED", missing[0].reason)
            function = check.otherwise
        self.double.forget()
        self._checker.violations.clear()
        trial = Trial(check, way, self.double, self.clients)

        async def run() -> None:
            result = function(trial)
            if inspect.isawaitable(result):
                await result
            if self._checker.violations:
                raise self._checker.violations[0]

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # SDKs warn of words that they do not know
                self._runner.run(run())
        except NothingToTest as nothing:
            return Outcome("UNSUPPORTED", str(nothing))
        except (Exception, asyncio.CancelledError) as error:  # whatever a check meets is its failure
            if known is not None:
                return Outcome("XFAIL", known)
            return Outcome("FAIL", message=_message(check, way, self.double, error))
        if known is not None:
            problem = f"it passes, and known_failures says that it does not: {known}"
            return Outcome("FAIL", message=str(failure(check, way, self.double.provider, problem, "leave it out")))
        return Outcome("UNSUPPORTED", missing[0].reason) if missing else Outcome("PASS")

    def run_all(self, only: str = "") -> Mapping[tuple[str, str], Outcome]:
        """Run every check in all its ways.

        Args:
            only: The groups, or the beginnings of ids, to run: ``"E,F02"``. Default: all.
        """
        starts = tuple(one.strip() for one in only.split(",") if one.strip())
        for check in all_checks().values():
            if not starts or check.id.startswith(starts):
                for way in check.ways:
                    self.run(check, way)
        return self.outcomes


def _message(check: Check, way: str, double: WireDouble, error: BaseException) -> str:
    if isinstance(error, ConformanceFailure):
        return str(error)
    notes = " ".join(getattr(error, "__notes__", ()))
    came = f"{type(error).__name__}: {error} {notes}".rstrip()
    return str(failure(check, way, double.provider, came, "what the rule says, without an exception"))
