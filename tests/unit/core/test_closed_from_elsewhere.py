"""A stream that another thread or task closes, while its reader waits for the next call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import pytest
from pydantic import BaseModel
from unit.core.conftest import ASK, Extend, Provide

import polycall
from polycall.plugin import Request, hookimpl
from support.toy_provider import AsyncToyClient, ToyClient, call


class Weather(BaseModel):
    location: str


ROME = Weather(location="Rome")
SAY_ROME = call("Weather", location="Rome").split("\n")


class Waiting:
    """A sync stream that yields one call, and waits then.

    Args:
        at_end: What the end of the wait is: the end of the stream, or the error of a read from a closed connection.
    """

    def __init__(self, at_end: Exception | None = None) -> None:
        self.waits, self.is_over, self.closed = threading.Event(), threading.Event(), 0
        self._at_end = at_end

    def __iter__(self) -> Iterator[str]:
        yield from SAY_ROME
        self.waits.set()
        self.is_over.wait()
        if self._at_end is not None:
            raise self._at_end

    def close(self) -> None:
        self.closed += 1
        self.is_over.set()


class Interruptible(Waiting):
    """One whose ``close`` must not be called while it is read, as that of a generator."""

    def __init__(self, at_end: Exception | None = None) -> None:
        super().__init__(at_end)
        self.interrupted = 0
        self.closed_while_read = 0

    def interrupt(self) -> None:
        self.interrupted += 1
        self.is_over.set()

    def close(self) -> None:
        self.closed_while_read += self.waits.is_set() and not self.is_over.is_set()
        super().close()


class AsyncWaiting:
    """Async version of `Waiting`."""

    def __init__(self, at_end: Exception | None = None) -> None:
        self.waits, self.is_over, self.closed = asyncio.Event(), asyncio.Event(), 0
        self._at_end = at_end

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in SAY_ROME:
            yield line
        self.waits.set()
        await self.is_over.wait()
        if self._at_end is not None:
            raise self._at_end

    async def aclose(self) -> None:
        self.closed += 1
        self.is_over.set()


class AsyncSlowToCancel(AsyncWaiting):
    """One whose read has to clean up when its task is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.cleans, self.is_clean = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in SAY_ROME:
            yield line
        self.waits.set()
        try:
            await self.is_over.wait()
        except asyncio.CancelledError:
            self.cleans.set()
            await self.is_clean.wait()
            raise


def opening(stream: object) -> Callable[..., object]:
    @hookimpl
    def polycall_open_stream() -> object:
        return stream

    return polycall_open_stream


def opening_async(stream: object) -> Callable[..., object]:
    @hookimpl
    async def polycall_open_stream_async() -> object:
        return stream

    return polycall_open_stream_async


class TestFromAnotherThread:
    @pytest.mark.parametrize("kind", [Waiting, Interruptible])
    @pytest.mark.parametrize("at_end", [None, ValueError("read of closed file")])
    def test_the_wait_ends_with_the_calls_until_then(
        self, provide: Provide, extend: Extend, kind: type[Waiting], at_end: Exception | None
    ) -> None:
        chunks = kind(at_end)
        ends: list[tuple[str, BaseException | None]] = []

        @hookimpl
        def polycall_round_ended(error: BaseException | None) -> None:
            ends.append(("round", error))

        @hookimpl
        def polycall_create_ended(error: BaseException | None) -> None:
            ends.append(("create", error))

        extend("watch", polycall_round_ended=polycall_round_ended, polycall_create_ended=polycall_create_ended)
        provide(polycall_open_stream=opening(chunks))
        stream = polycall.from_client(ToyClient(), async_client=False).stream(ASK, Iterable[Weather])
        assert next(stream) == ROME

        def close() -> None:
            chunks.waits.wait()
            stream.close()

        closer = threading.Thread(target=close)
        closer.start()
        with pytest.raises(polycall.IncompleteOutputError, match="closed before its end") as raised:
            next(stream)
        closer.join()

        assert raised.value.calls == [ROME]
        assert chunks.closed == 1
        assert not isinstance(chunks, Interruptible) or not chunks.closed_while_read
        assert [name for name, _ in ends] == ["round", "create"]
        assert isinstance(ends[0][1], polycall.IncompleteOutputError)
        with pytest.raises(polycall.IncompleteOutputError):
            stream.collect()

    def test_a_stream_that_is_not_being_read_is_closed_and_not_interrupted(self, provide: Provide) -> None:
        chunks = Interruptible()
        provide(polycall_open_stream=opening(chunks))
        stream = polycall.from_client(ToyClient(), async_client=False).stream(ASK, Iterable[Weather])
        assert next(stream) == ROME
        stream.close()

        assert (chunks.closed, chunks.interrupted) == (1, 0)


class TestFromAnotherTask:
    @pytest.mark.parametrize("at_end", [None, ValueError("read of closed file")])
    async def test_the_wait_ends_with_the_calls_until_then(self, provide: Provide, at_end: Exception | None) -> None:
        chunks = AsyncWaiting(at_end)
        provide(polycall_open_stream_async=opening_async(chunks))
        stream = polycall.from_client(AsyncToyClient(), async_client=True).stream(ASK, Iterable[Weather])
        assert await anext(stream) == ROME
        reader = asyncio.create_task(anext(stream))
        await chunks.waits.wait()
        await stream.close()

        with pytest.raises(polycall.IncompleteOutputError, match="closed before its end") as raised:
            await reader
        assert raised.value.calls == [ROME]
        assert chunks.closed == 1

    @pytest.mark.parametrize("kind", [Waiting, Interruptible])
    @pytest.mark.parametrize("at_end", [None, ValueError("read of closed file")])
    async def test_so_it_does_where_the_sdk_can_only_block(
        self, provide: Provide, kind: type[Waiting], at_end: Exception | None
    ) -> None:
        chunks = kind(at_end)
        provide(polycall_open_stream=opening(chunks), without=["polycall_open_stream_async"])
        async with polycall.from_client(AsyncToyClient(), async_client=True) as client:
            stream = client.stream(ASK, Iterable[Weather])
            assert await anext(stream) == ROME
            reader = asyncio.create_task(anext(stream))
            while not chunks.waits.is_set():
                await asyncio.sleep(0)
            await stream.close()

            with pytest.raises(polycall.IncompleteOutputError) as raised:
                await reader
        assert raised.value.calls == [ROME]
        assert chunks.closed == 1
        assert not isinstance(chunks, Interruptible) or not chunks.closed_while_read

    async def test_a_task_that_is_cancelled_meanwhile_ends_cancelled(self, provide: Provide) -> None:
        chunks = AsyncSlowToCancel()
        provide(polycall_open_stream_async=opening_async(chunks))
        stream = polycall.from_client(AsyncToyClient(), async_client=True).stream(ASK, Iterable[Weather])
        assert await anext(stream) == ROME
        reader = asyncio.create_task(anext(stream))
        await chunks.waits.wait()
        reader.cancel()
        await chunks.cleans.wait()
        await stream.close()
        chunks.is_clean.set()

        with pytest.raises(asyncio.CancelledError):
            await reader
        with pytest.raises(polycall.IncompleteOutputError):
            await stream.collect()

    async def test_while_it_is_being_opened_nothing_is_left_open(self, provide: Provide) -> None:
        chunks, asked, may_open = AsyncWaiting(), asyncio.Event(), asyncio.Event()

        @hookimpl
        async def polycall_open_stream_async(session: AsyncToyClient, request: Request) -> AsyncWaiting:
            asked.set()
            await may_open.wait()
            return chunks

        provide(polycall_open_stream_async=polycall_open_stream_async)
        stream = polycall.from_client(AsyncToyClient(), async_client=True).stream(ASK, Iterable[Weather])

        async def open_it() -> None:
            await stream

        opener = asyncio.create_task(open_it())
        await asked.wait()
        await stream.close()
        may_open.set()

        with pytest.raises(polycall.IncompleteOutputError):
            await opener
        assert chunks.closed == 1
