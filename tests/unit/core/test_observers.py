"""The hooks that observe: when each is called, what it is given, and what an exception of one of them does."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from unit.core.conftest import ASK, Extend, MakeAsyncClient, MakeClient, Provide, Way, make_extension

import polycall
from polycall import Calls, ToolCall
from polycall.plugin import CallFailure, Reply, Request, hookimpl
from support.toy_provider import WAIT, AsyncToyClient, ToyClient, call, make_plugin, reply


class Weather(BaseModel):
    location: str
    units: Literal["metric", "imperial"] = "metric"


class Search(BaseModel):
    query: str


MODEL = Iterable[Weather | Search]
ROME, OSLO, CUP = Weather(location="Rome"), Weather(location="Oslo"), Search(query="cup")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
SAY_CUP = call("Search", query="cup")
BAD_OSLO = call("Weather", location="Oslo", units="kelvin")
WHY_OSLO = "units: Input should be 'metric' or 'imperial' (given: 'kelvin')"

OBSERVING = ("create_began", "before_request", "round_ended", "calls_validated", "create_ended")


@dataclasses.dataclass
class Seen:
    """One call of an observing hook."""

    hook: str
    request: Request
    reply: Reply | None = None
    error: BaseException | None = None
    calls: Sequence[Any] = ()
    failures: Sequence[CallFailure] = ()
    correction: bool = False


class Recorder:
    """Notes every call of its hooks.

    Args:
        raises: What the hook of that name raises, after it has been noted.
    """

    def __init__(self, **raises: BaseException) -> None:
        self.seen: list[Seen] = []
        self._raises = raises

    def hooks(self) -> dict[str, Callable[..., object]]:
        @hookimpl
        def polycall_create_began(request: Request) -> None:
            self._note(Seen("create_began", request))

        @hookimpl
        def polycall_before_request(request: Request) -> None:
            self._note(Seen("before_request", request))

        @hookimpl
        def polycall_round_ended(request: Request, reply: Reply | None, error: BaseException | None) -> None:
            self._note(Seen("round_ended", request, reply, error))

        @hookimpl
        def polycall_calls_validated(
            request: Request, calls: Sequence[ToolCall], failures: Sequence[CallFailure], correction: bool
        ) -> None:
            self._note(Seen("calls_validated", request, calls=calls, failures=failures, correction=correction))

        @hookimpl
        def polycall_create_ended(request: Request, calls: Calls[Any], error: BaseException | None) -> None:
            self._note(Seen("create_ended", request, calls=calls, error=error))

        return {name: value for name, value in locals().items() if name.startswith("polycall_")}

    def _note(self, seen: Seen) -> None:
        self.seen.append(seen)
        if seen.hook in self._raises:
            raise self._raises[seen.hook]

    def order(self) -> list[tuple[str, int]]:
        """Each hook's name and round."""
        return [(one.hook, one.request.round) for one in self.seen]

    def of(self, hook: str) -> list[Seen]:
        return [one for one in self.seen if one.hook == hook]

    def one(self, hook: str) -> Seen:
        (seen,) = self.of(hook)
        return seen

    def is_paired(self) -> bool:
        """Whether everything that began has ended, once, with the same request."""
        requests = [id(one.request) for one in self.of("before_request")]
        return requests == [id(one.request) for one in self.of("round_ended")] and (
            [one.request.create_id for one in self.of("create_began")]
            == [one.request.create_id for one in self.of("create_ended")]
        )


@pytest.fixture
def recorder(extend: Extend) -> Recorder:
    recorder = Recorder()
    extend("record", **recorder.hooks())
    return recorder


@pytest.mark.usefixtures("hooks")
class TestOrder:
    async def test_one_round(self, way: Way, recorder: Recorder) -> None:
        await way.ask(reply(SAY_ROME), response_model=MODEL)

        assert recorder.order() == [(hook, 0) for hook in OBSERVING]
        assert recorder.is_paired()

    async def test_each_correction_is_a_round(self, way: Way, recorder: Recorder) -> None:
        await way.ask(reply(SAY_ROME, BAD_OSLO), reply(BAD_OSLO), reply(SAY_OSLO), response_model=MODEL)

        rounds = [(hook, round_) for round_ in range(3) for hook in OBSERVING[1:4]]
        assert recorder.order() == [("create_began", 0), *rounds, ("create_ended", 2)]
        assert recorder.is_paired()

    async def test_every_extension_is_called_in_the_order_of_the_names(self, way: Way, extend: Extend) -> None:
        order: list[str] = []

        def noting(name: str) -> Callable[..., object]:
            @hookimpl
            def note() -> str:
                order.append(name)
                return "a result that nobody uses"

            return note

        for name in ("c", "a", "b"):
            extend(name, **{f"polycall_{hook}": noting(f"{name} {hook}") for hook in OBSERVING})

        await way.ask(reply(SAY_ROME), response_model=MODEL)

        assert order == [f"{name} {hook}" for hook in OBSERVING for name in ("a", "b", "c")]

    async def test_nothing_begins_if_what_is_asked_cannot_be_used(self, way: Way, recorder: Recorder) -> None:
        with pytest.raises(polycall.ResponseModelError):
            await way.ask(response_model=Weather)
        with pytest.raises(polycall.ConfigurationError):
            await way.ask(response_model=MODEL, tool_choice="Wether")

        assert recorder.seen == []


class TestOtherProviders:
    async def test_a_provider_may_observe_too_after_the_extensions(
        self, way: Way, extend: Extend, provide: Provide
    ) -> None:
        order: list[str] = []

        @hookimpl
        def extensions() -> None:
            order.append("extension")

        @hookimpl
        def providers() -> None:
            order.append("provider")

        provide(polycall_round_ended=providers)
        extend("watch", polycall_round_ended=extensions)
        await way.ask(reply(SAY_ROME), response_model=MODEL)

        assert order == ["extension", "provider"]

    async def test_one_that_can_neither_stream_nor_wait_is_observed_alike(
        self, way: Way, recorder: Recorder, provide: Provide
    ) -> None:
        provide(without=[f"polycall_{name}" for name in ("open_stream", "open_stream_async", "send_async")])
        await way.ask(reply(SAY_ROME), response_model=MODEL)

        assert recorder.order() == [(hook, 0) for hook in OBSERVING]


@pytest.mark.usefixtures("hooks")
class TestWhatIsGiven:
    async def test_the_reply_in_neutral_form(self, way: Way, recorder: Recorder) -> None:
        await way.ask(reply("say Here.", SAY_ROME, SAY_CUP, usage=(3, 4)), response_model=MODEL)

        seen = recorder.one("round_ended")
        assert seen.reply is not None
        assert [tool_call.name for tool_call in seen.reply.tool_calls] == ["Weather", "Search"]
        assert (seen.reply.text, seen.reply.usage) == (
            "Here.",
            polycall.Usage(input_tokens=3, output_tokens=4, total_tokens=7),
        )
        assert seen.error is None

    async def test_which_calls_are_good_which_failed_and_whether_a_correction_follows(
        self, way: Way, recorder: Recorder
    ) -> None:
        bad_cup = call("Search", query=5)
        await way.ask(reply(SAY_ROME, BAD_OSLO, bad_cup), reply(SAY_CUP), reply(SAY_OSLO), response_model=MODEL)

        first, second, third = recorder.of("calls_validated")
        assert [tool_call.arguments for tool_call in first.calls] == ['{"location": "Rome"}']
        assert [failure.tool_call.name for failure in first.failures] == ["Weather", "Search"]
        assert first.correction
        assert [tool_call.name for tool_call in second.calls] == ["Search"]
        assert [failure.reason for failure in second.failures] == [WHY_OSLO]
        assert second.correction
        assert [tool_call.arguments for tool_call in third.calls] == ['{"location": "Oslo"}']
        assert (list(third.failures), third.correction) == ([], False)

    async def test_the_result(self, way: Way, recorder: Recorder) -> None:
        calls = await way.ask(reply(SAY_ROME, BAD_OSLO, usage=(1, 1)), reply(SAY_OSLO), response_model=MODEL)

        seen = recorder.one("create_ended")
        assert seen.calls == calls == [ROME, OSLO]
        assert isinstance(seen.calls, Calls)
        assert seen.calls.usage == calls.usage
        assert (seen.request.round, seen.error) == (1, None)

    async def test_the_last_failed_round_and_the_error(self, way: Way, recorder: Recorder) -> None:
        with pytest.raises(polycall.InvalidCallsError) as raised:
            await way.ask(reply(SAY_ROME, BAD_OSLO), response_model=MODEL, max_retries=0)

        validated = recorder.one("calls_validated")
        assert [failure.reason for failure in validated.failures] == [WHY_OSLO]
        assert not validated.correction
        ended = recorder.one("create_ended")
        assert ended.error is raised.value
        assert ended.calls == [ROME]
        assert recorder.order() == [(hook, 0) for hook in OBSERVING]

    @pytest.mark.parametrize(
        ("script", "error"),
        [
            (reply(SAY_ROME, "refuse No."), polycall.RefusalError),
            (reply(SAY_ROME, end="length"), polycall.IncompleteOutputError),
            (reply("say Hm."), polycall.NoToolCallsError),
        ],
    )
    async def test_a_reply_that_is_of_no_use_is_a_reply(
        self, way: Way, recorder: Recorder, script: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error) as raised:
            await way.ask(script, response_model=MODEL, max_retries=0)

        assert recorder.one("round_ended").reply is not None
        assert recorder.one("round_ended").error is None
        assert not recorder.one("calls_validated").correction
        assert recorder.one("create_ended").error is raised.value

    async def test_a_round_that_fails(self, way: Way, recorder: Recorder) -> None:
        reset = ConnectionResetError("by peer")
        with pytest.raises(ConnectionResetError):
            await way.ask(reply(SAY_ROME, BAD_OSLO), reset, response_model=MODEL)

        _, failed = recorder.of("round_ended")
        assert (failed.reply, failed.error, failed.request.round) == (None, reset, 1)
        ended = recorder.one("create_ended")
        assert (ended.calls, ended.error) == ([ROME], reset)
        assert len(recorder.of("calls_validated")) == 1
        assert recorder.is_paired()

    async def test_a_reply_that_is_not_the_protocol(self, way: Way, recorder: Recorder) -> None:
        with pytest.raises(polycall.ResponseError) as raised:
            await way.ask(reply(SAY_ROME, "<html>"), response_model=MODEL)

        assert recorder.one("round_ended").error is raised.value
        assert recorder.one("round_ended").reply is None
        assert recorder.one("create_ended").error is raised.value
        assert recorder.one("create_ended").calls == ([ROME] if way.streams else [])

    async def test_a_request_that_cannot_be_rendered(self, way: Way, recorder: Recorder, extend: Extend) -> None:
        @hookimpl
        def polycall_render_request() -> object:
            raise polycall.MessageError("messages[0] is a picture")

        extend("refuse", polycall_render_request=polycall_render_request)
        with pytest.raises(polycall.MessageError) as raised:
            await way.ask(response_model=MODEL)

        assert recorder.one("round_ended").error is recorder.one("create_ended").error is raised.value
        assert recorder.is_paired()
        assert way.toy.requests == []

    async def test_an_interrupt_of_the_program(self, way: Way, recorder: Recorder, extend: Extend) -> None:
        @hookimpl
        def interrupt() -> object:
            raise KeyboardInterrupt

        names = ("send", "send_async", "open_stream", "open_stream_async")
        extend("interrupt", **{f"polycall_{name}": interrupt for name in names})
        with pytest.raises(KeyboardInterrupt):
            await way.ask(response_model=MODEL)

        assert isinstance(recorder.one("round_ended").error, KeyboardInterrupt)
        assert isinstance(recorder.one("create_ended").error, KeyboardInterrupt)


class TestLeftStreams:
    def left(self, recorder: Recorder, calls: Sequence[object]) -> None:
        """Demand that the extensions were told of a stream that was left in its first round."""
        assert recorder.order() == [
            ("create_began", 0),
            ("before_request", 0),
            ("round_ended", 0),
            ("create_ended", 0),
        ]
        ended = recorder.one("round_ended")
        assert ended.reply is None
        assert isinstance(ended.error, polycall.IncompleteOutputError)
        assert recorder.one("create_ended").error is ended.error
        assert recorder.one("create_ended").calls == calls

    @pytest.mark.parametrize("read", [0, 1])
    def test_closed(self, make_client: MakeClient, recorder: Recorder, read: int) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_OSLO))
        stream = client.stream(ASK, MODEL)
        for _ in range(read):
            next(stream)

        stream.close()
        stream.close()
        with pytest.raises(polycall.IncompleteOutputError):
            next(stream)

        self.left(recorder, [ROME][:read])

    def test_an_error_in_the_block(self, make_client: MakeClient, recorder: Recorder) -> None:
        client, _ = make_client(reply(SAY_ROME, SAY_OSLO))
        with pytest.raises(ZeroDivisionError), client.stream(ASK, MODEL) as stream:
            next(stream)
            raise ZeroDivisionError

        self.left(recorder, [ROME])

    def test_dropped(self, make_client: MakeClient, recorder: Recorder) -> None:
        client, toy = make_client(reply(SAY_ROME, SAY_OSLO))
        for _ in client.stream(ASK, MODEL):
            break

        assert toy.streams[0].closed == 1
        self.left(recorder, [ROME])

    @pytest.mark.parametrize("read", [0, 1])
    async def test_closed_async(self, make_async_client: MakeAsyncClient, recorder: Recorder, read: int) -> None:
        client, _ = make_async_client(reply(SAY_ROME, SAY_OSLO))
        stream = await client.stream(ASK, MODEL)
        for _ in range(read):
            await anext(stream)

        await stream.close()
        await stream.close()
        with pytest.raises(polycall.IncompleteOutputError):
            await anext(stream)

        self.left(recorder, [ROME][:read])

    async def test_dropped_async(self, make_async_client: MakeAsyncClient, recorder: Recorder) -> None:
        client, _ = make_async_client(reply(SAY_ROME, SAY_OSLO))
        async for _ in client.stream(ASK, MODEL):
            break

        self.left(recorder, [ROME])

    def test_between_two_rounds_no_round_is_abandoned(self, make_client: MakeClient, recorder: Recorder) -> None:
        bad_cup = call("Search", query=5)
        client, _ = make_client(reply(BAD_OSLO, bad_cup), reply(SAY_OSLO, bad_cup))
        stream = client.stream(ASK, MODEL)
        assert next(stream) == OSLO
        stream.close()

        assert [one.error for one in recorder.of("round_ended")] == [None, None]
        assert recorder.is_paired()
        assert isinstance(recorder.one("create_ended").error, polycall.IncompleteOutputError)
        assert recorder.one("create_ended").calls == [OSLO]

    async def test_never_begun(self, make_async_client: MakeAsyncClient, recorder: Recorder) -> None:
        client, _ = make_async_client()
        await client.stream(ASK, MODEL).close()

        assert recorder.seen == []

    def test_closing_after_a_good_end_tells_nothing_more(self, make_client: MakeClient, recorder: Recorder) -> None:
        client, _ = make_client(reply(SAY_ROME))
        with client.stream(ASK, MODEL) as stream:
            stream.collect()
        del stream

        assert recorder.order() == [(hook, 0) for hook in OBSERVING]
        assert recorder.one("create_ended").error is None

    async def test_nor_async(self, make_async_client: MakeAsyncClient, recorder: Recorder) -> None:
        client, _ = make_async_client(reply(SAY_ROME))
        async with client.stream(ASK, MODEL) as stream:
            await stream.collect()
        del stream

        assert recorder.order() == [(hook, 0) for hook in OBSERVING]
        assert recorder.one("create_ended").error is None


class TestCancelled:
    async def test_a_whole_reply(self, make_async_client: MakeAsyncClient, recorder: Recorder) -> None:
        client, toy = make_async_client(reply(SAY_ROME, BAD_OSLO), WAIT)
        task = asyncio.create_task(client.create(ASK, MODEL))
        while len(toy.requests) < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert isinstance(recorder.of("round_ended")[1].error, asyncio.CancelledError)
        assert isinstance(recorder.one("create_ended").error, asyncio.CancelledError)
        assert recorder.one("create_ended").calls == [ROME]
        assert recorder.is_paired()

    async def test_a_stream(self, make_async_client: MakeAsyncClient, recorder: Recorder) -> None:
        client, toy = make_async_client(reply(SAY_ROME, WAIT))
        task = asyncio.create_task(client.stream(ASK, MODEL).collect())
        while not toy.streams:
            await asyncio.sleep(0)
        await toy.streams[0].waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert isinstance(recorder.one("round_ended").error, asyncio.CancelledError)
        assert isinstance(recorder.one("create_ended").error, asyncio.CancelledError)
        assert recorder.one("create_ended").calls == [ROME]


@pytest.mark.usefixtures("hooks")
class TestOneCreate:
    async def test_its_rounds_share_an_id_and_data(self, way: Way, recorder: Recorder) -> None:
        await way.ask(reply(BAD_OSLO), reply(SAY_OSLO), response_model=MODEL)

        requests = [one.request for one in recorder.seen]
        assert len({request.create_id for request in requests}) == 1
        assert requests[0].create_id
        assert all(request.extension_data is requests[0].extension_data for request in requests)
        assert {request.create_id for request in way.toy.requests} == {requests[0].create_id}

    async def test_the_next_one_has_others(self, way: Way, recorder: Recorder) -> None:
        await way.ask(reply(SAY_ROME), response_model=MODEL)
        recorder.seen[0].request.extension_data["mine"] = 1
        await way.ask(reply(SAY_ROME), response_model=MODEL)

        first, second = (one.request for one in recorder.of("create_began"))
        assert first.create_id != second.create_id
        assert (first.extension_data, second.extension_data) == ({"mine": 1}, {})

    async def test_those_at_the_same_time_are_told_apart(
        self, make_async_client: MakeAsyncClient, recorder: Recorder
    ) -> None:
        client, _ = make_async_client(*[reply(SAY_ROME)] * 20)
        await asyncio.gather(*[client.create(ASK, MODEL) for _ in range(20)])

        assert len({one.request.create_id for one in recorder.of("create_ended")}) == 20

    async def test_the_data_may_carry_anything_from_one_hook_to_another(self, way: Way, extend: Extend) -> None:
        counts: list[int] = []

        @hookimpl
        def polycall_create_began(request: Request) -> None:
            request.extension_data["count"] = 0

        @hookimpl
        def polycall_before_request(request: Request) -> None:
            request.extension_data["count"] += 1

        @hookimpl
        def polycall_create_ended(request: Request) -> None:
            counts.append(request.extension_data["count"])

        extend(
            "count",
            polycall_create_began=polycall_create_began,
            polycall_before_request=polycall_before_request,
            polycall_create_ended=polycall_create_ended,
        )
        await way.ask(reply(BAD_OSLO), reply(SAY_OSLO), response_model=MODEL)

        assert counts == [2]


@pytest.mark.usefixtures("hooks")
class TestChanging:
    async def test_what_is_changed_before_a_request_is_what_is_sent(self, way: Way, extend: Extend) -> None:
        @hookimpl
        def polycall_before_request(request: Request) -> None:
            request.model = "toy-9"
            request.messages = ["changed"]
            request.options["seed"] = request.options.get("seed", 7)
            request.tool_choice = "auto"

        extend("change", polycall_before_request=polycall_before_request)
        await way.ask(reply(SAY_ROME), response_model=MODEL, temperature=1)

        assert way.toy.bodies == [
            {
                "model": "toy-9",
                "messages": ["changed"],
                "payload": {"tools": ["Weather", "Search"], "choice": "auto", "strict": None},
                "temperature": 1,
                "seed": 7,
            }
        ]

    async def test_nothing_of_it_is_carried_to_the_next_round_or_to_the_caller(self, way: Way, extend: Extend) -> None:
        @hookimpl
        def polycall_before_request(request: Request) -> None:
            if request.round == 0:
                request.model = "toy-9"
                request.messages.clear()
                request.options.clear()
                request.strict = True

        extend("change", polycall_before_request=polycall_before_request)
        messages = list(ASK)
        options: dict[str, object] = {"temperature": 1}
        calls = await way.ask(reply(BAD_OSLO), reply(SAY_OSLO), response_model=MODEL, messages=messages, **options)

        first, second = way.toy.bodies
        assert first == {
            "model": "toy-9",
            "messages": [],
            "payload": {"tools": ["Weather", "Search"], "choice": "required", "strict": True},
        }
        assert (second["model"], second["temperature"]) == ("toy-1", 1)
        assert second["messages"][: len(ASK)] == ASK
        assert second["payload"]["strict"] is None
        assert messages == ASK
        assert options == {"temperature": 1}
        assert calls.continue_with(["18"])[: len(ASK)] == ASK


@pytest.mark.usefixtures("hooks")
class TestRaising:
    class BudgetError(Exception):
        """An extension's own."""

    async def test_before_the_first_request_nothing_is_sent(self, way: Way, extend: Extend) -> None:
        recorder = Recorder(before_request=self.BudgetError("spent"))
        extend("budget", **recorder.hooks())
        with pytest.raises(self.BudgetError) as raised:
            await way.ask(reply(SAY_ROME), response_model=MODEL)

        assert way.toy.requests == []
        assert way.toy.streams == []
        assert recorder.one("round_ended").error is recorder.one("create_ended").error is raised.value
        assert recorder.is_paired()

    async def test_before_a_correction_the_good_calls_are_kept(self, way: Way, extend: Extend) -> None:
        @hookimpl
        def polycall_before_request(request: Request) -> None:
            if request.round == 1:
                raise self.BudgetError("spent")

        extend("budget", polycall_before_request=polycall_before_request)
        with pytest.raises(self.BudgetError) as raised:
            await way.ask(reply(SAY_ROME, BAD_OSLO), reply(SAY_OSLO), response_model=MODEL)

        assert len(way.toy.requests) == 1
        assert raised.value.polycall_calls == [ROME]  # type: ignore[attr-defined]

    @pytest.mark.parametrize("hook", ["create_began", "round_ended", "calls_validated", "create_ended"])
    async def test_in_any_hook_it_stops_the_call_and_everything_that_began_ends(
        self, way: Way, extend: Extend, recorder: Recorder, hook: str
    ) -> None:
        error = self.BudgetError("spent")
        raising = Recorder(**{hook: error})
        extend("a", **raising.hooks())

        with pytest.raises(self.BudgetError) as raised:
            await way.ask(reply(BAD_OSLO), reply(SAY_OSLO), response_model=MODEL)

        assert raised.value is error
        assert len(way.toy.requests) == {"create_began": 0, "create_ended": 2}.get(hook, 1)
        assert len(raising.of("create_began")) == len(raising.of("create_ended")) == 1
        assert len(raising.of("before_request")) == len(raising.of("round_ended"))

    async def test_the_extensions_after_it_are_not_asked(self, way: Way, extend: Extend, recorder: Recorder) -> None:
        extend("a", **Recorder(before_request=self.BudgetError()).hooks())
        with pytest.raises(self.BudgetError):
            await way.ask(response_model=MODEL)

        assert recorder.of("before_request") == []

    @pytest.mark.parametrize("hook", ["round_ended", "create_ended"])
    async def test_it_does_not_replace_an_error_that_is_on_its_way(
        self, way: Way, extend: Extend, recorder: Recorder, caplog: pytest.LogCaptureFixture, hook: str
    ) -> None:
        extend("a", **Recorder(**{hook: ZeroDivisionError()}).hooks())
        reset = ConnectionResetError("by peer")

        with caplog.at_level(logging.ERROR, logger="polycall"), pytest.raises(ConnectionResetError) as raised:
            await way.ask(reset, response_model=MODEL)

        assert raised.value is reset
        (record,) = caplog.records
        assert record.getMessage() == f"polycall_{hook} raised while a call was ending with ConnectionResetError"
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], ZeroDivisionError)
        assert recorder.one("round_ended").error is recorder.one("create_ended").error is reset

    async def test_nor_one_of_polycalls_own(
        self, way: Way, extend: Extend, recorder: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        extend("a", **Recorder(calls_validated=ZeroDivisionError(), create_ended=ZeroDivisionError()).hooks())

        with pytest.raises(polycall.RefusalError) as raised:
            await way.ask(reply("refuse No."), response_model=MODEL)

        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
            "polycall_calls_validated raised while a call was ending with RefusalError",
            "polycall_create_ended raised while a call was ending with RefusalError",
        ]
        assert recorder.one("create_ended").error is raised.value

    def test_it_does_not_keep_a_stream_from_closing(
        self, make_client: MakeClient, extend: Extend, caplog: pytest.LogCaptureFixture
    ) -> None:
        extend("a", **Recorder(round_ended=ZeroDivisionError(), create_ended=ZeroDivisionError()).hooks())
        client, toy = make_client(reply(SAY_ROME))
        client.stream(ASK, MODEL).close()

        assert toy.streams[0].closed == 1
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2

    async def test_a_bare_exception_is_noted_with_hook_and_plugin(self, way: Way, extend: Extend) -> None:
        extend("a", **Recorder().hooks())
        extend("budget", **Recorder(before_request=KeyError("limit")).hooks())

        with pytest.raises(KeyError) as raised:
            await way.ask(response_model=MODEL)

        assert raised.value.__notes__ == [
            "Extension 'budget' (registered in code) raised this in polycall_before_request."
        ]

    async def test_an_sdks_exception_is_not(self, way: Way) -> None:
        with pytest.raises(ConnectionResetError) as raised:
            await way.ask(ConnectionResetError("by peer"), response_model=MODEL)

        assert not hasattr(raised.value, "__notes__")


class TestRegistering:
    @pytest.mark.parametrize("hook", OBSERVING)
    def test_an_observer_cannot_wrap(self, extend: Extend, hook: str) -> None:
        @hookimpl(wrapper=True)
        def wrapper() -> Generator[None, None, None]:
            return (yield)

        with pytest.raises(polycall.PluginError, match=f"'polycall_{hook}' observes, and cannot be a wrapper"):
            extend("wrap", **{f"polycall_{hook}": wrapper})

    @pytest.mark.parametrize("hook", OBSERVING)
    def test_nor_be_async(self, extend: Extend, hook: str) -> None:
        @hookimpl
        async def observer() -> None: ...

        with pytest.raises(polycall.PluginError, match=f"'polycall_{hook}' must not be an 'async def'"):
            extend("wait", **{f"polycall_{hook}": observer})


SCRIPTS = st.lists(
    st.sampled_from(
        [
            reply(SAY_ROME),
            reply(SAY_ROME, BAD_OSLO),
            reply(BAD_OSLO),
            reply(SAY_CUP, SAY_CUP, BAD_OSLO, SAY_ROME),
            reply("say Hm."),
            reply(SAY_ROME, "refuse No."),
            reply(SAY_ROME, end="length"),
            reply(SAY_ROME, BAD_OSLO, end=None),
            reply(SAY_ROME, "<html>"),
            "<html>",
        ]
    ),
    min_size=3,
    max_size=3,
)


class TestWhateverHappens:
    """Everything that began ends, once."""

    @staticmethod
    @contextlib.contextmanager
    def recorded() -> Iterator[Recorder]:
        recorder = Recorder()
        polycall.register_provider("toy", make_plugin())
        polycall.register_extension("record", make_extension(**recorder.hooks()))
        try:
            yield recorder
        finally:
            polycall.unregister("record")
            polycall.unregister("toy")
        assert recorder.is_paired()
        assert len(recorder.of("create_began")) == 1
        assert recorder.seen[0].hook == "create_began"
        assert recorder.seen[-1].hook == "create_ended"
        assert len(recorder.of("calls_validated")) == sum(one.reply is not None for one in recorder.of("round_ended"))

    @given(SCRIPTS)
    def test_a_whole_reply(self, script: list[str]) -> None:
        with self.recorded() as recorder:
            client = polycall.from_client(ToyClient(*script), async_client=False)
            error: BaseException | None = None
            try:
                client.create(ASK, MODEL)
            except polycall.PolycallError as raised:
                error = raised
            assert recorder.one("create_ended").error is error

    @given(SCRIPTS, st.integers(0, 8))
    def test_a_stream_that_is_left_somewhere(self, script: list[str], read: int) -> None:
        with self.recorded():
            client = polycall.from_client(ToyClient(*script), async_client=False)
            with contextlib.suppress(polycall.PolycallError), client.stream(ASK, MODEL) as stream:
                for _ in range(read):
                    next(stream, None)
            stream.close()

    @given(SCRIPTS, st.integers(0, 8))
    def test_an_async_stream_that_is_left_somewhere(self, script: list[str], read: int) -> None:
        async def leave() -> None:
            client = polycall.from_client(AsyncToyClient(*script), async_client=True)
            async with client.stream(ASK, MODEL) as stream:
                for _ in range(read):
                    await anext(stream, None)

        with self.recorded(), contextlib.suppress(polycall.PolycallError):
            asyncio.run(leave())
