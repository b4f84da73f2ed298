"""Mix-ups of sync and async, and of a stream with its calls: methods that only raise, with words that Python lacks.

Type checkers do not see them, so that they go on refusing what has no such method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from polycall._toolkit.hints import did_you_mean

_OF_CALLS = frozenset(
    {
        *("tool_calls", "text", "reasoning", "usage", "finish_reason", "raw_finish_reason", "model", "response_id"),
        *("adaptations", "surplus", "raw_response", "of_type", "continue_with"),
    }
)


class SyncClientOnly:
    """A client or stream for ``with`` and ``for``."""

    if not TYPE_CHECKING:

        def __aenter__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} is synchronous: write 'with', or {_MAKE_ASYNC}.")

        def __aexit__(self, *_: object) -> NoReturn:
            raise TypeError(f"{_name(self)} is synchronous: write 'with', or {_MAKE_ASYNC}.")


class AsyncClientOnly:
    """A client or stream for ``async with`` and ``async for``."""

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} is async: write 'async with', or {_MAKE_SYNC}.")

        def __exit__(self, *_: object) -> NoReturn:
            raise TypeError(f"{_name(self)} is async: write 'async with', or {_MAKE_SYNC}.")


class SyncStreamOnly(SyncClientOnly):
    """A stream for ``for``."""

    if not TYPE_CHECKING:

        def __aiter__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} is synchronous: write 'for', or {_MAKE_ASYNC}.")


class AsyncStreamOnly(AsyncClientOnly):
    """A stream for ``async for``."""

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} is async: write 'async for', or {_MAKE_SYNC}.")

        def __next__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} is async: write 'await anext(stream)', or {_MAKE_SYNC}.")


class NotShared:
    """A client, which holds connections."""

    if not TYPE_CHECKING:

        def __copy__(self) -> object:
            return self

        def __reduce_ex__(self, _: object) -> NoReturn:
            raise TypeError(
                f"{_name(self)} cannot be pickled or copied: it holds connections. Make one in each process, with "
                "polycall.from_config() for instance."
            )

        def __getattr__(self, name: str) -> NoReturn:
            hint = ""
            if not name.startswith("_"):
                hint = "." + did_you_mean(name, [one for one in dir(type(self)) if not one.startswith("_")])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


class NotYetCalls:
    """A stream, which is not the calls that come out of it."""

    if not TYPE_CHECKING:

        def __len__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} has no length before its end: {_collect(self)} gives Calls.")

        def __bool__(self) -> bool:
            return True

        def __getitem__(self, _: object) -> NoReturn:
            raise TypeError(f"{_name(self)} cannot be indexed: {_collect(self)} gives Calls.")

        def __reduce_ex__(self, _: object) -> NoReturn:
            raise TypeError(f"{_name(self)} cannot be pickled or copied: {_collect(self)} gives Calls, which can.")

        def __getattr__(self, name: str) -> NoReturn:
            hint = f": it is known at the end. Write {_collect(self)[:-1]}).{name}." if name in _OF_CALLS else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)


_MAKE_ASYNC = "make the client with async_client=True (of an async client of the SDK)"
_MAKE_SYNC = "make the client with async_client=False (of a synchronous client of the SDK)"


def _name(value: object) -> str:
    return f"This {type(value).__name__}"


def _collect(stream: object) -> str:
    return "await stream.collect()" if isinstance(stream, AsyncStreamOnly) else "stream.collect()"
