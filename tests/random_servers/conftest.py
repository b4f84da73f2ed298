"""How many conversations are held, and which."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator

import pytest
from random_servers.asking import Asker

CONVERSATIONS = int(os.environ.get("POLYCALL_RANDOM_CONVERSATIONS", "2500"))
"""For all protocols together, whole and streamed."""

_GIVEN_SEED = os.environ.get("POLYCALL_RANDOM_SEED") or "gate"
SEED = str(random.getrandbits(32)) if _GIVEN_SEED == "new" else _GIVEN_SEED
"""The same conversations each time, so that a fresh clone passes; ``new`` looks for faults that are not known yet."""


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    """Clients whose server answers from memory."""
    asker = Asker()
    yield asker
    await asker.aclose()


def pytest_report_header() -> str:
    return f"random servers: POLYCALL_RANDOM_SEED={SEED} POLYCALL_RANDOM_CONVERSATIONS={CONVERSATIONS}"
