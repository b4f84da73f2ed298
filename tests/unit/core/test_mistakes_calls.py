"""Mistakes around a call and its result, each with the whole message: what happened, where, and the next step."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import enum
import functools
import inspect
import pickle
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Optional, Protocol, TypeVar, Union

import pydantic.v1
import pytest
from pydantic import BaseModel, RootModel, TypeAdapter

import polycall
from polycall import Calls, Tool
from polycall.plugin import hookimpl
from support.toy_provider import ToyClient, call, reply

ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo?"}]


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome", id="a"), call("Weather", location="Oslo", id="b")
TWO = reply(SAY_ROME, SAY_OSLO)

MakeClient = Callable[..., tuple[polycall.Client, ToyClient]]


def message(error: type[BaseException], action: Callable[[], object]) -> str:
    """The whole message of the error that an action raises."""
    with pytest.raises(error) as raised:
        action()
    assert type(raised.value) is error
    return str(raised.value)


async def message_async(error: type[BaseException], action: Callable[[], Any]) -> str:
    with pytest.raises(error) as raised:
        await action()
    assert type(raised.value) is error
    return str(raised.value)


# -- response_model ---------------------------------------------------------------------------------------------------

FORMS = "Iterable[Model], Iterable[ModelA | ModelB] or list[...], each a pydantic model, a dataclass or a TypedDict"
T = TypeVar("T")


class Direction(enum.Enum):
    NORTH = "north"


class Sized(Protocol):
    size: int


class Point(NamedTuple):
    x: int


class Numbers(RootModel[list[int]]):
    pass


class Old(pydantic.v1.BaseModel):
    location: str


class Plain:
    location: str


@dataclasses.dataclass
class Move:
    start: str


def get_weather(location: str, days: int = 1) -> str:
    return f"{location} {days}"


IN_A_LIST = "A tool that exists only as JSON Schema is polycall.Tool(name, description, schema)."
AS_A_CLASS = "Make a class with its parameters as fields: class get_weather(BaseModel): location: str; days: int."
ONE_MODEL = "Write response_model=Iterable[Weather]."
BOTH = "Write response_model=Iterable[Weather | Search]."
NO_CALL = "Write response_model=Iterable[Weather], and tool_choice='auto' if the model may make no call."
NO_QUOTES = "A name in quotes cannot be resolved here: write it without quotes."

WRONG_FORMS: list[tuple[object, str, str]] = [
    (Weather, "Weather", ONE_MODEL),
    (Move, "Move", "Write response_model=Iterable[Move]."),
    (Weather | Search, "Weather | Search", BOTH),
    (Union[Weather, Search], "Weather | Search", BOTH),  # noqa: UP007
    (Optional[Weather], "Weather | None", NO_CALL),  # noqa: UP045
    (Weather | None, "Weather | None", NO_CALL),
    (tuple[Weather, ...], "tuple[Weather, ...]", ONE_MODEL),
    (set[Weather], "set[Weather]", ONE_MODEL),
    (Sequence[Weather], "Sequence[Weather]", ONE_MODEL),
    (Iterator[Weather], "Iterator[Weather]", ONE_MODEL),
    (AsyncIterator[Weather | Search], "AsyncIterator[Weather | Search]", BOTH),
    (Generator[Weather, None, None], "Generator[Weather, None, None]", ONE_MODEL),
    (dict[str, Weather], "dict[str, Weather]", ONE_MODEL),
    (type[Weather], "type[Weather]", ONE_MODEL),
    (Annotated[Weather, "a mark"], "Weather", ONE_MODEL),
    (Tool("search"), "polycall.Tool('search')", "Write response_model=[polycall.Tool('search')]."),
    ({Weather}, "a set", "Write response_model=[Weather]."),
    ({"a": Weather}.values(), "a dict_values", "Write response_model=[Weather]."),
    ((one for one in [Weather]), "a generator", "Write a list: response_model=[...]."),
    (list, "list", "Name the models in it: Iterable[Weather]."),
    (Iterable, "Iterable", "Name the models in it: Iterable[Weather]."),
    (dict, "dict", IN_A_LIST),
    ({"name": "x", "parameters": {}}, "a dict", IN_A_LIST),
    (None, "None", "For plain text use the provider's own SDK."),
    ("Weather", "'Weather'", NO_QUOTES),
    ("Iterable[Weather]", "'Iterable[Weather]'", NO_QUOTES),
    (ROME, "a Weather", "Pass the class Weather, not an object of it."),
    (Move("Rome"), "a Move", "Pass the class Move, not an object of it."),
    (TypeAdapter(Weather), "a TypeAdapter", "Pass the type that the TypeAdapter was made of."),
    (get_weather, "the function get_weather", AS_A_CLASS),
    (functools.partial(get_weather, days=2), "the function get_weather", AS_A_CLASS),
    (
        str,
        "str",
        "A call holds an object: make a model with a field of this type, class Answer(BaseModel): value: str.",
    ),
    (
        Direction,
        "Direction",
        "A call holds an object: make a model with a field of this type, class Answer(BaseModel): value: Direction.",
    ),
]


@pytest.mark.parametrize(("given", "shown", "advice"), WRONG_FORMS, ids=[f"{row[1]}" for row in WRONG_FORMS])
def test_a_response_model_of_a_wrong_form(make_client: MakeClient, given: Any, shown: str, advice: str) -> None:
    client, toy = make_client()

    said = message(polycall.ResponseModelError, lambda: client.create(ASK, given))

    assert said == f"response_model must be {FORMS}; got {shown}. {advice}"
    assert toy.requests == []


WRONG_MEMBERS: list[tuple[object, str, str, str]] = [
    (Iterable["Weather"], "'Weather'", "Iterable['Weather']", NO_QUOTES),
    (list[ROME], "a Weather", "list[a Weather]", "Pass the class Weather, not an object of it."),  # type: ignore[valid-type]
    ([ROME], "a Weather", "[a Weather]", "Pass the class Weather, not an object of it."),
    (Iterable[get_weather], "the function get_weather", "Iterable[the function get_weather]", AS_A_CLASS),  # type: ignore[valid-type]
    ([get_weather], "the function get_weather", "[the function get_weather]", AS_A_CLASS),
    (
        Iterable[Weather | None],
        "None",
        "Iterable[Weather | None]",
        "Leave out None: with tool_choice='auto' the model may make no call.",
    ),
    (
        list[list[Weather]],
        "list[Weather]",
        "list[list[Weather]]",
        "Write response_model=Iterable[Weather]: one object for each call.",
    ),
    (
        Iterable[type[Weather]],
        "type[Weather]",
        "Iterable[type[Weather]]",
        "Write response_model=Iterable[Weather]: one object for each call.",
    ),
    (
        Iterable[Literal["a"]],
        "Literal['a']",
        "Iterable[Literal['a']]",
        "A call holds an object: make a model with a field of this type, class Answer(BaseModel): value: Literal['a'].",
    ),
    (list[dict], "dict", "list[dict]", IN_A_LIST),  # type: ignore[type-arg]
    ([{"type": "function"}], "a dict", "[a dict]", IN_A_LIST),
    (Iterable[Old], "Old", "Iterable[Old]", "It derives from pydantic.v1: derive it from pydantic.BaseModel."),
    (
        Iterable[Numbers],
        "Numbers",
        "Iterable[Numbers]",
        "A call holds an object: make a model with a field in place of the RootModel.",
    ),
    (Iterable[BaseModel], "BaseModel", "Iterable[BaseModel]", "Derive a class of your own from it."),
    (Iterable[Point], "Point", "Iterable[Point]", "Make the NamedTuple a dataclass."),
    (Iterable[Sized], "Sized", "Iterable[Sized]", "Make it a pydantic model in place of a Protocol."),
    (
        Iterable[Plain],
        "Plain",
        "Iterable[Plain]",
        "Derive it from pydantic.BaseModel, or decorate it with @dataclass.",
    ),
    (Iterable[Any], "Any", "Iterable[Any]", f"Use {FORMS}."),
    (Iterable[T], "T", "Iterable[T]", f"Use {FORMS}."),  # type: ignore[valid-type]
    (
        [types.SimpleNamespace(name="x", inputSchema={})],
        "a SimpleNamespace",
        "[a SimpleNamespace]",
        "Tools of MCP: response_model=polycall.tools_from_mcp(tools).",
    ),
]


@pytest.mark.parametrize(
    ("given", "member", "shown", "advice"), WRONG_MEMBERS, ids=[f"{row[2]}" for row in WRONG_MEMBERS]
)
def test_a_member_that_is_not_a_model(
    make_client: MakeClient, given: Any, member: str, shown: str, advice: str
) -> None:
    client, toy = make_client()

    said = message(polycall.ResponseModelError, lambda: client.create(ASK, given))

    assert said == f"{member} in response_model={shown} is not a model. {advice}"
    assert toy.requests == []


class WithFunction(BaseModel):
    on_arrival: Callable[[int], int]


@dataclasses.dataclass
class WithClient:
    name: str
    client: Plain


USE_DATA = "Give the field a type of data, or make it one that the model does not set (PrivateAttr)."


@pytest.mark.parametrize(
    ("model", "path", "problem"),
    [
        (WithFunction, "WithFunction.on_arrival", "Cannot generate a JsonSchema for core_schema.CallableSchema"),
        (WithClient, "WithClient.client", f"Unable to generate pydantic-core schema for {Plain!r}"),
    ],
)
def test_a_field_that_is_not_data(make_client: MakeClient, model: Any, path: str, problem: str) -> None:
    client, _ = make_client()

    with pytest.raises(polycall.SchemaError) as raised:
        client.create(ASK, list[model])

    assert str(raised.value) == f"{path!r}: no JSON Schema can express its type: {problem}. {USE_DATA}"


def test_messages_and_response_model_in_the_wrong_order(make_client: MakeClient) -> None:
    client, _ = make_client()

    assert message(polycall.ResponseModelError, lambda: client.create(Iterable[Weather], ASK)) == (  # type: ignore[call-overload]
        "response_model holds messages; the order is create(messages, response_model). Write "
        "create(messages=[...], response_model=Iterable[...])."
    )


class TestMissingArguments:
    @pytest.mark.parametrize("method", ["create", "stream", "render"])
    @pytest.mark.parametrize(
        ("options", "given"),
        [
            ({}, ""),
            ({"response_modle": Iterable[Weather]}, "; 'response_modle' was given"),
            ({"response_format": Weather}, "; 'response_format' was given"),
            ({"tools": [Weather]}, "; 'tools' was given"),
            ({"temperature": 1}, ""),
        ],
    )
    def test_response_model(self, make_client: MakeClient, method: str, options: dict[str, object], given: str) -> None:
        ask = getattr(make_client()[0], method)

        assert message(polycall.ResponseModelError, lambda: ask(ASK, **options)) == (
            f"The argument 'response_model' is missing{given}. Write response_model=Iterable[...]."
        )

    @pytest.mark.parametrize("name", ["message", "prompt", "input"])
    def test_messages(self, make_client: MakeClient, name: str) -> None:
        ask: Any = make_client()[0].create

        assert message(polycall.MessageError, lambda: ask(response_model=list[Weather], **{name: "?"})) == (
            f"The argument 'messages' is missing; {name!r} was given. Write messages="
            "[{'role': 'user', 'content': ...}]."
        )


# -- other arguments --------------------------------------------------------------------------------------------------

CHOICE = "tool_choice must be 'auto', 'required', the name of a tool or a list of names (Weather, Search), got"

WRONG_ARGUMENTS: list[tuple[dict[str, object], str]] = [
    (
        {"model": 0.2},
        "model must be a text, the model's name; got 0.2. Options are passed by name, as in temperature=0.2.",
    ),
    ({"model": ["a"]}, "model must be a text, the model's name; got ['a']."),
    ({"model": b"a"}, "model must be a text, the model's name; got b'a'."),
    ({"model": True}, "model must be a text, the model's name; got True."),
    ({"model": ""}, "model is an empty text. Name a model, or leave it out."),
    ({"max_retries": True}, "max_retries must be an integer >= 0, got True."),
    ({"max_retries": -1}, "max_retries must be an integer >= 0, got -1."),
    ({"max_retries": 1.5}, "max_retries must be an integer >= 0, got 1.5."),
    ({"max_retries": "2"}, "max_retries must be an integer >= 0, got '2'."),
    ({"stream": "yes"}, "stream must be True or False, got 'yes'."),
    ({"stream": 1}, "stream must be True or False, got 1."),
    ({"strict": "true"}, "strict must be True, False or None, got 'true'."),
    ({"deltas": "yes"}, "deltas must be True or False, got 'yes'."),
    ({"tool_choice": "wether"}, f"{CHOICE} 'wether'. Write tool_choice='Weather'."),
    ({"tool_choice": Weather}, f"{CHOICE} {Weather!r}. Write tool_choice='Weather'."),
    ({"tool_choice": "any"}, f"{CHOICE} 'any'. Write tool_choice='required'."),
    (
        {"tool_choice": "none"},
        f"{CHOICE} 'none'. A request without calls needs no polycall: use the provider's own SDK.",
    ),
    ({"tool_choice": None}, f"{CHOICE} None. Write tool_choice='auto' if the model may make no call."),
    ({"tool_choice": {"name": "Search"}}, f"{CHOICE} {{'name': 'Search'}}. Write tool_choice='Search'."),
    (
        {"tool_choice": {"type": "function", "function": {"name": "Search"}}},
        f"{CHOICE} {{'type': 'function', 'function': {{'name': 'Search'}}}}. Write tool_choice='Search'.",
    ),
    ({"tool_choice": [Search]}, f"{CHOICE} [{Search!r}]. Write 'Search' in place of Search."),
    ({"tool_choice": ["Weather", "Fly"]}, f"{CHOICE} ['Weather', 'Fly']. 'Fly' is not a tool of this request."),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG_ARGUMENTS, ids=[str(row[0]) for row in WRONG_ARGUMENTS])
def test_an_argument_that_cannot_be_used(make_client: MakeClient, arguments: dict[str, Any], expected: str) -> None:
    client, toy = make_client()

    assert (
        message(polycall.ConfigurationError, lambda: client.create(ASK, list[Weather | Search], **arguments))
        == expected
    )
    assert toy.requests == []


def test_a_tool_may_be_chosen_by_its_own_name(make_client: MakeClient) -> None:
    files, chosen = Tool("files/read", "Read.", {"type": "object"}), reply(call("files_read", "{}"))
    client, toy = make_client(chosen, chosen)

    for choice in ("files/read", ["files/read"]):
        (made,) = client.create(ASK, [files, Weather], tool_choice=choice)
        assert made.name == "files/read"
    assert [request.tool_choice for request in toy.requests] == ["files_read", "required"]
    assert toy.requests[1].required_tools == ("files_read",)


MODES = "polycall has Mode.PARALLEL_TOOLS and Mode.VERTEXAI_PARALLEL_TOOLS, not Mode.{}. Leave mode out."


@pytest.mark.parametrize("name", ["TOOLS", "JSON", "PARALLEL_TOOL", "parallel_tools", "VERTEXAI_TOOLS"])
def test_a_mode_of_another_library(name: str) -> None:
    assert message(AttributeError, lambda: getattr(polycall.Mode, name)) == MODES.format(name)
    assert list(polycall.Mode) == [polycall.Mode.PARALLEL_TOOLS, polycall.Mode.VERTEXAI_PARALLEL_TOOLS]


# -- messages ---------------------------------------------------------------------------------------------------------


class TestMessages:
    @pytest.mark.parametrize("given", ["hi", {"role": "user", "content": "hi"}, None, 5, b"hi"])
    def test_that_are_not_a_list(self, make_client: MakeClient, given: Any) -> None:
        client, _ = make_client()

        assert message(polycall.MessageError, lambda: client.create(given, list[Weather])) == (
            f"messages must be a list of messages, got {type(given).__name__}; write "
            "messages=[{'role': 'user', 'content': ...}]."
        )

    def test_that_are_the_calls_of_an_earlier_reply(self, make_client: MakeClient) -> None:
        client, _ = make_client(TWO)
        calls = client.create(ASK, list[Weather])

        assert message(polycall.MessageError, lambda: client.create(calls, list[Weather])) == (
            "messages are the Calls of an earlier reply; write messages=calls.continue_with([...]), with one result "
            "for each call."
        )

    def test_that_are_a_set(self, make_client: MakeClient) -> None:
        client, _ = make_client()

        assert message(polycall.MessageError, lambda: client.create({"hi"}, list[Weather])) == (
            "messages are a set, which has no order; write a list."
        )


# -- results ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(make_client: MakeClient) -> Calls[Weather]:
    return make_client(TWO)[0].create(ASK, list[Weather])


async def not_awaited() -> str:
    return "sunny"


class TestContinueWith:
    @pytest.mark.parametrize(
        ("results", "shown"),
        [
            ({"temperature": 21}, "dict"),
            ("sunny", "str"),
            (b"sunny", "bytes"),
            ({"sunny", "cold"}, "set, which has no order"),
            (None, "NoneType"),
            (5, "int"),
        ],
    )
    def test_of_something_that_is_not_a_list(self, calls: Calls[Weather], results: Any, shown: str) -> None:
        assert message(TypeError, lambda: calls.continue_with(results)) == (
            f"continue_with() takes a list with one result per call, got {shown}; write continue_with([...])."
        )

    @pytest.mark.parametrize("results", [[], ["sunny"], ["a", "b", "c"], iter("abc")])
    def test_of_another_number_of_results(self, calls: Calls[Weather], results: Any) -> None:
        results = list(results)

        assert message(ValueError, lambda: calls.continue_with(results)) == (
            f"continue_with() needs one result per call, in order: 2 calls, {len(results)} results. The calls: "
            "Weather, Weather."
        )

    @pytest.mark.parametrize(
        ("result", "problem"),
        [
            (
                object(),
                (
                    "cannot be written as JSON: Unable to serialize unknown type: <class 'object'>. Pass text, or "
                    "anything that pydantic can write."
                ),
            ),
            (
                ValueError,
                "cannot be written as JSON: it is an exception class; pass an exception, ValueError(...).",
            ),
            (Weather, "cannot be written as JSON: it is the class Weather; pass an object."),
            (get_weather, "cannot be written as JSON: it is the function get_weather; call it."),
            (
                {"role": "tool", "tool_call_id": "b", "content": "cold"},
                "is a whole message; pass its content. continue_with() makes the messages.",
            ),
        ],
    )
    def test_of_a_result_that_cannot_be_sent(self, calls: Calls[Weather], result: object, problem: str) -> None:
        assert message(ValueError, lambda: calls.continue_with(["sunny", result])) == (
            f"continue_with(): results[1], for the call of Weather, {problem}"
        )

    def test_of_a_result_that_was_not_awaited(self, calls: Calls[Weather]) -> None:
        result = not_awaited()

        assert message(ValueError, lambda: calls.continue_with([result, "cold"])) == (
            "continue_with(): results[0], for the call of Weather, cannot be written as JSON: it was not awaited; "
            "write 'await'."
        )
        result.close()

    NO_CONVERSATION = (
        "These calls have no conversation to continue: they were made by hand, or their reply is still streaming. Read "
        "the stream to its end before calling continue_with()."
    )

    def test_of_calls_that_were_made_by_hand(self) -> None:
        assert message(ValueError, lambda: Calls([ROME]).continue_with(["sunny"])) == self.NO_CONVERSATION

    def test_of_a_reply_that_is_still_streaming(self, make_client: MakeClient) -> None:
        with make_client(TWO)[0].stream(ASK, list[Weather]) as stream:
            next(stream)

            assert message(ValueError, lambda: stream.calls.continue_with(["sunny"])) == self.NO_CONVERSATION


class TestAttributesOfCalls:
    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("location", " The calls have it: calls[0].location, or 'for call in calls'."),
            ("model_dump", " The calls have it: calls[0].model_dump, or 'for call in calls'."),
            ("choices", " The SDK's own response is in calls.raw_response."),
            ("nothing", ""),
        ],
    )
    def test_that_others_have(self, calls: Calls[Weather], name: str, hint: str) -> None:
        assert (
            message(AttributeError, lambda: getattr(calls, name)) == f"'Calls' object has no attribute {name!r}.{hint}"
        )


# -- invalid calls ----------------------------------------------------------------------------------------------------


class TestInvalidCalls:
    @pytest.mark.parametrize(
        ("script", "max_retries", "expected"),
        [
            (
                call("Weather", city="Rome"),
                0,
                (
                    "1 of 1 tool calls are invalid (Weather: location: Field required). The good ones are in .calls, "
                    "the others in .failures; with max_retries the model is asked to correct them."
                ),
            ),
            (
                call("Weather", city="Rome"),
                1,
                (
                    "1 of 1 tool calls are invalid after 1 correction (Weather: location: Field required). The good "
                    "ones are in .calls, the others in .failures; a clearer description of the fields helps, or a "
                    "larger max_retries."
                ),
            ),
            (
                call("Fly", to="Rome"),
                2,
                (
                    "1 of 1 tool calls are invalid after 2 corrections (Fly: there is no tool named 'Fly'; the tools "
                    "are: Weather). The good ones are in .calls, the others in .failures; take the tool into "
                    "response_model, or say in the messages which tools there are."
                ),
            ),
        ],
    )
    def test_the_next_step_fits_what_failed(
        self, make_client: MakeClient, script: str, max_retries: int, expected: str
    ) -> None:
        client, _ = make_client(*[reply(script)] * (max_retries + 1))

        assert (
            message(polycall.InvalidCallsError, lambda: client.create(ASK, list[Weather], max_retries=max_retries))
            == expected
        )


# -- streams ----------------------------------------------------------------------------------------------------------


class TestStreams:
    CLOSED = "The stream was closed before its end; the calls until then are in .calls."

    def test_after_its_block(self, make_client: MakeClient) -> None:
        with make_client(TWO)[0].stream(ASK, list[Weather]) as stream:
            pass

        assert message(polycall.IncompleteOutputError, lambda: list(stream)) == self.CLOSED

    def test_read_twice_it_gives_the_calls_that_it_kept(self, make_client: MakeClient) -> None:
        stream = make_client(TWO)[0].stream(ASK, list[Weather])

        assert (list(stream), list(stream)) == ([ROME, OSLO], [ROME, OSLO])

    def test_its_events_come_once(self, make_client: MakeClient) -> None:
        stream = make_client(TWO)[0].stream(ASK, list[Weather])
        stream.collect()

        assert message(RuntimeError, lambda: list(stream.events())) == (
            "The stream was read to its end, and its events with it. The calls are in stream.calls."
        )

    @pytest.mark.parametrize(
        ("action", "error", "expected"),
        [
            (len, TypeError, "This CallStream has no length before its end: stream.collect() gives Calls."),
            (lambda stream: stream[0], TypeError, "This CallStream cannot be indexed: stream.collect() gives Calls."),
            (
                pickle.dumps,
                TypeError,
                "This CallStream cannot be pickled or copied: stream.collect() gives Calls, which can.",
            ),
            (
                copy.deepcopy,
                TypeError,
                "This CallStream cannot be pickled or copied: stream.collect() gives Calls, which can.",
            ),
            (
                lambda stream: stream.usage,
                AttributeError,
                "'CallStream' object has no attribute 'usage': it is known at the end. Write stream.collect().usage.",
            ),
            (lambda stream: stream.nothing, AttributeError, "'CallStream' object has no attribute 'nothing'"),
        ],
    )
    def test_it_is_not_yet_calls(
        self, make_client: MakeClient, action: Callable[[Any], object], error: type[Exception], expected: str
    ) -> None:
        with make_client(TWO)[0].stream(ASK, list[Weather]) as stream:
            assert message(error, lambda: action(stream)) == expected
            assert bool(stream)
            assert list(stream) == [ROME, OSLO]


MAKE_ASYNC = "or make the client with async_client=True (of an async client of the SDK)."
MAKE_SYNC = "or make the client with async_client=False (of a synchronous client of the SDK)."


class TestSyncAndAsync:
    async def test_async_with_a_client_that_is_synchronous(self, make_client: MakeClient) -> None:
        client: Any = make_client()[0]

        async def enter() -> None:
            async with client:
                pass

        assert await message_async(TypeError, enter) == f"This Client is synchronous: write 'with', {MAKE_ASYNC}"

    async def test_async_for_over_a_synchronous_stream(self, make_client: MakeClient) -> None:
        with make_client(TWO)[0].stream(ASK, list[Weather]) as opened:
            stream: Any = opened

            async def read() -> None:
                async for _ in stream:
                    pass

            async def enter() -> None:
                async with stream:
                    pass

            assert await message_async(TypeError, read) == f"This CallStream is synchronous: write 'for', {MAKE_ASYNC}"
            assert (
                await message_async(TypeError, enter) == f"This CallStream is synchronous: write 'with', {MAKE_ASYNC}"
            )

    def test_with_a_client_that_is_async(self, make_async_client: Any) -> None:
        client: Any = make_async_client()[0]

        def enter() -> None:
            with client:
                pass

        assert message(TypeError, enter) == f"This AsyncClient is async: write 'async with', {MAKE_SYNC}"

    def test_for_over_an_async_stream(self, make_async_client: Any) -> None:
        stream: Any = make_async_client(TWO)[0].stream(ASK, list[Weather])

        def enter() -> None:
            with stream:
                pass

        assert message(TypeError, enter) == f"This AsyncCallStream is async: write 'async with', {MAKE_SYNC}"
        assert (
            message(TypeError, lambda: list(stream)) == f"This AsyncCallStream is async: write 'async for', {MAKE_SYNC}"
        )
        assert (
            message(TypeError, lambda: next(stream))
            == f"This AsyncCallStream is async: write 'await anext(stream)', {MAKE_SYNC}"
        )
        assert (
            message(TypeError, lambda: len(stream))
            == "This AsyncCallStream has no length before its end: await stream.collect() gives Calls."
        )


# -- clients ----------------------------------------------------------------------------------------------------------


class TestClients:
    CLOSED = (
        "This client of provider 'toy' is closed: close() was called, or its 'with' block has ended. Make another one."
    )

    @pytest.mark.parametrize("method", ["create", "stream", "render"])
    def test_that_were_closed(self, make_client: MakeClient, method: str) -> None:
        client, toy = make_client(TWO)
        with client:
            pass

        assert message(polycall.ClientClosedError, lambda: getattr(client, method)(ASK, list[Weather])) == self.CLOSED
        assert issubclass(polycall.ClientClosedError, RuntimeError)
        assert toy.requests == []

    async def test_that_were_closed_async(self, make_async_client: Any) -> None:
        client, _ = make_async_client(TWO)
        await client.close()

        assert await message_async(polycall.ClientClosedError, lambda: client.create(ASK, list[Weather])) == self.CLOSED
        stream = client.stream(ASK, list[Weather])
        assert await message_async(polycall.ClientClosedError, stream.collect) == self.CLOSED

    @pytest.mark.parametrize("action", [pickle.dumps, copy.deepcopy])
    def test_that_are_copied(self, make_client: MakeClient, action: Callable[[object], object]) -> None:
        client, _ = make_client()

        assert message(TypeError, lambda: action(client)) == (
            "This Client cannot be pickled or copied: it holds connections. Make one in each process, with "
            "polycall.from_config() for instance."
        )
        assert copy.copy(client) is client

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("acreate", "Did you mean 'create'?"), ("aclose", "Did you mean 'close'?")],
    )
    def test_attributes_that_others_have(self, make_client: MakeClient, name: str, hint: str) -> None:
        client, _ = make_client()

        assert (
            message(AttributeError, lambda: getattr(client, name))
            == f"'Client' object has no attribute {name!r}. {hint}"
        )

    @pytest.mark.parametrize("streams", [False, True])
    @pytest.mark.parametrize(
        ("asyncio_says", "expected"),
        [
            (
                "Event loop is closed",
                (
                    "This client of provider 'toy' belongs to an event loop that has ended: its connections ended with "
                    "it. Make the client inside of the coroutine that asyncio.run() runs, or call asyncio.run() once."
                ),
            ),
            (
                "<asyncio.locks.Event object at 0x7f [unset]> is bound to a different event loop",
                (
                    "This client of provider 'toy' belongs to another event loop, with its connections. Make a client "
                    "in each event loop."
                ),
            ),
            ("something else", "something else"),
        ],
    )
    def test_in_another_event_loop(
        self, make_async_client: Any, streams: bool, asyncio_says: str, expected: str
    ) -> None:
        """What the toy raises is what an SDK's connections do; the wire tests show it with a real one."""
        client, _ = make_async_client(RuntimeError(asyncio_says))

        with pytest.raises(RuntimeError) as raised:
            if streams:
                asyncio.run(client.stream(ASK, list[Weather]).collect())
            else:
                asyncio.run(client.create(ASK, list[Weather]))

        assert str(raised.value) == expected


class TestExtensions:
    def test_that_come_after_a_client_are_told_of_when_it_is_used(
        self, make_client: MakeClient, extend: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        client, _ = make_client(TWO, TWO)

        extend("late", polycall_before_request=hookimpl(lambda request: None))
        assert caplog.messages == []
        for _ in range(2):
            client.create(ASK, list[Weather])
        make_client(TWO)[0].create(ASK, list[Weather])

        assert caplog.messages == [
            (
                "extension 'late' was registered after this client of provider 'toy' was made, and does not serve it; "
                "register it first"
            )
        ]

    @pytest.mark.parametrize("function", [polycall.register_extension, polycall.register_provider])
    def test_registered_with_name_and_plugin_swapped(self, function: Any) -> None:
        assert message(polycall.PluginError, lambda: function(types.ModuleType("late"), "late")) == (
            f"{function.__name__}(name, plugin) needs a text as the plugin's name, got module. The name comes first."
        )


# -- names and tracebacks ---------------------------------------------------------------------------------------------


class TestNames:
    @pytest.mark.parametrize("name", polycall.__all__)
    def test_what_is_public_is_shown_as_it_is_imported(self, name: str) -> None:
        value = getattr(polycall, name)

        if isinstance(value, type) or inspect.isfunction(value):  # not the alias of a union
            assert (value.__module__, value.__qualname__) == ("polycall", name)
            assert pickle.loads(pickle.dumps(value)) is value

    def test_a_traceback_of_a_callers_mistake_shows_the_callers_lines_alone(self, make_client: MakeClient) -> None:
        client, _ = make_client()

        with pytest.raises(polycall.ConfigurationError) as raised:
            client.create(ASK, list[Weather], tool_choice="wether")

        assert [frame.name for frame in raised.traceback] == [
            "test_a_traceback_of_a_callers_mistake_shows_the_callers_lines_alone"
        ]

    def test_public_data_can_be_a_field_of_a_model(self) -> None:
        class Report(BaseModel):
            call: polycall.ToolCall
            usage: polycall.Usage | None = None
            failure: polycall.CallFailure | None = None

        report = Report(call=polycall.ToolCall("a", "Weather", {"location": "Rome"}))

        assert Report.model_validate_json(report.model_dump_json()) == report

    def test_the_module(self) -> None:
        assert polycall.__version__
        assert [name for name in dir(polycall) if not name.startswith("__")] == sorted(polycall.__all__)
