"""How many conversations are held, and which."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator

import pytest
from random_servers.asking import Asker

CONVERSATIONS = int(os.environ.get("POLYCALL_RANDOM_CONVERSATIONS", "2500"))
"""For all protocols together, whole and streamed."""

SEED = os.environ.get("POLYCALL_RANDOM_SEED") or ("gate" if os.environ.get("CI") else str(random.getrandbits(32)))
"""New conversations in every run but the gate's."""


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    """Clients whose server answers from memory."""
    asker = Asker()
    yield asker
    await asker.aclose()


def pytest_report_header() -> str:
    return f"random servers: POLYCALL_RANDOM_SEED={SEED} POLYCALL_RANDOM_CONVERSATIONS={CONVERSATIONS}"
