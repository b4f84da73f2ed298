"""Reading and checking messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import MappingProxyType
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from polycall._data.errors import MessageError
from polycall._toolkit.media import MediaPart
from polycall._toolkit.message_types import (
    AssistantMessage,
    EarlierCall,
    Message,
    NativeMessage,
    NativePart,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    name_of,
    refuse_native,
    text_of,
)
from polycall._toolkit.messages import check_messages, read_messages


def read(*messages: object) -> list[Message]:
    return read_messages(messages, provider="acme")


def check(*messages: object) -> list[dict[str, object]]:
    return check_messages(messages, provider="acme")


def text(text: str, *, refusal: bool = False) -> TextPart:
    return TextPart(text=text, refusal=refusal)


def call(id_: object, name: object, arguments: object = "{}", **more: object) -> dict[str, object]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def result(id_: object, content: object = "done", **more: object) -> dict[str, object]:
    return {"role": "tool", "tool_call_id": id_, "content": content, **more}


def calling(*calls: object, content: object = None) -> dict[str, object]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


class SdkObject(BaseModel):
    """Like the objects that SDKs return; the SDK adds ``parsed`` itself."""

    model_config = ConfigDict(extra="allow")
    __api_exclude__ = {"parsed"}

    role: str = "assistant"
    refusal: str | None = None


# Messages


def test_every_role_is_one_of_four_kinds() -> None:
    roles = ("system", "developer", "user", "assistant", "model")

    assert read("hi", *({"role": role, "content": role} for role in roles)) == [
        UserMessage(parts=(text("hi"),)),
        SystemMessage(parts=(text("system"),)),
        SystemMessage(parts=(text("developer"),)),
        UserMessage(parts=(text("user"),)),
        AssistantMessage(parts=(text("assistant"),)),
        AssistantMessage(parts=(text("model"),)),
    ]


def test_each_message_and_part_knows_its_place_and_its_original() -> None:
    original = {"role": "user", "content": [{"type": "text", "text": "b", "cache_control": {"type": "x"}}]}
    first, second = read({"role": "user", "content": "a"}, original)
    assert isinstance(first, UserMessage)
    assert isinstance(second, UserMessage)
    part = second.parts[0]
    assert isinstance(part, TextPart)

    assert (first.where, first.parts[0].where) == ("messages[0]", "messages[0].content")
    assert (second.where, part.where) == ("messages[1]", "messages[1].content[0]")
    assert (second.raw, part.raw["cache_control"]) == (original, {"type": "x"})


def test_empty_texts_are_left_out() -> None:
    """Several services refuse them."""
    assert (
        read("", {"role": "user", "content": []}, {"role": "user", "content": ["", {"type": "text", "text": ""}]})
        == [UserMessage(parts=())] * 3
    )


def test_parts_of_every_kind_of_text_and_of_media() -> None:
    content = [
        "a",
        {"type": "text", "text": "b"},
        {"type": "input_text", "text": "c"},
        {"type": "output_text", "text": "d"},
        {"type": "refusal", "refusal": "e"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}},
    ]

    assert (
        read({"role": "user", "content": content}, {"role": "user", "content": tuple(content)})
        == [
            UserMessage(
                parts=(
                    *map(text, "abcd"),
                    text("e", refusal=True),
                    MediaPart(kind="image", data="AAEC", media_type="image/png"),
                )
            )
        ]
        * 2
    )


def test_a_refusal_is_the_text_of_a_turn_without_content() -> None:
    turn = {"role": "assistant", "content": None, "refusal": "no"}

    assert read(turn, {**turn, "content": "yes"}) == [
        AssistantMessage(parts=(text("no", refusal=True),)),
        AssistantMessage(parts=(text("yes"),)),
    ]


def test_only_the_provider_s_own_data_is_seen() -> None:
    turn = {"role": "assistant", "content": "a", "provider_data": {"acme": {"id": 1}, "other": {"id": 2}}}

    assert [message.provider_data for message in read(turn) if isinstance(message, AssistantMessage)] == [{"id": 1}]
    assert read_messages([turn], provider="third") == [AssistantMessage(parts=(text("a"),))]


def test_objects_of_sdks_and_other_mappings_are_messages() -> None:
    sdk_object = SdkObject(role="assistant", tool_calls=[call("1", "f")], parsed=object())  # type: ignore[call-arg]
    mapping = MappingProxyType({"role": "user", "content": [MappingProxyType({"type": "text", "text": "a"})]})

    turn, user = read(sdk_object, mapping)

    assert turn == AssistantMessage(parts=(), calls=(EarlierCall(id="1", name="f", given_arguments="{}"),))
    assert isinstance(turn, AssistantMessage)
    assert turn.raw.keys() == {"role", "tool_calls"}
    assert user == UserMessage(parts=(text("a"),))


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"role": "user", "parts": []},
        {"content": "a"},
        {"type": "reasoning", "role": "assistant"},
        {},
        MagicMock(),
        SdkObject,
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else str(value),
)
def test_what_is_in_another_form_is_left_to_the_provider(value: object) -> None:
    assert read(value) == [NativeMessage(value=value)]
    with pytest.raises(MessageError, match=r"messages\[0\]: (an?|the class) .* is not a message"):
        check(value)


def test_parts_in_another_form_are_left_to_the_provider() -> None:
    own: dict[str, object] = {"inlineData": {}}
    object_, other = object(), SdkObject(role="x", type="thinking")  # type: ignore[call-arg]
    thinking = {"type": "thinking", "thinking": "hm"}
    content = [own, object_, other, thinking]

    assert read_messages([{"role": "user", "content": content}], provider="acme", native_parts=["thinking"]) == [
        UserMessage(parts=(NativePart(value=own), NativePart(value=object_), *read_parts(other, thinking)))
    ]


def read_parts(other: SdkObject, thinking: object) -> list[NativePart]:
    """A type that the provider named is handed on as data, also from an object."""
    return [NativePart(value=other.model_dump(exclude_unset=True)), NativePart(value=thinking)]


def test_what_is_refused_says_what_to_write() -> None:
    with pytest.raises(
        MessageError, match=r"^messages\[4\]: an object is not a message that acme reads; write \{'role'"
    ):
        refuse_native(NativeMessage(value=object(), where="messages[4]"), "acme")
    with pytest.raises(
        MessageError, match=r"^a: a dict with the keys 'b' is not a content part that acme reads; write"
    ):
        refuse_native(NativePart(value={"b": "private"}, where="a"), "acme")


# Calls and results


def test_calls_have_their_arguments_as_text_and_decoded() -> None:
    calls = [call("1", "f", ' {"a": [1]}'), call("2", "g", {"b": "é"}), call("3", "h", ""), call("4", "i", "{")]
    turn = read(calling(*calls))[0]
    assert isinstance(turn, AssistantMessage)

    assert [(one.id, one.name, one.arguments, one.arguments_text) for one in turn.calls] == [
        ("1", "f", {"a": [1]}, ' {"a": [1]}'),
        ("2", "g", {"b": "é"}, '{"b":"é"}'),
        ("3", "h", {}, ""),
        ("4", "i", None, "{"),
    ]
    assert [one.where for one in turn.calls][:2] == ["messages[0].tool_calls[0]", "messages[0].tool_calls[1]"]


def test_members_of_a_call_that_polycall_does_not_know_are_kept() -> None:
    extra = {"google": {"thought_signature": "AAEC"}}
    turn = read(calling(call("1", "f", extra_content=extra, index=0)))[0]
    assert isinstance(turn, AssistantMessage)

    assert turn.calls[0].extra == {"extra_content": extra}
    assert turn.calls[0].raw == call("1", "f", extra_content=extra, index=0)


def test_custom_and_legacy_calls() -> None:
    custom = {"id": "1", "type": "custom", "custom": {"name": "f", "input": "{}"}}
    legacy = {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}}

    first, second, answer = read(calling(custom), legacy, {"role": "function", "name": "g", "content": "x"})

    assert isinstance(first, AssistantMessage)
    assert first.calls == (EarlierCall(id="1", name="f", given_arguments="{}", kind="custom"),)
    assert (first.calls[0].arguments, first.calls[0].arguments_text) == (None, "{}")
    assert isinstance(second, AssistantMessage)
    assert second.calls == (EarlierCall(id=None, name="g", given_arguments="{}"),)
    assert isinstance(answer, ToolMessage)
    assert (answer.call_id, answer.call) == (None, second.calls[0])


def names(*messages: object) -> list[str | None]:
    """The names that the results found."""
    return [message.name for message in read(*messages) if isinstance(message, ToolMessage)]


def test_results_find_the_name_of_their_call() -> None:
    assert names(calling(call("1", "f"), call("2", "g")), result("2"), result("1")) == ["g", "f"]


def test_a_result_belongs_to_the_nearest_call_without_one() -> None:
    """Servers that count ids from 0 in each reply repeat them."""
    assert names(
        calling(call("0", "f")), result("0"), calling(call("0", "g")), result("0"), calling(call("0", "h")), result("0")
    ) == ["f", "g", "h"]
    assert names(calling(call("0", "f"), call("0", "g")), result("0"), result("0")) == ["f", "g"]
    assert names(calling(call("0", "f")), calling(call("0", "g")), result("0"), result("0")) == ["f", "g"]
    assert names(calling(call("0", "f")), "go on", calling(call("0", "g")), result("0"), result("0")) == ["g", "f"]


def test_a_second_result_of_a_call_has_its_name_but_not_the_call() -> None:
    _, first, second = read(calling(call("1", "f")), result("1"), result("1"))
    assert isinstance(first, ToolMessage)
    assert isinstance(second, ToolMessage)

    assert (first.name, second.name, second.call) == ("f", "f", None)
    assert first.call is not None


def test_a_result_without_an_id_is_matched_by_its_name() -> None:
    turn, *results = read(calling(call("1", "f"), call("2", "f")), result("1"), {"role": "tool", "name": "f"})
    assert isinstance(turn, AssistantMessage)

    assert [one.call for one in results if isinstance(one, ToolMessage)] == list(turn.calls)


def test_a_result_without_a_call_has_its_own_name_or_none() -> None:
    named, unnamed = read(result("9", name="f"), result("9"))
    assert isinstance(named, ToolMessage)
    assert isinstance(unnamed, ToolMessage)

    assert name_of(named) == "f"
    with pytest.raises(MessageError, match=r"messages\[1\]: no call in the preceding messages has the id '9'"):
        name_of(unnamed)


def test_a_result_says_whether_the_call_failed() -> None:
    assert [
        message.is_error
        for message in read(result("1", is_error=True), result("1", is_error=False), result("1"))
        if isinstance(message, ToolMessage)
    ] == [True, False, False]


@pytest.mark.parametrize("count", [3000])
def test_many_calls_with_one_id_are_matched_in_linear_time(count: int) -> None:
    turns = [calling(*(call("0", f"f{at}") for at in range(count))), *([result("0")] * count)]

    assert names(*turns) == [f"f{at}" for at in range(count)]


# Texts


def test_the_text_of_parts_is_joined() -> None:
    assert text_of([text("a"), text("b", refusal=True)]) == "ab"
    assert text_of([]) == ""


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "image_url", "image_url": "https://a.example/b"}, "not content parts of type 'image_url'"),
        ({"inlineData": {}}, "not a dict with the keys 'inlineData'"),
        (object(), "not an object"),
    ],
)
def test_a_reader_of_texts_refuses_everything_else(part: object, words: str) -> None:
    message = read({"role": "user", "content": ["a", part]})[0]
    assert isinstance(message, UserMessage)

    with pytest.raises(MessageError) as caught:
        text_of(message.parts, reader="this model")

    assert str(caught.value) == f"messages[0].content[1]: this model reads text only, {words}."


# Errors

CIRCULAR: dict[str, object] = {"type": "text", "text": "a"}
CIRCULAR["self"] = CIRCULAR

WRONG: list[tuple[object, str, str]] = [
    (None, "", "None is not a message; write {'role': 'user', 'content': ...}."),
    (7, "", "an int is not a message"),
    ([["role", "user"]], "", "a list is not a message"),
    ({"role": "narrator", "content": "x"}, "", "the role 'narrator' is unknown; use 'system', 'user'"),
    ({"role": None}, "", "the role must be a text, got None; use"),
    ({"role": ["user"]}, "", "the role must be a text, got a list; use"),
    ({"role": "user", "content": 3}, ".content", "must be a text or a list of parts, got an int."),
    ({"role": "user", "content": {"type": "text"}}, ".content", "got a dict with the keys 'type'."),
    ({"role": "user", "content": [None]}, ".content[0]", "None is not a content part; write {'type': 'text'"),
    ({"role": "user", "content": ["a", 3]}, ".content[1]", "an int is not a content part"),
    ({"role": "assistant", "tool_calls": 3}, ".tool_calls", "must be a list, got an int."),
    ({"role": "assistant", "tool_calls": call("1", "f")}, ".tool_calls", "must be a list, got a dict"),
    ({"role": "assistant", "tool_calls": [3]}, ".tool_calls[0]", "a call must hold 'function' with 'name' and"),
    (calling(call("1", None)), ".tool_calls[0]", "a call must hold 'function' with 'name'"),
    (calling({"id": "1", "function": "f"}), ".tool_calls[0]", "a call must hold 'function' with 'name'"),
    (calling(call(1, "f")), ".tool_calls[0]", "'id' must be a text, got an int."),
    (calling(call("1", "f", [1])), ".tool_calls[0]", "the arguments of the call of 'f' must be JSON text or an"),
    ({"role": "assistant", "function_call": 3}, ".function_call", "a call must hold 'function' with 'name'"),
    (result(["1"]), "", "'tool_call_id' must be a text, got a list."),
    ({"role": "tool", "content": "x"}, "", "the result of a call must hold 'tool_call_id', the id of the call."),
    ({"role": "user", "content": "a", "provider_data": 3}, ".provider_data", "must be an object with an object"),
    ({"role": "user", "content": "a", "provider_data": {"acme": []}}, ".provider_data", "as in {'acme': {...}}."),
    ({"role": "user", "content": [CIRCULAR]}, "", "nested too deeply, or within itself."),
]  # fmt: skip


@pytest.mark.parametrize("function", [read, check])
@pytest.mark.parametrize(
    ("message", "place", "problem"), WRONG, ids=[f"{place}:{problem}"[:50] for _, place, problem in WRONG]
)
def test_what_is_not_a_message_is_refused_with_its_place(
    function: Callable[..., object], message: object, place: str, problem: str
) -> None:
    with pytest.raises(MessageError) as caught:
        function({"role": "user", "content": "hi"}, message)

    assert str(caught.value).startswith(f"messages[1]{place}")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"type": "video"}, "a part of type 'video' is not known; known: audio_url, file, image_url, input_audio, "),
        ({"type": 7}, "'type' must be a text, got an int."),
        ({"type": "text"}, "a part of type 'text' must hold 'text', a text."),
        ({"type": "refusal", "text": "a"}, "a part of type 'refusal' must hold 'refusal', a text."),
        ({"type": "image_url"}, "a part of type 'image_url' must hold a URL"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused_with_its_place(part: object, problem: str) -> None:
    with pytest.raises(MessageError) as caught:
        read({"role": "user", "content": ["a", part]})

    assert str(caught.value).startswith(f"messages[0].content[1]: {problem}")


@pytest.mark.parametrize("messages", ["hi", b"hi", {"role": "user"}, None, 7])
@pytest.mark.parametrize("function", [read_messages, check_messages])
def test_messages_that_are_not_a_list(function: Callable[..., object], messages: object) -> None:
    with pytest.raises(MessageError, match=r"messages must be a list of messages, got .*; write messages=\[\{'role'"):
        function(messages, provider="acme")


KEYS = st.sampled_from(
    [
        "role",
        "content",
        "type",
        "text",
        "refusal",
        "tool_calls",
        "function",
        "function_call",
        "name",
        "arguments",
        "id",
        "tool_call_id",
        "image_url",
        "url",
        "file",
        "file_data",
        "input_audio",
        "data",
        "format",
        "custom",
        "parts",
        "provider_data",
        "acme",
        "is_error",
    ]
)
WORDS = st.sampled_from(
    [
        "system",
        "user",
        "assistant",
        "model",
        "tool",
        "function",
        "text",
        "image_url",
        "file",
        "input_audio",
        "refusal",
        "custom",
        "message",
        "data:",
        "data:,x",
        "https://a",
        "AAEC",
        "{}",
        "acme",
    ]
)
ANYTHING: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5) | st.binary(max_size=3)
    | st.builds(object) | st.builds(SdkObject),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner)
    | st.dictionaries(KEYS | st.integers(), inner, max_size=5)
    | st.dictionaries(KEYS, inner, max_size=3).map(lambda members: SdkObject.model_construct(None, **members)),
    max_leaves=15,
)  # fmt: skip
MESSAGES = st.lists(
    ANYTHING | st.fixed_dictionaries({"role": WORDS}, optional={"content": ANYTHING, "tool_calls": st.lists(ANYTHING)}),
    max_size=4,
)


@given(MESSAGES)
def test_whatever_is_in_the_list_it_is_read_or_a_message_error(messages: list[object]) -> None:
    with contextlib.suppress(MessageError):
        assert len(read_messages(messages, provider="acme")) == len(messages)


@given(MESSAGES)
def test_whatever_is_in_the_list_it_is_checked_or_a_message_error(messages: list[object]) -> None:
    with contextlib.suppress(MessageError):
        assert all(type(message) is dict for message in check_messages(messages, provider="acme"))


# Checking


def test_messages_as_they_should_be_are_not_copied() -> None:
    messages: list[object] = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "a kind of the server's own"}]},
        {**calling(call("1", "f")), "reasoning_content": "hm"},
        result("1"),
        {"role": "function", "name": "f", "content": None},
    ]

    checked = check(*messages)

    assert all(new is old for new, old in zip(checked, messages, strict=True))


def test_other_spellings_become_messages_of_the_protocol() -> None:
    sdk_object = SdkObject(role="assistant", tool_calls=[call("1", "f")], parsed=object())  # type: ignore[call-arg]

    assert check(
        "a", {"role": "model", "content": ["b"]}, sdk_object, MappingProxyType({"role": "user", "content": []})
    ) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
        {"role": "assistant", "tool_calls": [call("1", "f")]},
        {"role": "user", "content": []},
    ]


def test_polycall_s_own_keys_are_never_sent() -> None:
    data = {"acme": {"id": 1}, "other": {}}
    message = result("1", is_error=True, provider_data=data)

    assert check(message) == [result("1")]
    assert message["provider_data"] == data


def test_a_provider_restores_a_message_from_its_own_data() -> None:
    turn = {"role": "assistant", "content": "a", "provider_data": {"acme": {"reasoning": "hm"}, "other": {}}}
    messages = [turn, {"role": "user", "content": "b", "provider_data": {"other": {"x": 1}}}]

    checked = check_messages(messages, provider="acme", restore=lambda message, data: {**message, **data})

    assert checked == [
        {"role": "assistant", "content": "a", "reasoning": "hm"},
        {"role": "user", "content": "b"},
    ]
