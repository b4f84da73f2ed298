"""Each provider, and each way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from resilience.providers import EACH_WAY, PROVIDERS, Provider, Way


@pytest.fixture
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    """The provider that the test is run for, with its server."""
    with PROVIDERS[request.param]() as provider:
        yield provider
        await provider.aclose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``provider`` runs for each; one that takes ``way`` too, for each way of each. See `only`."""
    if "provider" not in metafunc.fixturenames:
        return
    names: list[str] = getattr(metafunc.function, "providers", list(PROVIDERS))
    streamed: bool | None = getattr(metafunc.function, "streamed", None)
    if "way" in metafunc.fixturenames:
        wanted = [(name, way) for name, way in EACH_WAY if name in names and streamed in (None, way.streamed)]
        metafunc.parametrize(
            ("provider", "way"), wanted, indirect=["provider"], ids=[f"{name} {way}" for name, way in wanted]
        )
    else:
        metafunc.parametrize("provider", names, indirect=True)


@pytest.fixture
def way() -> Way:
    """One of the ways to ask; see `pytest_generate_tests`."""
    raise NotImplementedError
