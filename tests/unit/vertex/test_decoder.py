"""Whatever way a reply is cut into chunks, the same calls come out, each as soon as it is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall import ResponseError
from polycall.plugin import CallCompleted, FinishReason, Reply, Request, ToolCall, Usage
from polycall_vertex._protocol.chunk import read_chunk
from polycall_vertex._protocol.decoder import ReplyDecoder
from polycall_vertex._protocol.tools import render_tools
from support.vertex_wires import call, candidate

TEXTS = st.builds(
    lambda text, thought: {"text": text, **({"thought": True} if thought else {})}, st.text(), st.booleans()
)
CALLS = st.builds(
    lambda name, arguments, more: call(name, arguments, **more),
    st.sampled_from(["Pick", "Ping", "unknown"]),
    st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.sampled_from([{}, {"thoughtSignature": "AAEC/w=="}, {"function": {"id": "x"}}, {"function": {"id": "y"}}]),
)


def decode(chunks: Sequence[Mapping[str, object]]) -> tuple[list[ToolCall], Reply]:
    """The calls reported on the way, and the reply."""
    request = Request(
        provider="vertex",
        model="m",
        messages=[],
        tools=(),
        tool_payload=render_tools((), "required", None, []),
        tool_choice="required",
        strict=None,
        options={},
        stream=True,
    )
    decoder = ReplyDecoder(request, from_doubles=False, build_raw=list)
    events = [event for chunk in chunks for event in decoder.take(read_chunk(dict(chunk)))]
    return [event.tool_call for event in events if isinstance(event, CallCompleted)], decoder.finish()


def echoed(reply: Reply) -> Any:
    """The parts of the model's turn that are sent back."""
    turn: Any = reply.turn
    return turn["provider_data"]["vertex"]["parts"]


@given(parts=st.lists(TEXTS | CALLS, max_size=8), data=st.data())
def test_any_split_over_chunks_gives_the_same_reply(parts: list[dict[str, Any]], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(parts)), max_size=4)))
    pieces = [parts[start:end] for start, end in zip([0, *cuts], [*cuts, len(parts)], strict=True)]
    chunks = [candidate(*piece) for piece in pieces]

    reported, reply = decode([*chunks, candidate(finishReason="STOP")])

    assert reported == list(reply.tool_calls)
    assert [(one.index, one.name, one.arguments) for one in reported] == [
        (index, part["functionCall"]["name"], part["functionCall"].get("args", {}))
        for index, part in enumerate(part for part in parts if "functionCall" in part)
    ]
    assert len({one.id for one in reported}) == len(reported)
    assert reply.text == ("".join(part["text"] for part in parts if "text" in part and "thought" not in part) or None)
    assert echoed(reply) == [part for part in parts if part.get("text") != ""]
    assert (reply.saw_end, reply.finish_reason) == (True, FinishReason.STOP)


def test_the_ids_of_the_service_are_kept_and_missing_ones_made_up() -> None:
    _, reply = decode(
        [
            candidate(
                call("a", function={"id": "call_1"}),
                call("b"),
                call("c", function={"id": "call_1"}),
                finishReason="STOP",
            )
        ]
    )

    first, *others = [one.id for one in reply.tool_calls]
    assert first == "call_1"
    assert all(one.startswith("call_") and one != first for one in others)
    assert len(set(others)) == 2


def test_only_the_first_candidate_is_read() -> None:
    """As ``function_calls`` of google-genai 2.34 does."""
    second = candidate(call("b"))["candidates"][0]

    _, reply = decode([{"candidates": [candidate(call("a"), finishReason="STOP")["candidates"][0], second]}])

    assert [one.name for one in reply.tool_calls] == ["a"]


def test_the_last_counts_are_the_counts() -> None:
    _, reply = decode(
        [
            candidate(call("a")) | {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}},
            candidate(finishReason="STOP")
            | {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9, "cachedContentTokenCount": 2}},
        ]
    )

    assert reply.usage == Usage(input_tokens=3, output_tokens=9, cached_input_tokens=2)


def streamed(name: str | None = None, *, more: bool = True, **function: Any) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return candidate({"functionCall": {**named, **function, **({"willContinue": True} if more else {})}})


def piece(path: str, value: str, more: bool = False) -> dict[str, Any]:
    return {"partialArgs": [{"jsonPath": path, "stringValue": value, **({"willContinue": True} if more else {})}]}


def test_the_next_call_closes_one_whose_arguments_are_closed() -> None:
    reported, reply = decode([streamed("a"), streamed(**piece("$.x", "1")), streamed("b", more=False)])

    assert [(one.name, one.arguments) for one in reported] == [("a", {"x": "1"}), ("b", {})]
    assert not reply.saw_end


def test_the_next_call_cuts_off_one_whose_string_is_open() -> None:
    reported, reply = decode(
        [
            streamed("a"),
            streamed(**piece("$.x", "1", more=True)),
            streamed("b", more=False),
            candidate(finishReason="STOP"),
        ]
    )

    assert [one.name for one in reported] == ["b"]
    assert [(one.name, one.arguments) for one in reply.cut_off] == [("a", {"x": "1"})]
    assert echoed(reply) == [{"functionCall": {"name": "b"}}]


def test_pieces_that_make_no_object_are_the_fault_of_their_call() -> None:
    reported, _ = decode(
        [
            streamed("a"),
            streamed(**piece("$.x", "1")),
            streamed(more=False, **piece("$.x", "2")),
            streamed("b", more=False),
        ]
    )

    assert [(one.name, one.problem) for one in reported] == [
        ("a", "the partial argument '$.x' was sent twice"),
        ("b", None),
    ]


def test_arguments_without_a_name_are_not_dropped() -> None:
    reported, _ = decode([candidate({"functionCall": {"args": {"a": 1}}})])

    assert [(one.name, one.arguments) for one in reported] == [("", {"a": 1})]


@pytest.mark.parametrize("chunks", [[], [{}], [{"usageMetadata": {}}], [{"candidates": []}]])
def test_a_reply_that_says_nothing_at_all_is_not_the_protocol(chunks: list[dict[str, object]]) -> None:
    with pytest.raises(ResponseError, match="neither a candidate nor"):
        decode(chunks)
