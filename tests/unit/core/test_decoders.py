"""What a decoder may do: say that it is done, serve whole replies too, report with a generator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Provide, Way

import polycall
from polycall.plugin import Reply, Request, StreamEvent, hookimpl
from support.toy_provider import WAIT, AsyncToyClient, ToyClient, ToyDecoder, call, reply


class Weather(BaseModel):
    location: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
SAY_ROME, SAY_OSLO, BAD = (
    call("Weather", location="Rome"),
    call("Weather", location="Oslo"),
    call("Weather", location=5),
)


class Finishing(ToyDecoder):
    """One that knows the end mark of its protocol."""

    done = False

    def feed(self, chunk: str) -> Iterable[StreamEvent]:
        yield from super().feed(chunk)
        self.done = chunk.startswith("end")


def creating(make: Callable[[Request], object]) -> Callable[..., object]:
    @hookimpl
    def polycall_create_decoder(request: Request) -> object:
        return make(request)

    return polycall_create_decoder


class TestDone:
    """A server that keeps the connection open after its end mark does not make the user wait."""

    def test_nothing_is_read_after_it(self, provide: Provide) -> None:
        provide(polycall_create_decoder=creating(Finishing))
        toy = ToyClient(f"{reply(SAY_ROME, BAD)}\n{WAIT}", f"{reply(SAY_OSLO)}\n{WAIT}")
        stream = polycall.from_client(toy, async_client=False).stream(ASK, Iterable[Weather])

        assert list(stream) == [ROME, OSLO]
        assert [one.closed for one in toy.streams] == [1, 1]

    async def test_async(self, provide: Provide) -> None:
        provide(polycall_create_decoder=creating(Finishing))
        toy = AsyncToyClient(f"{reply(SAY_ROME, BAD)}\n{WAIT}", f"{reply(SAY_OSLO)}\n{WAIT}")
        stream = polycall.from_client(toy, async_client=True).stream(ASK, Iterable[Weather])

        assert [value async for value in stream] == [ROME, OSLO]
        assert [one.closed for one in toy.streams] == [1, 1]
        assert not any(one.waiting.is_set() for one in toy.streams)

    def test_events_of_the_last_chunk_are_kept(self, provide: Provide) -> None:
        class AtOnce(ToyDecoder):
            done = False

            def feed(self, chunk: str) -> Iterable[StreamEvent]:
                for line in reply(SAY_ROME, SAY_OSLO).split("\n"):
                    yield from super().feed(line)
                self.done = True

        provide(polycall_create_decoder=creating(AtOnce))
        toy = ToyClient(f"everything\n{WAIT}")
        stream = polycall.from_client(toy, async_client=False).stream(ASK, Iterable[Weather])

        assert list(stream) == [ROME, OSLO]


class Drained:
    """A stream that says what is done with it; sync and async."""

    def __init__(self, log: list[str], *, goes_on: bool = True) -> None:
        self._log = log
        self._lines = f"{reply(SAY_ROME)}\n{WAIT}".split("\n")[: None if goes_on else -1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in self._lines:
            yield line

    def drain(self) -> None:
        self._log.append("drain")

    def close(self) -> None:
        self._log.append("close")


class AsyncDrained(Drained):
    async def drain(self) -> None:  # type: ignore[override]
        super().drain()

    async def aclose(self) -> None:
        self.close()


class TestDrain:
    """A stream that is left before its end can read the rest, and is closed then."""

    @pytest.mark.parametrize(
        ("decoder", "log"), [(Finishing, ["drain", "close"]), (ToyDecoder, ["close"])], ids=["done", "read to its end"]
    )
    async def test_is_called_where_the_decoder_is_done(
        self, provide: Provide, decoder: type[ToyDecoder], log: list[str]
    ) -> None:
        seen: list[str] = []
        goes_on = decoder is Finishing

        @hookimpl
        def polycall_open_stream() -> Drained:
            return Drained(seen, goes_on=goes_on)

        @hookimpl
        async def polycall_open_stream_async() -> AsyncDrained:
            return AsyncDrained(seen, goes_on=goes_on)

        provide(
            polycall_create_decoder=creating(decoder),
            polycall_open_stream=polycall_open_stream,
            polycall_open_stream_async=polycall_open_stream_async,
        )
        stream = polycall.from_client(ToyClient(), async_client=False).stream(ASK, Iterable[Weather])
        assert list(stream) == [ROME]
        assert seen == log
        seen.clear()
        again = polycall.from_client(AsyncToyClient(), async_client=True).stream(ASK, Iterable[Weather])
        assert [value async for value in again] == [ROME]
        assert seen == log


class TestWholeReplies:
    """Without ``polycall_extract_reply`` the decoder reads them."""

    @pytest.mark.parametrize("way_of_sending", ["one chunk", "a list of chunks", "a tuple of chunks"])
    async def test_are_fed_to_it(self, way: Way, provide: Provide, way_of_sending: str) -> None:
        seen: list[bool] = []

        class Whole(ToyDecoder):
            def __init__(self, request: Request) -> None:
                super().__init__(request)
                seen.append(request.stream)

            def feed(self, chunk: str) -> Iterator[StreamEvent]:
                for line in chunk.split("\n"):
                    yield from super().feed(line)

        def answer(session: ToyClient, request: Request) -> str | Sequence[str]:
            text = session.answer(request)
            if way_of_sending == "one chunk":
                return text
            return text.split("\n") if way_of_sending == "a list of chunks" else tuple(text.split("\n"))

        @hookimpl
        def polycall_send(session: ToyClient, request: Request) -> object:
            return answer(session, request)

        @hookimpl
        async def polycall_send_async(session: ToyClient, request: Request) -> object:
            return answer(session, request)

        provide(
            polycall_create_decoder=creating(Whole),
            polycall_send=polycall_send,
            polycall_send_async=polycall_send_async,
            without=["polycall_extract_reply"],
        )

        assert await way.ask(reply(SAY_ROME, BAD), reply(SAY_OSLO), response_model=Iterable[Weather]) == [ROME, OSLO]
        assert seen == [way.streams] * 2

    async def test_what_it_cannot_read_is_an_error(self, way: Way, provide: Provide) -> None:
        provide(without=["polycall_extract_reply"])

        with pytest.raises(polycall.ResponseError):
            await way.ask("<html>", response_model=Iterable[Weather])


async def test_a_plugin_without_continue_conversation_is_continued_by_the_core(way: Way, provide: Provide) -> None:
    class Plain(ToyDecoder):
        def finish(self) -> Reply:
            reply = super().finish()
            reply.turn = None
            return reply

    @hookimpl
    def polycall_extract_reply(request: Request, response: str) -> Reply:
        decoder = Plain(request)
        for line in response.split("\n"):
            decoder.feed(line)
        return decoder.finish()

    provide(
        polycall_create_decoder=creating(Plain),
        polycall_extract_reply=polycall_extract_reply,
        without=["polycall_continue_conversation"],
    )
    calls = await way.ask(reply("say Hm.", SAY_ROME, BAD), reply(SAY_OSLO), response_model=Iterable[Weather])

    assert calls == [ROME, OSLO]
    turn, accepted, failed = way.toy.requests[1].messages[len(ASK) :]
    assert turn == {
        "role": "assistant",
        "content": "Hm.",
        "tool_calls": [
            {"id": "0", "type": "function", "function": {"name": "Weather", "arguments": '{"location": "Rome"}'}},
            {"id": "1", "type": "function", "function": {"name": "Weather", "arguments": '{"location": 5}'}},
        ],
    }
    assert accepted == {"role": "tool", "tool_call_id": "0", "content": "accepted"}
    assert isinstance(failed, dict)
    assert (failed["role"], failed["tool_call_id"], failed["is_error"]) == ("tool", "1", True)
    assert calls.continue_with(["18", "4"])[len(ASK) + 1] == {"role": "tool", "tool_call_id": "0", "content": "18"}
