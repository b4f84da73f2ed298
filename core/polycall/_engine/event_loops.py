"""Async clients in an event loop other than the one in which their connections were opened."""

from __future__ import annotations

from polycall._data.errors import ClientClosedError

_ENDED = "Event loop is closed"
_ANOTHER = ("bound to a different event loop", "attached to a different loop")
"""Texts of asyncio's errors: `asyncio.base_events`, `asyncio.mixins`, `asyncio.tasks`."""

_MAX_CAUSES = 4


def wrong_loop(error: Exception, provider: str) -> ClientClosedError | None:
    """The error to raise in place of asyncio's, which name neither the client nor the reason; ``None`` for others."""
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):  # an SDK may have made a connection error of it
        if cause is None or type(cause) is RuntimeError:
            break
        cause = cause.__cause__
    if type(cause) is not RuntimeError:
        return None
    text = str(cause)
    if _ENDED in text:
        return ClientClosedError(
            f"This client of provider {provider!r} belongs to an event loop that has ended: its connections ended with "
            "it. Make the client inside of the coroutine that asyncio.run() runs, or call asyncio.run() once."
        )
    if any(part in text for part in _ANOTHER):
        return ClientClosedError(
            f"This client of provider {provider!r} belongs to another event loop, with its connections. Make a client "
            "in each event loop."
        )
    return None
