"""A call is out while the rest is still held back; leaving a stream closes its connection; streamed arguments."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import KINDS, MODEL, Wire, call, candidate, genai_client, happened


class Order(BaseModel):
    city: str
    count: int
    tags: list[str] = []
    note: str | None = None


class Pick(BaseModel):
    n: int


MESSAGES = [{"role": "user", "content": "hi"}]
FIRST = candidate(call("Pick", {"n": 1}))
LAST = candidate(call("Pick", {"n": 2}), finishReason="STOP")


def test_the_first_call_is_out_while_the_rest_is_held_back(wire: Wire) -> None:
    gate = threading.Event()
    wire.enqueue([FIRST, gate, LAST])

    with wire.client().stream(MESSAGES, list[Pick], model=wire.model) as stream:
        assert next(stream) == Pick(n=1)
        gate.set()
        assert list(stream) == [Pick(n=2)]


async def test_async_the_first_call_is_out_while_the_rest_is_held_back(async_wire: Wire) -> None:
    gate = threading.Event()
    async_wire.enqueue([FIRST, gate, LAST])

    async with async_wire.async_client().stream(MESSAGES, list[Pick], model=async_wire.model) as stream:
        assert await anext(stream) == Pick(n=1)
        gate.set()
        assert [one async for one in stream] == [Pick(n=2)]


@pytest.mark.parametrize("read", [0, 1])
def test_leaving_closes_the_connection(wire: Wire, read: int) -> None:
    reply = wire.reply([FIRST, threading.Event(), LAST])
    wire.enqueue(reply)

    with wire.client().stream(MESSAGES, list[Pick], model=wire.model) as stream:
        for _ in range(read):
            next(stream)

    assert reply.client_closed.wait(5)


@pytest.mark.parametrize("read", [0, 1])
async def test_async_leaving_closes_the_connection(async_wire: Wire, read: int) -> None:
    reply = async_wire.reply([*[FIRST] * 20, threading.Event(), LAST])
    async_wire.enqueue(reply)

    async with async_wire.async_client().stream(MESSAGES, list[Pick], model=async_wire.model) as stream:
        for _ in range(read):
            await anext(stream)

    assert await happened(reply.client_closed)


class Reading:
    """A thread that reads a stream.

    Attributes:
        first: The first call is out.
        ended: Reading has ended.
        errors: With which it has ended.
    """

    def __init__(self, wire: Wire) -> None:
        self.stream = wire.client().stream(MESSAGES, list[Pick], model=wire.model)
        self.first, self.ended = threading.Event(), threading.Event()
        self.errors: list[polycall.IncompleteOutputError] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for _ in self.stream:
                self.first.set()
        except polycall.IncompleteOutputError as error:
            self.errors.append(error)
        self.ended.set()


WAKES_ITS_READER = [
    *[("as made", kind) for kind in KINDS],
    *[("wrapped", kind) for kind in KINDS if kind != "genai"],
]


@pytest.mark.parametrize(("seen", "wire"), WAKES_ITS_READER, indirect=True)
def test_closing_from_another_thread_ends_the_wait_for_a_chunk(wire: Wire) -> None:
    """pydantic-ai#1524: the reader went on waiting, and the connection stayed open."""
    reply = wire.reply([FIRST, threading.Event(), LAST])
    wire.enqueue(reply)
    reading = Reading(wire)
    assert reading.first.wait(5)

    reading.stream.close()

    assert reading.ended.wait(5)
    assert list(reading.errors[0].calls) == [Pick(n=1)]
    assert reply.client_closed.wait(5)


@pytest.mark.parametrize(("seen", "wire"), [("wrapped", "genai")], indirect=True)
def test_the_sdks_own_generator_which_a_wrapper_needs_waits_for_its_next_chunk(wire: Wire) -> None:
    """It lets nobody at its connection: closing from another thread returns at once, and takes effect then."""
    gate = threading.Event()
    reply = wire.reply([FIRST, gate, *[FIRST] * 20, threading.Event(), LAST])
    wire.enqueue(reply)
    reading = Reading(wire)
    assert reading.first.wait(5)

    reading.stream.close()
    assert not reading.ended.wait(0.1)
    gate.set()

    assert reading.ended.wait(5)
    assert list(reading.errors[0].calls) == [Pick(n=1)]
    assert reply.client_closed.wait(5)


def test_a_stream_without_an_end_is_incomplete(wire: Wire) -> None:
    wire.enqueue([FIRST])

    with pytest.raises(polycall.IncompleteOutputError) as caught:
        wire.client().stream(MESSAGES, list[Pick], model=wire.model).collect()

    assert list(caught.value.calls) == [Pick(n=1)]


def test_several_calls_in_one_chunk_and_a_chunk_with_usage_alone(wire: Wire) -> None:
    """brainlid/langchain#620, su-kaka/gcli2api#406."""
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 2, "totalTokenCount": 14}
    wire.enqueue(
        [
            candidate({"text": "Two: "}, call("Pick", {"n": 1}), call("Pick", {"n": 2})),
            candidate(call("Pick", {"n": 3}), finishReason="STOP"),
            {"usageMetadata": counts},
        ]
    )

    calls = wire.client().stream(MESSAGES, list[Pick], model=wire.model).collect()

    assert (list(calls), calls.text) == ([Pick(n=1), Pick(n=2), Pick(n=3)], "Two: ")
    assert calls.usage == polycall.Usage(input_tokens=5, output_tokens=9, total_tokens=14, reasoning_tokens=2)
    assert isinstance(calls.raw_response, list)
    assert len(calls.raw_response) == 3


def piece(path: str, more: bool = False, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value, **({"willContinue": True} if more else {})}


def part(*pieces: dict[str, Any], more: bool = True, **function: Any) -> dict[str, Any]:
    """A part of a call whose arguments are streamed."""
    partial = {"partialArgs": list(pieces)} if pieces else {}
    return {"functionCall": {**function, **partial, **({"willContinue": True} if more else {})}}


STREAMED_ARGUMENTS = [
    candidate({**part(name="Order"), "thoughtSignature": "AAEC/+8="}),
    candidate(part(piece("$.city", True, stringValue="Bos"))),
    candidate(part(piece("$.city", True, stringValue="ton"), piece("$.count", numberValue=3))),
    candidate(part()),
    candidate(part(piece("$.city", stringValue=""), piece("$.tags[0]", stringValue="a"))),
    candidate(part(piece("$.tags[1]", stringValue="b"), piece("$.note", nullValue="NULL_VALUE"))),
    candidate(part(more=False)),
    candidate(call("Pick", {"n": 4}), finishReason="STOP"),
]


def test_streamed_arguments_are_joined(wire: Wire) -> None:
    """As recorded in vercel/ai (packages/google, fixtures): repeated paths, fillers, indices, an empty closing part."""
    gate = threading.Event()
    wire.enqueue([*STREAMED_ARGUMENTS[:7], gate, STREAMED_ARGUMENTS[7]])

    with wire.client().stream(
        MESSAGES,
        list[Order | Pick],
        tool_config={"function_calling_config": {"stream_function_call_arguments": True}},
        model=wire.model,
    ) as stream:
        assert next(stream) == Order(city="Boston", count=3, tags=["a", "b"])
        gate.set()
        assert list(stream) == [Pick(n=4)]

    [config] = [body["toolConfig"]["functionCallingConfig"] for body in in_rest_spelling(wire.bodies)]
    # Over REST the older SDK writes enums as numbers.
    assert config == {"mode": 2 if wire.kind == "model over REST" else "ANY", "streamFunctionCallArguments": True}


def test_streamed_arguments_are_echoed_as_one_call(wire: Wire) -> None:
    wrong = candidate(part(piece("$.count", stringValue="many")))
    wire.enqueue(
        [STREAMED_ARGUMENTS[0], wrong, candidate(part(more=False), finishReason="STOP")],
        [candidate(finishReason="STOP")],
    )

    with pytest.raises(polycall.InvalidCallsError):
        wire.client().stream(MESSAGES, list[Order], max_retries=1, model=wire.model).collect()

    assert in_rest_spelling(wire.bodies[1])["contents"][1]["parts"] == [
        {"functionCall": {"name": "Order", "args": {"count": "many"}}, "thoughtSignature": "AAEC/+8="}
    ]


def test_a_call_whose_closing_part_is_missing_is_closed_by_the_end(wire: Wire) -> None:
    """A recording in vercel/ai (packages/google, fixtures)."""
    wire.enqueue(
        [
            candidate(part(name="Pick")),
            candidate(part(piece("$.n", numberValue=5))),
            candidate({"text": ""}, finishReason="STOP"),
        ]
    )

    assert list(wire.client().stream(MESSAGES, list[Pick], model=wire.model)) == [Pick(n=5)]


@pytest.mark.parametrize("ending", [candidate(finishReason="MAX_TOKENS"), None])
def test_a_call_that_was_cut_off_is_no_call(wire: Wire, ending: dict[str, Any] | None) -> None:
    """Its arguments would validate: that is no sign that they are complete."""
    chunks = [FIRST, candidate(part(name="Pick")), candidate(part(piece("$.n", numberValue=5)))]
    wire.enqueue([*chunks, *([] if ending is None else [ending])])

    with pytest.raises(polycall.IncompleteOutputError) as caught:
        wire.client().stream(MESSAGES, list[Pick], model=wire.model).collect()

    assert list(caught.value.calls) == [Pick(n=1)]
    [cut] = caught.value.cut_off
    assert (cut.name, cut.arguments) == ("Pick", {"n": 5})


def test_deltas_tell_of_calls_and_text(rest: VertexRestServer) -> None:
    """Arguments are structures, not JSON text, so their pieces cannot be shown."""
    rest.enqueue([candidate({"text": "So"}), LAST])
    client = polycall.from_vertexai(genai_client(rest))

    with client.stream(MESSAGES, list[Pick], MODEL, deltas=True) as stream:
        seen = list(stream.events())

    assert [type(one).__name__ for one in seen] == ["TextDelta", "CallStarted", "CallReady"]
    assert getattr(seen[2], "value", None) == Pick(n=2)
