"""What a service takes."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycall._data.errors import ConfigurationError, MessageError
from polycall._toolkit.sendable import sendable, sendable_headers, sendable_key, sendable_name, without_surrogates

# Lone surrogates too, which st.text() leaves out.
TEXTS = st.text(st.characters(codec=None) | st.characters(categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


# JSON


@given(VALUES)
def test_any_json_can_be_written_as_utf_8(value: object) -> None:
    json.dumps(sendable(value), ensure_ascii=False).encode()


@given(st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists, max_leaves=8))
def test_what_is_sendable_is_not_copied(value: object) -> None:
    assert sendable(value) is value


def test_a_copy_is_made_only_of_what_changes() -> None:
    same = {"b": ["é"]}
    value = {"a": ["x\ud800", same], "c": ("\udfff",), "\ud800": 1}

    assert sendable(value) == {"a": ["x\ufffd", same], "c": ["\ufffd"], "\ufffd": 1}
    assert sendable(value)["a"][1] is same  # type: ignore[index]
    assert value == {"a": ["x\ud800", same], "c": ("\udfff",), "\ud800": 1}


def test_surrogates_that_belong_together_are_one_character() -> None:
    assert sendable("\ud83d\ude00\ud83d") == "😀\ufffd"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_refused_with_their_path(number: float) -> None:
    with pytest.raises(
        MessageError, match=r"^messages\[1\]\.content\[0\]\.x: NaN and infinity are not JSON; send a text"
    ):
        sendable([{}, {"a": {}, "content": [{"x": number}]}])
    with pytest.raises(MessageError, match=r"^result: NaN"):
        sendable(number, where="result")
    assert without_surrogates([number, "\ud800"])[0] is number  # type: ignore[index]


def test_a_value_within_itself_is_a_message_error() -> None:
    circular: list[object] = []
    circular.append(circular)

    for function in (sendable, without_surrogates):
        with pytest.raises(MessageError, match="nested too deeply, or within itself"):
            function(circular)


# Names of tools


@given(TEXTS, st.integers(16, 128))
def test_every_name_becomes_one_that_the_service_takes(name: str, max_length: int) -> None:
    sent = sendable_name(name, max_length=max_length)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", sent)
    assert len(sent) <= max_length
    assert sendable_name(sent, max_length=max_length) == sent


def test_a_name_that_fits_is_the_same() -> None:
    assert sendable_name("get-weather_2") == "get-weather_2"
    assert sendable_name("a.b", pattern=re.compile(r"[a-z.]+")) == "a.b"


def test_other_names_stay_readable_and_different() -> None:
    names = ["get weather!", "get weather?", "get_weather", "", "!", "x" * 80, "x" * 81, "7up!", "été"]
    sent = [sendable_name(name) for name in names]

    assert len({*sent}) == len(names)
    assert sent[0].startswith("get_weather_")
    assert sent[3].startswith("unknown_")
    assert (sent[5][:55], len(sent[5])) == ("x" * 55, 64)
    assert sent[7].startswith("tool_7up_")
    assert all(re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", sendable_name(name, pattern="x")) for name in names)


# Headers and keys


def test_headers_are_texts() -> None:
    assert sendable_headers({"X-A": " b\t", b"X-C": b"d", "x-e": "é"}) == {"X-A": "b", "X-C": "d", "x-e": "é"}


@pytest.mark.parametrize(
    ("headers", "problem", "key"),
    [
        ({"X-Key": "secret\n"}, "extra_headers: the value of 'X-Key' has a line break", "extra_headers.X-Key"),
        ({"X-Key": "secret\x00"}, "the value of 'X-Key' has a line break or another control", "extra_headers.X-Key"),
        ({"X-Key": "secret\u200b"}, "the value of 'X-Key' has a character in it", "extra_headers.X-Key"),
        ({"X-Key": ["secret"]}, "the value of 'X-Key' must be text, got list.", "extra_headers.X-Key"),
        ({"X-Key": None}, "the value of 'X-Key' must be text, got NoneType.", "extra_headers.X-Key"),
        ({"X Key": "secret"}, "'X Key' is not the name of a header.", "extra_headers"),
        ({"": "secret"}, "'' is not the name of a header.", "extra_headers"),
        ({7: "secret"}, "int is not the name of a header.", "extra_headers"),
        (["secret"], "extra_headers must be a dict of texts, got list.", "extra_headers"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named_without_its_value(headers: object, problem: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sendable_headers(headers)

    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.key == key


def test_an_http_library_may_take_less() -> None:
    with pytest.raises(ConfigurationError, match="headers: the value of 'x' has a character in it"):
        sendable_headers({"x": "é"}, key="headers", encoding="ascii")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "api_key is empty."),
        ("sk-secret\n", "api_key has a line break or another control character in it (position 10); remove it."),
        ("sk-secret ", "api_key begins or ends with a blank; remove it."),
        ("sk-secret\u200b", "api_key has a line break or another control character in it (position 10); remove it."),
        (
            "sk-sécret",
            "api_key has a character that no header can carry, because it is not ASCII (position 5); remove it.",
        ),
        ('"sk-secret"', "api_key has quotes around it; remove them."),
        ("Bearer sk-secret", "api_key begins with the word for a header; write the key alone."),
        ("OPENAI_API_KEY=sk-secret", "api_key begins with the name of a variable and '='; write the key alone."),
        ("sk-sec ret", "api_key has a blank in it (position 7); remove it."),
        *(
            (placeholder, "api_key is a placeholder; put the key itself in its place.")
            for placeholder in ("sk-...", "sk-…", "<your key>", "YOUR_API_KEY", "$OPENAI_API_KEY", "${KEY}")
        ),
    ],
)
def test_a_key_that_cannot_be_sent_is_named_without_its_value(key: str, problem: str) -> None:
    for good in (
        "sk-secret",
        "none",
        "EMPTY",
        "sk-no-key-required",
        "sk-xxxx",
        "AIzaSyD-1234_5678",
        "eyJhbGciOi.J9.eyJzdWI-==",
    ):
        assert sendable_key(good, "api_key") == good
    with pytest.raises(ConfigurationError) as caught:
        sendable_key(key, "api_key")

    assert (str(caught.value), caught.value.key) == (problem, "api_key")
