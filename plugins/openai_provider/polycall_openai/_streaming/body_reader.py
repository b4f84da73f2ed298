"""From the bytes of a streamed reply to its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from polycall.plugin import EventReader, JsonObject, NotJsonError, ServerSentEvent, parse_json
from polycall_openai._servers.reply_errors import ReplyErrors, raise_if_error, reported_error
from polycall_openai._streaming.event_template import EventTemplate, make_template
from polycall_openai._streaming.open_calls import OpenCall, OpenCalls

_DONE = b"[DONE]"
_MAX_UNUSED_TEMPLATES = 8
"""Give up after this many templates that never matched: some servers count tokens in each event."""


class EventHandler(Protocol):
    """Takes the events of one API."""

    @property
    def calls(self) -> OpenCalls: ...

    @property
    def is_over(self) -> bool:
        """Whether an event has ended the reply."""
        ...

    def handle(self, event: JsonObject, source: object) -> None:
        """Take one event; ``source`` is its text or the event itself, for errors."""
        ...

    def extended_call(self, event: JsonObject) -> OpenCall | None:
        """The call whose arguments an event, just handled, added a piece to, if it did nothing else."""
        ...

    def varying_values(self, event: JsonObject) -> Mapping[str, JsonObject]:
        """The values in which such events differ: see `FindValues`."""
        ...


class BodyReader:
    """Reads a body event by event.

    In a run of events that add to the arguments of one call, only the pieces are read, by a template.

    Args:
        errors: Of the server that replies.
        handler: Takes the events; a piece goes to its calls.

    Attributes:
        saw_done: ``[DONE]`` has been read.
    """

    def __init__(self, errors: ReplyErrors, handler: EventHandler) -> None:
        self.saw_done = False
        self._errors = errors
        self._handler = handler
        self._calls = handler.calls
        self._events = EventReader()
        self._saw_object = False
        # The call whose arguments the current run of events extends, and the template of that run.
        self._growing: OpenCall | None = None
        self._template: EventTemplate | None = None
        self._templates_left = _MAX_UNUSED_TEMPLATES

    def feed(self, chunk: bytes | JsonObject) -> bool:
        """Take a piece of the body, cut anywhere, or one event's data; returned is whether the reply is over."""
        template = self._template
        if template is not None and type(chunk) is bytes and self._events.is_between_events:
            piece, call = template.piece_of_chunk(chunk), self._growing
            if piece is not None and call is not None:
                self._templates_left = _MAX_UNUSED_TEMPLATES
                self._calls.grow(call, piece)
                return False
        if isinstance(chunk, bytes):
            for event in self._events.feed(chunk):
                self._take(event)
        else:
            self._handle(chunk, chunk)
        return self.saw_done or self._handler.is_over

    def finish(self) -> bytes | None:
        """The body has ended; returned is one that was not a stream: an error, HTML, or a whole reply.

        Raises:
            ResponseError: It is empty.
        """
        for event in self._events.finish():
            # Not closed by a blank line: it counts if all of it arrived.
            if event.data.strip() == _DONE or _is_object(event.data):
                self._take(event)
        if self._saw_object or self.saw_done:
            return None
        if not self._events.total_bytes:
            raise self._errors.not_the_protocol("the stream is empty, with status 200", "")
        return bytes(self._events.foreign)

    def _take(self, event: ServerSentEvent) -> None:
        call, template = self._growing, self._template
        piece = template.piece_of_event(event) if template is not None else None
        if piece is not None and call is not None:
            self._templates_left = _MAX_UNUSED_TEMPLATES
            self._calls.grow(call, piece)
        else:
            self._growing = self._template = None  # the run is over: any other event may do anything
            if self._has_value(event.data):
                value = self._handle(self._parse(event), event.data)
                if self._templates_left:
                    self._continue_run(call, event, value)

    def _has_value(self, data: bytes) -> bool:
        """Whether an event's data is a value: not ``[DONE]``, which is noted, nor a comment, nor after the end."""
        text = data.strip()
        if text == _DONE:
            self.saw_done = True
        # A comment may come as data, too: ": keepalive" (opencode#50871).
        return not self.saw_done and text[:1] not in (b"", b":")

    def _parse(self, event: ServerSentEvent) -> object:
        try:
            value = parse_json(event.data)
        except NotJsonError as error:
            problem = f"an event of the stream is not JSON ({str(error)[:200]})"
            raise self._errors.not_the_protocol(problem, event.data) from error
        if event.type == b"error":
            if isinstance(value, dict):
                raise_if_error(value, event.data)
            raise reported_error(value, event.data)
        if event.type and isinstance(value, dict):
            value.setdefault("type", event.type.decode("utf-8", "replace"))
        return value

    def _handle(self, value: object, source: object) -> JsonObject:
        event = self._errors.require_object(value, source, "an event of the stream")
        self._saw_object = True
        self._handler.handle(event, source)
        return event

    def _continue_run(self, before: OpenCall | None, event: ServerSentEvent, value: JsonObject) -> None:
        """Make a template of the second of two events that extend the same call: there may be many more."""
        self._growing = call = self._handler.extended_call(value)
        if call is not None and call is before:
            self._templates_left -= 1
            self._template = make_template(event, value, self._handler.varying_values)


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(parse_json(data), dict)
    except NotJsonError:
        return False
