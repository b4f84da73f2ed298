"""A plugin's open stream, closed twice where the core closes it once."""

from __future__ import annotations

import dis
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import AsyncGeneratorType
from typing import Any

from polycall._data.contract import AsyncChunkStream, ChunkStream
from polycall._engine.checked_streams import CheckedAsyncStream, CheckedStream
from polycall.testing._contract.plugins import CheckedPlugin

_CLASS = "an object whose close() closes the connection; polycall.plugin.chunk_stream makes one of a generator"


class ContractStream:
    """A stream around a plugin's own."""

    drain: Callable[[], object]
    interrupt: Callable[[], object]
    """The plugin's own methods; missing where the plugin's stream has none."""

    def __init__(self, plugin: CheckedPlugin, stream: ChunkStream[Any], hook: str) -> None:
        self._checked = plugin.typed(hook, lambda provider, given, _: CheckedStream(provider, given, hook), stream)
        self._plugin = plugin
        self._hook = hook
        if inspect.isgenerator(stream) and inspect.getgeneratorstate(stream) == inspect.GEN_CREATED:
            plugin.fail("stream-closes", hook, "a generator that has not begun: closing it runs nothing of it", _CLASS)
        if hasattr(stream, "interrupt"):
            self.interrupt = stream.interrupt
        if hasattr(stream, "drain"):
            self.drain = stream.drain

    def __iter__(self) -> Iterator[Any]:
        return iter(self._checked)

    def close(self) -> None:
        """Close the plugin's stream, and close it again."""
        self._checked.close()
        try:
            self._checked.close()
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises
            _fail_close(self._plugin, self._hook, error)


class ContractAsyncStream:
    """Async version of `ContractStream`."""

    drain: Callable[[], Awaitable[object]]
    """The plugin's own method; missing where the plugin's stream has none."""

    def __init__(self, plugin: CheckedPlugin, stream: AsyncChunkStream[Any], hook: str) -> None:
        self._checked = plugin.typed(hook, lambda provider, given, _: CheckedAsyncStream(provider, given, hook), stream)
        self._plugin = plugin
        self._hook = hook
        if hasattr(stream, "drain"):
            self.drain = stream.drain
        if inspect.isasyncgen(stream) and _has_not_begun(stream):
            plugin.fail("stream-closes", hook, "a generator that has not begun: closing it runs nothing of it", _CLASS)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._checked)

    async def aclose(self) -> None:
        """Close the plugin's stream, and close it again."""
        await self._checked.aclose()
        try:
            await self._checked.aclose()
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises
            _fail_close(self._plugin, self._hook, error)


def _has_not_begun(stream: AsyncGeneratorType[Any, Any]) -> bool:
    frame = stream.ag_frame
    return frame is not None and dis.opname[frame.f_code.co_code[frame.f_lasti]] == "RETURN_GENERATOR"


def _fail_close(plugin: CheckedPlugin, hook: str, error: Exception) -> None:
    method = "aclose" if hook.endswith("_async") else "close"
    plugin.fail(
        "close-twice",
        hook,
        f"the second {method}() of the stream raises {type(error).__name__}: {error}",
        "nothing happens: the stream is closed already",
    )
