"""The embedded model, loaded once for the tests that share it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import BaseModel

import polycall

THREADS = 1
"""Two processes of tests on two cores: more threads would wait for each other most of the time."""


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


QUESTION = [
    {"role": "system", "content": "You must always use tools"},
    {"role": "user", "content": "What is the weather in toronto and dallas and who won the super bowl?"},
]


@pytest.fixture(scope="session")
def client() -> Iterator[polycall.Client]:
    with polycall.from_provider("llamacpp/smollm2", threads=THREADS) as client:
        yield client


@pytest.fixture(scope="session")
def constrained_client() -> Iterator[polycall.Client]:
    """The same loaded model, its whole reply constrained."""
    with polycall.from_provider("llamacpp/smollm2", threads=THREADS, strategy="constrained") as client:
        yield client
