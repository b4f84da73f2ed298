"""Damaged replies: always a valid result, an error of polycall, or an exception that the SDK documents.

Each case is a valid reply with a few random injuries, made from its number, so a case that fails can be run again.
``POLYCALL_FUZZ_CASES`` sets how many there are for each provider, whole and streamed; the default takes some seconds.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable

import pytest
from resilience.providers import HttpProvider, Said, Search, Weather, only

import polycall
from support.wire_server import EVENT_STREAM, JSON, reply_stream, resize

CASES = int(os.environ.get("POLYCALL_FUZZ_CASES", "300"))

GOOD = Said([("Weather", {"location": "Toronto"}), ("Search", {"query": "é"})], text="So.")
REPLIES = [
    *[GOOD] * 4,
    Said([("Weather", {"location": "Toronto"}), ("Search", {"query": 'é 😀 \\ "'})], text="So."),
    Said([("Search", {"query": "a"}), ("Weather", {"location": "x", "units": "stones"})]),
    Said([("Stocks", {"n": 1.5}), ("Search", {"query": "a"})], end="length"),
    Said(text="no", end="refused"),
    Said(text="only words"),
]
VALUES = [b"null", b"true", b"-1", b"1e999", b"9" * 5000, b'""', b"[]", b"{}", b"[[]]", b'"\\ud800"', b"\xff", b"NaN"]


def flip(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] = dice.randrange(256)


def cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def leave_out(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.randrange(1, 40)]


def repeat(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = data[at : at + dice.randrange(1, 200)]


def swap(data: bytearray, dice: random.Random) -> None:
    at, other = sorted((dice.randrange(len(data)), dice.randrange(len(data))))
    data[at:other] = data[at:other][::-1]


def nest(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice([b"[", b'{"a":', b"{"]) * dice.choice([1, 3, 2000])


def replace_value(data: bytearray, dice: random.Random) -> None:
    """Another value in place of one: well-formed JSON of a wrong shape."""
    starts = [at for at, byte in enumerate(data) if byte == ord(":")]
    if not starts:
        return
    start = dice.choice(starts) + 1
    end = next((at for at in range(start, len(data)) if data[at] in b",}"), len(data))
    data[start:end] = dice.choice(VALUES)


INJURIES: list[Callable[[bytearray, random.Random], None]] = [
    flip,
    cut,
    leave_out,
    repeat,
    swap,
    nest,
    *[replace_value] * 8,
]


def injured(data: bytes, dice: random.Random) -> bytes:
    """A reply with one to three injuries."""
    body = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        if body:
            dice.choice(INJURIES)(body, dice)
    return bytes(body)


@pytest.mark.filterwarnings("ignore::UserWarning")  # google-genai says what it does not know of a reply
@only("openai", "vertex-genai", "vertex-rest")
@pytest.mark.parametrize("streamed", [False, True], ids=["create", "stream"])
def test_damaged_replies(provider: HttpProvider, streamed: bool) -> None:
    client = provider.client()
    arguments = provider.arguments(max_retries=0)
    outcomes = {"result": 0, "polycall": 0, "sdk": 0}

    for case in range(CASES):
        dice = random.Random(f"{provider.name} {streamed} {case}")
        said = dice.choice(REPLIES)
        body = injured(provider.streamed_body(said) if streamed else json.dumps(provider.whole(said)).encode(), dice)
        pieces = resize([body], dice.choice([1 << 16, 100, 7]))
        provider.script(reply_stream(pieces, content_type=EVENT_STREAM if streamed else JSON))
        try:
            calls = client.stream(**arguments).collect() if streamed else client.create(**arguments)
            assert all(isinstance(call, (Weather, Search)) for call in calls), f"case {case}: {calls!r}"
            outcomes["result"] += 1
        except polycall.PolycallError:
            outcomes["polycall"] += 1
        except provider.sdk_errors:
            outcomes["sdk"] += 1
        except Exception as error:
            error.add_note(f"case {case}: {body!r}")
            raise

    # A fuzzer that breaks everything, or nothing, shows little.
    assert outcomes["result"] > CASES / 100
    assert outcomes["polycall"] > CASES / 10
