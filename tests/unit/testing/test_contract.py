"""The contract checker: a plugin with one mistake is caught by the name of the rule; a right one passes."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import datetime
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

import polycall
import polycall_acme
from acme_server import AcmeServer
from polycall.plugin import (
    Adaptation,
    ArgumentsDelta,
    CallCompleted,
    CallResult,
    CallStarted,
    ClientTraits,
    ReasoningDelta,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    hookimpl,
)
from polycall.testing.contract import RULES, ContractViolation, checked
from support.toy_provider import Hooks, ToyClient, ToyDecoder, ToyStream, call, make_plugin, reply

from .conftest import Register

NAME = "broken"


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


SCRIPT = (
    reply("say Hm.", call("Weather", location="Rome", id="a"), call("Weather", location=0, id="b"), usage=(5, 7)),
    reply(call("Weather", location="Oslo", id="c"), usage=(5, 7)),
)
"""The second call of the first reply does not validate, so a correction follows: each hook is called."""
RESULT = [Weather(location="Rome"), Weather(location="Oslo")]
ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo?"}]
WHOLE = ("create", "async create")
STREAMED = ("stream", "async stream")
EVERY_WAY = (*WHOLE, *STREAMED)


async def use(way: str, **arguments: Any) -> object:
    """Make a client of the broken provider, use it in one way, close it."""
    arguments = {"messages": ASK, "response_model": list[Weather | Search], **arguments}
    if way == "from_client":
        return polycall.from_client(ToyClient(), async_client=False)
    if way == "render":
        with polycall.from_provider(f"{NAME}/toy-1") as client:
            return client.render(**arguments)
    if way == "create":
        with polycall.from_provider(f"{NAME}/toy-1") as client:
            return client.create(**arguments)
    if way == "stream":
        with polycall.from_provider(f"{NAME}/toy-1") as client, client.stream(**arguments) as stream:
            return stream.collect()
    async with polycall.from_provider(f"{NAME}/toy-1", async_client=True) as async_client:
        if way == "async create":
            return await async_client.create(**arguments)
        async with async_client.stream(**arguments) as async_stream:
            return await async_stream.collect()


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One mistake of a plugin's author.

    Attributes:
        rule: The rule that it breaks.
        title: The mistake.
        hook: The hook that the violation must name.
        changes: The hooks that replace the toy provider's.
        ways: The ways of use that meet it.
        arguments: Further ones for ``create()``.
    """

    rule: str
    title: str
    hook: str
    changes: Mapping[str, Callable[..., object]]
    ways: Sequence[str] = EVERY_WAY
    arguments: Mapping[str, object] = dataclasses.field(default_factory=dict)


def returns(hook: str, value: object, *ways: str) -> Mistake:
    """A hook that returns something else."""

    async def later() -> object:
        return value

    function = later if hook.endswith("_async") else lambda: value
    title = f"returns {value!r:.40}"
    return Mistake("result-type", title, hook, {hook: function}, ways or EVERY_WAY)


# -- replies and decoders ---------------------------------------------------------------------------------------------

EXTRACT, DECODE = "polycall_extract_reply", "polycall_create_decoder"


def replies(rule: str, title: str, change: Callable[[Reply], object]) -> list[Mistake]:
    """The same mistake in whole replies and in those of a decoder."""

    def extract(request: Request, response: str) -> object:
        made = Hooks().polycall_extract_reply(request, response)
        return change(made) or made

    class Decoder(ToyDecoder):
        def feed(self, chunk: str) -> Iterable[StreamEvent]:
            super().feed(chunk)
            return []  # its calls are complete when the reply has ended

        def finish(self) -> Reply:
            made = super().finish()
            return change(made) or made  # type: ignore[return-value]

    return [
        Mistake(rule, title, EXTRACT, {EXTRACT: extract}, WHOLE),
        Mistake(rule, title, DECODE, {DECODE: lambda request: Decoder(request)}, STREAMED),
    ]


def changed_calls(**changes: Any) -> Callable[[Reply], None]:
    """Change each call: a value, or a function of the call's index."""

    def change(made: Reply) -> None:
        made.tool_calls = [
            dataclasses.replace(
                one, **{name: value(one.index) if callable(value) else value for name, value in changes.items()}
            )
            for one in made.tool_calls
        ]

    return change


def sets(**members: Any) -> Callable[[Reply], None]:
    def change(made: Reply) -> None:
        for name, value in members.items():
            setattr(made, name, value)

    return change


def raises(error: Exception) -> Callable[[], object]:
    def raw_response() -> object:
        raise error

    return raw_response


one_reply_for_all = Reply(tool_calls=[ToolCall("a", "Weather", '{"location": 0}')])


def decoder(rule: str, title: str, *, deltas: bool = True, **methods: object) -> Mistake:
    """A decoder with some methods replaced."""
    changed = type("Decoder", (ToyDecoder,), methods)
    return Mistake(rule, title, DECODE, {DECODE: lambda request: changed(request)}, STREAMED, {"deltas": deltas})


def with_events(
    change: Callable[[list[StreamEvent]], Iterable[StreamEvent]],
) -> Callable[[ToyDecoder, str], Iterable[StreamEvent]]:
    """A ``feed`` that changes the events of each chunk."""
    return lambda self, chunk: change(list(ToyDecoder.feed(self, chunk)))


def each(type_: type, change: Callable[[Any], StreamEvent | None]) -> Callable[..., Iterable[StreamEvent]]:
    """A ``feed`` that replaces the events of one type, or drops them."""

    def change_all(events: list[StreamEvent]) -> list[StreamEvent]:
        changed = [change(event) if isinstance(event, type_) else event for event in events]
        return [event for event in changed if event is not None]

    return with_events(change_all)


def feed_all(self: ToyDecoder, chunk: str) -> Iterable[StreamEvent]:
    """Reports whatever it has, asked for or not."""
    self._report_deltas = True
    return ToyDecoder.feed(self, chunk)


def feed_then_done(self: Any, chunk: str) -> Iterable[StreamEvent]:
    self.done = False
    return ToyDecoder.feed(self, chunk)


def completed_twice(events: list[StreamEvent]) -> list[StreamEvent]:
    return [*events, *(event for event in events if isinstance(event, CallCompleted))]


def renamed(event: CallCompleted) -> CallCompleted:
    return CallCompleted(dataclasses.replace(event.tool_call, arguments='{"location":  "Rome"}'))


class SharedDecoder(ToyDecoder):
    """Starts over with each reply, and is shared all the same."""

    def start(self, request: Request) -> SharedDecoder:
        ToyDecoder.__init__(self, request)
        return self


def shared_decoder() -> Callable[[Request], object]:
    shared: list[SharedDecoder] = []

    def create(request: Request) -> object:
        if not shared:
            shared.append(SharedDecoder(request))
        return shared[0].start(request)

    return create


REPLIES = [
    *replies("result-type", "text that is a list", sets(text=["Hm."])),
    *replies("result-type", "a count that is text", sets(usage=Usage(input_tokens="5"))),  # type: ignore[arg-type]
    *replies("result-type", "arguments that are bytes", changed_calls(arguments=b"{}")),
    *replies("result-type", "a dict", lambda made: {"calls": made.tool_calls}),
    *replies("unique-ids", "the same id for all", changed_calls(id="call")),
    *replies("unique-ids", "ids that begin again with each reply", changed_calls(id=lambda index: f"call_{index}")),
    *replies("whole-indexes", "indexes from 1", changed_calls(index=lambda index: index + 1)),
    *replies("whole-indexes", "indexes with gaps", changed_calls(index=lambda index: index * 2 + 2)),
    *replies("json-turn", "a date in the turn", sets(turn={"role": "assistant", "at": datetime.date(2026, 1, 1)})),
    *replies("json-turn", "an SDK's object in the turn", sets(turn={"role": "assistant", "parts": [ToyClient()]})),
    *replies("json-turn", "a tuple in the turn", sets(turn={"role": "assistant", "parts": ("a", "b")})),
    *replies("json-turn", "NaN in the turn", sets(turn=[{"role": "assistant", "logprob": float("nan")}])),
    *replies("json-turn", "a key that is a number", sets(turn={"role": "assistant", 1: "one"})),
    *replies("raw-response", "raises a TypeError", sets(raw_response=raises(TypeError("__init__() missing id")))),
    *replies("raw-response", "returns None", sets(raw_response=lambda: None)),
    *replies("fresh-reply", "one Reply for all", lambda made: one_reply_for_all),
]
DECODERS = [
    Mistake("fresh-decoder", "a decoder for all", DECODE, {DECODE: shared_decoder()}, STREAMED),
    decoder("completed-agrees", "completed with other arguments", feed=each(CallCompleted, renamed)),
    decoder("completed-agrees", "missing in finish()", finish=lambda self: Reply(saw_end=True)),
    decoder("completed-once", "completed twice", feed=with_events(completed_twice)),
    decoder("deltas-when-asked", "reports whatever it has", feed=feed_all, deltas=False),
    decoder("started-agrees", "another id", feed=each(CallStarted, lambda one: dataclasses.replace(one, id="?"))),
    decoder("started-agrees", "arguments before the beginning", feed=each(CallStarted, lambda one: None)),
    decoder(
        "deltas-join",
        "arguments stripped",
        feed=each(ArgumentsDelta, lambda one: ArgumentsDelta(one.index, one.text.strip('"'))),
    ),
    decoder("deltas-join", "arguments so far", feed=each(ArgumentsDelta, lambda one: ArgumentsDelta(one.index, "{}"))),
    decoder("text-joins", "text twice", feed=each(TextDelta, lambda one: TextDelta(one.text * 2))),
    decoder("text-joins", "text as reasoning", feed=each(TextDelta, lambda one: ReasoningDelta(one.text))),
    decoder("done-from-start", "done that appears later", feed=feed_then_done),
    decoder("result-type", "done that is None", done=None),
    decoder("result-type", "events that are dicts", feed=lambda self, chunk: [{"type": "text"}]),
    decoder("result-type", "feed returns None", feed=lambda self, chunk: None),
]


# -- requests ---------------------------------------------------------------------------------------------------------

TOOLS, BODY, SEND = "polycall_render_tools", "polycall_render_request", "polycall_send"


def rendering(change: Callable[[Request], object]) -> dict[str, Callable[..., object]]:
    """A `polycall_render_request` that does something with its request before it renders."""

    def render(request: Request) -> object:
        added = change(request)
        body = Hooks().polycall_render_request(request)
        return {**body, **added} if isinstance(added, dict) else body

    return {BODY: render}


class Message:
    """What a protocol of its own has for a body, with whatever its library keeps inside."""

    descriptor: ClassVar[dict[str, object]] = {}

    def __init__(self) -> None:
        self.shared = self.descriptor


class Body(dict[str, object]):
    """A body of a class of the plugin's own."""


def counted() -> Callable[[Request], object]:
    numbers = itertools.count()
    return lambda request: {"request_id": next(numbers)}


def shared_part() -> Callable[[Request], object]:
    metadata = {"app": "toy"}
    return lambda request: {"metadata": metadata}


def one_body() -> Callable[[Request], object]:
    body: dict[str, object] = {}

    def render(request: Request) -> object:
        body.update(Hooks().polycall_render_request(request))
        return body

    return render


def one_object() -> Callable[[], object]:
    message = Message()
    return lambda: message


def drops_titles(tools: Sequence[ToolSpec], tool_choice: str) -> object:
    for tool in tools:
        tool.schema.pop("type")
    return {"tools": [tool.name for tool in tools], "choice": tool_choice}


def counts_tools() -> Callable[..., object]:
    numbers = itertools.count()
    return lambda tools, tool_choice: {"n": next(numbers), "choice": tool_choice}


def adapts_every_other_time() -> Callable[..., object]:
    numbers = itertools.count()

    def render(tool_choice: str, adaptations: list[Adaptation]) -> object:
        if next(numbers) % 2 == 0:
            adaptations.append(Adaptation(setting="strict", kind="dropped"))
        return {"choice": tool_choice}

    return render


def offers_the_named_tool_alone(tools: Sequence[ToolSpec], tool_choice: str) -> object:
    return {"tools": [tool.name for tool in tools if tool_choice in ("auto", "required", tool.name)]}


def ignores_the_choice(tools: Sequence[ToolSpec]) -> object:
    return {"tools": [tool.name for tool in tools]}


def wrong_kind(adaptations: list[Adaptation], tool_choice: str) -> object:
    adaptations.append(Adaptation(setting="strict", kind="ignored"))  # type: ignore[arg-type]
    return {"choice": tool_choice}


def changes_first_message(request: Request) -> None:
    request.messages[0]["content"] = "changed"  # type: ignore[index]


def describes(**members: Any) -> dict[str, Callable[..., object]]:
    return {"polycall_describe_request": lambda: RenderedRequest(**members)}


def sends_and(change: Callable[[Request], object]) -> dict[str, Callable[..., object]]:
    """A `polycall_send` that changes its request."""

    def send(session: ToyClient, request: Request) -> object:
        change(request)
        return session.answer(request)

    return {SEND: send}


NAMED = {"tool_choice": "Weather"}
REQUESTS = [
    Mistake(
        "messages-unchanged",
        "adds a system message",
        BODY,
        rendering(lambda request: request.messages.insert(0, "Hm.")),
    ),
    Mistake("messages-unchanged", "changes a message", BODY, rendering(changes_first_message)),
    Mistake(
        "request-unchanged",
        "takes its options out",
        BODY,
        rendering(lambda request: {"timeout": request.options.pop("timeout", None)}),
        arguments={"timeout": 3},
    ),
    Mistake(
        "request-unchanged",
        "changes options when it sends",
        SEND,
        sends_and(lambda request: request.options.update(seed=1)),
        ("create",),
    ),
    Mistake("schema-unchanged", "changes the schema", TOOLS, {TOOLS: drops_titles}),
    Mistake(
        "schema-unchanged",
        "changes the schema of a request",
        BODY,
        rendering(lambda request: request.tools[0].schema.update(strict=True)),
    ),
    Mistake(
        "payload-unchanged", "adds to it", BODY, rendering(lambda request: request.tool_payload.update(stream=True))
    ),
    Mistake("pure-tools", "a payload with a number", TOOLS, {TOOLS: counts_tools()}),
    Mistake("pure-tools", "an adaptation that is told once", TOOLS, {TOOLS: adapts_every_other_time()}),
    Mistake("pure-request", "a body with a number", BODY, rendering(counted())),
    Mistake("own-body", "one dict in all bodies", BODY, rendering(shared_part())),
    Mistake("own-body", "one body", BODY, {BODY: one_body()}),
    Mistake("own-body", "one object that is a body", BODY, {BODY: one_object()}),
    Mistake("json-body", "a set", BODY, rendering(lambda request: {"stop": {"a"}})),
    Mistake("json-body", "an SDK's object", BODY, rendering(lambda request: {"config": Usage()})),
    Mistake("json-described", "a tuple", "polycall_describe_request", describes(body=("a",)), ("render",)),
    Mistake("choice-told", "required ignored", BODY, {TOOLS: ignores_the_choice}),
    Mistake("choice-told", "a name ignored", BODY, {TOOLS: ignores_the_choice}, arguments=NAMED),
    Mistake("choice-told", "the named tool alone", BODY, {TOOLS: offers_the_named_tool_alone}, arguments=NAMED),
    Mistake("result-type", "an unknown kind of adaptation", TOOLS, {TOOLS: wrong_kind}),
    Mistake("result-type", "a header", "polycall_describe_request", describes(headers={"a": 1}), ("render",)),
    Mistake("result-type", "a URL", "polycall_describe_request", describes(url=b"toy://"), ("render",)),
]


# -- streams ----------------------------------------------------------------------------------------------------------

OPEN, OPEN_ASYNC = "polycall_open_stream", "polycall_open_stream_async"


class OnceClosable(ToyStream):
    def close(self) -> None:
        super().close()
        if self.closed > 1:
            raise RuntimeError("The stream is closed.")

    async def aclose(self) -> None:
        self.close()


def open_bare(session: ToyClient, request: Request) -> Iterator[str]:
    yield from session.answer(request).split("\n")


async def open_bare_async(session: ToyClient, request: Request) -> AsyncIterator[str]:
    async def lines() -> AsyncIterator[str]:
        for line in session.answer(request).split("\n"):
            yield line

    return lines()


def open_once(session: ToyClient, request: Request) -> ToyStream:
    return OnceClosable(session.answer(request))


async def open_once_async(session: ToyClient, request: Request) -> ToyStream:
    return OnceClosable(session.answer(request))


STREAMS = [
    Mistake("stream-closes", "a bare generator", OPEN, {OPEN: open_bare}, ("stream",)),
    Mistake("stream-closes", "a bare async generator", OPEN_ASYNC, {OPEN_ASYNC: open_bare_async}, ("async stream",)),
    Mistake("close-twice", "an error", OPEN, {OPEN: open_once}, ("stream",)),
    Mistake("close-twice", "an error", OPEN_ASYNC, {OPEN_ASYNC: open_once_async}, ("async stream",)),
    returns(OPEN, ["end stop"], "stream"),
    returns(OPEN_ASYNC, ["end stop"], "async stream"),
]


# -- conversations ----------------------------------------------------------------------------------------------------

CONTINUE = "polycall_continue_conversation"


def continuing(change: Callable[..., object]) -> dict[str, Callable[..., object]]:
    def continue_conversation(messages: Any, reply: Reply, results: Sequence[CallResult], note: str | None) -> object:
        continued = Hooks().polycall_continue_conversation(messages, reply, results, note)
        return change(messages, reply, continued) or continued

    return {CONTINUE: continue_conversation}


def in_place(messages: list[object], reply: Reply, continued: list[object]) -> object:
    messages[:] = continued
    return messages


def changes_the_first(messages: list[Any], reply: Reply, continued: list[object]) -> None:
    messages[0]["seen"] = True


CONVERSATIONS = [
    Mistake("messages-unchanged", "the list in place", CONTINUE, continuing(in_place)),
    Mistake("messages-unchanged", "a message", CONTINUE, continuing(changes_the_first)),
    Mistake("continued-list", "drops the beginning", CONTINUE, continuing(lambda m, r, continued: continued[1:])),
    Mistake("continued-list", "the last first", CONTINUE, continuing(lambda m, r, continued: continued[::-1])),
    Mistake("json-messages", "a call", CONTINUE, continuing(lambda m, r, continued: [*continued, r.tool_calls[0]])),
    Mistake(
        "json-messages",
        "bytes",
        CONTINUE,
        continuing(lambda m, r, continued: [*continued, {"role": "user", "a": b"?"}]),
    ),
    Mistake("reply-unchanged", "the turn", CONTINUE, continuing(lambda m, reply, c: reply.turn.update(id=5))),
    returns(CONTINUE, ("?",)),
]


# -- clients ----------------------------------------------------------------------------------------------------------

CLIENTS = [
    returns("polycall_settings_type", dict, "create"),
    returns("polycall_create_client", None, "create", "async create"),
    returns("polycall_recognize_client", True, "from_client"),
    returns("polycall_recognize_client", ClientTraits(sync=1, asynchronous=True), "from_client"),  # type: ignore[arg-type]
    returns("polycall_bind_client", None, "create"),
    returns("polycall_describe_session", SessionTraits(port="443"), "create"),  # type: ignore[arg-type]
    returns("polycall_describe_session", {"host": "local"}, "create"),
    returns("polycall_wording", "Be correct.", "create"),
    returns(TOOLS, None),
    returns(BODY, None),
    returns(SEND, None, "create"),
    returns("polycall_send_async", None, "async create"),
    Mistake(
        "result-type", "not async", "polycall_send_async", {"polycall_send_async": lambda: "end"}, ("async create",)
    ),
    Mistake(
        "result-type",
        "not async",
        "polycall_close_client_async",
        {"polycall_close_client_async": lambda: True},
        ("async create",),
    ),
]

MISTAKES = [*REPLIES, *DECODERS, *REQUESTS, *STREAMS, *CONVERSATIONS, *CLIENTS]
CASES = pytest.mark.parametrize(
    ("mistake", "way"),
    [
        pytest.param(mistake, way, id=f"{mistake.rule}: {mistake.title} ({way})")
        for mistake in MISTAKES
        for way in mistake.ways
    ],
)


def toy(**changes: Callable[..., object]) -> ModuleType:
    """The toy provider with some hooks replaced."""
    hooks = Hooks()
    hooks.script = SCRIPT
    marked: dict[str, Any] = {name: hookimpl(change) for name, change in changes.items()}
    return make_plugin(hooks, **marked)


@pytest.fixture
def messages() -> list[object]:
    """Messages that a plugin may spoil."""
    return copy.deepcopy(ASK)


@CASES
async def test_a_mistake_is_caught_by_the_name_of_its_rule(
    register: Register, messages: list[object], mistake: Mistake, way: str
) -> None:
    register(NAME, toy(**mistake.changes))

    with pytest.raises(ContractViolation) as raised, checked():
        await use(way, messages=messages, **_own(mistake))

    violation = raised.value
    assert (violation.rule, violation.hook) == (mistake.rule, mistake.hook)
    assert violation.plugin == f"Plugin '{NAME}' (registered in code)"
    assert str(violation).startswith(f"{violation.plugin} breaks the rule '{mistake.rule}' in {mistake.hook}.\n")
    assert RULES[mistake.rule] in str(violation)
    assert "came:  None" not in str(violation)


def _own(mistake: Mistake) -> dict[str, Any]:
    """The arguments, with tools of this test alone: a plugin may spoil their schemas."""

    class Weather(BaseModel):
        location: str

    class Search(BaseModel):
        query: str

    return {"response_model": list[Weather | Search], **mistake.arguments}


def test_each_rule_has_a_plugin_that_breaks_it() -> None:
    assert {mistake.rule for mistake in MISTAKES} == set(RULES)


# -- plugins without a mistake ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", [False, True], ids=["calls", "deltas"])
@pytest.mark.parametrize("choice", ["required", "auto", "Weather"])
@pytest.mark.parametrize("way", EVERY_WAY)
async def test_a_plugin_that_is_right_passes(register: Register, way: str, choice: str, deltas: bool) -> None:
    register(NAME, toy())

    with checked() as checker:
        calls: Any = await use(way, deltas=deltas, tool_choice=choice)

    assert calls == RESULT
    assert calls.raw_response == {"toy": SCRIPT[-1].replace("?", "c")}
    assert checker.violations == []


BODIES: dict[str, Callable[[Request], object]] = {
    "a dict of its own class": lambda request: Body(Hooks().polycall_render_request(request)),
    "an opaque object": lambda request: Message(),
    "text": lambda request: str(request.tool_choice),
    "bytes": lambda request: request.tool_choice.encode(),
    "a part of the payload": lambda request: {"payload": request.tool_payload, "choice": request.tool_choice},
}


@pytest.mark.parametrize("title", BODIES)
@pytest.mark.parametrize("way", EVERY_WAY)
async def test_bodies_are_in_the_providers_own_form(register: Register, way: str, title: str) -> None:
    body = BODIES[title]
    register(NAME, toy(**{BODY: lambda request: body(request)}))

    with checked():
        assert await use(way, tool_choice="auto") == RESULT


@pytest.mark.parametrize("way", ["render", "from_client"])
async def test_so_does_one_that_renders_or_recognises(register: Register, way: str) -> None:
    register(NAME, toy())

    with checked():
        assert await use(way) is not None


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_a_plugin_with_the_least_of_hooks_passes(register: Register, way: str) -> None:
    hooks = Hooks()
    hooks.script = SCRIPT
    optional = [
        *("polycall_close_client", "polycall_recognize_client", "polycall_settings_type", "polycall_send_async"),
        *(OPEN, OPEN_ASYNC, DECODE),
    ]
    register(NAME, make_plugin(hooks, without=optional))

    with checked():
        assert await use(way) == RESULT


class TestAcme:
    """The provider that a stranger would write, over its own protocol."""

    TORONTO = "CALL 1 Weather %7B%22location%22%3A%22Toronto%22%7D"
    WRONG = "CALL 2 Weather %7B%22place%22%3A%22Dallas%22%7D"
    DALLAS = "CALL 3 Weather %7B%22location%22%3A%22Dallas%22%7D"

    @pytest.fixture(autouse=True)
    def acme_is_registered(self, register: Register) -> None:
        register("acme", polycall_acme)

    @pytest.fixture
    def server(self) -> Iterator[AcmeServer]:
        with AcmeServer(
            ["TEXT Hm.", self.TORONTO, self.WRONG, "DONE stop"], [self.DALLAS, "USAGE 3 4", "DONE stop"]
        ) as server:
            yield server

    @pytest.mark.parametrize("way", EVERY_WAY)
    async def test_it_passes(self, server: AcmeServer, way: str) -> None:
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": server.port}
        with checked() as checker:
            if "async" in way:
                async with polycall.from_provider("acme/coyote-1", async_client=True, **settings) as client:
                    calls = (
                        await client.stream(ASK, list[Weather], deltas=True).collect()
                        if "stream" in way
                        else await client.create(ASK, list[Weather])
                    )
            else:
                with polycall.from_provider("acme/coyote-1", async_client=False, **settings) as sync_client:
                    calls = (
                        sync_client.stream(ASK, list[Weather], deltas=True).collect()
                        if "stream" in way
                        else sync_client.create(ASK, list[Weather])
                    )
            continued = calls.continue_with(["sunny", "rainy"])

        assert calls == [Weather(location="Toronto"), Weather(location="Dallas")]
        roles = [message["role"] for message in continued]  # type: ignore[index]
        assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool"]
        assert checker.violations == []


# -- the checker itself -----------------------------------------------------------------------------------------------


async def test_a_violation_that_somebody_caught_is_raised_at_the_end(register: Register) -> None:
    register(NAME, toy(**{TOOLS: counts_tools()}))

    with pytest.raises(ContractViolation, match="pure-tools"), checked():
        try:
            await use("create")
        except Exception:
            """An application that goes on whatever happens."""


async def test_it_is_raised_in_place_of_the_error_that_it_led_to(register: Register) -> None:
    register(NAME, toy(**{TOOLS: counts_tools()}))

    with pytest.raises(ContractViolation, match="pure-tools") as raised, checked():
        with pytest.raises(AssertionError):
            await use("create")
        raise LookupError("no weather")

    assert isinstance(raised.value.__cause__, LookupError)


async def test_an_error_without_a_violation_passes_through() -> None:
    with pytest.raises(LookupError), checked():
        raise LookupError("no weather")


async def test_after_the_block_nothing_is_checked(register: Register) -> None:
    register(NAME, toy(**{TOOLS: counts_tools()}))
    with checked():
        pass

    assert await use("create") == RESULT
    assert polycall.extensions() == []


async def test_blocks_can_be_nested(register: Register) -> None:
    register(NAME, toy(**{TOOLS: counts_tools()}))

    with pytest.raises(ContractViolation), checked():
        with checked():
            pass
        await use("create")


async def test_a_variable_that_leaves_the_checker_out_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_EXTENSIONS", "redact")

    listed = r"POLYCALL_EXTENSIONS does not list '~polycall\.testing"
    with pytest.raises(polycall.ConfigurationError, match=listed), checked():
        """Never reached."""


async def test_errors_of_a_plugin_keep_their_way(register: Register) -> None:
    error = ConnectionError("refused")

    def send() -> object:
        raise error

    register(NAME, toy(**{SEND: send}))

    with pytest.raises(ConnectionError) as raised, checked():
        await use("create")

    assert raised.value is error


async def test_calls_before_an_error_inside_a_chunk_are_kept(register: Register) -> None:
    """The checker reads a generator step by step, as the core does."""

    class Decoder(ToyDecoder):
        def feed(self, chunk: str) -> Iterable[StreamEvent]:
            yield from ToyDecoder.feed(self, chunk)
            if chunk == "done":
                raise polycall.ResponseError("Garbage.")

    register(NAME, toy(**{DECODE: lambda request: Decoder(request)}))

    with pytest.raises(polycall.ResponseError) as raised, checked():
        await use("stream")

    assert raised.value.calls == RESULT[:1]


async def test_tasks_at_once_do_not_meet(register: Register) -> None:
    register(NAME, toy())

    with checked():
        results = await asyncio.gather(*(use("async stream", deltas=True) for _ in range(20)))

    assert results == [RESULT] * 20


CONFTEST = """
pytest_plugins = ["polycall.testing.contract"]
"""
TESTS = """
import polycall, pytest
from polycall.plugin import hookimpl
from pydantic import BaseModel
from support import toy_provider as toy

class Weather(BaseModel):
    location: str

class Tools(toy.Hooks):
    @hookimpl
    def polycall_render_tools(self, tools):
        self.rendered += 1
        return {"number": self.rendered}

@pytest.fixture(params=[toy.Hooks, Tools], ids=["right", "wrong"])
def client(request):
    hooks = request.param()
    hooks.script = (toy.reply(toy.call("Weather", location="Rome")),)
    polycall.register_provider("toy", toy.make_plugin(hooks))
    with polycall.from_provider("toy/1") as client:
        yield client
    polycall.unregister("toy")

def test_calls(client):
    assert client.create(["Rome?"], list[Weather], tool_choice="auto") == [Weather(location="Rome")]

def test_whatever_happens(client):
    try:
        client.create(["Rome?"], list[Weather], tool_choice="auto")
    except Exception:
        pass
"""


def test_one_line_switches_it_on_for_an_authors_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_plugin.py").write_text(TESTS)

    pythonpath = f"pythonpath={Path(__file__).parents[2]}"
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", pythonpath],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert "2 failed, 2 passed" in said
    for name in ("test_calls[wrong]", "test_whatever_happens[wrong]"):
        assert f"FAILED test_plugin.py::{name} - polycall.testing._contr" in said
    assert "Plugin 'toy' (registered in code) breaks the rule 'pure-tools' in polycall_render_tools." in said
