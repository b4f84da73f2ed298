"""Plugins with one plausible mistake each: every one ends in an error that names the plugin and the hook."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydantic import BaseModel

import polycall
from polycall._plugins.registry import registry
from polycall.plugin import (
    CallCompleted,
    CallStarted,
    ClientTraits,
    RenderedRequest,
    Reply,
    SessionTraits,
    TextDelta,
    ToolCall,
    Usage,
    Wording,
    hookimpl,
)
from support.toy_provider import Hooks, Script, ToyClient, ToyDecoder, ToyStream, call, make_plugin, reply

NAME = "broken"


class Weather(BaseModel):
    location: str


SCRIPT: tuple[Script, ...] = (
    reply("say Hm.", call("Weather", location="Rome"), call("Weather", location=0), usage=(5, 7)),
    reply(call("Weather", location="Oslo"), usage=(5, 7)),
)
"""The second call of the first reply does not validate, so a correction follows: each hook is called."""
RESULT = [Weather(location="Rome"), Weather(location="Oslo")]

ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo?"}]
WHOLE = ("create", "async create")
STREAMED = ("stream", "async stream")
SYNC = ("create", "stream")
ASYNC = ("async create", "async stream")
EVERY_WAY = (*WHOLE, *STREAMED)


class Broken:
    """The toy provider with one mistake, registered for one test, and the ways to use it."""

    def __init__(self, changes: Mapping[str, object], without: Iterable[str] = ()) -> None:
        hooks = Hooks()
        hooks.script = SCRIPT
        marked = {name: hookimpl(change) if callable(change) else change for name, change in changes.items()}
        polycall.register_provider(NAME, make_plugin(hooks, without=without, **marked))

    def use(self, way: str) -> object:
        """Make a client, use it in one way, close it."""
        if way == "from_client":
            return polycall.from_client(ToyClient(), async_client=False)
        if way == "render":
            with polycall.from_provider(f"{NAME}/toy-1") as client:
                return client.render(ASK, list[Weather])
        if way == "continue_with":
            calls = self._create(way)
            return calls.continue_with(["sunny"] * len(calls))
        if way.startswith("async"):
            return asyncio.run(self._use_async(way))
        return self._create(way)

    def _create(self, way: str) -> polycall.Calls[Weather]:
        with polycall.from_provider(f"{NAME}/toy-1") as client:
            if way == "stream":
                with client.stream(ASK, list[Weather], deltas=True) as stream:
                    return stream.collect()
            return client.create(ASK, list[Weather])

    async def _use_async(self, way: str) -> polycall.Calls[Weather]:
        async with polycall.from_provider(f"{NAME}/toy-1", async_client=True) as client:
            if way == "async stream":
                async with client.stream(ASK, list[Weather], deltas=True) as stream:
                    return await stream.collect()
            return await client.create(ASK, list[Weather])


@pytest.fixture
def broken() -> Iterator[Callable[..., Broken]]:
    yield Broken
    if NAME in registry.provider_names():
        polycall.unregister(NAME)


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One mistake of a plugin's author.

    Attributes:
        title: The mistake.
        hook: The hook that the error must name.
        changes: The hooks that replace the toy provider's; ``without`` are left out.
        says: What the error must say besides plugin and hook.
        ways: The ways of use that meet the mistake.
    """

    title: str
    hook: str
    changes: Mapping[str, object]
    says: str
    ways: Sequence[str] = EVERY_WAY
    without: tuple[str, ...] = ()


def cases(mistakes: Iterable[Mistake]) -> pytest.MarkDecorator:
    """A case for each mistake and way."""
    return pytest.mark.parametrize(
        ("mistake", "way"),
        [
            pytest.param(mistake, way, id=f"{mistake.hook.removeprefix('polycall_')}: {mistake.title} ({way})")
            for mistake in mistakes
            for way in mistake.ways
        ],
    )


async def coroutine() -> str:
    """Of an SDK's method whose caller forgot that it is async."""
    return "?"


# -- hooks that return something else ---------------------------------------------------------------------------------


def returns(hook: str, value: object, says: str, ways: Sequence[str] = EVERY_WAY, title: str = "") -> Mistake:
    """A hook that returns a wrong value; a function stands for a fresh one at each call."""
    make = value if callable(value) and not isinstance(value, type) else lambda: value

    def implementation() -> object:
        return make()

    async def implementation_async() -> object:
        return make()

    function = implementation_async if hook.endswith("_async") else implementation
    return Mistake(title or f"returns {_shown(value)}", hook, {hook: function}, says, ways)


def _shown(value: object) -> str:
    if isinstance(value, type):
        return f"{value.__name__} itself"
    return str(value) if value is None else f"a {type(value).__name__}: {str(value)[:40]}".partition(": <")[0]


def not_async(hook: str, value: object, says: str, ways: Sequence[str]) -> Mistake:
    """An async hook that returns at once what is to be awaited."""
    return Mistake(f"returns {_shown(value)} in place of an awaitable", hook, {hook: lambda: value}, says, ways)


def generator() -> Iterator[object]:
    yield "?"


ONE_WAY = ("create",)
MAKING = ("from_client",)
WRONG_RESULTS = [
    returns("polycall_settings_type", dict, "the class dict from .*; a pydantic model class is due", ONE_WAY),
    returns("polycall_settings_type", {"api_key": str}, "a dict from .*; a pydantic model class", ONE_WAY),
    returns("polycall_settings_type", Weather(location="?"), "Weather from .*; a pydantic model class", ONE_WAY),
    returns("polycall_create_client", None, "returned None", ONE_WAY),
    returns("polycall_create_client", coroutine, "coroutine", ONE_WAY, "an SDK's client that is not awaited"),
    returns("polycall_recognize_client", True, "a bool", MAKING),
    returns("polycall_recognize_client", "toy", "a str", MAKING),
    returns("polycall_recognize_client", ClientTraits, "the class", MAKING),
    returns("polycall_recognize_client", coroutine, "coroutine", MAKING, "a coroutine"),
    returns("polycall_recognize_client", ClientTraits(True, True, "parallel_tools"), "modes", MAKING),  # type: ignore[arg-type]
    returns("polycall_recognize_client", ClientTraits(True, True, model=5), "model", MAKING),  # type: ignore[arg-type]
    returns("polycall_bind_client", None, "returned None from .*; a session is due", ONE_WAY),
    returns("polycall_bind_client", coroutine, "coroutine", ONE_WAY, "a session that is not awaited"),
    returns("polycall_describe_session", {"host": "local"}, "a dict from .*; a SessionTraits is due", ONE_WAY),
    returns("polycall_describe_session", ("local", 80), "a tuple from .*; a SessionTraits is due", ONE_WAY),
    returns("polycall_describe_session", SessionTraits, "the class", ONE_WAY),
    returns("polycall_wording", "Be correct.", "a str from .*; a Wording is due", ONE_WAY),
    returns("polycall_wording", {"accepted": "ok"}, "a dict from .*; a Wording is due", ONE_WAY),
    returns("polycall_wording", Wording(accepted=None), "accepted", ONE_WAY),  # type: ignore[arg-type]
    returns("polycall_wording", Wording(failed="Wrong: {reasons}"), "failed.*reasons", ONE_WAY),
    returns("polycall_wording", Wording(failed="Wrong: {reason"), "failed", ONE_WAY),
    returns("polycall_render_tools", None, "returned None from .*; a tool payload is due"),
    returns("polycall_render_tools", coroutine, "coroutine", title="a coroutine"),
    returns("polycall_render_request", None, "returned None from .*; the body of a request is due"),
    returns("polycall_render_request", coroutine, "coroutine", title="a coroutine"),
    returns("polycall_describe_request", {"url": "?"}, "a dict from .*; a RenderedRequest is due", ("render",)),
    returns("polycall_describe_request", "POST", "a str from .*; a RenderedRequest is due", ("render",)),
    returns("polycall_describe_request", RenderedRequest, "the class", ("render",)),
    returns("polycall_send", None, "returned None from .*; a response is due", ONE_WAY),
    returns("polycall_send", coroutine, "coroutine", ONE_WAY, "a response that is not awaited"),
    returns("polycall_send_async", None, "returned None from .*; a response is due", ("async create",)),
    returns("polycall_send_async", coroutine, "coroutine", ("async create",), "a response that is not awaited"),
    not_async("polycall_send_async", None, "returned None from .*; an awaitable is due", ("async create",)),
    not_async("polycall_send_async", "end stop", "a str from .*; an awaitable is due", ("async create",)),
    returns("polycall_open_stream", None, "returned None from .*; an open stream", ("stream",)),
    returns("polycall_open_stream", ["end stop"], r"a list from .*; an open stream with close\(\)", ("stream",)),
    returns("polycall_open_stream", "end stop", r"a str from .*; an open stream with close\(\)", ("stream",)),
    returns("polycall_open_stream", {"lines": []}, "a dict from .*; an open stream", ("stream",)),
    returns("polycall_open_stream", ToyStream, "the class", ("stream",)),
    returns("polycall_open_stream", coroutine, "coroutine", ("stream",), "a stream that is not awaited"),
    returns("polycall_open_stream_async", None, "returned None from .*; an open stream", ("async stream",)),
    returns("polycall_open_stream_async", ["end stop"], "a list from .*; an open stream", ("async stream",)),
    returns(
        "polycall_open_stream_async", generator, "a generator from .*; an open stream", ("async stream",), "a sync one"
    ),
    returns("polycall_open_stream_async", coroutine, "coroutine", ("async stream",), "a stream that is not awaited"),
    not_async("polycall_open_stream_async", None, "returned None from .*; an awaitable is due", ("async stream",)),
    not_async(
        "polycall_open_stream_async", ToyStream(""), "a ToyStream from .*; an awaitable is due", ("async stream",)
    ),
    returns("polycall_create_decoder", None, "returned None from .*; a decoder", STREAMED),
    returns("polycall_create_decoder", lambda: len, " from .*; a decoder with feed", STREAMED, "a function"),
    returns("polycall_create_decoder", ToyDecoder, "the class", STREAMED),
    returns("polycall_create_decoder", coroutine, "coroutine", STREAMED, "a coroutine"),
    returns("polycall_continue_conversation", None, "returned None from .*; a list is due"),
    returns("polycall_continue_conversation", tuple, "the class", title="the class tuple"),
    returns("polycall_continue_conversation", lambda: ("?",), "a tuple from .*; a list is due", title="a tuple"),
    returns("polycall_continue_conversation", generator, "a generator from .*; a list is due", title="a generator"),
    returns("polycall_continue_conversation", coroutine, "coroutine", title="a coroutine"),
    returns("polycall_close_client", coroutine, "coroutine", SYNC, "closes a client and does not await it"),
    not_async("polycall_close_client_async", True, "a bool from .*; an awaitable is due", ASYNC),
]


# -- replies ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class ForeignReply:
    """What another library calls a reply."""

    tool_calls: Sequence[ToolCall] = ()
    text: str | None = None


ForeignReply.__name__ = ForeignReply.__qualname__ = "Reply"
GOOD = ToolCall("id-0", "Weather", '{"location": "Rome"}', 0)
OTHER = ToolCall("id-1", "Weather", '{"location": "Oslo"}', 1)


def calls(*wrong: object) -> object:
    return Reply(tool_calls=wrong)  # type: ignore[arg-type]


def other(**changes: Any) -> ToolCall:
    return dataclasses.replace(OTHER, **changes)


WRONG_REPLIES: list[tuple[str, object, str]] = [
    ("None", None, "returned None"),
    ("a dict", {"tool_calls": []}, "a dict"),
    ("a list of calls", [GOOD], "a list"),
    ("calls and text in a tuple", ((GOOD,), "text"), "a tuple"),
    ("the class", Reply, "the class"),
    ("another library's", ForeignReply((GOOD,)), r"test_broken_plugins\.Reply from .*; a Reply is due"),
    ("text a list", Reply(text=["Hm."]), "text is a list"),  # type: ignore[arg-type]
    ("reasoning a dict", Reply(reasoning={"text": "Hm."}), "reasoning is a dict"),  # type: ignore[arg-type]
    ("finish reason a str", Reply(finish_reason="stop"), "finish_reason is a str"),  # type: ignore[arg-type]
    ("raw finish reason an int", Reply(raw_finish_reason=1), "raw_finish_reason is an int"),  # type: ignore[arg-type]
    ("raw finish reason an enum", Reply(raw_finish_reason=ForeignReply), "raw_finish_reason"),  # type: ignore[arg-type]
    ("refusal True", Reply(refusal=True), "refusal is a bool"),  # type: ignore[arg-type]
    ("usage a dict", Reply(usage={"input_tokens": 5}), "usage is a dict"),  # type: ignore[arg-type]
    ("usage with text", Reply(usage=Usage(input_tokens="5")), "usage.input_tokens is a str"),  # type: ignore[arg-type]
    ("usage with a float", Reply(usage=Usage(output_tokens=5.5)), "usage.output_tokens is a float"),  # type: ignore[arg-type]
    ("response id an int", Reply(response_id=17), "response_id is an int"),  # type: ignore[arg-type]
    ("model an object", Reply(model=ToyClient()), "model is a ToyClient"),  # type: ignore[arg-type]
    ("saw_end a str", Reply(saw_end="yes"), "saw_end is a str"),  # type: ignore[arg-type]
    ("turn an object", Reply(turn=ToyClient()), "turn is a ToyClient"),  # type: ignore[arg-type]
    ("turn a tuple", Reply(turn=({"role": "model"},)), "turn is a tuple"),  # type: ignore[arg-type]
    ("turn a list of objects", Reply(turn=[ToyClient()]), "turn is a ToyClient; a list of dicts"),  # type: ignore[list-item]
    ("raw response itself", Reply(raw_response={"toy": 1}), "raw_response is a dict"),  # type: ignore[arg-type]
    ("calls None", Reply(tool_calls=None), "None"),  # type: ignore[arg-type]
    ("calls a dict", Reply(tool_calls={0: GOOD}), "a dict"),  # type: ignore[arg-type]
    ("calls a generator", Reply(tool_calls=(one for one in [GOOD])), "a generator"),  # type: ignore[arg-type]
    ("calls a map", Reply(tool_calls=map(other, [])), "a map"),  # type: ignore[arg-type]
    ("one call alone", Reply(tool_calls=GOOD), "a ToolCall"),  # type: ignore[arg-type]
    ("a call as a dict", calls({"id": "id-0", "name": "Weather"}), "a dict .*where a ToolCall is due"),
    ("a call as an event", calls(CallCompleted(GOOD)), "a CallCompleted .*where a ToolCall is due"),
    ("a call as None", calls(GOOD, None), "None .*where a ToolCall is due"),
    ("equal ids", calls(GOOD, other(id="id-0")), "two calls with the id 'id-0'"),
    ("equal indexes", calls(GOOD, other(index=0)), "two calls with the index 0"),
    ("indexes out of order", calls(OTHER, GOOD), "order of their indexes"),
    ("an index below zero", calls(other(index=-1)), "index"),
    ("an id that a call that was cut off has", Reply(tool_calls=[GOOD], cut_off=[other(id="id-0")]), "two calls"),
    ("an index of a call that was cut off", Reply(tool_calls=[GOOD], cut_off=[other(index=0)]), "two calls"),
    ("cut off a bool", Reply(cut_off=True), "a bool"),  # type: ignore[arg-type]
    ("id empty", calls(other(id="")), "id is empty; text that is not empty is due"),
    ("id an int", calls(other(id=1)), "id is an int"),
    ("id None", calls(other(id=None)), "id is None"),
    ("name None", calls(other(name=None)), "name is None"),
    ("name the tool", calls(other(name=Weather)), "name is the class Weather"),
    ("arguments a list", calls(other(arguments=["Oslo"])), "arguments is a list"),
    ("arguments None", calls(other(arguments=None)), "arguments is None"),
    ("arguments bytes", calls(other(arguments=b"{}")), "arguments is a bytes"),
    ("arguments the object", calls(other(arguments=Weather(location="Oslo"))), "arguments is a Weather"),
    ("normalized arguments a list", calls(other(normalized_arguments=[])), "normalized_arguments is a list"),
    ("index a bool", calls(other(index=True)), "index is a bool"),
    ("index a str", calls(other(index="1")), "index is a str"),
    ("index None", calls(other(index=None)), "index is None"),
    ("a problem that is an exception", calls(other(problem=ValueError("?"))), "problem is a ValueError"),
    ("a problem that is True", calls(other(problem=True)), "problem is a bool"),
]


def wrong_reply(title: str, value: object, says: str) -> list[Mistake]:
    """The same wrong reply, of the hook for whole replies and of a decoder."""

    class Decoder(ToyDecoder):
        def finish(self) -> Reply:
            return value  # type: ignore[return-value]

    extract, decode = "polycall_extract_reply", "polycall_create_decoder"
    return [
        Mistake(title, extract, {extract: lambda: value}, says, ("create", "async create")),
        Mistake(title, decode, {decode: lambda request: Decoder(request)}, says, STREAMED),
    ]


# -- decoders ---------------------------------------------------------------------------------------------------------


def decoder(title: str, says: str, ways: Sequence[str] = STREAMED, /, **methods: object) -> Mistake:
    """A decoder with some methods replaced; one that is None is missing."""
    changed = type("Decoder", (ToyDecoder,), methods)
    hook = "polycall_create_decoder"
    return Mistake(title, hook, {hook: lambda request: changed(request)}, says, ways)


def feeds(title: str, value: object, says: str, ways: Sequence[str] = STREAMED) -> Mistake:
    """A decoder whose ``feed`` returns a wrong value; a function stands for a fresh one at each call."""

    def feed(self: ToyDecoder, chunk: str) -> object:
        ToyDecoder.feed(self, chunk)
        return value() if callable(value) and not isinstance(value, type) else value

    return decoder(title, says, ways, feed=feed)


def adds(title: str, event: object, says: str) -> Mistake:
    """A decoder that reports something wrong in addition to its events."""

    def feed(self: ToyDecoder, chunk: str) -> list[object]:
        return [*ToyDecoder.feed(self, chunk), event]

    return decoder(title, says, feed=feed)


def finish_without_calls(self: ToyDecoder) -> Reply:
    return dataclasses.replace(ToyDecoder.finish(self), tool_calls=())


async def async_feed(self: ToyDecoder, chunk: str) -> Iterable[object]:
    return ToyDecoder.feed(self, chunk)


async def async_finish(self: ToyDecoder) -> Reply:
    return ToyDecoder.finish(self)


DECODERS = [
    decoder("without feed", r"a decoder with feed\(\) is due", feed=None),
    decoder("without finish", r"a decoder with finish\(\) is due", finish=None),
    decoder("done a method", "done", done=lambda self: False),
    decoder("finish an async def", "coroutine", finish=async_finish),
    decoder("feed an async def", "coroutine", feed=async_feed),
    decoder("a completed call that finish() leaves out", "left it out", finish=finish_without_calls),
    feeds("feed returns None", None, "None from the feed"),
    feeds("feed returns True", True, "a bool from the feed"),
    feeds("feed returns a str", "done", "a str from the feed"),
    feeds("feed returns a dict", {"event": 1}, "a dict from the feed"),
    feeds("feed returns an event alone", CallCompleted(GOOD), "a CallCompleted from the feed"),
    feeds("feed returns the class of an event", TextDelta, "the class TextDelta from the feed"),
    feeds("feed returns a call alone", GOOD, "a ToolCall from the feed"),
    adds("an event that is a dict", {"type": "text"}, "reported a dict"),
    adds("an event that is None", None, "reported None"),
    adds("an event that is a text", "Hm.", "reported a str"),
    adds("an event that is a call", GOOD, "reported a ToolCall"),
    adds("the class of an event", CallCompleted, "reported the class CallCompleted"),
    adds("a reply as an event", Reply(), "reported a Reply"),
    adds("a completed call that is a dict", CallCompleted({"id": "?"}), "a dict .*where a ToolCall is due"),  # type: ignore[arg-type]
    adds("a completed call twice", CallCompleted(GOOD), "completed twice"),
    adds("a text that is None", TextDelta(None), "text is None"),  # type: ignore[arg-type]
    adds("a beginning without an index", CallStarted(None, "id-0", "Weather"), "index is None"),  # type: ignore[arg-type]
]


def send_lines(session: ToyClient, request: Any) -> list[str]:
    return session.answer(request).split("\n")


async def send_lines_async(session: ToyClient, request: Any) -> list[str]:
    return send_lines(session, request)


WHOLE_BY_DECODER = [
    dataclasses.replace(
        one,
        title=f"{one.title}, for whole replies",
        changes={**one.changes, "polycall_send": send_lines, "polycall_send_async": send_lines_async},
        without=("polycall_extract_reply",),
        ways=WHOLE,
    )
    for one in DECODERS
]


# -- streams ----------------------------------------------------------------------------------------------------------


def stream(title: str, says: str, ways: Sequence[str] = STREAMED, /, **methods: object) -> list[Mistake]:
    """A stream with some methods replaced; one that is None is missing."""
    changed = type("Stream", (ToyStream,), methods)

    def open_stream(session: ToyClient, request: Any) -> object:
        return changed(session.answer(request))

    async def open_stream_async(session: ToyClient, request: Any) -> object:
        return changed(session.answer(request))

    made = {
        "stream": Mistake(title, "polycall_open_stream", {"polycall_open_stream": open_stream}, says, ("stream",)),
        "async stream": Mistake(
            title,
            "polycall_open_stream_async",
            {"polycall_open_stream_async": open_stream_async},
            says,
            ("async stream",),
        ),
        "sync stream in a thread": Mistake(
            f"{title}, read in a thread",
            "polycall_open_stream",
            {"polycall_open_stream": open_stream},
            says,
            ("async stream",),
            ("polycall_open_stream_async",),
        ),
    }
    return [made[way] for way in ways]


async def async_method(self: ToyStream) -> None: ...


async def async_aiter(self: ToyStream) -> AsyncIterator[str]:
    return ToyStream.__aiter__(self)


BY_THREAD = ("stream", "sync stream in a thread")
STREAMS = [
    *stream("without close", r"an open stream with close\(\)", BY_THREAD, close=None),
    *stream("without __iter__", r"an open stream with __iter__\(\)", BY_THREAD, __iter__=None),
    *stream("without aclose", r"an open stream with aclose\(\)", ("async stream",), aclose=None),
    *stream("without __aiter__", r"an open stream with __aiter__\(\)", ("async stream",), __aiter__=None),
    *stream("__iter__ returns a list", "a list from __iter__", BY_THREAD, __iter__=lambda self: self.lines),
    *stream("__aiter__ an async def", "a coroutine from __aiter__", ("async stream",), __aiter__=async_aiter),
    *stream("__aiter__ sync", "iterator from __aiter__", ("async stream",), __aiter__=lambda self: iter(self.lines)),
    *stream("close an async def", "a coroutine from close", BY_THREAD, close=async_method),
    *stream("aclose not async", "None from aclose", ("async stream",), aclose=lambda self: None),
]


# -- requests ---------------------------------------------------------------------------------------------------------


def appends_adaptation(adaptations: list[object]) -> dict[str, object]:
    adaptations.append("strict was dropped")
    return {}


def appends_adaptation_to_request(request: Any) -> dict[str, object]:
    request.adaptations.append({"setting": "strict"})
    return {}


def changes_messages(messages: list[object], results: Sequence[object]) -> list[object]:
    messages.extend(results)
    return [*messages]


def returns_messages(messages: list[object], results: Sequence[object]) -> list[object]:
    messages.extend(results)
    return messages


CONTINUE = "polycall_continue_conversation"
REQUESTS = [
    Mistake("a text as an adaptation", "polycall_render_tools", {"polycall_render_tools": appends_adaptation}, "a str"),
    Mistake(
        "a dict as an adaptation",
        "polycall_render_request",
        {"polycall_render_request": appends_adaptation_to_request},
        "a dict",
    ),
    Mistake("changes the messages", CONTINUE, {CONTINUE: changes_messages}, "changed the messages"),
    Mistake("returns the same list", CONTINUE, {CONTINUE: returns_messages}, "changed the messages"),
]


WRONG = [
    *WRONG_RESULTS,
    *(mistake for wrong in WRONG_REPLIES for mistake in wrong_reply(*wrong)),
    *DECODERS,
    *WHOLE_BY_DECODER,
    *STREAMS,
    *REQUESTS,
]


@cases(WRONG)
def test_a_wrong_result_is_an_error_that_names_plugin_and_hook(
    broken: Callable[..., Broken], mistake: Mistake, way: str
) -> None:
    plugin = broken(mistake.changes, mistake.without)

    with pytest.raises(polycall.PluginError, match=mistake.says) as raised:
        plugin.use(way)

    assert raised.value.plugin == NAME
    assert f"Plugin '{NAME}' (registered in code)" in str(raised.value)
    assert mistake.hook in str(raised.value)


@pytest.mark.parametrize("way", [*EVERY_WAY, "render", "continue_with", "from_client"])
def test_without_a_mistake_all_is_well(broken: Callable[..., Broken], way: str) -> None:
    result = broken({}).use(way)

    assert way not in EVERY_WAY or result == RESULT


def test_there_are_enough_of_them() -> None:
    assert len({(mistake.hook, mistake.title) for mistake in WRONG}) >= 65


# -- bare exceptions --------------------------------------------------------------------------------------------------


def raiser(error: Exception, *, asynchronous: bool = False) -> Callable[..., object]:
    """A hook that raises: in its first line, or when it is awaited."""

    def implementation() -> NoReturn:
        raise error

    async def implementation_async() -> NoReturn:
        raise error

    return implementation_async if asynchronous else implementation


def raises(hook: str, ways: Sequence[str] = EVERY_WAY) -> Callable[[Exception], Mistake]:
    """A hook that raises."""
    asynchronous = hook.endswith("_async")
    return lambda error: Mistake("raises", hook, {hook: raiser(error, asynchronous=asynchronous)}, "", ways)


def decoder_raises(method: str) -> Callable[[Exception], Mistake]:
    """A decoder whose method raises."""

    def make(error: Exception) -> Mistake:
        def fail(self: ToyDecoder, *arguments: object) -> NoReturn:
            raise error

        return decoder(f"{method} raises", "", **{method: fail})

    return make


def stream_raises(method: str, way: str) -> Callable[[Exception], Mistake]:
    """A stream whose method raises."""

    def make(error: Exception) -> Mistake:
        def fail(self: ToyStream) -> NoReturn:
            raise error

        async def fail_async(self: ToyStream) -> NoReturn:
            raise error

        async def iterate_async(self: ToyStream) -> AsyncIterator[str]:
            yield "say Hm."
            raise error

        def iterate(self: ToyStream) -> Iterator[str]:
            yield "say Hm."
            raise error

        methods = {"__iter__": iterate, "__aiter__": iterate_async, "close": fail, "aclose": fail_async}
        return stream(f"{method} raises", "", (way,), **{method: methods[method]})[0]

    return make


BARE = [
    raises("polycall_settings_type", ONE_WAY),
    raises("polycall_create_client", ("create", "async create")),
    raises("polycall_bind_client", ("create", "async create", "from_client")),
    raises("polycall_describe_session", ONE_WAY),
    raises("polycall_wording", ONE_WAY),
    raises("polycall_render_tools", (*EVERY_WAY, "render")),
    raises("polycall_render_request", (*EVERY_WAY, "render")),
    raises("polycall_describe_request", ("render",)),
    raises("polycall_send", ONE_WAY),
    raises("polycall_send_async", ("async create",)),
    raises("polycall_open_stream", ("stream",)),
    raises("polycall_open_stream_async", ("async stream",)),
    raises("polycall_extract_reply", WHOLE),
    raises("polycall_create_decoder", STREAMED),
    raises("polycall_continue_conversation", EVERY_WAY),
    raises("polycall_close_client", SYNC),
    raises("polycall_close_client_async", ASYNC),
    decoder_raises("feed"),
    decoder_raises("finish"),
    stream_raises("__iter__", "stream"),
    stream_raises("__iter__", "sync stream in a thread"),
    stream_raises("__aiter__", "async stream"),
    stream_raises("close", "stream"),
    stream_raises("close", "sync stream in a thread"),
    stream_raises("aclose", "async stream"),
]
NOT_EXPLAINED: list[type[Exception]] = [KeyError, AttributeError, TypeError]


@pytest.mark.parametrize("type_", NOT_EXPLAINED)
@cases([make(Exception()) for make in BARE])
def test_a_bare_exception_gets_a_note_that_names_hook_and_plugin(
    broken: Callable[..., Broken], mistake: Mistake, way: str, type_: type[Exception]
) -> None:
    error = type_("index")
    (again,) = [
        one
        for make in BARE
        if ((one := make(error)).hook, one.title, one.ways) == (mistake.hook, mistake.title, mistake.ways)
    ]

    with pytest.raises(type_) as raised:
        broken(again.changes, again.without).use(way)

    assert raised.value is error
    notes = [note for note in error.__notes__ if "raised this in" in note]
    assert notes == [f"Plugin '{NAME}' (registered in code) raised this in {mistake.hook}."]


def test_one_that_recognises_clients_keeps_nobody_else_from_it(broken: Callable[..., Broken]) -> None:
    plugin = broken({"polycall_recognize_client": raiser(KeyError("client"))})

    with pytest.raises(polycall.PluginError, match=r"Plugin 'broken' .* polycall_recognize_client .*KeyError"):
        plugin.use("from_client")


def test_the_conversation_of_a_user_names_it_too(broken: Callable[..., Broken]) -> None:
    plugin = broken({})
    calls = plugin.use("create")
    assert isinstance(calls, polycall.Calls)
    polycall.unregister(NAME)
    Broken({CONTINUE: raiser(KeyError("role"))})

    with pytest.raises(KeyError) as raised:
        calls.continue_with(["sunny", "rainy"])

    assert raised.value.__notes__ == [f"Plugin '{NAME}' (registered in code) raised this in {CONTINUE}."]


@pytest.mark.parametrize("wrong", [None, ("?",), "?"], ids=str)
def test_a_wrong_conversation_of_a_user_names_it_too(broken: Callable[..., Broken], wrong: object) -> None:
    calls = broken({}).use("create")
    assert isinstance(calls, polycall.Calls)
    polycall.unregister(NAME)
    Broken({CONTINUE: lambda: wrong})

    with pytest.raises(polycall.PluginError, match=f"Plugin '{NAME}' .* {CONTINUE}; a list is due"):
        calls.continue_with(["sunny", "rainy"])


class SdkError(Exception):
    """An exception of an SDK: its own module says where it comes from."""


@pytest.mark.parametrize("error", [SdkError("rate limit"), TimeoutError("connect"), polycall.ResponseError("garbage")])
def test_an_exception_of_the_sdk_or_of_polycall_needs_no_note(broken: Callable[..., Broken], error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        broken({"polycall_send": raiser(error)}).use("create")

    assert raised.value is error
    assert not hasattr(error, "__notes__")


PLUGIN_WITH_MISTAKES = """
import support.toy_provider as toy
from polycall.plugin import hookimpl

@hookimpl
def polycall_send(session, request):
    return {}["choices"]

@hookimpl
def polycall_open_stream(session, request):
    return [chunk for chunk in ()]

hooks = toy.make_plugin(polycall_send=polycall_send, polycall_open_stream=polycall_open_stream)
globals().update(vars(hooks))
"""


def test_the_distribution_of_an_installed_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "acme_broken.py").write_text(PLUGIN_WITH_MISTAKES)
    info = tmp_path / "acme_broken-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[polycall.providers]\nacme = acme_broken\n")
    registry.refresh()
    try:
        with polycall.from_provider("acme/toy-1") as client:
            with pytest.raises(KeyError) as raised:
                client.create(ASK, list[Weather])
            with pytest.raises(polycall.PluginError) as refused:
                client.stream(ASK, list[Weather])
    finally:
        monkeypatch.undo()
        registry.refresh()
        sys.modules.pop("acme_broken", None)

    assert raised.value.__notes__ == ["Plugin 'acme' (acme-broken 2.1) raised this in polycall_send."]
    assert "Plugin 'acme' (acme-broken 2.1) returned a list from polycall_open_stream" in str(refused.value)
    assert refused.value.distribution == "acme-broken 2.1"


# -- extensions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def extend() -> Iterator[Callable[..., None]]:
    def extend(**hooks: Callable[..., object]) -> None:
        without = [name for name in vars(Hooks) if name.startswith("polycall_") and name != "polycall_hook_api"]
        polycall.register_extension("rude", make_plugin(without=without, **hooks))

    yield extend
    polycall.unregister("rude")


@hookimpl(wrapper=True)
def forgets_its_result() -> Iterator[None]:
    yield


def answers(value: object) -> Callable[..., object]:
    return hookimpl(lambda: value)


EXTENSIONS = [
    ("polycall_extract_reply", answers({"calls": []}), "returned a dict"),
    ("polycall_extract_reply", forgets_its_result, "returned None"),
    ("polycall_send", forgets_its_result, "returned None"),
    ("polycall_render_request", forgets_its_result, "returned None"),
    ("polycall_render_tools", forgets_its_result, "returned None"),
    ("polycall_continue_conversation", answers("?"), "returned a str"),
    ("polycall_wording", answers("?"), "returned a str"),
    ("polycall_describe_session", answers("?"), "returned a str"),
]


@pytest.mark.parametrize(
    ("hook", "implementation", "says"), EXTENSIONS, ids=[f"{hook}: {says}" for hook, _, says in EXTENSIONS]
)
def test_an_extension_that_answers_wrongly_is_named_with_the_provider(
    broken: Callable[..., Broken],
    extend: Callable[..., None],
    hook: str,
    implementation: Callable[..., object],
    says: str,
) -> None:
    plugin = broken({})
    extend(**{hook: implementation})

    with pytest.raises(polycall.PluginError, match=f"{says} from {hook}") as raised:
        plugin.use("create")

    assert "Plugin 'broken' (registered in code) (or Extension 'rude' (registered in code), in" in str(raised.value)


OBSERVERS = ("create_began", "before_request", "round_ended", "calls_validated", "create_ended")


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("hook", [f"polycall_{name}" for name in OBSERVERS])
def test_an_observer_that_raises_is_named(
    broken: Callable[..., Broken], extend: Callable[..., None], hook: str, way: str
) -> None:
    plugin, error = broken({}), TypeError("'NoneType' object is not subscriptable")
    extend(**{hook: hookimpl(raiser(error))})

    with pytest.raises(TypeError) as raised:
        plugin.use(way)

    assert raised.value is error
    assert f"Extension 'rude' (registered in code) raised this in {hook}." in error.__notes__


@pytest.mark.parametrize("way", EVERY_WAY)
def test_an_extension_whose_wrapper_raises_is_named_and_not_the_provider(
    broken: Callable[..., Broken], extend: Callable[..., None], way: str
) -> None:
    @hookimpl(wrapper=True)
    def polycall_render_request() -> Generator[None, dict[str, list[object]], object]:
        result = yield
        return result["messages"][17]

    plugin = broken({})
    extend(polycall_render_request=polycall_render_request)

    with pytest.raises(IndexError) as raised:
        plugin.use(way)

    assert "Extension 'rude' (registered in code) raised this in polycall_render_request." in raised.value.__notes__


# -- mistakes that are found when the plugin is registered -------------------------------------------------------------


def defined(code: str, name: str) -> Any:
    """A function of a plugin as its author wrote it."""
    names: dict[str, Any] = {"hookimpl": hookimpl}
    exec(code, names)
    return names[name]


REFUSED = [
    ("a misspelt hook", "@hookimpl\ndef polycall_sned(session): ...", "'polycall_sned' is not a hook"),
    ("a hook of an older draft", "@hookimpl\ndef polycall_reply_received(reply): ...", "is not a hook"),
    ("a hook without its marker", "def polycall_send(session): ...", "'polycall_send' is not marked"),
    ("a misspelt parameter", "@hookimpl\ndef polycall_send(sesion): ...", r"'sesion'.*did you mean 'session'"),
    ("an older parameter", "@hookimpl\ndef polycall_send(client, request): ...", "'client': .* no such parameter"),
    ("a default", "@hookimpl\ndef polycall_send(session, body=None): ...", "'body': write it without a default"),
    ("any parameters", "@hookimpl\ndef polycall_send(*args): ...", "'args': write it without"),
    ("any names", "@hookimpl\ndef polycall_send(**names): ...", "'names': write it without"),
    ("a keyword-only one", "@hookimpl\ndef polycall_send(*, session): ...", "'session': write it without"),
    ("self in a module", "@hookimpl\ndef polycall_send(self, session): ...", "'self': .* no such parameter"),
    ("an async def", "@hookimpl\nasync def polycall_send(session): ...", "'polycall_send' must not be an 'async def'"),
    ("an async observer", "@hookimpl\nasync def polycall_round_ended(reply): ...", "must not be an 'async def'"),
    ("a generator", "@hookimpl\ndef polycall_extract_reply(response):\n yield", "'polycall_extract_reply' yields"),
    (
        "an async generator",
        "@hookimpl\nasync def polycall_open_stream_async(session):\n yield",
        "'polycall_open_stream_async' is an async generator",
    ),
    (
        "a wrapper without yield",
        "@hookimpl(wrapper=True)\ndef polycall_send(session): ...",
        "'polycall_send' has no 'yield'",
    ),
    (
        "a wrapper that is the whole hook",
        "@hookimpl(wrapper=True)\ndef polycall_send():\n return (yield)",
        "required hook 'polycall_send' is missing",
    ),
    (
        "an observer that wraps",
        "@hookimpl(wrapper=True)\ndef polycall_round_ended():\n return (yield)",
        "'polycall_round_ended' observes",
    ),
    ("an order", "@hookimpl(tryfirst=True)\ndef polycall_send(session): ...", "'polycall_send' is marked tryfirst"),
]


@pytest.mark.parametrize(("title", "code", "says"), REFUSED, ids=[title for title, _, _ in REFUSED])
def test_a_mistake_in_a_signature_is_refused_at_once(title: str, code: str, says: str) -> None:
    name = "polycall_" + code.partition("def polycall_")[2].partition("(")[0]

    with pytest.raises(polycall.PluginError, match=says) as raised:
        polycall.register_provider(NAME, make_plugin(Hooks(), **{name: defined(code, name)}))

    assert raised.value.plugin == NAME
    assert f"Plugin '{NAME}' (registered in code) violates the hook contract" in str(raised.value)


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (["polycall_create_client"], "the required hook 'polycall_create_client' is missing"),
        (["polycall_render_tools"], "the required hook 'polycall_render_tools' is missing"),
        (["polycall_render_request"], "the required hook 'polycall_render_request' is missing"),
        (["polycall_send"], "the required hook 'polycall_send' is missing"),
        (["polycall_create_decoder"], "'polycall_open_stream' needs 'polycall_create_decoder'"),
        (["polycall_extract_reply", "polycall_create_decoder"], "one of 'polycall_extract_reply', 'polycall_create_de"),
        (["polycall_hook_api"], "does not state its hook API version"),
    ],
)
def test_a_missing_hook_is_refused_at_once(without: list[str], says: str) -> None:
    with pytest.raises(polycall.PluginError, match=says):
        polycall.register_provider(NAME, make_plugin(without=without))


@pytest.mark.parametrize("version", [0, 2, "1", 1.5, (1, 0)])
def test_another_version_of_the_hook_api_is_refused_at_once(version: object) -> None:
    with pytest.raises(polycall.PluginError, match=f"Plugin '{NAME}' .* was built for hook API"):
        polycall.register_provider(NAME, make_plugin(polycall_hook_api=version))


@pytest.mark.parametrize("plugin", [None, "acme_plugin", Hooks, object()], ids=["None", "its name", "a class", "?"])
def test_what_is_not_a_plugin_at_all_is_refused_at_once(plugin: object) -> None:
    with pytest.raises(polycall.PluginError, match=f"Plugin '{NAME}'"):
        polycall.register_provider(NAME, plugin)
