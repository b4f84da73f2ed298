"""Messages to contents."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.genai import types
from pydantic import BaseModel

from polycall import MessageError
from polycall_vertex._protocol.contents import to_contents


def contents(*messages: Any) -> list[dict[str, object]]:
    return to_contents(messages).contents


def user(*parts: Any) -> dict[str, object]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> dict[str, object]:
    return {"role": "model", "parts": list(parts)}


def text(text: str) -> dict[str, str]:
    return {"text": text}


def openai_call(id_: str, name: str, arguments: object = "{}", **more: object) -> dict[str, object]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def response(name: str, output: str) -> dict[str, object]:
    return {"functionResponse": {"name": name, "response": {"output": output}}}


def test_roles_are_translated_and_neighbours_joined() -> None:
    """ "Please use a valid role: user, model"; neighbours are joined: langchainjs#10343."""
    made = to_contents(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": ""}]},
            {"role": "assistant", "content": "c"},
            {"role": "assistant", "content": "d"},
            {"role": "developer", "content": "and kind"},
            "e",
        ]
    )

    assert made.contents == [user(text("a"), text("b")), model(text("c"), text("d")), user(text("e"))]
    assert made.system == [text("be brief"), text("and kind")]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:text/plain,a%20b"}},
            {"inlineData": {"mimeType": "text/plain", "data": "YSBi"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "gs://bucket/cat.jpg"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://bucket/cat.jpg"}},
        ),
        (
            {"type": "image_url", "image_url": "https://example.com/cat.webp?size=1"},
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/cat.webp?size=1"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/cat", "mime_type": "image/png"}},
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/cat"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "mp3"}},
            {"inlineData": {"mimeType": "audio/mpeg", "data": "AAEC"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAEC"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAEC"}},
        ),
        ({"inlineData": {"mimeType": "image/png", "data": "AAEC"}},) * 2,
        (
            types.Part.from_uri(file_uri="gs://b/c", mime_type="image/png"),
            {"fileData": {"fileUri": "gs://b/c", "mimeType": "image/png"}},
        ),
    ],
)
def test_parts(part: object, expected: object) -> None:
    assert contents({"role": "user", "content": [part]}) == [user(expected)]


def test_earlier_calls_and_their_results_in_the_order_of_the_calls() -> None:
    """Ids stay behind: they are another provider's, and some models refuse them."""
    extra = {"google": {"thought_signature": "AAEC"}}
    made = contents(
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [openai_call("1", "f", '{"a": [1]}', extra_content=extra), openai_call("2", "g", "")],
        },
        {"role": "tool", "tool_call_id": "2", "content": "two"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "one"}]},
        {"role": "user", "content": "next"},
    )

    assert made == [
        user(text("go")),
        model(
            {"functionCall": {"name": "f", "args": {"a": [1]}}, "thoughtSignature": "AAEC"},
            {"functionCall": {"name": "g", "args": {}}},
        ),
        user(response("f", "one"), response("g", "two")),
        user(text("next")),
    ]


def test_a_result_may_hold_images() -> None:
    """``functionResponse.parts`` of both SDKs; dropped in silence before (hermes-agent#55426)."""
    result = [
        {"type": "text", "text": "here: "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}},
        {"type": "file", "file": {"file_data": "gs://b/c.pdf"}},
        {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
    ]
    [_, _, answer] = contents(
        "go",
        {"role": "assistant", "tool_calls": [openai_call("1", "f")]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    )

    assert answer == user(
        {
            "functionResponse": {
                "name": "f",
                "response": {"output": "here: "},
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
                    {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/c.pdf"}},
                    {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
                ],
            }
        }
    )


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.wav", "audio/wav"), ("a.webp", "image/webp"), ("a.flac", "audio/flac"), ("A.HEIC", "image/heic")],
)
def test_media_types_are_the_same_on_every_machine(name: str, media_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mimetypes`` reads the system's files: ``.wav`` became ``audio/x-wav``, others were refused on slim images."""
    monkeypatch.setattr("mimetypes.guess_type", lambda *_: (None, None))
    part = {"type": "file", "file": {"file_data": f"gs://b/{name}"}}

    assert contents({"role": "user", "content": [part]}) == [
        user({"fileData": {"mimeType": media_type, "fileUri": f"gs://b/{name}"}})
    ]


def own_turn(parts: Any, ids: Any = (), *, calls: Any = ()) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": "in words",
        "tool_calls": [openai_call(id_, name) for id_, name in calls],
        "provider_data": {"vertex": {"parts": parts, "ids": list(ids)}, "other": {"items": 1}},
    }


def test_the_turn_in_its_own_form_wins_over_the_words() -> None:
    call = {"functionCall": {"name": "default_api.f", "args": {}, "id": "v"}, "thoughtSignature": "AAEC"}
    made = contents(
        "go",
        own_turn([{"text": "hm", "thought": True}, call], ["x1"], calls=[("x1", "f"), ("x2", "")]),
        {"role": "tool", "tool_call_id": "x2", "content": "could not be read", "is_error": True},
        {"role": "tool", "tool_call_id": "x1", "content": "no", "is_error": True},
        {"role": "user", "content": "again"},
    )

    assert made[1] == model({"text": "hm", "thought": True}, call)
    assert made[2] == user({"functionResponse": {"name": "default_api.f", "response": {"error": "no"}, "id": "v"}})
    # A call without a part has no response: its result is told in words, with the note that follows.
    assert made[3:] == [user(text("could not be read"), text("again"))]


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ({"name": "f", "args": [1]}, {"_invalid_arguments": "[1]"}),
        ({"name": "f", "args": "x"}, {"_invalid_arguments": '"x"'}),
        ({"name": "f", "args": {"a": float("nan")}}, {"_invalid_arguments": '{"a":NaN}'}),
    ],
)
def test_arguments_that_the_service_would_not_take_back_are_replayed_as_an_object(
    call: dict[str, object], args: object
) -> None:
    """Servers parse the arguments in the history: vllm#43995, kimi-cli#2165."""
    assert contents("go", own_turn([{"functionCall": call}], ["1"], calls=[("1", "f")]))[1] == model(
        {"functionCall": {"name": "f", "args": args}}
    )


@pytest.mark.parametrize("data", [{}, {"parts": 3}, {"parts": ["x"]}])
def test_own_data_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises(MessageError, match=r"messages\[1\].provider_data.vertex"):
        contents("go", {"role": "assistant", "content": "x", "provider_data": {"vertex": data}})


def test_a_conversation_of_another_provider_is_told_in_the_services_names() -> None:
    turn = {
        "role": "assistant",
        "content": "words",
        "tool_calls": [openai_call("1", "get weather!", '{"a": 1}')],
        "provider_data": {"openai": {"items": []}},
    }
    made = contents("go", turn, {"role": "tool", "tool_call_id": "1", "content": "x"})

    name = made[1]["parts"][1]["functionCall"]["name"]  # type: ignore[index]
    assert name.startswith("get_weather_")
    assert made[2] == user(response(name, "x"))


def test_characters_that_no_request_can_carry() -> None:
    assert contents("a\ud800b", {"role": "user", "parts": [{"text": "\ud800"}]}) == [
        user(text("a\ufffdb")),
        user(text("\ufffd")),
    ]
    with pytest.raises(MessageError, match="NaN"):
        contents({"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": float("nan")}}}]})


def test_bytes_in_the_sdks_own_dicts_become_base64() -> None:
    assert contents({"role": "user", "parts": [{"inline_data": {"mime_type": "a/b", "data": b"\0\1\2"}}]}) == [
        user({"inline_data": {"mime_type": "a/b", "data": "AAEC"}})
    ]


def test_ids_that_repeat_belong_to_the_nearest_calls() -> None:
    made = contents(
        {"role": "assistant", "tool_calls": [openai_call("call_0", "f")]},
        {"role": "tool", "tool_call_id": "call_0", "content": "1"},
        {"role": "assistant", "tool_calls": [openai_call("call_0", "g")]},
        {"role": "tool", "tool_call_id": "call_0", "content": "2"},
    )

    assert [made[1], made[3]] == [user(response("f", "1")), user(response("g", "2"))]


def test_contents_in_vertex_own_form_stay_apart_and_as_they_are() -> None:
    own = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": 1}, "new": 2}}]}

    made = contents(own, {"role": "user", "parts": "words"}, {"role": "user", "content": "a"}, {"parts": ["b"]})

    assert made == [own, user(text("words")), user(text("a")), user(text("b"))]


def test_contents_of_both_sdks() -> None:
    """The signature survives (pydantic-ai, google model), and the underscore that proto-plus takes off names."""
    call = {"functionCall": {"name": "f", "args": {"a": None, "b": {"c_": 1}}}, "thoughtSignature": "AAEC"}
    genai = types.Content(
        role="model",
        parts=[
            types.Part(
                function_call=types.FunctionCall(name="f", args={"a": None, "b": {"c_": 1}}),
                thought_signature=b"\0\1\2",
            )
        ],
    )
    gapic = v1beta1.Content(
        role="model",
        parts=[
            v1beta1.Part(
                function_call=v1beta1.FunctionCall(name="f", args={"a": None, "b": {"c_": 1}}),
                thought_signature=b"\0\1\2",
            )
        ],
    )

    assert contents("go", genai, gapic) == [user(text("go")), model(call), model(call)]


def test_contents_of_the_older_sdks_wrappers() -> None:
    from vertexai.generative_models import Content, Part

    import support.vertex_wires  # noqa: F401  # imports the SDK, whose warnings about itself are not tested here

    assert contents(Content(role="user", parts=[Part.from_text("a")]), Part.from_text("b")) == [
        user(text("a")),
        user(text("b")),
    ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "narrator", "content": "x"}, "role 'narrator' is unknown"),
        ({"role": "user", "content": 3}, "got an int"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "type 'hologram' is not known"),
        ({"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}, "has no files with ids"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://a/b.png"}}]},
            "cannot read the URL",
        ),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "gs://a/b"}}]}, "mime_type"),
        (
            {"role": "tool", "tool_call_id": "9", "content": "x"},
            "no call in the preceding messages has the id '9'",
        ),
        ({"role": "assistant", "tool_calls": [openai_call("1", "f", 3)]}, "must be JSON text or an object"),
        (object(), "is not a message"),
        ({"role": 5, "parts": ["x"]}, "the role must be"),
        ({"role": "user", "parts": [None]}, "None is not a content part"),
    ],
)
def test_what_has_no_form_is_refused_with_its_place(message: Any, words: str) -> None:
    with pytest.raises(MessageError, match=rf"messages\[1\].*: .*{words}"):
        contents({"role": "user", "content": "hi"}, message)


@pytest.mark.parametrize("arguments", ["{", "[]", '{"a": NaN}'])
def test_arguments_that_are_not_an_object_go_back_as_one(arguments: str) -> None:
    """The service takes objects only, and a conversation may have begun elsewhere (vllm#43995, kimi-cli#2165)."""
    [_, turn] = contents("hi", {"role": "assistant", "tool_calls": [openai_call("1", "f", arguments)]})

    assert turn == model({"functionCall": {"name": "f", "args": {"_invalid_arguments": arguments}}})


@pytest.mark.parametrize("messages", [[{"role": "system", "content": "x"}], [{"role": "user", "content": ""}]])
def test_nothing_to_answer(messages: list[dict[str, object]]) -> None:
    """ "contents are required": langgenius/dify-official-plugins#2775."""
    with pytest.raises(MessageError, match="nothing for the model to answer"):
        to_contents(messages)


def test_no_message_at_all() -> None:
    with pytest.raises(
        MessageError, match=r"messages is empty; write messages=\[\{'role': 'user', 'content': ...\}\]\."
    ):
        to_contents([])


class Answer(BaseModel):
    text: str


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([Answer(text="x")], "messages[0]"),
        ([{"role": "user", "content": [Answer(text="x")]}], "messages[0].content[0]"),
    ],
)
def test_an_object_of_the_caller_s_own_is_not_a_content(messages: list[object], where: str) -> None:
    """Its ``text`` must not make it a part."""
    with pytest.raises(MessageError, match=re.escape(f"{where}: an Answer is not a ")):
        to_contents(messages)
