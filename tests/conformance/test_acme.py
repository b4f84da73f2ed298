"""The example of a third party's provider passes the kit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import polycall
import polycall_acme
from acme_double import AcmeDouble
from polycall.testing.conformance import ProviderSuite


@pytest.fixture(scope="module", autouse=True)
def acme_is_registered() -> Iterator[None]:
    """As its entry point does where it is installed."""
    polycall.register_provider("acme", polycall_acme)
    yield
    polycall.unregister("acme")


class TestAcme(ProviderSuite):
    double = AcmeDouble
