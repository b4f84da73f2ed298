"""A provider's open stream, with its contract checked where it is opened, iterated over and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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

    def __init__(self, provider: Provider, stream: ChunkStream[Any], hook: str) -> None:
        _check_members(provider, stream, hook, "__iter__", "close")
        self._provider = provider
        self._stream = stream
        self._hook = hook
        if (interrupt := getattr(stream, "interrupt", None)) is not None:
            self.interrupt = interrupt

    def __iter__(self) -> Iterator[Any]:
        iterator = type(self._stream).__iter__(self._stream)
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
        if hasattr(closed, "__await__"):
            raise _wrong_method(self._provider, closed, "close", "None", self._hook)


class CheckedAsyncStream:
    """Async version of `CheckedStream`."""

    def __init__(self, provider: Provider, stream: AsyncChunkStream[Any], hook: str) -> None:
        _check_members(provider, stream, hook, "__aiter__", "aclose")
        self._provider = provider
        self._stream = stream
        self._hook = hook

    def __aiter__(self) -> AsyncIterator[Any]:
        iterator = type(self._stream).__aiter__(self._stream)
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


def _check_members(provider: Provider, stream: object, hook: str, iterate: str, close: str) -> None:
    members = ((iterate, getattr(type(stream), iterate, None)), (close, getattr(stream, close, None)))
    for name, member in members:
        if isinstance(stream, type) or not callable(member):
            raise wrong_result(provider, stream, f"an open stream with {name}()", hook)


def _wrong_method(provider: Provider, result: Any, method: str, due: str, hook: str) -> Exception:
    if hasattr(result, "__await__"):
        result.close()  # else Python warns that it was never awaited
    return provider.error(f"returned {describe(result)} from {method}() of the stream of {hook}; {due} is due.", hook)
