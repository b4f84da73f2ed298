"""Logging: quiet by default; at DEBUG it tells provider, calls, corrections and how long, and no content."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import pytest
from pydantic import BaseModel
from unit.core.conftest import MakeClient

import polycall
from support.toy_provider import call, reply


class Search(BaseModel):
    query: str


ASK: list[object] = [{"role": "user", "content": "a very private question"}]


def test_debug_tells_what_happened_in_each_round(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client, _ = make_client(reply(call("Search", query=7)), reply(call("Search", query="cup")))

    with caplog.at_level(logging.DEBUG, logger="polycall"):
        client.create(ASK, Iterable[Search])

    lines = [re.sub(r"\d+\.\d{3} s", "N s", record.getMessage()) for record in caplog.records]
    assert [line for line in lines if line.startswith("toy")] == [
        "toy, model toy-1, round 0: 1 calls, 1 of them bad, finish reason calls, N s",
        "toy: asking for a correction (1 calls failed, 1 corrections left)",
        "toy, model toy-1, round 1: 1 calls, 0 of them bad, finish reason calls, N s",
    ]
    assert "private" not in caplog.text


def test_nothing_is_logged_at_info_and_above(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client, _ = make_client(reply(call("Search", query=7)), reply(call("Search", query="cup")))

    with caplog.at_level(logging.INFO, logger="polycall"):
        client.create(ASK, Iterable[Search])

    assert caplog.records == []


def test_messages_and_arguments_are_in_no_line(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client, _ = make_client(reply(call("Search", query="a very private cup"), call("Search", private=7)))

    with caplog.at_level(1), pytest.raises(polycall.InvalidCallsError):
        client.create(ASK, Iterable[Search], max_retries=0)

    assert caplog.records
    assert "private" not in caplog.text
