"""A provider whose SDK can only block, under `AsyncClient`: the core drives its sync hooks in threads of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from polycall.plugin import ChunkStream, ClientTraits, Request, hookimpl
from support.toy_provider import call, make_plugin, reply

WAIT_S = 2
"""More than any test needs. Nothing waits that long unless it is broken."""
NAME = "blocking"
ASK: list[object] = [{"role": "user", "content": "Weather in Rome and Oslo?"}]


class Weather(BaseModel):
    location: str


ROME, OSLO = Weather(location="Rome"), Weather(location="Oslo")
SAY_ROME, SAY_OSLO = call("Weather", location="Rome"), call("Weather", location="Oslo")
GOOD = reply(SAY_ROME, SAY_OSLO)


class SdkError(Exception):
    """The SDK's own."""


class Gate:
    """A place where a thread of the SDK stands until the test lets it go."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def stand(self) -> None:
        """Wait here; on the SDK's thread."""
        self._reached.set()
        if not self._open.wait(WAIT_S):
            raise AssertionError("nobody opened the gate")

    def open(self) -> None:
        self._open.set()

    async def reached(self) -> None:
        """Wait until a thread stands here."""
        await happens(self._reached)


async def happens(event: threading.Event) -> None:
    """Wait for an event of another thread, without a thread of the program's own executor."""
    waiting = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        happened = event.wait(WAIT_S)
        loop.call_soon_threadsafe(waiting.set_result, happened)

    threading.Thread(target=wait, daemon=True).start()
    assert await waiting


class BlockingStream:
    """The SDK's open stream: lines, gates at which the server is silent, and an error at the end.

    ``close()`` ends a read that waits, as the contract asks.
    """

    def __init__(self, *parts: str | Gate | Exception) -> None:
        self.closed = threading.Event()
        self.read = 0
        self._parts = parts

    def __iter__(self) -> Iterator[str]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, Gate):
                part.stand()
                if self.closed.is_set():
                    raise SdkError("The connection was closed while it was read.")
                continue
            for line in part.split("\n"):
                self.read += 1
                yield line

    def close(self) -> None:
        self.closed.set()
        for part in self._parts:
            if isinstance(part, Gate):
                part.open()


class BlockingSdk:
    """The SDK's client. A test sets the functions that send and open."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.send: Callable[[], str] = lambda: GOOD
        self.open: Callable[[], ChunkStream[str]] = lambda: BlockingStream(GOOD)
        self.closed_in: list[threading.Thread] = []

    @property
    def client(self) -> polycall.AsyncClient:
        return polycall.from_client(self, async_client=True)


@hookimpl
def polycall_recognize_client(client: object) -> ClientTraits | None:
    return ClientTraits(sync=True, asynchronous=True) if isinstance(client, BlockingSdk) else None


@hookimpl
def polycall_send(session: BlockingSdk, request: Request) -> str:
    session.requests.append(request)
    return session.send()


@hookimpl
def polycall_open_stream(session: BlockingSdk, request: Request) -> ChunkStream[str]:
    session.requests.append(request)
    return session.open()


@hookimpl
def polycall_close_client(session: BlockingSdk, created: bool) -> None:
    session.closed_in.append(threading.current_thread())


def plugin(*, without: tuple[str, ...] = ()) -> Any:
    hooks = {
        "polycall_recognize_client": polycall_recognize_client,
        "polycall_send": polycall_send,
        "polycall_open_stream": polycall_open_stream,
        "polycall_close_client": polycall_close_client,
    }
    return make_plugin(
        without=("polycall_send_async", "polycall_open_stream_async", *without),
        **{name: hook for name, hook in hooks.items() if name not in without},
    )


@pytest.fixture
def sdk() -> Iterator[BlockingSdk]:
    polycall.register_provider(NAME, plugin())
    yield BlockingSdk()
    polycall.unregister(NAME)


def threads_of_the_core() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"polycall-{NAME}")]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Each test leaves its client; what it made ends then."""
    assert threads_of_the_core() == []
    yield
    for thread in threads_of_the_core():
        thread.join(WAIT_S)
    assert threads_of_the_core() == []


async def in_time(awaitable: Awaitable[Any]) -> Any:
    """What is awaited; an error in place of a test that hangs."""
    async with asyncio.timeout(WAIT_S):
        return await awaitable


async def create(client: polycall.AsyncClient) -> polycall.Calls[Weather]:
    return await client.create(ASK, list[Weather])


# -- whole and streamed -----------------------------------------------------------------------------------------------


async def test_whole_replies(sdk: BlockingSdk) -> None:
    async with sdk.client as client:
        assert await in_time(create(client)) == [ROME, OSLO]


async def test_streamed_calls_come_early(sdk: BlockingSdk) -> None:
    """The server is silent before the second call, and the first one is there."""
    silence = Gate()
    stream = BlockingStream(SAY_ROME, silence, SAY_OSLO, "end calls")
    sdk.open = lambda: stream

    async with sdk.client as client, client.stream(ASK, list[Weather]) as calls:
        first = await in_time(anext(calls))
        await silence.reached()

        assert first == ROME
        assert not stream.closed.is_set()

        silence.open()
        assert await in_time(calls.collect()) == [ROME, OSLO]
    assert stream.closed.is_set()


async def test_a_provider_without_a_stream_hook_streams_its_whole_reply() -> None:
    polycall.register_provider(NAME, plugin(without=("polycall_open_stream",)))
    try:
        async with BlockingSdk().client as client, client.stream(ASK, list[Weather]) as calls:
            assert [call async for call in calls] == [ROME, OSLO]
    finally:
        polycall.unregister(NAME)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_corrections(sdk: BlockingSdk, streams: bool) -> None:
    script = [reply(SAY_ROME, call("Weather", location=5)), reply(SAY_OSLO)]
    sdk.send = lambda: script.pop(0)
    sdk.open = lambda: BlockingStream(script.pop(0))

    async with sdk.client as client:
        if streams:
            async with client.stream(ASK, list[Weather]) as stream:
                calls = await in_time(stream.collect())
        else:
            calls = await in_time(create(client))

    assert calls == [ROME, OSLO]
    assert [request.round for request in sdk.requests] == [0, 1]


def test_one_client_serves_two_event_loops_one_after_the_other(sdk: BlockingSdk) -> None:
    client = sdk.client

    async def ask() -> object:
        async with client.stream(ASK, list[Weather]) as stream:
            return [await create(client), await stream.collect()]

    assert asyncio.run(ask()) == asyncio.run(ask()) == [[ROME, OSLO], [ROME, OSLO]]
    asyncio.run(client.close())


# -- errors -----------------------------------------------------------------------------------------------------------


def fail(error: BaseException) -> Any:
    raise error


async def test_an_error_of_the_sdk_arrives_unwrapped(sdk: BlockingSdk) -> None:
    error = SdkError("rate limit")
    sdk.send = lambda: fail(error)

    async with sdk.client as client:
        with pytest.raises(SdkError) as raised:
            await in_time(create(client))

    assert raised.value is error
    assert not hasattr(error, "__notes__")


async def test_so_does_one_while_the_stream_opens(sdk: BlockingSdk) -> None:
    error = SdkError("authentication")
    sdk.open = lambda: fail(error)

    async with sdk.client as client:
        with pytest.raises(SdkError) as raised:
            await in_time(client.create(ASK, list[Weather], stream=True))

    assert raised.value is error


async def test_so_does_one_in_the_middle_with_the_good_calls_on_it(sdk: BlockingSdk) -> None:
    error = SdkError("connection lost")
    stream = BlockingStream(SAY_ROME, error)
    sdk.open = lambda: stream

    async with sdk.client as client:
        with pytest.raises(SdkError) as raised:
            await in_time(client.stream(ASK, list[Weather]).collect())

    assert raised.value is error
    assert error.polycall_calls == [ROME]  # type: ignore[attr-defined]
    assert stream.closed.is_set()


# -- cancelling and leaving -------------------------------------------------------------------------------------------


async def test_a_task_that_is_cancelled_while_the_stream_opens_leaves_none_open(sdk: BlockingSdk) -> None:
    opening, stream = Gate(), BlockingStream(GOOD)

    def open_slowly() -> BlockingStream:
        opening.stand()
        return stream

    sdk.open = open_slowly
    async with sdk.client as client:
        task = asyncio.create_task(client.create(ASK, list[Weather], stream=True))
        await opening.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await in_time(task)  # at once, although the SDK still blocks
        assert not stream.closed.is_set()

        opening.open()

        await happens(stream.closed)
    assert stream.read == 0


async def test_one_that_is_cancelled_while_it_reads_closes_its_stream(sdk: BlockingSdk) -> None:
    silence = Gate()
    stream = BlockingStream(SAY_ROME, silence, SAY_OSLO, "end calls")
    sdk.open = lambda: stream

    async with sdk.client as client:
        task = asyncio.create_task(client.stream(ASK, list[Weather]).collect())
        await silence.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await in_time(task)
        await happens(stream.closed)


async def test_one_that_leaves_the_block_closes_its_stream(sdk: BlockingSdk) -> None:
    silence = Gate()
    stream = BlockingStream(SAY_ROME, silence, SAY_OSLO, "end calls")
    sdk.open = lambda: stream

    async with sdk.client as client:
        async with client.stream(ASK, list[Weather]) as calls:
            async for _ in calls:
                break
        await happens(stream.closed)


class StreamThatClosesLate(BlockingStream):
    """Its ``close()`` hangs until the reader is gone, as that of a connection with a lock does."""

    def __init__(self, silence: Gate, closing: Callable[[], object]) -> None:
        super().__init__(SAY_ROME, silence, SAY_OSLO, "end calls")
        self._reader_is_gone = threading.Event()
        self._closing = closing

    def __iter__(self) -> Iterator[str]:
        try:
            yield from super().__iter__()
        finally:
            self._reader_is_gone.set()

    def close(self) -> None:
        self._closing()
        assert self._reader_is_gone.wait(WAIT_S), "the reader was not woken"
        self.closed.set()


async def test_a_close_that_hangs_does_not_block_the_event_loop(sdk: BlockingSdk) -> None:
    """The reader is woken by a task of the same event loop: it can run while ``close()`` hangs."""
    silence, close_began, loop = Gate(), asyncio.Event(), asyncio.get_running_loop()
    stream = StreamThatClosesLate(silence, lambda: loop.call_soon_threadsafe(close_began.set))
    sdk.open = lambda: stream

    async def wake_the_reader() -> None:
        await close_began.wait()
        silence.open()

    waking = asyncio.create_task(wake_the_reader())
    async with sdk.client as client:
        async with client.stream(ASK, list[Weather]) as calls:
            assert await in_time(anext(calls)) == ROME
            await silence.reached()
        await in_time(waking)
        await happens(stream.closed)


# -- many at once -----------------------------------------------------------------------------------------------------


async def test_200_tasks_run_at_the_same_time(sdk: BlockingSdk) -> None:
    """The SDK answers nobody before all of them stand in it."""
    barrier = threading.Barrier(200)

    def send() -> str:
        barrier.wait(WAIT_S)
        return GOOD

    sdk.send = send
    async with sdk.client as client:
        answers = await in_time(asyncio.gather(*[create(client) for _ in range(200)]))

    assert answers == [[ROME, OSLO]] * 200


async def test_100_streams_are_open_at_the_same_time(sdk: BlockingSdk) -> None:
    barrier = threading.Barrier(100)

    class Together(BlockingStream):
        def __iter__(self) -> Iterator[str]:
            barrier.wait(WAIT_S)
            return super().__iter__()

    sdk.open = lambda: Together(GOOD)
    async with sdk.client as client:
        streams = [client.stream(ASK, list[Weather]) for _ in range(100)]
        answers = await in_time(asyncio.gather(*[stream.collect() for stream in streams]))

    assert answers == [[ROME, OSLO]] * 100


async def test_calls_that_hang_and_were_cancelled_starve_nobody(sdk: BlockingSdk) -> None:
    """More than the program's executor has threads; it stays free for others too."""
    hung = [Gate() for _ in range(50)]
    gates = iter(hung)

    def send() -> str:
        next(gates).stand()
        return GOOD

    sdk.send = send
    async with sdk.client as client:
        tasks = [asyncio.create_task(create(client)) for _ in hung]
        for gate in hung:
            await gate.reached()
        assert await in_time(asyncio.to_thread(lambda: "free")) == "free"
        for task in tasks:
            task.cancel()
        await in_time(asyncio.wait(tasks))
        assert all(task.cancelled() for task in tasks)

        sdk.send = lambda: GOOD

        assert await in_time(create(client)) == [ROME, OSLO]
        assert await in_time(asyncio.to_thread(lambda: "free")) == "free"
        for gate in hung:
            gate.open()


async def test_a_call_that_was_cancelled_before_it_began_is_never_sent(sdk: BlockingSdk) -> None:
    async with sdk.client as client:
        task = asyncio.create_task(create(client))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert sdk.requests == []


# -- the surroundings of a call ---------------------------------------------------------------------------------------

TRACE: ContextVar[str] = ContextVar("TRACE", default="none")


async def test_context_variables_reach_the_hooks(sdk: BlockingSdk) -> None:
    seen: list[tuple[str, str]] = []

    def see(where: str, result: Any = None) -> Any:
        seen.append((where, TRACE.get()))
        return result

    class Seeing(BlockingStream):
        def __iter__(self) -> Iterator[str]:
            see("iterate")
            return super().__iter__()

        def close(self) -> None:
            see("close")
            super().close()

    sdk.send = lambda: see("send", GOOD)
    sdk.open = lambda: see("open", Seeing(GOOD))

    async def ask(trace: str) -> None:
        TRACE.set(trace)
        await create(client)
        await client.stream(ASK, list[Weather]).collect()

    async with sdk.client as client:
        await in_time(asyncio.gather(ask("one"), ask("two")))

    wheres = ("send", "open", "iterate", "close")
    assert sorted(seen) == sorted((where, trace) for where in wheres for trace in ("one", "two"))


async def test_nothing_of_the_sdk_runs_in_the_event_loop(sdk: BlockingSdk) -> None:
    threads: list[threading.Thread] = []

    def note(result: Any) -> Any:
        threads.append(threading.current_thread())
        return result

    sdk.send = lambda: note(GOOD)
    sdk.open = lambda: note(BlockingStream(GOOD))
    async with sdk.client as client:
        await create(client)
        await client.stream(ASK, list[Weather]).collect()
        await client.close()

    used = [*threads, *sdk.closed_in]
    assert len(used) == 3
    assert threading.main_thread() not in used
    assert all(thread.name.startswith(f"polycall-{NAME}") for thread in used)


async def test_a_client_that_was_never_used_starts_no_thread_until_it_is_closed(sdk: BlockingSdk) -> None:
    client = sdk.client

    assert threads_of_the_core() == []

    await client.close()
    assert len(sdk.closed_in) == 1


async def test_the_threads_end_with_the_client(sdk: BlockingSdk) -> None:
    client = sdk.client
    await create(client)
    assert threads_of_the_core()

    await client.close()

    for thread in threads_of_the_core():
        await asyncio.to_thread(thread.join, WAIT_S)
    assert threads_of_the_core() == []


async def test_two_clients_have_threads_of_their_own(sdk: BlockingSdk) -> None:
    """Closing one leaves the other alone."""
    first, second = sdk.client, sdk.client
    await create(first)
    await create(second)
    await first.close()

    assert await in_time(create(second)) == [ROME, OSLO]
    await second.close()
