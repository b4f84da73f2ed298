"""Replies that an SDK has parsed: what its parser raises, how large its objects are."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from polycall import ConfigurationError, IncompleteOutputError, OutputError, RefusalError, ResponseError
from polycall._toolkit.reading import parser_errors, reading_reply, size_of

# Errors


class Reply(BaseModel):
    text: str


def parse_wrongly(kind: str) -> object:
    match kind:
        case "pydantic":
            return Reply.model_validate({"text": 7})
        case "json":
            return json.loads("<html>busy</html>")
        case "unicode":
            return b"\xff".decode()
        case "missing":
            return json.loads("{}")["candidates"]
        case "index":
            return [][0]
        case "attribute":
            return None.candidates  # type: ignore[attr-defined]
        case _:
            return None + 1  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["pydantic", "json", "unicode", "missing", "index", "attribute", "type"])
def test_what_a_parser_raises_is_a_response_error(kind: str) -> None:
    with (
        pytest.raises(ResponseError, match="could not read the reply of Acme") as raised,
        reading_reply("the reply of Acme"),
    ):
        parse_wrongly(kind)

    cause = raised.value.__cause__
    assert cause is not None
    assert type(cause).__name__ in str(raised.value)


def test_a_reply_nested_too_deeply_is_a_response_error() -> None:
    with pytest.raises(ResponseError) as raised, reading_reply():
        json.loads("[" * 100_000)

    assert isinstance(raised.value.__cause__, RecursionError)


@pytest.mark.parametrize(
    ("body", "shown"), [("<html>busy</html>", "<html>busy</html>"), (b"\xff<html>", "\ufffd<html>")]
)
def test_the_excerpt_is_the_text_that_was_refused(body: str | bytes, shown: str) -> None:
    with pytest.raises(ResponseError) as raised, reading_reply():
        json.loads(body if isinstance(body, str) else body.decode())

    assert raised.value.excerpt == shown


@pytest.mark.parametrize(
    "error",
    [
        IncompleteOutputError("too large"),
        RefusalError("no"),
        ConfigurationError("a ValueError, too"),
        ConnectionResetError("connection"),
        TimeoutError("slow"),
        KeyboardInterrupt(),
        StopIteration(),
        ZeroDivisionError(),
    ],
)
def test_everything_else_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, reading_reply():
        raise error

    assert raised.value is error


class AcmeError(Exception):
    pass


class AcmeCredentialsError(AcmeError, ValueError):
    pass


def test_what_the_sdk_documents_passes() -> None:
    with pytest.raises(AcmeCredentialsError), reading_reply("the reply", never=(AcmeError,)):
        raise AcmeCredentialsError


def test_a_parser_may_raise_other_exceptions() -> None:
    with pytest.raises(ResponseError), reading_reply("the reply", AcmeError):
        raise AcmeError
    with pytest.raises(KeyError), reading_reply("the reply", AcmeError):
        raise KeyError


def test_nothing_happens_without_an_error() -> None:
    with reading_reply():
        value = 7

    assert value == 7


def test_a_translation_for_streams() -> None:
    translate = parser_errors("the stream", never=(AcmeError,))

    translated = translate(KeyError("candidates"))
    assert isinstance(translated, ResponseError)
    assert "the stream" in str(translated)
    assert translate(AcmeCredentialsError()) is None
    assert translate(OutputError("x")) is None


# Sizes

texts = st.text(st.characters(codec="utf-8"), max_size=50)
values = st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values)
def test_the_size_of_data_is_that_of_its_texts(value: object) -> None:
    def size(one: object) -> int:
        if isinstance(one, dict):
            return sum(size(key) + size(part) for key, part in one.items())
        return sum(map(size, one)) if isinstance(one, list) else len(str(one).encode())

    assert size_of(value) <= size(value)  # containers that are the same object count once
    assert size_of(json.loads(json.dumps(value))) == size(value)


class Delta(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str
    parts: list[Delta] = []


@dataclass
class Plain:
    text: str
    _client: object = None


@dataclass(slots=True)
class Slotted:
    text: str


class ProtobufMessage:
    def __init__(self, size: int) -> None:
        self._size = size

    def ByteSize(self) -> int:  # noqa: N802
        return self._size


class ProtoPlus:
    def __init__(self, size: int) -> None:
        self._pb = ProtobufMessage(size)


BIG = "x" * 10_000


@pytest.mark.parametrize(
    "value",
    [
        BIG,
        BIG.encode(),
        bytearray(BIG, "ascii"),
        "ü" * 5000,
        [BIG],
        (BIG,),
        {BIG},
        {"text": BIG},
        {BIG: 1},
        MappingProxyType({"text": BIG}),
        Delta(text=BIG),
        Delta(text="", parts=[Delta(text=BIG)]),
        Delta(text="", unknown=BIG),  # type: ignore[call-arg]
        Plain(BIG),
        Slotted(BIG),
        ProtobufMessage(10_000),
        ProtoPlus(10_000),
        [ProtoPlus(5000), ProtoPlus(5000)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_reply_holds_counts(value: object) -> None:
    assert 10_000 <= size_of(value) <= 10_200


def test_small_values_count_a_little() -> None:
    assert all(0 < size_of(value) < 100 for value in (None, 7, 1.5, True, object(), int, json, len))


def test_what_an_object_keeps_private_is_not_a_part_of_the_reply() -> None:
    assert size_of(Plain("", _client=BIG)) < 100


def test_cycles_and_repetitions_count_once() -> None:
    loop: list[object] = [BIG]
    loop.append(loop)
    twice = [BIG, BIG]

    assert size_of(loop) == 10_000
    assert size_of([twice, twice]) == 20_000


def test_temporary_objects_of_a_mapping_all_count() -> None:
    class Fresh(dict[str, object]):
        def values(self):  # type: ignore[no-untyped-def]
            return ([text] for text in super().values())

    assert size_of(Fresh({str(number): "x" * 100 for number in range(10)})) == 1010


def test_deep_values_do_not_fail_and_the_cost_is_linear() -> None:
    def cost(depth: int) -> float:
        value: object = "x"
        for _ in range(depth):
            value = [value, "text"]
        begun = time.process_time()
        assert size_of(value) == 4 * depth + 1
        return time.process_time() - begun

    cost(1000)
    small, large = (min(cost(depth) for _ in range(3)) for depth in (5000, 40_000))

    assert large < 40 * small  # 64 times if it were quadratic
