"""The kit guards itself: each plausible mistake of a provider is caught, by the check that names it."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from conformance.broken_acme import MISTAKES, Mistake

import polycall
import polycall_acme
from acme_double import AcmeDouble
from polycall.testing.conformance import Bench, all_checks

SOURCE = Path(polycall_acme.__file__).parent


@pytest.fixture
def plugin(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Acme's plugin with one mistake, registered as Acme."""
    mistake: Mistake = request.param
    name = "broken_acme_plugin"
    package = shutil.copytree(SOURCE, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file, right, wrong in mistake.changes:
        path = package / file
        if not right:
            path.unlink()
            continue
        text = path.read_text(encoding="utf-8")
        assert right in text, f"{right!r} is not in Acme's {file} any more"
        path.write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module(name)
    polycall.register_provider("acme", module)
    yield module
    polycall.unregister("acme")
    for one in (name, f"{name}._client"):
        sys.modules.pop(one, None)


def double_of(module: Any) -> type[AcmeDouble]:
    """Acme's double for a copy of its plugin, which has classes of its own."""

    class BrokenDouble(AcmeDouble):
        errors: ClassVar = {
            kind: module.AcmeError if ours is polycall_acme.AcmeError else ours
            for kind, ours in AcmeDouble.errors.items()
        }

        def sdk_client(self, *, asynchronous: bool) -> Any:
            theirs = super().sdk_client(asynchronous=asynchronous)
            return module.AcmeClient(theirs.host, theirs.port)

    return BrokenDouble


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of what the mistakes leave behind
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("plugin", "mistake"), [(one, one) for one in MISTAKES], indirect=["plugin"], ids=[one.name for one in MISTAKES]
)
def test_it_is_caught(plugin: ModuleType, mistake: Mistake) -> None:
    with Bench(double_of(plugin)) as bench:
        outcome = bench.run(all_checks()[mistake.check], mistake.way)

    assert outcome.status == "FAIL", f"{mistake.check} does not see it"
    assert f"does not pass {mistake.check} " in outcome.message
    assert f"docs/conformance.md#{mistake.check.lower()}" in outcome.message


def test_there_are_many_and_each_is_another() -> None:
    assert len(MISTAKES) >= 100
    assert max(Counter(one.name for one in MISTAKES).values()) == 1
