"""Wire doubles: a service of the provider's protocol that answers by a script.

An author derives one class. For a protocol over HTTP it is `HttpDouble`, for another one over sockets `SocketDouble`:
faults, gates, cuts at any byte and silence are theirs, the author writes how an answer looks and how a request reads.
A model in the process, or an SDK that can be reached by no socket, is a `WireDouble` with what it needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Self, cast

import polycall
from polycall.testing import wire
from polycall.testing._conformance.answers import Answer, Break, Call, Fault, Noise, Part, Scripted, Told
from polycall.testing._conformance.levels import Full, Level, Unsupported, level_of
from polycall.testing.wire import End, Framing, Gate, Reply, Request, WireServer, nobody_listening, read_http

SECRET = "conformance-secret-0123456789abcdef"  # noqa: S105  # it opens nothing
"""The key or token of every client of the kit."""


class WireDouble(ABC):
    """What an author supplies.

    Attributes:
        provider: The plugin's name.
        model: A model's name for requests.
        capabilities: A level for each capability that is not `Full`; see `CAPABILITIES`.
        known_failures: Checks that the provider does not pass yet, with the reason. One that passes is a failure.
        errors: The SDK's exception for each kind of fault; ``connection`` is that for a connection that breaks or is
            refused, ``timeout`` that for one that takes too long.
        sdk: The SDK's top-level modules.
        reserved_options: Options that the plugin refuses because polycall sets them itself.
    """

    provider: ClassVar[str]
    model: ClassVar[str] = "model-1"
    capabilities: ClassVar[Mapping[str, Level]] = {}
    known_failures: ClassVar[Mapping[str, str]] = {}
    errors: ClassVar[Mapping[str, type[Exception] | tuple[type[Exception], ...]]] = {}
    sdk: ClassVar[Sequence[str]] = ()
    reserved_options: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        self.queue: deque[Scripted] = deque()
        self.handler: Callable[[Told], Scripted] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._stack.close()

    def level(self, capability: str) -> Level:
        """The level of a capability."""
        return level_of(self.capabilities, capability)

    def has(self, capability: str) -> bool:
        """Whether a capability is `Full`."""
        return isinstance(self.level(capability), Full)

    def lacks(self, capability: str) -> bool:
        """Whether a capability is `Unsupported`."""
        return isinstance(self.level(capability), Unsupported)

    # -- what an author may write

    def start(self) -> None:  # noqa: B027  # for whom there is something to start
        """Start what is needed before the first client is made."""

    def stop(self) -> None:  # noqa: B027
        """End it."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """The settings of ``polycall.from_provider`` with which a client reaches the double, its secret included."""

    def time_out(self, seconds: float) -> dict[str, object]:
        """The settings, or the options of a call, that let the SDK give up after a time."""
        raise _not_written(self, "time_out", "timeout")

    def unreachable(self) -> dict[str, object]:
        """The settings of a client that reaches nobody."""
        raise _not_written(self, "unreachable", "network")

    def sdk_client(self, *, asynchronous: bool) -> Any:
        """A client of the SDK that its owner has made, and that reaches the double."""
        raise _not_written(self, "sdk_client", "foreign_client")

    def sdk_client_settings(self) -> dict[str, object]:
        """The settings of ``polycall.from_client`` for it, where it needs any."""
        return {}

    async def close_sdk_client(self, client: Any) -> None:
        """Close what `sdk_client` made."""
        client.close()

    def works(self, client: Any) -> bool:
        """Whether an SDK's client is still open, as far as it can tell; for B11."""
        return True

    def client(self, **settings: object) -> polycall.Client:
        """A polycall client."""
        name = f"{self.provider}/{self.model}"
        return polycall.from_provider(name, async_client=False, **cast("Any", {**self.settings(), **settings}))

    def async_client(self, **settings: object) -> polycall.AsyncClient:
        """An async polycall client."""
        name = f"{self.provider}/{self.model}"
        return polycall.from_provider(name, async_client=True, **cast("Any", {**self.settings(), **settings}))

    def client_without_model(self) -> polycall.Client:
        """A polycall client that names no model."""
        return polycall.from_provider(self.provider, async_client=False, **cast("Any", self.settings()))

    # -- what the kit uses

    @property
    @abstractmethod
    def told(self) -> Sequence[Told]:
        """Every request so far, as the service understands it."""

    @abstractmethod
    def forget(self) -> None:
        """Forget requests, script and handler; a new check begins."""

    @abstractmethod
    def client_left(self, request: int, timeout_s: float = 5.0) -> bool:
        """Wait until the client has closed the connection of a request, by its number; False if it has not."""

    def next_scripted(self, told: Callable[[], Told]) -> Scripted:
        """What to answer to a request."""
        if self.queue:
            return self.queue.popleft()
        if self.handler is not None:
            return self.handler(told())
        return Fault("server_error", "the script of replies ran out")


class SocketDouble(WireDouble):
    """A double for a protocol over a connection that is neither HTTP nor like it.

    Attributes:
        framing: Reads a request; see `polycall.testing.wire`.
        server: The scripted server.
    """

    framing: Framing = staticmethod(read_http)

    server: WireServer

    # -- what an author writes

    @abstractmethod
    def is_streamed(self, request: Request) -> bool:
        """Whether a request asks for a stream."""

    @abstractmethod
    def read(self, request: Request) -> Told:
        """Understand a request."""

    @abstractmethod
    def whole(self, answer: Answer) -> bytes:
        """An answer as the body of a whole reply."""

    def begin(self, answer: Answer) -> list[bytes]:
        """The events of a stream before the first part."""
        return []

    @abstractmethod
    def piece(self, answer: Answer, part: Part, index: int) -> list[bytes]:
        """The events of one part; ``index`` counts the parts of its kind (calls; text and reasoning) from 0.

        A call that is not ``whole`` ends anywhere and without a sign. Arguments and text come in pieces of
        ``answer.fragment`` characters.
        """

    @abstractmethod
    def end(self, answer: Answer) -> list[bytes]:
        """The events after the last part; none but what is left of usage with ``finish="missing"``."""

    def noise(self, noise: Noise) -> bytes:
        """What a client must ignore."""
        raise _not_written(self, "noise", "keep_alives", "unknown_events")

    def event(self, data: bytes) -> bytes:
        """An event of a stream with any data, which need not be the protocol."""
        return data

    @abstractmethod
    def fault(self, fault: Fault, streamed: bool) -> Reply:
        """A fault of one of the kinds that the service has words for."""

    def reply(self, body: bytes | Iterable[wire.Step], streamed: bool, end: End | None = None) -> Reply:
        """Put a body, or the steps of one, on the wire."""
        return Reply(steps=(body,) if isinstance(body, bytes) else body, end=end or End.CLOSE)

    # -- what the kit uses

    def start(self) -> None:
        """Start the server."""
        self.server = self._stack.enter_context(WireServer(framing=type(self).framing, patience_s=20))
        self.server.respond_with(self._answer)
        self._told: dict[int, Told] = {}

    def unreachable(self) -> dict[str, object]:
        """Settings with the address of nobody in place of the server's."""
        nobody = self._stack.enter_context(nobody_listening())
        url, port = self.server.url, int(self.server.url.rpartition(":")[2])
        moved = {
            name: value.replace(url, nobody) if isinstance(value, str) else int(nobody.rpartition(":")[2])
            for name, value in self.settings().items()
            if value == port or (isinstance(value, str) and url in value)
        }
        return {**self.settings(), **moved}

    @property
    def told(self) -> Sequence[Told]:
        """Every request so far; each is read once."""
        requests = list(self.server.requests)
        for at in range(len(self._told), len(requests)):
            self._told[at] = self.read(requests[at])
        return [self._told[at] for at in range(len(requests))]

    def forget(self) -> None:
        """As the base has it."""
        self.queue.clear()
        self.handler = None
        self.server.requests.clear()
        self.server.problems.clear()
        self._told.clear()

    def client_left(self, request: int, timeout_s: float = 5.0) -> bool:
        """As the base has it."""
        self.server.wait_for_requests(request + 1, timeout_s)
        return self.server.requests[request].client_closed.wait(timeout_s)

    def _answer(self, request: Request) -> Reply:
        streamed = self.is_streamed(request)
        scripted = self.next_scripted(lambda: self.read(request))
        if isinstance(scripted, Fault):
            return self._fault(scripted, streamed)
        if not streamed:
            return self._whole(scripted)
        left_open = End.HANG if scripted.stays_open else None
        return self.reply(_until_break(self.steps(scripted)), True, _end_of(scripted) or left_open)

    def _whole(self, scripted: Answer) -> Reply:
        body = self.whole(scripted)
        ends = _end_of(scripted)
        if ends is None:
            return self.reply(body, False)
        return wire.cut(self.reply(body, False), len(self.reply(b"", False).head) + len(body) // 2, ends)

    def steps(self, scripted: Answer) -> Iterator[wire.Step | Break]:
        """The steps of a streamed answer, cut as it says."""
        events = self._in_order(scripted)
        if scripted.cut is None:
            return events
        return _recut(events, scripted.cut)

    def _in_order(self, scripted: Answer) -> Iterator[wire.Step | Break]:
        yield from self.begin(scripted)
        if scripted.interleaved:
            yield from self.interleave(scripted)
        else:
            calls = words = 0
            for step in scripted.steps:
                if isinstance(step, (Gate, Break)):
                    yield step
                elif isinstance(step, Noise):
                    yield self.noise(step)
                else:
                    is_call = isinstance(step, Call)
                    events = self.piece(scripted, step, calls if is_call else words)
                    if is_call and scripted.inside is not None and scripted.inside[0] == calls:
                        middle = len(events) // 2
                        yield from [*events[:middle], scripted.inside[1], *events[middle:]]
                    else:
                        yield from events
                    calls, words = calls + is_call, words + (not is_call)
        yield from self.end(scripted)

    def interleave(self, answer: Answer) -> Iterator[bytes]:
        """The calls' events in turns: the first of each, the second of each, ..."""
        each = [self.piece(answer, call, at) for at, call in enumerate(answer.calls)]
        for at in range(max(map(len, each))):
            yield from (events[at] for events in each if at < len(events))

    def _fault(self, fault: Fault, streamed: bool) -> Reply:
        match fault.kind:
            case "close" | "reset" | "hang":
                return Reply(end=End(fault.kind))
            case "html":
                return self.html(streamed)
            case "empty":
                return self.reply(b"", streamed)
            case "truncated":
                whole = self.whole(Answer(steps=(Call("Search", {"query": "x"}, "t1"),)))
                return self.reply(whole[: len(whole) // 2], streamed)
            case "wrong_shape":
                return self.reply(fault.body, streamed)
            case _:
                return self.fault(fault, streamed)

    def html(self, streamed: bool) -> Reply:
        """The page of a proxy or of another service."""
        return self.reply(b"<!DOCTYPE html><html><body>Welcome</body></html>\n", streamed)


class HttpDouble(SocketDouble):
    """A double for a protocol of JSON over HTTP, streamed as server-sent events or lines of JSON.

    Attributes:
        stream_type: The content type of a stream.
    """

    stream_type: ClassVar[str] = wire.EVENT_STREAM

    def reply(self, body: bytes | Iterable[wire.Step], streamed: bool, end: End | None = None) -> Reply:
        """A body with its length, or in chunks."""
        if isinstance(body, bytes) and not streamed:
            return wire.reply_bytes(body, content_type=wire.JSON, end=end or End.KEEP_ALIVE)
        pieces = ([body] if body else []) if isinstance(body, bytes) else body
        return wire.reply_stream(pieces, content_type=self.stream_type, final_chunk=end is None, end=end)

    def html(self, streamed: bool) -> Reply:
        """The page of a proxy, by status 200."""
        return wire.html()

    def event(self, data: bytes) -> bytes:
        """A server-sent event."""
        return b"data: %b\n\n" % data

    def noise(self, noise: Noise) -> bytes:
        """A comment, or an event of a type that nobody knows."""
        return b": keep-alive\n\n" if noise.kind == "alive" else b'event: ping\ndata: {"type": "ping"}\n\n'


def _end_of(scripted: Answer) -> End | None:
    inside = () if scripted.inside is None else (scripted.inside[1],)
    breaks = [step for step in (*scripted.steps, *inside) if isinstance(step, Break)]
    return End(breaks[0].how) if breaks else None


def _until_break(steps: Iterable[wire.Step | Break]) -> Iterator[wire.Step]:
    for step in steps:
        if isinstance(step, Break):
            return
        yield step


def _recut(steps: Iterable[wire.Step | Break], size: int) -> Iterator[wire.Step | Break]:
    buffer = b""
    for step in steps:
        if isinstance(step, bytes):
            buffer += step
            while len(buffer) >= size:
                yield buffer[:size]
                buffer = buffer[size:]
        else:
            if buffer:
                yield buffer
                buffer = b""
            yield step
    if buffer:
        yield buffer


def _not_written(double: WireDouble, method: str, *capabilities: str) -> NotImplementedError:
    """A check needs a method that the double's author has not written."""
    name = type(double).__name__
    lacking = " and ".join(f"{capability!r}" for capability in capabilities)
    return NotImplementedError(
        f"{name}.{method}() is not written. Write it, or state in {name}.capabilities that {lacking} "
        f"{'is' if len(capabilities) == 1 else 'are'} Unsupported, with the reason."
    )
