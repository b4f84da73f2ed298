"""Continuing a conversation in polycall's own form."""

from __future__ import annotations

from polycall._data.contract import CallResult
from polycall._data.types import ToolCall
from polycall._toolkit.conversation import assistant_turn, continue_conversation
from polycall._toolkit.message_types import AssistantMessage, EarlierCall, TextPart, ToolMessage, UserMessage
from polycall._toolkit.messages import read_messages

CALLS = (ToolCall("1", "f", ' {"a": 1}'), ToolCall("2", "g", {"b": "é"}, 1))
RESULTS = (CallResult(CALLS[0], "done"), CallResult(CALLS[1], "it failed", is_error=True))
TURN = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": ' {"a": 1}'}},
        {"id": "2", "type": "function", "function": {"name": "g", "arguments": '{"b":"é"}'}},
    ],
}


def test_the_turn_its_results_and_a_note_are_appended() -> None:
    messages = [{"role": "user", "content": "go"}]

    continued = continue_conversation(messages, [TURN], RESULTS, "Again.")

    assert continued == [
        {"role": "user", "content": "go"},
        TURN,
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        {"role": "tool", "tool_call_id": "2", "content": "it failed", "is_error": True},
        {"role": "user", "content": "Again."},
    ]
    assert continued[0] is messages[0]
    assert len(messages) == 1
    assert continue_conversation(messages, [TURN], (), None) == [*messages, TURN]


def test_what_is_appended_can_be_sent() -> None:
    given = {"role": "user", "content": "\ud800"}
    call = ToolCall("\ud800", "f", '{"a":"\ud800"}')

    continued = continue_conversation(
        [given], [assistant_turn("\ud800", [call])], [CallResult(call, "\ud800")], "\ud800"
    )

    assert continued[0] is given
    assert "\ud800" not in str(continued[1:])
    "".join(map(str, continued[1:])).encode()


def test_the_turn_is_an_assistant_s_message_with_the_calls_as_text() -> None:
    assert assistant_turn(None, CALLS) == assistant_turn("", CALLS) == TURN
    assert assistant_turn("a", ()) == {"role": "assistant", "content": "a"}
    assert assistant_turn(None, ()) == {"role": "assistant", "content": ""}
    assert assistant_turn("a", CALLS, reasoning="hm", provider="acme", data={"id": 1}) == {
        **TURN,
        "content": "a",
        "reasoning_content": "hm",
        "provider_data": {"acme": {"id": 1}},
    }


def test_arguments_that_cannot_be_written_do_not_break_the_conversation() -> None:
    circular: dict[str, object] = {}
    circular["a"] = circular

    turn = assistant_turn(None, [ToolCall("1", "f", circular)])

    assert "_invalid_arguments" in str(turn)


def test_every_provider_reads_the_continued_conversation() -> None:
    turn = assistant_turn("a", CALLS, provider="acme", data={"id": 1})
    first = EarlierCall(id="1", name="f", given_arguments=' {"a": 1}')
    second = EarlierCall(id="2", name="g", given_arguments='{"b":"é"}')

    for provider, data in (("acme", {"id": 1}), ("other", None)):
        assert read_messages(continue_conversation([], [turn], RESULTS, "Again."), provider=provider) == [
            AssistantMessage(parts=(TextPart(text="a"),), calls=(first, second), provider_data=data),
            ToolMessage(call_id="1", name="f", parts=(TextPart(text="done"),), call=first),
            ToolMessage(call_id="2", name="g", parts=(TextPart(text="it failed"),), is_error=True, call=second),
            UserMessage(parts=(TextPart(text="Again."),)),
        ]
