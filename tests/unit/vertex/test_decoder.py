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


def decode(chunks: Sequence[Mapping[str, object]], messages: Sequence[object] = ()) -> tuple[list[ToolCall], Reply]:
    """The calls reported on the way, and the reply."""
    request = Request(
        provider="vertex",
        model="m",
        messages=list(messages),
        tools=(),
        tool_payload=render_tools((), "required", None, []),
        tool_choice="required",
        strict=None,
        options={},
        stream=True,
    )
    decoder = ReplyDecoder(request, from_doubles=False)
    events = [event for chunk in chunks for event in decoder.take(read_chunk(dict(chunk)))]
    return [event.tool_call for event in events if isinstance(event, CallCompleted)], decoder.finish(list)


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


def test_candidates_of_other_indexes_are_not_mixed_in() -> None:
    """ai-dial-adapter-vertexai#157: candidates of index 0, then 1, then 0."""

    def chunk(name: str, index: int, **more: Any) -> dict[str, Any]:
        return candidate(call(name), {"text": name}, index=index, **more)

    _, reply = decode([chunk("a", 0), chunk("b", 1, finishReason="STOP"), chunk("c", 0, finishReason="STOP")])

    assert ([one.name for one in reply.tool_calls], reply.text) == (["a", "c"], "ac")


@pytest.mark.parametrize("part", [{"text": ""}, {"thought": True}, {}, {"text": "", "thought": True}])
def test_parts_without_data_are_not_echoed_unless_they_carry_a_signature(part: dict[str, Any]) -> None:
    """The service sends them at the end of a stream and refuses them in the history: FLIT#69, vercel/ai#6589."""
    signed = {**part, "thoughtSignature": "AAEC"}

    _, reply = decode([candidate(call("a"), part), candidate(signed, finishReason="STOP")])

    assert echoed(reply) == [call("a"), signed]


def test_thoughts_are_reasoning_and_the_reply_says_who_answered() -> None:
    _, reply = decode(
        [
            candidate({"text": "h", "thought": True}) | {"responseId": "r-1", "modelVersion": "gemini-x"},
            candidate({"text": "m", "thought": True}, {"text": "yes"}, finishReason="STOP"),
        ]
    )

    assert (reply.reasoning, reply.text, reply.response_id, reply.model) == ("hm", "yes", "r-1", "gemini-x")
    assert isinstance(reply.turn, dict)
    assert (reply.turn["content"], reply.turn["reasoning_content"]) == ("yes", "hm")


def test_ids_of_the_conversation_are_not_given_again() -> None:
    earlier = [{"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "a", "arguments": "{}"}}]}]

    _, reply = decode([candidate(call("a", function={"id": "call_1"}), finishReason="STOP")], earlier)

    [made] = reply.tool_calls
    assert made.id != "call_1"
    assert isinstance(reply.turn, dict)
    assert reply.turn["provider_data"] == {
        "vertex": {"parts": [call("a", function={"id": "call_1"})], "ids": [made.id]}
    }


def test_ids_first_and_then_calls_without_ids_are_linear() -> None:
    parts = [call("a", function={"id": f"call_{n}"}) for n in range(4000)] + [call("a")] * 4000

    _, reply = decode([candidate(*parts, finishReason="STOP")])

    assert len({one.id for one in reply.tool_calls}) == 8000


@pytest.mark.parametrize("reason", ["LANGUAGE", "TOO_MANY_TOOL_CALLS", "SOMETHING_NEW"])
def test_a_reply_without_calls_that_the_service_stopped_says_why(reason: str) -> None:
    _, reply = decode([{"candidates": [{"finishReason": reason, "finishMessage": "because"}]}])

    assert reply.stopped == f"the reply was stopped ({reason}): because"
    assert reply.refusal is None
    assert not reply.saw_end


def test_an_empty_function_call_does_not_lose_its_place() -> None:
    _, reply = decode([candidate(call("a"), {"functionCall": {}}, call("b"), finishReason="STOP")])

    assert [one.name for one in reply.tool_calls] == ["a", "", "b"]


@pytest.mark.parametrize("value", [{"stringValue": 3}, {"numberValue": "3"}, {"numberValue": True}, {"boolValue": 1}])
def test_streamed_values_of_another_type_are_not_the_protocol(value: dict[str, Any]) -> None:
    with pytest.raises(ResponseError, match=next(iter(value))):
        decode([streamed("a", partialArgs=[{"jsonPath": "$.x", **value}])])


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


@pytest.mark.parametrize("index", ["x", True, [None], 1.5])
def test_a_candidate_whose_index_is_not_a_number_is_not_passed_over(index: object) -> None:
    """Our random servers, seed 109: its calls were lost."""
    reply = candidate({"functionCall": {"name": "a", "args": {}}})
    reply["candidates"][0]["index"] = index

    with pytest.raises(ResponseError, match="'index' in the reply is a"):
        decode([reply])


@pytest.mark.parametrize(
    ("written", "name"),
    [("stop", "STOP"), ("FinishReason.STOP", "STOP"), (1, "STOP"), (2, "MAX_TOKENS"), (3, "SAFETY"), (99, "99")],
)
def test_a_gateway_may_write_the_finish_reason_in_another_way(written: object, name: str) -> None:
    """In lower case: higress-group/higress#2408."""
    _, reply = decode([candidate(call("a"), finishReason=written)])

    assert reply.raw_finish_reason == name
    assert reply.saw_end is (name != "99")


def test_a_gateway_may_write_the_names_of_the_python_sdk() -> None:
    message = {"content": {"parts": [{"function_call": {"name": "a", "args": {"x": 1}}}]}, "finish_reason": "STOP"}

    reported, reply = decode([{"candidates": [message]}])

    assert [(one.name, one.arguments) for one in reported] == [("a", {"x": 1})]
    assert echoed(reply) == [{"functionCall": {"name": "a", "args": {"x": 1}}}]


TEXT = {"jsonPath": "$.x", "stringValue": "v"}
BEGUN: dict[str, Any] = {"name": "a", "willContinue": True}


@pytest.mark.parametrize(
    "pieces",
    [
        [{**BEGUN, "partialArgs": [{**TEXT, "willContinue": True}]}, {**BEGUN, "partialArgs": [{"jsonPath": "$.x"}]}],
        [BEGUN, {"partialArgs": [TEXT], "willContinue": True}, {"name": "a"}],
        [BEGUN, {"partialArgs": [TEXT], "willContinue": True}, {"name": "a", "args": {"x": "v"}}],
        [BEGUN, {"partialArgs": [TEXT], "willContinue": True}, {"partialArgs": [TEXT]}],
    ],
    ids=["name on each part", "name on the closing part", "all arguments on the closing part", "a value twice"],
)
def test_a_streamed_call_that_repeats_itself_is_one(pieces: list[dict[str, Any]]) -> None:
    """As llama.cpp#13774 and litellm#20480 for Chat Completions."""
    reported, reply = decode([candidate({"functionCall": one}) for one in pieces] + [candidate(finishReason="STOP")])

    assert [(one.name, one.arguments, one.problem) for one in reply.tool_calls] == [("a", {"x": "v"}, None)]
    assert len(reported) <= 1


def test_two_streamed_calls_of_one_tool_are_two() -> None:
    """vertesia/llumiverse#663."""
    pieces = [BEGUN, {"partialArgs": [TEXT], "willContinue": True}]
    other = {"jsonPath": "$.x", "stringValue": "w"}

    _, reply = decode(
        [candidate({"functionCall": one}) for one in pieces]
        + [candidate({"functionCall": {**BEGUN, "partialArgs": [other]}}), candidate(finishReason="STOP")]
    )

    assert [one.arguments for one in reply.tool_calls] == [{"x": "v"}, {"x": "w"}]
