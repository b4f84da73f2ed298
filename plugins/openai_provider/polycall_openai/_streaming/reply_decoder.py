"""The decoder of a streamed reply, for both APIs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from polycall.plugin import JsonObject, Reply, ResponseError, StreamEvent
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._streaming.body_reader import BodyReader, EventHandler

if TYPE_CHECKING:
    from polycall.plugin import StreamDecoder


class StreamedReply(EventHandler, Protocol):
    """The part of decoding in which the APIs differ."""

    def reply(self, *, saw_done: bool) -> Reply:
        """Build the reply from its events; ``saw_done``: the last of them was ``[DONE]``."""
        ...

    def whole_reply(self, body: bytes) -> Reply:
        """Read a body that is not a stream."""
        ...


class ReplyDecoder:
    """Decodes one streamed reply; takes bytes, or from a patched client the data of the SDK's objects.

    Args:
        errors: Of the server that replies.
        streamed: Takes the events.

    Attributes:
        done: The end mark was read: ``[DONE]``, or the last event of a response.
    """

    __slots__ = ("_calls", "_error", "_reader", "_streamed", "done")

    def __init__(self, errors: ReplyErrors, streamed: StreamedReply) -> None:
        self._reader = BodyReader(errors, streamed)
        self._streamed = streamed
        self._calls = streamed.calls
        self._error: ResponseError | None = None
        self.done = False

    def feed(self, chunk: bytes | JsonObject) -> Iterable[StreamEvent]:
        """Take a piece of the body, cut anywhere, or one event's data."""
        if self._error is not None:
            raise self._error
        calls = self._calls
        try:
            self.done = self._reader.feed(chunk)
        except ResponseError as error:
            if not calls.events:
                raise
            self._error = error  # the calls that were complete before it go first
            self.done = False
        return calls.take_events() if calls.events else ()

    def finish(self) -> Reply:
        """The body has ended."""
        if self._error is not None:
            raise self._error
        body = self._reader.finish()
        return self._streamed.whole_reply(body) if body else self._streamed.reply(saw_done=self._reader.saw_done)


if TYPE_CHECKING:
    _decoder_is_one: type[StreamDecoder[bytes | JsonObject]] = ReplyDecoder
