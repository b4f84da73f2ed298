"""A scripted server on a loopback socket, which can break in every way a real one does.

For tests that drive an SDK over a real socket. It knows no provider: a reply is bytes, and whoever writes a test makes
them. It speaks HTTP/1.1, or whatever its ``framing`` reads: a protocol of lines is one function.

    with WireServer() as server:
        server.enqueue(reply_json({"answer": 42}), reset_before_reply())
        ...  # point the SDK at server.url
        assert server.requests[0].json == {...}

A reply is a head, steps and an end. A step is bytes, sent in a TCP segment of their own as far as the kernel allows,
or a ``Gate``, at which the server waits until the test opens it. Nothing sleeps: tests wait for the events of the
``Request`` (``client_closed``, ``send_stalled``, ``reply_done``) and of the ``Gate`` (``reached``).

Leaving the ``with`` block fails the test if a request came for which there was no reply, if a reply was left over, or
if something had to be given up after ``patience_s``.
"""

from __future__ import annotations

import enum
import functools
import itertools
import json
import os
import selectors
import socket
import struct
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

JSON = "application/json"
EVENT_STREAM = "text/event-stream"

STALL_S = 0.25
"""A send that the kernel takes no byte of for this long sets ``Request.send_stalled``."""

_RECEIVE_BYTES = 1 << 18
_OPEN_FILES = 8192  # 1,000 connections have both ends in the test's own process

# Any number of files, where it exists: select() refuses descriptors from 1,024 on.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


# --- Replies ------------------------------------------------------------------------------------------------------


class Gate:
    """A point in a reply at which the server waits until the test calls ``open()``.

    ``reached`` is set when a server has arrived here, so all that stands before it has been sent. A gate stays open.
    """

    def __init__(self, name: str = "gate") -> None:
        self.name = name
        self.reached = threading.Event()
        # A pipe, because a selector can wait for it together with the socket: closing one end wakes all who wait.
        self._read_fd, write_fd = os.pipe()
        self._close_write_fd = weakref.finalize(self, os.close, write_fd)
        weakref.finalize(self, os.close, self._read_fd)

    def open(self) -> None:
        """Let everyone pass who waits here or will arrive later; never blocks, and may be called again."""
        self._close_write_fd()

    @property
    def is_open(self) -> bool:
        """Whether `open` was called."""
        return not self._close_write_fd.alive

    def fileno(self) -> int:
        """For a selector: readable once the gate is open."""
        return self._read_fd

    def __repr__(self) -> str:
        return f"Gate({self.name!r})"


@dataclass(frozen=True)
class Pause:
    """A step that takes ``seconds``, or less if the client leaves. For floods only: to control a test, use a gate."""

    seconds: float


Step: TypeAlias = bytes | Gate | Pause


class End(enum.Enum):
    """What the server does with the connection when the steps of a reply are done."""

    KEEP_ALIVE = "keep-alive"
    """Wait for the next request, unless the client asked for ``Connection: close``."""
    CLOSE = "close"
    """Close it in order (FIN)."""
    RESET = "reset"
    """Abort it (RST). Bytes which the client's kernel has not taken yet are lost: put a gate before if they matter."""
    HANG = "hang"
    """Send nothing more until the client closes it."""


@dataclass(frozen=True)
class Reply:
    """What the server sends for one request. It can be used any number of times if its ``steps`` can be."""

    head: bytes = b""
    """Status line and headers as they go over the wire; empty for none."""
    steps: Iterable[Step] = ()
    end: End = End.KEEP_ALIVE


@dataclass(frozen=True)
class _Lazy:
    """Steps that are made anew each time they are needed."""

    make: Callable[[], Iterator[Step]]

    def __iter__(self) -> Iterator[Step]:
        return self.make()


Headers: TypeAlias = Mapping[str, str] | None


def reply_bytes(
    body: bytes | str,
    *,
    status: int = 200,
    content_type: str = "text/plain; charset=utf-8",
    headers: Headers = None,
    end: End = End.KEEP_ALIVE,
) -> Reply:
    """A whole body, with its ``Content-Length``; a ``str`` is sent as UTF-8."""
    data = body.encode(errors="backslashreplace") if isinstance(body, str) else body
    framing = {"content-type": content_type, "content-length": str(len(data))}
    return Reply(_head(status, {**framing, **(headers or {})}), (data,), end)


def reply_json(value: object, *, status: int = 200, headers: Headers = None, end: End = End.KEEP_ALIVE) -> Reply:
    """A whole JSON body."""
    return reply_bytes(
        json.dumps(value, ensure_ascii=False), status=status, content_type=JSON, headers=headers, end=end
    )


def reply_stream(
    pieces: Iterable[Step],
    *,
    status: int = 200,
    content_type: str = EVENT_STREAM,
    headers: Headers = None,
    framing: Literal["chunked", "close"] = "chunked",
    final_chunk: bool = True,
    end: End | None = None,
) -> Reply:
    """A body that grows piece by piece; each piece is one chunk of the chunked coding and one send.

    Args:
        pieces: Non-empty bytes, gates and pauses. A generator is consumed as it is sent, so it serves one reply.
        framing: ``"close"`` sends the pieces bare: then the end of the connection ends the body.
        final_chunk: False leaves out the chunk that says that the body is whole.
        end: By default the connection is kept if the body says where it ends, and closed otherwise.
    """
    chunked = framing == "chunked"
    coding = {"transfer-encoding": "chunked"} if chunked else {"connection": "close"}
    steps = _Lazy(functools.partial(_chunk, pieces, final_chunk)) if chunked else pieces
    ends_itself = chunked and final_chunk
    return Reply(
        _head(status, {"content-type": content_type, **coding, **(headers or {})}),
        steps,
        end or (End.KEEP_ALIVE if ends_itself else End.CLOSE),
    )


def cut(reply: Reply, after: int, end: End = End.RESET) -> Reply:
    """``reply`` until ``after`` bytes of it, counted on the wire with its head, have been sent; then ``end``."""
    return Reply(b"", _Lazy(functools.partial(_cut, reply, after)), end)


def resize(pieces: Iterable[bytes], size: int) -> list[bytes]:
    """The same bytes in pieces of ``size`` bytes, which ends them anywhere: in a line, in a character."""
    data = b"".join(pieces)
    return [data[start : start + size] for start in range(0, len(data), size)]


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(pieces: Iterable[Step], final_chunk: bool) -> Iterator[Step]:
    for piece in pieces:
        if not isinstance(piece, bytes):
            yield piece
        elif piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
        else:
            raise ValueError("an empty piece would end the chunked body; leave it out, or use final_chunk=False")
    if final_chunk:
        yield b"0\r\n\r\n"


def _cut(reply: Reply, after: int) -> Iterator[Step]:
    left = after
    for step in itertools.chain([reply.head], reply.steps):
        if isinstance(step, bytes):
            step, left = step[:left], left - len(step[:left])
        if step:
            yield step
        if not left:
            return


# --- Faults -------------------------------------------------------------------------------------------------------


def close_before_reply() -> Reply:
    """The request is read, and the connection closed without a byte."""
    return Reply(end=End.CLOSE)


def reset_before_reply() -> Reply:
    """The request is read, and the connection aborted without a byte."""
    return Reply(end=End.RESET)


def truncated(
    body: bytes | str = '{"id": "1", "choices": [', *, missing: int = 1000, content_type: str = JSON
) -> Reply:
    """A body that ends ``missing`` bytes before its ``Content-Length``."""
    data = body.encode(errors="backslashreplace") if isinstance(body, str) else body
    length = {"content-length": str(len(data) + missing)}
    return reply_bytes(data, content_type=content_type, headers=length, end=End.CLOSE)


def garbage(data: bytes = b"\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n") -> Reply:
    """Bytes that are not HTTP at all."""
    return Reply(b"", (data,), End.CLOSE)


def html(status: int = 200) -> Reply:
    """The page that a proxy or a wrong address shows in place of the API."""
    return reply_bytes("<!DOCTYPE html><html><body>Welcome</body></html>", status=status, content_type="text/html")


def invalid_utf8() -> Reply:
    """A JSON body with a byte that is not UTF-8."""
    return reply_bytes(b'{"id": "\xff\xfe", "choices": []}', content_type=JSON)


def broken_gzip() -> Reply:
    """A body that is said to be gzip, starts like it, and is not."""
    return reply_bytes(b"\x1f\x8b\x08\x00 not deflate", content_type=JSON, headers={"content-encoding": "gzip"})


def too_many_requests(retry_after_s: float = 1) -> Reply:
    """Status 429 with ``Retry-After``."""
    return reply_json(
        {"error": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"}},
        status=429,
        headers={"retry-after": str(retry_after_s)},
    )


def server_error(status: int = 500) -> Reply:
    """A status of 500 (or another) with a body that is not JSON."""
    return reply_bytes("Internal Server Error", status=status)


def hang(*pieces: bytes, with_head: bool = True) -> Reply:
    """The head of a stream, then ``pieces``, then nothing until the client closes; or not even a head."""
    if not with_head:
        return Reply(end=End.HANG)
    return reply_stream(pieces, final_chunk=False, end=End.HANG)


def endless(piece: bytes = b": keep-alive\n\n", *, interval_s: float = 0.01) -> Reply:
    """A stream that repeats ``piece`` until the client closes; with ``interval_s=0`` as fast as it is read."""

    def repeat() -> Iterator[Step]:
        while True:
            yield piece
            if interval_s:
                yield Pause(interval_s)

    return reply_stream(_Lazy(repeat))


FAULTS: Mapping[str, Reply] = {
    "close before the reply": close_before_reply(),
    "reset before the reply": reset_before_reply(),
    "reset in the head": cut(reply_json({}), 10),
    "reset in the body": replace(truncated(), end=End.RESET),
    "truncated body": truncated(),
    "truncated chunk": Reply(_head(200, {"transfer-encoding": "chunked"}), (b"40\r\n{",), End.CLOSE),
    "missing final chunk": reply_stream([b'{"id": '], content_type=JSON, final_chunk=False),
    "garbage": garbage(),
    "html": html(),
    "empty body": reply_bytes(b"", content_type=JSON),
    "invalid utf-8": invalid_utf8(),
    "broken json": reply_bytes('{"id": "1", "choices": [', content_type=JSON),
    "broken gzip": broken_gzip(),
    "429": too_many_requests(0),
    "500": server_error(),
    "502 html": html(502),
}
"""Whole replies that no client may take for an answer, by name; each ends by itself."""

SILENCES: Mapping[str, Reply] = {
    "nothing": hang(with_head=False),
    "head only": hang(),
    "comment only": hang(b": connected\n\n"),
}
"""Replies that never end, by name; a client gets away only by its time-out."""


@contextmanager
def nobody_listening() -> Iterator[str]:
    """A URL where each connection is refused. The port stays taken meanwhile, so that nobody else can open it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


# --- Requests -----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Request:
    """A request as it came, and what became of its reply. The fields of the second half change while it is sent."""

    method: str = ""
    path: str = ""
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case; a repeated header is joined with ``", "``."""
    body: bytes = b""
    connection: int = 0
    """The number of the connection it came on, from 0 in the order in which they were accepted."""

    sent_bytes: int = 0
    """How much of the reply the kernel has taken, its head and chunk sizes included."""
    sent_pieces: int = 0
    """How many of the reply's steps of bytes the kernel has taken whole."""
    reply_complete: bool = False
    """Whether all steps were sent; final once ``reply_done`` is set."""
    reply_done: threading.Event = field(default_factory=threading.Event, repr=False)
    """The server has finished with this reply: all is sent, or given up."""
    send_stalled: threading.Event = field(default_factory=threading.Event, repr=False)
    """The buffers were full and the client has read nothing for ``STALL_S``: back-pressure."""
    client_closed: threading.Event = field(default_factory=threading.Event, repr=False)
    """The client has closed the connection of this request, during the reply or after it."""

    @functools.cached_property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


Handler: TypeAlias = Callable[[Request], Reply]


class RequestReader(Protocol):
    """The side of a connection from which a framing reads a request."""

    number: int
    """The number of the connection, from 0."""

    def read_until(self, separator: bytes) -> bytes:
        """Everything up to a separator, which is taken and left out."""
        ...

    def read_exactly(self, size: int) -> bytes:
        """As many bytes."""
        ...


Framing: TypeAlias = Callable[[RequestReader], Request]
"""Reads one request. A `ValueError` says that it is not the protocol, and fails the test."""


def read_http(reader: RequestReader) -> Request:
    """The framing of HTTP/1.1."""
    request_line, *header_lines = reader.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    method, target, _version = request_line.split(" ")
    headers: dict[str, str] = {}
    for line in header_lines:
        name, value = line.split(":", 1)
        known = headers.get(name.lower())
        headers[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    chunked = "chunked" in headers.get("transfer-encoding", "")
    body = _read_chunks(reader) if chunked else reader.read_exactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    return Request(method, url.path, parse_qs(url.query, keep_blank_values=True), headers, body, reader.number)


def read_lines_until(last: bytes) -> Framing:
    """A framing for protocols of lines: a request is everything before the line ``last``."""

    def read(reader: RequestReader) -> Request:
        lines = []
        while (line := reader.read_until(b"\n")) != last:
            lines.append(line + b"\n")
        return Request(body=b"".join(lines), connection=reader.number)

    return read


def _read_chunks(reader: RequestReader) -> bytes:
    chunks = []
    while size := int(reader.read_until(b"\r\n").partition(b";")[0], 16):
        chunks.append(reader.read_exactly(size))
        reader.read_exactly(2)
    while reader.read_until(b"\r\n"):  # trailers, up to the empty line
        pass
    return b"".join(chunks)


# --- The server ---------------------------------------------------------------------------------------------------


class WireServer:
    """The server; a context manager. Each connection has a thread, so replies and handlers run side by side.

    Args:
        allow_unconsumed: Do not fail when replies are left in the queue at the end.
        send_buffer: ``SO_SNDBUF`` in bytes. Small values let the server feel early that the client does not read.
        patience_s: How long a closed gate, a hanging reply or a client that does not read is borne. Then the
            connection is reset and the test fails. Longer than any time-out under test.
        framing: Reads a request; HTTP/1.1 by default.
    """

    def __init__(
        self,
        *,
        allow_unconsumed: bool = False,
        send_buffer: int | None = None,
        patience_s: float = 30.0,
        framing: Framing = read_http,
    ) -> None:
        self._framing = framing
        self.requests: list[Request] = []
        self.problems: list[str] = []
        """What will fail the test at the end."""
        self._cause: Exception | None = None
        self._allow_unconsumed = allow_unconsumed
        self._patience_s = patience_s
        self._queue: deque[Reply] = deque()
        self._handler: Handler | None = None
        self._changed = threading.Condition()
        self._stop = Gate("stop")
        self._connections: dict[int, threading.Thread] = {}
        self._listener = socket.socket()
        if send_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self._acceptor = threading.Thread(target=self._accept, name="wire-server", daemon=True)

    def __enter__(self) -> Self:
        _allow_open_files(_OPEN_FILES)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4096)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.open()
        self._acceptor.join()
        self._listener.close()
        if not self.wait_until_idle(self._patience_s):
            self._report("a handler still runs")
        if self._queue and not self._allow_unconsumed:
            self._report(f"{len(self._queue)} of the scripted replies were never asked for")
        if not self.problems:
            return
        text = "WireServer: " + "; ".join(self.problems)
        if error is None:
            raise AssertionError(text) from self._cause
        error.add_note(text)

    def enqueue(self, *replies: Reply) -> None:
        """Script replies, which are used up in the order of the requests; they go before ``respond_with``."""
        self._queue.extend(replies)

    def respond_with(self, handler: Handler) -> None:
        """Answer each request that the queue has no reply for by ``handler``, which is called from many threads."""
        self._handler = handler

    def wait_for_requests(self, count: int, timeout_s: float = 10.0) -> bool:
        """Wait until ``count`` requests have come in all; False if they have not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout_s)

    def wait_until_idle(self, timeout_s: float = 10.0) -> bool:
        """Wait until no connection is open; False if one still is. It shows a client that leaks connections."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, timeout_s)

    @property
    def open_connections(self) -> int:
        """How many connections are open now, those included that the client keeps for later."""
        return len(self._connections)

    def _accept(self) -> None:
        with _Selector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            number = 0
            while all(key.fileobj is not self._stop for key, _ in selector.select()):
                try:
                    client, _ = self._listener.accept()
                except OSError:  # it was reset before it could be accepted
                    continue
                self._serve(client, number)
                number += 1

    def _serve(self, client: socket.socket, number: int) -> None:
        connection = _Connection(client, number, self._stop, self._patience_s, self._answer, self._framing)

        def run() -> None:
            try:
                connection.run()
            except _GivenUp as problem:
                self._report(str(problem))
            except Exception as error:  # noqa: BLE001  # out of the steps of a reply, which a test may compute
                self._report(f"the steps of a reply raised {error!r}", error)
            finally:
                with self._changed:
                    del self._connections[number]
                    self._changed.notify_all()

        thread = threading.Thread(target=run, name=f"wire-server-{number}", daemon=True)
        with self._changed:
            self._connections[number] = thread
        thread.start()

    def _answer(self, request: Request) -> Reply:
        """Record a request and find its reply."""
        with self._changed:
            self.requests.append(request)
            place = f"request {len(self.requests)}, {request.method} {request.path}"
            reply = self._queue.popleft() if self._queue else None
            self._changed.notify_all()
        if reply is not None:
            return reply
        cause: Exception | None = None
        if self._handler is None:
            problem = f"the script of replies ran out at {place}"
        else:
            try:
                return self._handler(request)
            except Exception as error:  # noqa: BLE001  # whatever a test's handler raises is the test's failure
                problem = f"the handler raised {error!r} at {place}"
                cause = error
        self._report(problem, cause)
        return reply_bytes(problem, status=500)

    def _report(self, problem: str, cause: Exception | None = None) -> None:
        self.problems.append(problem)
        self._cause = self._cause or cause


class _ClientClosed(Exception):
    """The client has closed or reset the connection."""


class _Stopped(Exception):
    """The server is being left."""


class _GivenUp(Exception):
    """Something that must fail the test: no patience left, or a request that is not the protocol."""


class _Connection:
    """One connection: reads requests and carries out replies, always with an eye on the client's end."""

    def __init__(
        self,
        client: socket.socket,
        number: int,
        stop: Gate,
        patience_s: float,
        answer: Callable[[Request], Reply],
        framing: Framing,
    ) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = client
        self.number = number
        self._framing = framing
        self._stop = stop
        self._patience_s = patience_s
        self._answer = answer
        self._incoming = bytearray()
        self._requests: list[Request] = []

    def run(self) -> None:
        """Serve the client until one side ends it."""
        try:
            while self._carry_out_next():
                pass
        except _ClientClosed:
            for request in self._requests:
                request.client_closed.set()
        except _Stopped:
            pass
        except Exception:
            self._reset_on_close()
            raise
        finally:
            self._socket.close()

    def _carry_out_next(self) -> bool:
        """Read a request and send its reply; whether the connection lives on."""
        request = self._read_request()
        self._requests.append(request)
        reply = self._answer(request)
        try:
            self._send_reply(reply, request)
        finally:
            request.reply_done.set()
        if reply.end is End.RESET:
            self._reset_on_close()
        return reply.end is End.KEEP_ALIVE and request.headers.get("connection", "").lower() != "close"

    # Sending

    def _send_reply(self, reply: Reply, request: Request) -> None:
        if reply.head:
            self._send(reply.head, request)
        for step in reply.steps:
            self._receive()
            if self._stop.is_open:
                raise _Stopped
            if isinstance(step, bytes):
                self._send(step, request)
                request.sent_pieces += 1
            elif isinstance(step, Pause):
                self._wait(timeout_s=step.seconds)
            else:
                step.reached.set()
                if not self._wait(gate=step):
                    raise _GivenUp(f"{step!r} was not opened within {self._patience_s} s")
        request.reply_complete = True
        if reply.end is End.HANG:
            self._wait()
            raise _GivenUp(f"the client still waited for a hanging reply after {self._patience_s} s")

    def _send(self, data: bytes, request: Request) -> None:
        left = memoryview(data)
        while left:
            try:
                sent = self._socket.send(left)
            except BlockingIOError:
                self._wait_until_writable(request)
            except OSError as error:
                raise _ClientClosed from error
            else:
                left = left[sent:]
                request.sent_bytes += sent

    def _wait_until_writable(self, request: Request) -> None:
        if self._wait(writable=True, timeout_s=STALL_S):
            return
        request.send_stalled.set()
        if not self._wait(writable=True):
            raise _GivenUp(f"the client read nothing of a reply for {self._patience_s} s")

    def _reset_on_close(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # Receiving

    def _read_request(self) -> Request:
        try:
            return self._framing(self)
        except ValueError as error:
            raise _GivenUp(f"a request that is not the protocol: {error!r}") from error

    def read_until(self, separator: bytes) -> bytes:
        """As `RequestReader` has it."""
        while (at := self._incoming.find(separator)) < 0:
            self._receive_more()
        data = self.read_exactly(at)
        self.read_exactly(len(separator))
        return data

    def read_exactly(self, size: int) -> bytes:
        """As `RequestReader` has it."""
        while len(self._incoming) < size:
            self._receive_more()
        data = bytes(memoryview(self._incoming)[:size])
        del self._incoming[:size]
        return data

    def _receive_more(self) -> None:
        """Wait for more of a request, as long as it takes: a client may keep a connection idle."""
        if not self._receive():
            while not self._wait(readable=True):
                pass

    def _receive(self) -> bool:
        """Take what has come, if anything has; raises when the client has closed."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            raise _ClientClosed from error
        if not data:
            raise _ClientClosed
        self._incoming += data
        return True

    def _wait(
        self,
        *,
        gate: Gate | None = None,
        readable: bool = False,
        writable: bool = False,
        timeout_s: float | None = None,
    ) -> bool:
        """Wait for one thing; False if it did not come in ``timeout_s``, by default ``patience_s``.

        Raises at once when the client closes or the server is left, whatever is waited for.
        """
        deadline = time.monotonic() + (self._patience_s if timeout_s is None else timeout_s)
        with _Selector() as selector:
            interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
            selector.register(self._socket, interest)
            selector.register(self._stop, selectors.EVENT_READ)
            if gate is not None:
                selector.register(gate, selectors.EVENT_READ)
            while (remaining := deadline - time.monotonic()) > 0:
                for key, events in selector.select(remaining):
                    if key.fileobj is self._stop:
                        raise _Stopped
                    if key.fileobj is gate:
                        return True
                    received = bool(events & selectors.EVENT_READ) and self._receive()
                    if (readable and received) or (writable and events & selectors.EVENT_WRITE):
                        return True
        return False


def _allow_open_files(wanted: int) -> None:
    """Raise this process's soft limit of open files to ``wanted``, as far as its hard limit allows."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


__all__ = [
    "EVENT_STREAM",
    "End",
    "FAULTS",
    "Framing",
    "Gate",
    "Handler",
    "Headers",
    "JSON",
    "Pause",
    "Reply",
    "Request",
    "RequestReader",
    "SILENCES",
    "STALL_S",
    "Step",
    "WireServer",
    "broken_gzip",
    "close_before_reply",
    "cut",
    "endless",
    "garbage",
    "hang",
    "html",
    "invalid_utf8",
    "nobody_listening",
    "read_http",
    "read_lines_until",
    "reply_bytes",
    "reply_json",
    "reply_stream",
    "reset_before_reply",
    "resize",
    "server_error",
    "too_many_requests",
    "truncated",
]
