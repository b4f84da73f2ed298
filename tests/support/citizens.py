"""What another process needs to take part in a test: models, and functions for its worker."""

from __future__ import annotations

from typing import NoReturn

from pydantic import BaseModel

import polycall


class Weather(BaseModel):
    """The weather at a place."""

    location: str


class Search(BaseModel):
    """Search the web."""

    query: str
    pages: int = 1


def continue_elsewhere(calls: polycall.Calls[Weather | Search], results: list[object]) -> list[object]:
    """Continue a conversation where there is no client."""
    return calls.continue_with(results)


def raise_there(error: Exception) -> NoReturn:
    """Raise in a worker."""
    raise error
