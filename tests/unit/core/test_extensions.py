"""Extensions: they wrap or answer the hooks of every provider, sync and async, streamed or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

import pytest
from pydantic import BaseModel
from unit.core.conftest import Extend, MakeAsyncClient, MakeClient, Way, make_extension

import polycall
from polycall.plugin import CallCompleted, Reply, Request, StreamDecoder, StreamEvent, ToolCall, hookimpl
from support.toy_provider import AsyncToyClient, Hooks, ToyClient, ToyDecoder, call, make_plugin, reply


class Weather(BaseModel):
    location: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
SAY_ROME, SAY_OSLO = reply(call("Weather", location="Rome")), reply(call("Weather", location="Oslo"))
BAD = reply(call("Weather", location=5))


class TestWrapping:
    def test_send(self, extend: Extend, make_client: MakeClient) -> None:
        seen: list[object] = []

        @hookimpl(wrapper=True)
        def polycall_send(request: Request) -> Generator[None, str, str]:
            request.options["trace"] = request.round
            response = yield
            seen.append(response)
            return response.replace("Rome", "Oslo")

        extend("trace", polycall_send=polycall_send)
        client, toy = make_client(BAD, SAY_ROME)

        assert client.create(["?"], list[Weather], temperature=1) == [OSLO]
        assert seen == [BAD, SAY_ROME]
        assert [request.options for request in toy.requests] == [
            {"temperature": 1, "trace": 0},
            {"temperature": 1, "trace": 1},
        ]

    def test_what_it_changes_in_one_round_is_not_carried_to_the_next(
        self, extend: Extend, make_client: MakeClient
    ) -> None:
        @hookimpl(wrapper=True)
        def polycall_send(request: Request) -> Generator[None, str, str]:
            if request.round == 0:
                request.options.clear()
            return (yield)

        extend("change", polycall_send=polycall_send)
        client, toy = make_client(BAD, SAY_ROME)
        client.create(["?"], list[Weather], temperature=1)

        assert [request.options for request in toy.requests] == [{}, {"temperature": 1}]

    async def test_send_async(self, extend: Extend, make_async_client: MakeAsyncClient) -> None:
        order: list[str] = []

        @hookimpl(wrapper=True)
        def polycall_send_async(
            session: AsyncToyClient, request: Request
        ) -> Generator[None, Awaitable[str], Awaitable[str]]:
            sending = yield

            async def timed() -> str:
                order.append(f"before: {len(session.requests)} sent")
                response = await sending
                order.append(f"after: {len(session.requests)} sent")
                return response

            return timed()

        extend("timing", polycall_send_async=polycall_send_async)
        client, _ = make_async_client(SAY_ROME)

        assert await client.create(["?"], list[Weather]) == [ROME]
        assert order == ["before: 0 sent", "after: 1 sent"]

    def test_a_stream(self, extend: Extend, make_client: MakeClient) -> None:
        log: list[str] = []

        class Counted:
            def __init__(self, chunks: Generator[str, None, None]) -> None:
                self.chunks = chunks

            def __iter__(self) -> Iterator[str]:
                for chunk in self.chunks:
                    log.append(chunk)
                    yield chunk

            def close(self) -> None:
                log.append("closed")
                self.chunks.close()

        @hookimpl(wrapper=True)
        def polycall_open_stream(request: Request) -> Generator[None, Generator[str, None, None], Counted]:
            log.append("opening")
            return Counted((yield))

        extend("count", polycall_open_stream=polycall_open_stream)
        client, toy = make_client(SAY_ROME)

        assert list(client.stream(["?"], list[Weather])) == [ROME]
        assert log == ["opening", *SAY_ROME.split("\n"), "closed"]
        assert toy.streams[0].closed == 1

    async def test_an_async_stream(self, extend: Extend, make_async_client: MakeAsyncClient) -> None:
        seen: list[str] = []

        class Counted:
            def __init__(self, chunks: AsyncIterator[str]) -> None:
                self.chunks = chunks

            async def __aiter__(self) -> AsyncIterator[str]:
                async for chunk in self.chunks:
                    seen.append(chunk)
                    yield chunk

            async def aclose(self) -> None:
                seen.append("closed")

        @hookimpl(wrapper=True)
        def polycall_open_stream_async() -> Generator[None, Awaitable[AsyncIterator[str]], Awaitable[Counted]]:
            opening = yield

            async def open_counted() -> Counted:
                return Counted(await opening)

            return open_counted()

        extend("count", polycall_open_stream_async=polycall_open_stream_async)
        client, _ = make_async_client(SAY_ROME)

        assert [value async for value in client.stream(["?"], list[Weather])] == [ROME]
        assert seen == [*SAY_ROME.split("\n"), "closed"]

    async def test_the_decoder_shows_streams_in_neutral_form(
        self, extend: Extend, make_client: MakeClient, make_async_client: MakeAsyncClient
    ) -> None:
        seen: list[ToolCall] = []

        class Watching:
            def __init__(self, decoder: StreamDecoder[str]) -> None:
                self.decoder = decoder

            def feed(self, chunk: str) -> Iterator[StreamEvent]:
                for event in self.decoder.feed(chunk):
                    if isinstance(event, CallCompleted):
                        seen.append(event.tool_call)
                    yield event

            def finish(self) -> Reply:
                return self.decoder.finish()

        @hookimpl(wrapper=True)
        def polycall_create_decoder() -> Generator[None, ToyDecoder, Watching]:
            return Watching((yield))

        extend("watch", polycall_create_decoder=polycall_create_decoder)
        client, _ = make_client(SAY_ROME)
        async_client, _ = make_async_client(SAY_OSLO)

        assert list(client.stream(["?"], list[Weather])) == [ROME]
        assert [value async for value in async_client.stream(["?"], list[Weather])] == [OSLO]
        assert [tool_call.arguments for tool_call in seen] == ['{"location": "Rome"}', '{"location": "Oslo"}']

    async def test_the_body_of_every_request(self, extend: Extend, hooks: Hooks, way: Way) -> None:
        @hookimpl(wrapper=True)
        def polycall_render_request(request: Request) -> Generator[None, dict[str, object], dict[str, object]]:
            return {**(yield), "trace": request.round}

        extend("trace", polycall_render_request=polycall_render_request)
        await way.ask(BAD, SAY_ROME, response_model=list[Weather], messages=["?"])

        assert [body["trace"] for body in way.toy.bodies] == [0, 1]
        assert way.client.render(["?"], list[Weather]).body["trace"] == 0

    def test_extensions_run_in_the_order_of_their_names_around_the_provider(
        self, extend: Extend, make_client: MakeClient
    ) -> None:
        order: list[str] = []

        def wrapper(name: str) -> Callable[..., object]:
            @hookimpl(wrapper=True)
            def polycall_send() -> Generator[None, str, str]:
                order.append(f"{name} in")
                response = yield
                order.append(f"{name} out")
                return response

            return polycall_send

        extend("b", polycall_send=wrapper("b"))
        extend("a", polycall_send=wrapper("a"))
        client, _ = make_client(SAY_ROME)
        client.create(["?"], list[Weather])

        assert order == ["a in", "b in", "b out", "a out"]


class TestAnswering:
    def test_a_cache_takes_the_providers_place(self, extend: Extend, make_client: MakeClient) -> None:
        cached: dict[str, str] = {"known": SAY_ROME}

        @hookimpl
        def polycall_send(request: Request) -> str | None:
            return cached.get(str(request.messages[0]))

        extend("cache", polycall_send=polycall_send)
        client, toy = make_client(SAY_OSLO)

        assert client.create(["known"], list[Weather]) == [ROME]
        assert toy.requests == []
        assert client.create(["new"], list[Weather]) == [OSLO]

    async def test_and_leaves_what_a_provider_does_not_do_to_the_fallback(self, extend: Extend) -> None:
        """An extension's ``None`` means "pass on" also where no provider is asked next."""

        @hookimpl
        def passes() -> None: ...

        optional = [f"polycall_{name}" for name in ("send_async", "open_stream", "open_stream_async", "create_decoder")]
        extend("cache", **dict.fromkeys(optional, passes))
        polycall.register_provider("bare", make_plugin(without=optional))
        try:
            client = polycall.from_client(ToyClient(SAY_ROME), async_client=False)
            async_client = polycall.from_client(AsyncToyClient(SAY_ROME, SAY_OSLO), async_client=True)

            assert list(client.stream(["?"], list[Weather])) == [ROME]
            assert await async_client.create(["?"], list[Weather]) == [ROME]
            assert [value async for value in async_client.stream(["?"], list[Weather])] == [OSLO]
        finally:
            polycall.unregister("bare")


class TestNoting:
    async def test_every_reply_of_every_kind_is_reported(
        self, extend: Extend, make_client: MakeClient, make_async_client: MakeAsyncClient
    ) -> None:
        noted: list[tuple[int, int]] = []

        @hookimpl
        def polycall_round_ended(request: Request, reply: Reply) -> None:
            noted.append((request.round, len(reply.tool_calls)))

        @hookimpl
        def second(request: Request) -> None:
            noted.append((request.round, -1))

        extend("accounting", polycall_round_ended=polycall_round_ended)
        extend("billing", polycall_round_ended=second)
        client, _ = make_client(BAD, SAY_ROME, SAY_ROME)
        async_client, _ = make_async_client(SAY_ROME, SAY_ROME)

        client.create(["?"], list[Weather])
        client.stream(["?"], list[Weather]).collect()
        await async_client.create(["?"], list[Weather])
        await async_client.stream(["?"], list[Weather]).collect()

        assert noted == [(0, 1), (0, -1), (1, 1), (1, -1)] + [(0, 1), (0, -1)] * 3


class TestRegistering:
    def test_an_extension_may_have_a_providers_name(self, extend: Extend, make_client: MakeClient) -> None:
        @hookimpl(wrapper=True)
        def polycall_send() -> Generator[None, str, str]:
            return (yield).replace("Rome", "Oslo")

        polycall.register_extension("toy-2", make_extension(polycall_send=polycall_send))
        polycall.register_provider("toy-2", make_plugin(without=["polycall_recognize_client"]))
        try:
            assert polycall.from_provider("toy-2").provider == "toy-2"
        finally:
            polycall.unregister("toy-2")

    def test_it_serves_clients_that_are_made_afterwards(self, extend: Extend, make_client: MakeClient) -> None:
        @hookimpl
        def polycall_send() -> str:
            return SAY_OSLO

        before, _ = make_client(SAY_ROME)
        extend("cache", polycall_send=polycall_send)
        after, _ = make_client(SAY_ROME)

        assert before.create(["?"], list[Weather]) == [ROME]
        assert after.create(["?"], list[Weather]) == [OSLO]

    def test_it_is_registered_once(self, extend: Extend) -> None:
        extend("cache")

        with pytest.raises(polycall.PluginError, match="'cache' is registered already"):
            polycall.register_extension("cache", make_extension())

    def test_a_wrapper_sees_the_sdks_error(self, extend: Extend, make_client: MakeClient, hooks: Hooks) -> None:
        seen: list[Exception] = []

        @hookimpl(wrapper=True)
        def polycall_send() -> Generator[None, str, str]:
            try:
                return (yield)
            except ConnectionResetError as error:
                seen.append(error)
                raise

        extend("trace", polycall_send=polycall_send)
        client, _ = make_client(ConnectionResetError("by peer"))

        with pytest.raises(ConnectionResetError) as raised:
            client.create(["?"], list[Weather])
        assert seen == [raised.value]
