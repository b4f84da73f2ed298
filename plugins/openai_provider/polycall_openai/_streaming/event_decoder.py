"""What the decoders of both APIs do alike: bytes to events, and errors that do not overtake the calls before them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from polycall import ResponseError
from polycall.plugin import EventReader, Reply, ServerSentEvent, StreamEvent
from polycall_openai._json import JsonObject, NotJsonError, parse, raise_if_error, reported_error
from polycall_openai._servers.reply_errors import ReplyErrors
from polycall_openai._streaming.event_template import EventTemplate, learn
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls

_DONE = b"[DONE]"
_LESSONS = 8
"""Templates that are made and never fit, before no more are made: some servers count tokens in each event."""


class EventDecoder(ABC):
    """Decodes one streamed reply; takes bytes, or from a patched client the events' plain data.

    Args:
        errors: Of the server that replies.
        calls: Collects the calls.
    """

    def __init__(self, errors: ReplyErrors, calls: OpenCalls[Any]) -> None:
        self._errors = errors
        self._open_calls = calls
        self._reader = EventReader()
        self._objects = 0
        self._done = False  # [DONE] has come
        self._error: ResponseError | None = None
        # While events come that only add to one call's arguments: the call, and what they have in common.
        self._growing: OpenCall | None = None
        self._template: EventTemplate | None = None
        self._lessons_left = _LESSONS

    def feed(self, chunk: bytes | JsonObject) -> Iterable[StreamEvent]:
        """Take a piece of the body, cut anywhere, or one event's data."""
        calls = self._open_calls
        template = self._template
        if template is not None and type(chunk) is bytes and self._reader.is_between_events:
            piece = template.piece_of_chunk(chunk)
            if piece is not None:
                self._grow(piece)
                return calls.take_events() if calls.events else ()
        if self._error is not None:
            raise self._error
        try:
            if isinstance(chunk, bytes):
                for event in self._reader.feed(chunk):
                    self._take_event(event)
            else:
                self._take(chunk, b"")
        except ResponseError as error:
            if not calls.events:
                raise
            self._error = error  # the calls that were complete before it go first
        return calls.take_events() if calls.events else ()

    def finish(self) -> Reply:
        """The body has ended."""
        if self._error is not None:
            raise self._error
        for event in self._reader.finish():
            self._take_last_event(event)
        if not self._objects and not self._done:
            if self._reader.foreign:
                # A whole reply in place of a stream: an error, HTML, or a server that cannot stream.
                return self._whole_reply(bytes(self._reader.foreign))
            if not self._reader.total_bytes:
                raise self._errors.not_the_protocol("the stream is empty, with status 200", "")
        return self._reply()

    @abstractmethod
    def _whole_reply(self, body: bytes) -> Reply:
        """What a body says that is no stream."""

    @abstractmethod
    def _reply(self) -> Reply:
        """The whole reply, at the end."""

    @abstractmethod
    def _take_object(self, value: JsonObject, data: bytes) -> None:
        """Take one event's object; ``data`` is its text, if it came as such."""

    @abstractmethod
    def _grown_by(self, value: JsonObject) -> OpenCall | None:
        """The call to whose arguments an event like this one adds a piece, if that is all it does."""

    @staticmethod
    @abstractmethod
    def _find_holders(value: JsonObject) -> Mapping[str, JsonObject]:
        """The values that differ among such events: see `FindHolders`."""

    def _grow(self, piece: str) -> None:
        self._lessons_left = _LESSONS
        if piece and self._growing is not None:
            self._open_calls.grow(self._growing, piece)

    def _learn(self, event: ServerSentEvent, value: JsonObject, before: OpenCall | None) -> None:
        """Make a template of the second of two events that add to the same call: there may be many more."""
        if not self._lessons_left:
            return
        self._growing = call = self._grown_by(value)
        if call is None or call is not before:
            return
        self._lessons_left -= 1
        self._template = learn(event, value, self._find_holders)

    def _take_event(self, event: ServerSentEvent) -> None:
        data = event.data
        growing, template = self._growing, self._template
        if template is not None:
            piece = template.piece_of_event(event)
            if piece is not None:
                self._grow(piece)
                return
        # What any other event does may be anything: what was known of the one before holds no more.
        self._growing = self._template = None
        if data == _DONE or not data or data[0] == 58 or self._done:
            # A comment may come as data, too: ": keepalive" (opencode#50871).
            self._done = self._done or data == _DONE
            return
        try:
            value = parse(data)
        except NotJsonError as error:
            stripped = data.strip()
            if stripped == _DONE:
                self._done = True
            elif stripped and not stripped.startswith(b":"):
                what = f"an event of the stream is no JSON ({str(error)[:200]})"
                raise self._errors.not_the_protocol(what, data) from error
            return
        if event.type == b"error":
            if isinstance(value, dict):
                raise_if_error(value, data)
            raise reported_error(value, data)
        if event.type and isinstance(value, dict):
            value.setdefault("type", event.type.decode("utf-8", "replace"))
        self._take(value, data)
        if isinstance(value, dict):
            self._learn(event, value, growing)

    def _take_last_event(self, event: ServerSentEvent) -> None:
        """One that was not closed: it counts if it came whole."""
        if event.data.strip() == _DONE:
            self._done = True
            return
        try:
            value = parse(event.data)
        except NotJsonError:
            return
        if isinstance(value, dict):
            self._take_event(event)

    def _take(self, value: object, data: bytes) -> None:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            raise_if_error(value[0], data)
        if not isinstance(value, dict):
            raise self._errors.not_the_protocol("an event of the stream is no object", data or repr(value))
        self._objects += 1
        if "error" in value or "error_type" in value or "error_message" in value:
            raise_if_error(value, data or repr(value))
        self._take_object(value, data)
