"""Which ways of the kit's checks the gate runs."""

from __future__ import annotations

import os

import pytest

_EVERYTHING = "POLYCALL_CONFORMANCE"
_WHOLE = ("TestChat", "TestAcme")
"""The suites that run in every way. The others share the code in which the ways differ."""
_PARTS = {"TestGemini": "ABD"}
"""The groups of a suite whose other code another suite runs."""
_IN_THE_GATE = ("create", "stream async")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the reports alone cover. ``POLYCALL_CONFORMANCE=all`` runs everything."""
    if os.environ.get(_EVERYTHING) == "all":
        return
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not _is_left_out(item)]


def _is_left_out(item: pytest.Item) -> bool:
    suite = getattr(item, "cls", None)
    if "tests/conformance" not in item.path.as_posix() or suite is None or suite.__name__ in _WHOLE:
        return False
    if item.name.removeprefix("test_")[0] not in _PARTS.get(suite.__name__, item.name.removeprefix("test_")[0]):
        return True
    params = getattr(getattr(item, "callspec", None), "params", {})
    ways = {mark.args[1] for mark in item.iter_markers("parametrize") if mark.args[0] == "way"}
    return len(next(iter(ways), ())) == 4 and params.get("way") not in _IN_THE_GATE
