"""A provider's open stream, with its contract checked where it is opened, iterated over and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from polycall._data.contract import AsyncChunkStream, ChunkStream
from polycall._engine.result_checks import describe, wrong_result
from polycall._plugins.registry import Provider


class CheckedStream:
    """A `ChunkStream` of a plugin. Chunks come straight from the plugin's own iterator.

    Args:
        provider: Whose stream it is.
        stream: The result of the hook.
        hook: The hook that opened it.

    Raises:
        PluginError: ``stream`` cannot be read or closed.
    """

    __slots__ = ("_hook", "_provider", "_stream", "drain", "interrupt")

    drain: Callable[[], object]
    """The plugin's own method; missing where the plugin's stream has none."""

    interrupt: Callable[[], object]
    """The plugin's own method; missing where the plugin's stream has none."""

    def __init__(self, provider: Provider, stream: ChunkStream[Any], hook: str) -> None:
        if not callable(getattr(type(stream), "__iter__", None)) or isinstance(stream, type):
            raise wrong_result(provider, stream, "an open stream with __iter__()", hook)
        if not callable(getattr(stream, "close", None)):
            raise wrong_result(provider, stream, "an open stream with close()", hook)
        self._provider = provider
        self._stream = stream
        self._hook = hook
        interrupt = getattr(stream, "interrupt", None)
        if interrupt is not None:
            self.interrupt = interrupt
        drain = getattr(stream, "drain", None)
        if drain is not None:
            self.drain = drain

    def __iter__(self) -> Iterator[Any]:
        try:
            iterator = type(self._stream).__iter__(self._stream)
        except Exception as error:
            self._provider.explain(error, self._hook)
            raise
        if not hasattr(type(iterator), "__next__"):
            raise _wrong_method(self._provider, iterator, "__iter__", "an iterator", self._hook)
        return iterator

    def close(self) -> None:
        """Close the plugin's stream."""
        try:
            closed: object = self._stream.close()  # type: ignore[func-returns-value]  # a plugin's may
        except Exception as error:
            self._provider.explain(error, self._hook)
            raise
        if closed is not None and hasattr(closed, "__await__"):
            raise _wrong_method(self._provider, closed, "close", "None", self._hook)


class CheckedAsyncStream:
    """Async version of `CheckedStream`."""

    __slots__ = ("_hook", "_provider", "_stream", "drain")

    drain: Callable[[], Awaitable[object]]
    """The plugin's own method; missing where the plugin's stream has none."""

    def __init__(self, provider: Provider, stream: AsyncChunkStream[Any], hook: str) -> None:
        if not callable(getattr(type(stream), "__aiter__", None)) or isinstance(stream, type):
            raise wrong_result(provider, stream, "an open stream with __aiter__()", hook)
        if not callable(getattr(stream, "aclose", None)):
            raise wrong_result(provider, stream, "an open stream with aclose()", hook)
        self._provider = provider
        self._stream = stream
        self._hook = hook
        drain = getattr(stream, "drain", None)
        if drain is not None:
            self.drain = drain

    def __aiter__(self) -> AsyncIterator[Any]:
        try:
            iterator = type(self._stream).__aiter__(self._stream)
        except Exception as error:
            self._provider.explain(error, self._hook)
            raise
        if not hasattr(type(iterator), "__anext__"):
            raise _wrong_method(self._provider, iterator, "__aiter__", "an async iterator", self._hook)
        return iterator

    async def aclose(self) -> None:
        """Close the plugin's stream."""
        try:
            closing: object = self._stream.aclose()
            if hasattr(closing, "__await__"):
                await closing
                return
        except Exception as error:
            self._provider.explain(error, self._hook)
            raise
        raise _wrong_method(self._provider, closing, "aclose", "an awaitable", self._hook)


def _wrong_method(provider: Provider, result: Any, method: str, due: str, hook: str) -> Exception:
    if hasattr(result, "__await__"):
        result.close()  # else Python warns that it was never awaited
    return provider.error(f"returned {describe(result)} from {method}() of the stream of {hook}; {due} is due.", hook)
