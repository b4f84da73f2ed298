"""Blocking SDKs in an event loop: calls side by side, streams that are read early and can be left at any time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from polycall._toolkit.threads import ElasticThreads, ThreadedStream

LONG_S = 30
"""A test that would hang fails after this time."""
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


@pytest.fixture
async def threads() -> AsyncIterator[ElasticThreads]:
    made = ElasticThreads("polycall-test")
    yield made
    made.close()


async def until(event: threading.Event) -> None:
    """Wait for something that another thread does; never blocks the loop."""
    assert await asyncio.to_thread(event.wait, LONG_S)


class Stream:
    """A blocking stream whose chunks and end the test decides on."""

    def __init__(self, *chunks: object) -> None:
        self.chunks = chunks
        self.reading = threading.Event()
        """The end of ``chunks`` is reached and more are awaited."""
        self.taken = 0
        self.go_on = threading.Event()
        self.closed = threading.Event()
        self.closes = 0
        self.close_threads: list[str] = []

    def __iter__(self) -> Iterator[object]:
        for chunk in self.chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            self.taken += 1
            yield chunk

    def close(self) -> None:
        self.closes += 1
        self.close_threads.append(threading.current_thread().name)
        self.go_on.set()
        self.closed.set()


class EndlessStream(Stream):
    """After its chunks it waits for a server that says nothing, until it is closed."""

    def __iter__(self) -> Iterator[object]:
        yield from super().__iter__()
        self.reading.set()
        assert self.go_on.wait(LONG_S)
        raise ConnectionError("the connection was closed under the reader")


# Calls


async def test_the_result_and_the_exception_of_a_call_arrive(threads: ElasticThreads) -> None:
    def fail() -> None:
        raise LookupError("no such model")

    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(LookupError, match="no such model"):
        await threads.run(fail)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
async def test_exceptions_that_end_programs_arrive_too(threads: ElasticThreads, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await threads.run(fail)

    assert raised.value is error


async def test_a_stop_iteration_does_not_hang(threads: ElasticThreads) -> None:
    with pytest.raises(RuntimeError) as raised:
        await threads.run(next, iter(()))

    assert isinstance(raised.value.__cause__, StopIteration)


async def test_200_blocking_calls_run_at_the_same_time(threads: ElasticThreads) -> None:
    barrier = threading.Barrier(200)

    await asyncio.gather(*(threads.run(barrier.wait, LONG_S) for _ in range(200)))

    assert not barrier.broken


async def test_idle_threads_are_used_again(threads: ElasticThreads) -> None:
    names: set[str] = set()
    for _ in range(200):  # a thread may be a moment too late to be idle
        name = await threads.run(lambda: threading.current_thread().name)
        if name in names:
            return
        names.add(name)
    pytest.fail("Each of 200 calls, one after the other, started a thread.")


async def test_idle_threads_end_after_a_while() -> None:
    threads = ElasticThreads("polycall-short", idle_timeout_s=0.01)

    worker = await threads.run(threading.current_thread)

    await asyncio.to_thread(worker.join, LONG_S)
    assert not worker.is_alive()
    assert await threads.run(lambda: 1) == 1


async def test_closing_ends_the_idle_threads_and_later_calls_still_run() -> None:
    threads = ElasticThreads("polycall-closed", idle_timeout_s=1000)
    workers = [await threads.run(threading.current_thread)]

    threads.close()
    workers.append(await threads.run(threading.current_thread))

    for worker in workers:
        await asyncio.to_thread(worker.join, LONG_S)
        assert not worker.is_alive()


async def test_threads_do_not_keep_the_program_alive(threads: ElasticThreads) -> None:
    assert (await threads.run(threading.current_thread)).daemon


async def test_hung_calls_that_were_cancelled_starve_nobody(threads: ElasticThreads) -> None:
    hang = threading.Event()
    begun = threading.Barrier(9)
    tasks = [asyncio.create_task(threads.run(lambda: (begun.wait(LONG_S), hang.wait(LONG_S)))) for _ in range(8)]
    await asyncio.to_thread(begun.wait, LONG_S)

    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    barrier = threading.Barrier(50)
    await asyncio.gather(*(threads.run(barrier.wait, LONG_S) for _ in range(50)))

    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert not hang.is_set()
    hang.set()


async def test_the_programs_own_executor_stays_free(threads: ElasticThreads) -> None:
    executor = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    hang = threading.Event()
    tasks = [asyncio.create_task(threads.run(hang.wait, LONG_S)) for _ in range(50)]
    await asyncio.sleep(0)

    assert await asyncio.to_thread(lambda: "free") == "free"

    hang.set()
    await asyncio.gather(*tasks)


async def test_a_call_sees_the_context_variables_of_its_task(threads: ElasticThreads) -> None:
    def read_and_change() -> str:
        seen = VARIABLE.get()
        VARIABLE.set("of the thread")
        return seen

    VARIABLE.set("of the task")

    assert await threads.run(read_and_change) == "of the task"
    assert VARIABLE.get() == "of the task"


async def test_a_task_that_is_cancelled_ends_at_once_and_the_late_result_is_handed_over(
    threads: ElasticThreads,
) -> None:
    begun, go_on, handed_over = threading.Event(), threading.Event(), threading.Event()
    results: list[str] = []

    def connect() -> str:
        begun.set()
        assert go_on.wait(LONG_S)
        return "a connection"

    def close(result: str) -> None:
        results.append(result)
        handed_over.set()

    task = asyncio.create_task(threads.run(connect, on_abandoned=close))
    await until(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not results

    go_on.set()
    await until(handed_over)
    assert results == ["a connection"]


@pytest.mark.parametrize("error", [None, OSError("cannot close")])
async def test_a_result_that_is_on_its_way_when_its_task_is_cancelled_is_handed_over(
    threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    results: list[str] = []

    def close(result: str) -> None:
        results.append(result)
        if error is not None:
            raise error

    monkeypatch.setattr(threads, "start", lambda job: job())  # over before the task waits for it

    task = asyncio.create_task(threads.run(lambda: "a connection", on_abandoned=close))
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert results == ["a connection"]


async def test_a_failure_is_not_handed_over(threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[object] = []

    def fail() -> None:
        raise ConnectionError

    monkeypatch.setattr(threads, "start", lambda job: job())

    task = asyncio.create_task(threads.run(fail, on_abandoned=results.append))
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert results == []


async def test_a_result_is_handed_over_even_if_the_loop_is_closed_meanwhile(threads: ElasticThreads) -> None:
    begun, go_on, handed_over = threading.Event(), threading.Event(), threading.Event()

    def connect() -> str:
        begun.set()
        assert go_on.wait(LONG_S)
        return "a connection"

    def other_program() -> None:
        loop = asyncio.new_event_loop()
        coroutine = threads.run(connect, on_abandoned=lambda _: handed_over.set())
        step = loop.create_task(coroutine)
        while not begun.is_set():
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        go_on.set()
        assert handed_over.wait(LONG_S)
        step._log_destroy_pending = False  # type: ignore[attr-defined]
        coroutine.close()

    await asyncio.to_thread(other_program)


async def test_a_call_that_has_not_begun_is_never_made(
    threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Callable[[], object]] = []
    called = threading.Event()
    monkeypatch.setattr(threads, "start", jobs.append)  # a machine too busy to begin

    task = asyncio.create_task(threads.run(called.set))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for job in jobs:
        job()

    assert jobs
    assert not called.is_set()


async def test_an_exception_does_not_outlive_its_call(threads: ElasticThreads) -> None:
    class Big:
        pass

    references: list[weakref.ref[Big]] = []

    def fail() -> None:
        big = Big()
        references.append(weakref.ref(big))
        raise LookupError

    gc.disable()
    try:
        with pytest.raises(LookupError):
            await threads.run(fail)
        await threads.run(int)
        await threads.run(int)
        assert references[0]() is None
    finally:
        gc.enable()


async def test_a_job_that_fails_is_logged(threads: ElasticThreads) -> None:
    logged = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert record.levelno == logging.ERROR
            assert record.exc_info is not None
            logged.set()

    def fail() -> None:
        raise LookupError("of the job")

    logger, handler = logging.getLogger("polycall.threads"), Handler()
    logger.addHandler(handler)
    try:
        threads.start(fail)
        await until(logged)
    finally:
        logger.removeHandler(handler)


def test_a_forked_child_starts_threads_of_its_own() -> None:
    program = """
import asyncio, os, sys, threading
from polycall._toolkit.threads import ElasticThreads

threads = ElasticThreads("polycall", idle_timeout_s=1000)
asyncio.run(threads.run(int))  # leaves an idle thread, which the child does not have
threads._lock.acquire()  # another thread of the parent could hold it at this moment
child = os.fork()
if child == 0:
    assert asyncio.run(threads.run(lambda: 7)) == 7
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=LONG_S, check=False).returncode == 0


def test_sync_users_do_not_pay_for_asyncio() -> None:
    program = "import sys, polycall._toolkit.threads; sys.exit('asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], timeout=LONG_S, check=False).returncode == 0


# Streams


async def test_chunks_arrive_while_later_ones_are_awaited(threads: ElasticThreads) -> None:
    source = EndlessStream("first", "second")
    stream = await threads.stream(lambda: source)

    assert [await anext(stream), await anext(stream)] == ["first", "second"]
    assert not source.closed.is_set()

    await stream.aclose()


async def test_a_stream_is_read_to_its_end_and_closed(threads: ElasticThreads) -> None:
    source = Stream(*range(1000))
    stream = await threads.stream(lambda: source)

    assert [chunk async for chunk in stream] == list(range(1000))
    await stream.aclose()
    await stream.aclose()

    assert source.closes == 1


async def test_arguments_are_passed_on(threads: ElasticThreads) -> None:
    stream = await threads.stream(Stream, "a", "b")

    assert [chunk async for chunk in stream] == ["a", "b"]


async def test_no_more_than_the_buffer_is_read_ahead(threads: ElasticThreads) -> None:
    source = EndlessStream(*range(100))
    stream = await threads.stream(lambda: source, buffer=4)

    for consumed in range(1, 51):
        assert await anext(stream) == consumed - 1
        await threads.run(int)  # time for the reader to go on
        assert source.taken <= consumed + 4

    await stream.aclose()
    assert source.taken < 100
    await until(source.closed)


@pytest.mark.parametrize("buffer", [0, 1, 2, 3])
async def test_small_buffers_lose_nothing(threads: ElasticThreads, buffer: int) -> None:
    stream = await threads.stream(lambda: Stream(*range(50)), buffer=buffer)

    assert [chunk async for chunk in stream] == list(range(50))


async def test_an_error_comes_after_the_chunks_before_it_and_once(threads: ElasticThreads) -> None:
    source = Stream("first", ConnectionError("reset"))
    stream = await threads.stream(lambda: source)

    assert await anext(stream) == "first"
    with pytest.raises(ConnectionError, match="reset"):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)

    await until(source.closed)


async def test_what_opening_raises_arrives(threads: ElasticThreads) -> None:
    def refuse() -> Stream:
        raise PermissionError("bad key")

    with pytest.raises(PermissionError, match="bad key"):
        await threads.stream(refuse)


async def test_what_closing_raises_arrives_once(threads: ElasticThreads) -> None:
    class Broken(Stream):
        def close(self) -> None:
            raise OSError("cannot close")

    stream = await threads.stream(Broken)
    assert [chunk async for chunk in stream] == []

    with pytest.raises(OSError, match="cannot close"):
        await stream.aclose()
    await stream.aclose()


async def test_closing_ends_a_read_that_waits(threads: ElasticThreads) -> None:
    source = EndlessStream()
    stream = await threads.stream(lambda: source)
    await until(source.reading)

    await stream.aclose()

    assert source.closes == 1
    assert source.close_threads[0].startswith("polycall-test")  # never on the event loop
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_closing_ends_the_iteration_of_another_task(threads: ElasticThreads) -> None:
    source = EndlessStream("first")
    stream = await threads.stream(lambda: source)

    async def read() -> list[object]:
        return [chunk async for chunk in stream]

    reader = asyncio.create_task(read())
    await until(source.reading)
    await asyncio.sleep(0)
    await stream.aclose()

    assert await reader in ([], ["first"])


async def test_a_stream_with_interrupt_is_interrupted_and_closed_by_its_reader(threads: ElasticThreads) -> None:
    class Interruptible(EndlessStream):
        def interrupt(self) -> None:
            assert not self.closed.is_set()
            self.go_on.set()

    source = Interruptible()
    stream = await threads.stream(lambda: source)
    await until(source.reading)

    await stream.aclose()

    assert source.closes == 1


async def test_a_close_that_hangs_does_not_hold_up_its_task(
    threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polycall._toolkit.threads._CLOSE_TIMEOUT_S", 0.01)
    go_on = threading.Event()

    class Slow(EndlessStream):
        def close(self) -> None:
            assert go_on.wait(LONG_S)
            super().close()

    source = Slow()
    stream = await threads.stream(lambda: source)
    await until(source.reading)

    await stream.aclose()
    assert not source.closed.is_set()

    go_on.set()
    await until(source.closed)


async def test_a_close_that_fails_during_the_read_is_done_again_after_it(threads: ElasticThreads) -> None:
    class Generator(EndlessStream):
        """Closes its generator, which refuses that while it runs."""

        def __init__(self) -> None:
            super().__init__()
            self.generator = super().__iter__()

        def __iter__(self) -> Iterator[object]:
            return self.generator

        def close(self) -> None:
            self.closes += 1
            self.go_on.set()
            self.generator.close()  # type: ignore[attr-defined]
            self.closed.set()

    source = Generator()
    stream = await threads.stream(lambda: source)
    await until(source.reading)

    await stream.aclose()

    await until(source.closed)


async def test_one_copy_of_the_context_serves_opening_reading_and_closing(threads: ElasticThreads) -> None:
    seen: list[str] = []

    class Traced(Stream):
        def __init__(self) -> None:
            super().__init__()
            self.token = VARIABLE.set(VARIABLE.get() + ", span")

        def __iter__(self) -> Iterator[object]:
            seen.append(VARIABLE.get())
            yield "chunk"

        def close(self) -> None:
            VARIABLE.reset(self.token)  # refused in any other context
            seen.append(VARIABLE.get())

    VARIABLE.set("task")
    stream = await threads.stream(Traced)
    assert [chunk async for chunk in stream] == ["chunk"]
    await stream.aclose()

    assert seen == ["task, span", "task"]
    assert VARIABLE.get() == "task"


async def test_a_task_cancelled_while_the_stream_opens_leaves_none_open(threads: ElasticThreads) -> None:
    opening, go_on = threading.Event(), threading.Event()
    source = EndlessStream("chunk")

    def open_slowly() -> Stream:
        opening.set()
        assert go_on.wait(LONG_S)
        return source

    task = asyncio.create_task(threads.stream(open_slowly))
    await until(opening)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()

    await until(source.closed)
    assert source.taken == 0


async def test_a_cancelled_read_loses_no_chunk(threads: ElasticThreads) -> None:
    go_on = threading.Event()

    class Waiting(Stream):
        def __iter__(self) -> Iterator[object]:
            self.reading.set()
            assert go_on.wait(LONG_S)
            yield "chunk"

    source = Waiting()
    stream = await threads.stream(lambda: source)
    read = asyncio.ensure_future(anext(stream))
    await until(source.reading)
    read.cancel()
    with pytest.raises(asyncio.CancelledError):
        await read
    go_on.set()

    assert await anext(stream) == "chunk"


async def test_two_tasks_cannot_read_at_once(threads: ElasticThreads) -> None:
    source = EndlessStream()
    stream = await threads.stream(lambda: source)
    first = asyncio.ensure_future(anext(stream, None))
    await until(source.reading)

    with pytest.raises(RuntimeError, match="another task"):
        await anext(stream)

    await stream.aclose()
    assert await first is None


@pytest.mark.parametrize("steps", range(12))
async def test_a_task_may_be_cancelled_at_every_await(threads: ElasticThreads, steps: int) -> None:
    opened: list[EndlessStream] = []

    def open_stream() -> EndlessStream:
        opened.append(EndlessStream(*range(3)))
        return opened[-1]

    async def use() -> None:
        stream = await threads.stream(open_stream, buffer=1)
        try:
            async for _ in stream:
                await asyncio.sleep(0)
        finally:
            await stream.aclose()

    task = asyncio.create_task(use())
    for _ in range(steps):
        await asyncio.sleep(0)
        await threads.run(int)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    for stream in opened:
        await until(stream.closed)


async def test_a_stream_that_nobody_closes_is_closed_with_its_consumer(
    threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polycall._toolkit.threads._POLL_S", 0.01)
    source = Stream(*range(100))
    stream: ThreadedStream[object] | None = await threads.stream(lambda: source)
    assert stream is not None
    await anext(stream)

    stream = None
    gc.collect()

    await until(source.closed)
    assert source.taken < 100


async def test_a_stream_is_closed_when_its_loop_is(threads: ElasticThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polycall._toolkit.threads._POLL_S", 0.01)
    source = Stream(*range(100))

    def other_program() -> ThreadedStream[object]:
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(threads.stream(lambda: source))
        finally:
            loop.close()

    stream = await asyncio.to_thread(other_program)

    await until(source.closed)
    assert source.taken < 100
    del stream
