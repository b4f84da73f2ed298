"""How much one reply may hold, for every provider whose replies come from elsewhere."""

from __future__ import annotations

from polycall._data.errors import IncompleteOutputError

MAX_REPLY_BYTES = 256 * 1024 * 1024
"""The default of the setting ``max_reply_bytes``: far beyond what models write, well within what machines have."""


class ReplyMeter:
    """Counts what comes of one reply, so that a server cannot fill the memory of its client.

    Args:
        max_bytes: What one reply may hold, content-decoded, in bytes.
        envelope: How many times as much may come where the pieces that are counted are mostly envelope: events of a
            few bytes in several hundred.
    """

    __slots__ = ("_left", "_max_bytes")

    def __init__(self, max_bytes: int = MAX_REPLY_BYTES, *, envelope: int = 1) -> None:
        self._max_bytes = max_bytes
        self._left = max_bytes * envelope

    def take(self, size: int) -> None:
        """Count a piece; to be called before it is kept or parsed.

        Args:
            size: Of the piece, in bytes.

        Raises:
            IncompleteOutputError: The reply is larger than it may be. polycall fills in the calls that were complete.
        """
        self._left -= size
        if self._left < 0:
            raise IncompleteOutputError(
                f"The reply is larger than max_reply_bytes={self._max_bytes}, and was not read to its end. If such "
                "replies are expected, make the client with a larger max_reply_bytes."
            )
