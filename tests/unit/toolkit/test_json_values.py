"""JSON from the wire: bodies, members of a type, the arguments of calls."""

from __future__ import annotations

import contextlib
import json
from types import MappingProxyType
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from polycall._data.errors import ResponseError
from polycall._toolkit.json_values import (
    NotJsonError,
    arguments_object,
    arguments_text,
    dump_model,
    excerpt,
    is_too_deep,
    json_int,
    json_list,
    json_object,
    json_text,
    parse_json,
    parse_object,
    replayable_arguments,
    to_plain_data,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def deep(levels: int) -> dict[str, object]:
    """An object with that many levels."""
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


# Bodies


@given(JSON_VALUES)
def test_json_is_read_as_python_writes_it(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert parse_json(text) == value
    assert parse_json(json.dumps(value).encode()) == value


def test_whole_numbers_are_exact() -> None:
    assert parse_object('{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890}


@pytest.mark.parametrize("body", ['{"a": "\\ud800"}', b'{"a": "\\ud800"}', '{"a": "\ud800"}'])
def test_lone_surrogates_are_read(body: bytes | str) -> None:
    assert parse_object(body) == {"a": "\ud800"}


@pytest.mark.parametrize(
    "body", ["\ufeff{}", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), " \n{}\n"], ids=["text", "bytes", "utf-16", "blank"]
)
def test_byte_order_marks_and_blanks_do_not_matter(body: bytes | str) -> None:
    assert parse_object(body) == {}


def test_raw_control_characters_are_read() -> None:
    assert parse_object('{"a": "x\ny"}') == {"a": "x\ny"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "got an empty body."),
        (b" \n", "got an empty body."),
        (b"<!doctype html><p>Not here", "got HTML."),
        ("\ufeff\n <html>", "got HTML."),
        (b"Bad gateway", "got something that is not JSON ("),
        (b'{"a": 1', "got something that is not JSON ("),
        (b"[1]", "got a JSON array."),
        (b'"text"', "got a JSON string."),
        (b"null", "got null."),
        (b"1.5", "got a number."),
        (b"true", "got a boolean."),
        (b'{"a": "\xff"}', "got something that is not JSON ("),
        (b'{"a":' * 300, "(nested more than 200 levels deep)"),
        ('{"s": "\\ud800", "a":' + "[" * 300 + "]" * 300 + "}", "(nested more than 200 levels deep)"),
        ('{"s": "\\ud800", "a":' + "[" * 50_000 + "]" * 50_000 + "}", "(nested more than 200 levels deep)"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_another_body_is_a_response_error_that_says_why(body: bytes | str, problem: str) -> None:
    with pytest.raises(ResponseError) as caught:
        parse_object(body, source="the reply of https://api.example", hint="Check base_url.")

    message = str(caught.value)
    assert message.startswith("A JSON object was expected as the reply of https://api.example, got ")
    assert problem in message
    assert " Check base_url." in message
    assert caught.value.excerpt == excerpt(body)[:200]


def test_the_parser_s_error_is_the_cause() -> None:
    with pytest.raises(ResponseError) as caught:
        parse_object(b'{"a": 1')

    assert isinstance(caught.value.__cause__, NotJsonError)
    assert isinstance(caught.value.__cause__.__cause__, json.JSONDecodeError)


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_body_is_an_object_or_a_response_error(body: bytes | str) -> None:
    with contextlib.suppress(ResponseError):
        assert isinstance(parse_object(body), dict)


# Members


def test_members_of_their_type_or_none() -> None:
    value = {
        "text": "",
        "int": 3,
        "whole": 12.0,
        "part": 1.5,
        "flag": True,
        "object": {"a": 1},
        "list": [1],
        "null": None,
    }

    assert (json_text(value, "text"), json_text(value, "int"), json_text(value, "none")) == ("", None, None)
    assert (json_int(value, "int"), json_int(value, "whole")) == (3, 12)
    assert [json_int(value, name) for name in ("part", "flag", "text", "null", "none")] == [None] * 5
    assert json_int({"a": float("inf")}, "a") is json_int({"a": float("nan")}, "a") is None
    assert (json_object(value, "object"), json_object(value, "list"), json_object(value, "none")) == (
        {"a": 1},
        None,
        None,
    )
    assert (json_list(value, "list"), json_list(value, "text"), json_list(value, "object")) == ([1], None, None)


def test_members_of_any_mapping() -> None:
    assert json_object(MappingProxyType({"a": MappingProxyType({"b": 1})}), "a") == {"b": 1}


@pytest.mark.parametrize("value", [None, [], "text", 3, object()])
def test_what_is_not_a_mapping_has_no_members(value: object) -> None:
    assert [read(value, "a") for read in (json_text, json_int, json_object, json_list)] == [None] * 4


# The arguments of calls


def test_arguments_that_are_text_stay_byte_for_byte() -> None:
    for text in ("", ' {"a" : 1}\n', "{broken", "\ud800"):
        assert arguments_text(text) == text


def test_decoded_arguments_become_compact_text() -> None:
    assert arguments_text({"a": [1, 2.5, None], "é": {"b": "ü"}}) == '{"a":[1,2.5,null],"é":{"b":"ü"}}'
    assert arguments_text({"a": float("nan")}) == '{"a":NaN}'
    assert arguments_text({"a": 10**40}) == '{"a":1' + "0" * 40 + "}"
    assert arguments_text(MappingProxyType({"a": MappingProxyType({})})) == '{"a":{}}'
    assert arguments_text({"a": "\ud800é"}) == '{"a":"\ud800é"}'
    assert arguments_text({"a": b"\xff"}) == '{"a":"b\'\\\\xff\'"}'
    assert arguments_text(None) == "{}"


def test_arguments_within_themselves_are_a_value_error() -> None:
    circular: dict[str, object] = {"s": "\ud800"}
    circular["a"] = [circular]

    for arguments in (circular, deep(300), {"s": "\ud800", **deep(300)}):
        with pytest.raises(ValueError, match="cannot be written as JSON: nested more than 200 levels"):
            arguments_text(arguments)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_arguments_come_back_from_their_text(arguments: dict[str, object]) -> None:
    assert arguments_object(arguments_text(arguments)) == arguments
    assert arguments_object(arguments) is arguments


@pytest.mark.parametrize("arguments", [None, "", " \n", "null", " null "])
def test_no_arguments_are_an_empty_object(arguments: str | None) -> None:
    assert arguments_object(arguments) == {}
    assert replayable_arguments(arguments) == "{}"


@pytest.mark.parametrize("text", ["[1]", "1", '"{}"', "{broken", '{"a":' * 300, "nul"])
def test_text_that_is_not_an_object_is_none_and_kept_in_an_object_to_replay_it(text: str) -> None:
    assert arguments_object(text) is None
    assert json.loads(replayable_arguments(text)) == {"_invalid_arguments": text}


@pytest.mark.parametrize("text", ['{"a":NaN}', '{"a": "\n"}', '{"s":"\\ud800","a":Infinity}'])
def test_text_that_only_python_reads_is_not_replayed(text: str) -> None:
    assert arguments_object(text) is not None
    assert json.loads(replayable_arguments(text)) == {"_invalid_arguments": text}


@pytest.mark.parametrize("text", [' {"b" : 1,\n"a":1.0}', '{"a":"\\ud800"}', '{"a":"\ud800"}'])
def test_text_of_an_object_is_replayed_byte_for_byte(text: str) -> None:
    assert replayable_arguments(text) == text


@given(st.text())
def test_replayed_arguments_are_always_an_object(text: str) -> None:
    assert isinstance(json.loads(replayable_arguments(text)), dict)


def test_depth_counts_every_kind_of_container() -> None:
    assert not is_too_deep(deep(200))
    assert is_too_deep(deep(201))
    assert not is_too_deep([({"a": []},)], 4)
    assert is_too_deep([({"a": []},)], 3)
    assert not is_too_deep("text", 1)


def test_a_value_that_holds_itself_twice_is_found_at_once() -> None:
    circular: list[object] = []
    circular += [circular, [circular]]

    assert is_too_deep(circular)


# Objects of SDKs


class SdkModel(BaseModel):
    """Like the models of SDKs: ``parsed`` is the SDK's own and not part of the protocol."""

    __api_exclude__ = {"parsed"}

    name: str
    note: str | None = None
    parsed: object = None


def test_objects_of_sdks_inside_json_become_data() -> None:
    value = {"a": [SdkModel(name="x", parsed=object())], "b": MappingProxyType({"c": (1, {2})}), "d": b"raw"}

    assert to_plain_data(value) == {"a": [{"name": "x"}], "b": {"c": [1, [2]]}, "d": b"raw"}
    assert isinstance(value["b"], MappingProxyType)


@given(JSON_VALUES)
def test_plain_data_is_not_copied(value: object) -> None:
    assert to_plain_data(value) is value


@pytest.mark.parametrize("value", [object(), SdkModel, MagicMock(spec=[]), 3, None])
def test_what_is_not_a_model_has_no_data(value: object) -> None:
    assert dump_model(value) is None
