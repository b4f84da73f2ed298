"""A local HTTP server that speaks ``generateContent`` and ``streamGenerateContent`` as Vertex AI does.

Real sockets and one thread per connection, so that the official SDKs run unchanged against it:

    with VertexRestServer() as server:
        server.enqueue({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}}]})
        client = genai.Client(
            vertexai=True, project="p", location="us-central1", http_options={"base_url": server.base_url},
            credentials=google.oauth2.credentials.Credentials("token"),  # anonymous ones it tries to refresh
        )
        client.models.generate_content(model="gemini-2.5-flash", contents="hello")
        assert server.requests[0].body["contents"][0]["parts"] == [{"text": "hello"}]

    vertexai.init(  # for GenerativeModel, sync only: its async client takes gRPC unless given async credentials
        project="p", location="us-central1", credentials=AnonymousCredentials(),
        api_endpoint=server.base_url, api_transport="rest",
    )

Replies are taken from the queue in order. A ``dict`` is a whole reply, a ``list`` a stream: each ``dict`` in it is one
chunk, ``bytes`` go on the wire as they are, and at a ``threading.Event`` the server waits until the test sets it.
``Reply`` adds status, headers and a ``Fault``, and tells what became of it (``finished``, ``client_closed``):

    reply = Reply([first_chunk, gate := threading.Event(), second_chunk])
    server.enqueue(reply)
    ...                                    # read the first chunk, then leave the stream
    assert reply.client_closed.wait(5)     # the server saw the connection go

    server.enqueue(Reply({"error": {"code": 429}}, status=429, headers={"Retry-After": "7"}))
    server.enqueue(Reply(whole_reply, fault=Fault("reset", after=20)))  # 20 bytes of the body, then a TCP reset
    server.enqueue(Reply(b"<html>", headers={"Content-Type": "text/html"}))

Observed only (google-genai 2.34, google-cloud-aiplatform 2.7): genai asks for ``?alt=sse`` and gets server-sent events;
the REST transport of the gapic clients asks for ``?$alt=json;enum-encoding=int`` and gets a JSON array.
"""

import json
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

Json: TypeAlias = dict[str, Any]
StreamItem: TypeAlias = Json | bytes | threading.Event

_POLL_S = 0.005
_JSON_TYPE = "application/json; charset=UTF-8"
_SERVICE_HEADERS = {"Vary": "Origin, X-Origin, Referer"}


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived."""

    path: str
    """Without the query, such as ``/v1/projects/p/locations/l/publishers/google/models/m:generateContent``."""
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in lower case."""
    body: Json
    """The decoded JSON body, ``{}`` if there was none."""

    @property
    def is_streamed(self) -> bool:
        """Whether the client asked for ``streamGenerateContent``."""
        return self.path.endswith(":streamGenerateContent")

    @property
    def wants_events(self) -> bool:
        """Whether the client asked for server-sent events rather than a JSON array."""
        return self.query.get("alt") == ["sse"]


@dataclass(frozen=True)
class Fault:
    """How a reply breaks off.

    ``close`` ends the connection in an orderly way but too early, ``reset`` with a TCP reset, and ``hang`` sends
    nothing more until the client goes or the server is closed.
    """

    kind: Literal["close", "reset", "hang"]
    after: int | None = None
    """Bytes of the body that are sent first; ``None`` is before the status line."""


@dataclass(eq=False)
class Reply:
    """One scripted reply; see the module's docstring for the forms of ``body``."""

    body: Json | bytes | Sequence[StreamItem]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to, or in place of, those the service sends."""
    fault: Fault | None = None
    gate: threading.Event | None = None
    """The server waits for it before the status line."""
    client_closed: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when the client was seen to close the connection before the reply was complete."""
    finished: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when the server is done with the reply, whole or not."""


AnyReply: TypeAlias = Reply | Json | bytes | Sequence[StreamItem]


class VertexRestServer:
    """The server: starts when made, ends with ``close()`` or the ``with`` block.

    Args:
        respond: Makes the reply when the queue is empty, from any thread; for tests with many clients at once.
            Without it such a request is answered with status 501, which no SDK retries.
    """

    def __init__(self, respond: Callable[[RecordedRequest], AnyReply] | None = None) -> None:
        self.requests: list[RecordedRequest] = []
        """All requests so far, in the order of their arrival."""
        self.stopping = threading.Event()
        self._respond = respond
        self._replies: deque[Reply] = deque()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._http = _HttpServer(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def enqueue(self, *replies: AnyReply) -> None:
        """Add replies to the queue, one for each coming request."""
        with self._lock:
            self._replies.extend(_as_reply(reply) for reply in replies)

    @property
    def open_connections(self) -> int:
        """How many connections clients hold open now, idle ones included."""
        with self._lock:
            return len(self._connections)

    @property
    def pending(self) -> int:
        """How many replies of the queue were not asked for yet; 0 at the end of most tests."""
        with self._lock:
            return len(self._replies)

    def close(self) -> None:
        """End every connection and stop listening; may be called twice."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut_down(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take_reply(self, request: RecordedRequest) -> Reply:
        """Record ``request`` and give its reply; called by the connection threads."""
        with self._lock:
            self.requests.append(request)
            if self._replies:
                return self._replies.popleft()
        if self._respond is not None:
            return _as_reply(self._respond(request))
        return _mistake("no reply is scripted for this request")

    def track(self, connection: socket.socket, *, is_open: bool) -> None:
        """Note that a connection began or ended; called by the connection threads."""
        with self._lock:
            (self._connections.add if is_open else self._connections.discard)(connection)


class _HttpServer(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, owner: VertexRestServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are part of the tests."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.server.owner.track(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.owner.track(self.connection, is_open=False)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test output clean."""

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = RecordedRequest(
            path=url.path,
            query=parse_qs(url.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(raw) if raw else {},
        )
        reply = self.server.owner.take_reply(request)
        if isinstance(reply.body, list) and not request.is_streamed:
            reply = _mistake("a stream is scripted, but the client asked for a whole reply")
        try:
            self._send(reply, request)
        except OSError:
            reply.client_closed.set()
            self.close_connection = True
        finally:
            reply.finished.set()

    def _send(self, reply: Reply, request: RecordedRequest) -> None:
        if reply.gate is not None and not self._wait(reply, reply.gate):
            return None
        fault = reply.fault
        if fault is not None and fault.after is None:
            return self._break_off(reply, fault)
        is_streamed = request.is_streamed and reply.status == 200 and not isinstance(reply.body, bytes)
        pieces: Iterator[bytes | threading.Event]
        if is_streamed:
            pieces = _stream_pieces(reply.body, request.wants_events)
            self._send_head(reply, "text/event-stream" if request.wants_events else _JSON_TYPE, length=None)
        else:
            body = _whole_body(reply.body)
            pieces = iter([body])
            self._send_head(reply, _JSON_TYPE, length=len(body))
        left = fault.after if fault is not None else None
        for piece in pieces:
            if isinstance(piece, threading.Event):
                if not self._wait(reply, piece):
                    return None
                continue
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_streamed else piece)
            if left == 0 and fault is not None:
                return self._break_off(reply, fault)
        if fault is not None:
            return self._break_off(reply, fault)
        if is_streamed:
            self.wfile.write(b"0\r\n\r\n")
        return None

    def _send_head(self, reply: Reply, content_type: str, length: int | None) -> None:
        framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        self.send_response(reply.status)
        for name, value in ({"Content-Type": content_type} | _SERVICE_HEADERS | framing | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()

    def _wait(self, reply: Reply, gate: threading.Event | None) -> bool:
        """Wait for ``gate`` (``None``: for ever); false if the client went or the server is closing."""
        while gate is None or not gate.wait(_POLL_S):
            if self._client_is_gone(_POLL_S if gate is None else 0):
                reply.client_closed.set()
                self.close_connection = True
                return False
            if self.server.owner.stopping.is_set():
                self.close_connection = True
                return False
        return True

    def _client_is_gone(self, timeout_s: float) -> bool:
        # A client does not send while it reads a reply, so what can be read is the end of the connection.
        readable, _, _ = select.select([self.connection], [], [], timeout_s)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _break_off(self, reply: Reply, fault: Fault) -> None:
        self.close_connection = True
        if fault.kind == "hang":
            self._wait(reply, None)
        elif fault.kind == "reset":
            # Lingering for zero seconds makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _as_reply(reply: AnyReply) -> Reply:
    return reply if isinstance(reply, Reply) else Reply(reply)


def _mistake(what: str) -> Reply:
    return Reply({"error": {"code": 501, "message": f"test server: {what}", "status": "UNIMPLEMENTED"}}, status=501)


def _whole_body(body: Json | bytes | Sequence[StreamItem]) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _stream_pieces(body: Json | bytes | Sequence[StreamItem], as_events: bool) -> Iterator[bytes | threading.Event]:
    """Give the wire form of a stream piece by piece; a single ``dict`` is a stream of one chunk."""
    items: Sequence[StreamItem] = [body] if isinstance(body, dict | bytes) else body
    opening = b"["
    for item in items:
        if isinstance(item, dict):
            text = json.dumps(item).encode()
            yield b"data: " + text + b"\r\n\r\n" if as_events else opening + text
            opening = b"\n,\r\n"
        else:
            yield item
    if not as_events:
        yield b"[]" if opening == b"[" else b"]"


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # It is closed already.
        connection.shutdown(socket.SHUT_RDWR)
