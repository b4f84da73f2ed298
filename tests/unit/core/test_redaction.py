"""An extension of one function sees, and may change, everything that leaves the program."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from pydantic import BaseModel, Field
from unit.core.conftest import Extend, MakeAsyncClient, MakeClient, Way

from polycall.plugin import Request, hookimpl
from support.toy_provider import ToyClient, call, reply

CARD, HIDDEN = "4111 1111 1111 1111", "[card]"


class Payment(BaseModel):
    card: str = Field(max_length=8)


ASK: list[object] = [
    {"role": "system", "content": "You pay bills."},
    {"role": "user", "content": [{"type": "text", "text": f"Pay with {CARD}, please."}]},
    f"My card is {CARD}.",
]
BAD, GOOD = reply(call("Payment", card=CARD)), reply(call("Payment", card=HIDDEN))


@hookimpl
def polycall_before_request(request: Request) -> None:
    request.messages = json.loads(json.dumps(request.messages).replace(CARD, HIDDEN))


@pytest.fixture(autouse=True)
def _redact(extend: Extend, hooks: object) -> None:
    extend("redact", polycall_before_request=polycall_before_request)


def sent(toy: ToyClient) -> str:
    return json.dumps([toy.bodies, [request.messages for request in toy.requests]])


async def test_nothing_unredacted_is_sent_in_corrections_either(way: Way) -> None:
    calls = await way.ask(BAD, BAD, GOOD, response_model=Iterable[Payment], messages=ASK)

    assert calls == [Payment(card=HIDDEN)]
    assert len(way.toy.bodies) == 3
    assert CARD not in sent(way.toy)
    # The model repeats the number, and polycall repeats it to the model in the reason for the correction.
    assert f"(given: '{HIDDEN}')" in sent(way.toy)


async def test_nor_when_the_conversation_goes_on(way: Way) -> None:
    calls = await way.ask(BAD, GOOD, response_model=Iterable[Payment], messages=ASK)
    messages = calls.continue_with([f"{CARD} was charged"])
    await way.ask(GOOD, response_model=Iterable[Payment], messages=messages)

    assert CARD not in sent(way.toy)
    assert f"{HIDDEN} was charged" in sent(way.toy)


async def test_the_caller_keeps_everything(way: Way) -> None:
    messages = list(ASK)
    calls = await way.ask(BAD, GOOD, response_model=Iterable[Payment], messages=messages)

    assert messages == ASK
    assert calls.continue_with(["done"])[: len(ASK)] == ASK


def test_nothing_unredacted_is_rendered(make_client: MakeClient, make_async_client: MakeAsyncClient) -> None:
    for client in (make_client()[0], make_async_client()[0]):
        rendered = client.render(ASK, Iterable[Payment])

        assert CARD not in json.dumps(rendered.body)
        assert HIDDEN in json.dumps(rendered.body)
