"""Messages to contents."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.genai import types

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


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "x"}], [{"role": "user", "content": ""}]])
def test_nothing_to_answer(messages: list[dict[str, object]]) -> None:
    """ "contents are required": langgenius/dify-official-plugins#2775."""
    with pytest.raises(MessageError, match="nothing for the model to answer"):
        to_contents(messages)
