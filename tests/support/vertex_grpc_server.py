"""A local gRPC server with Vertex AI's own service definitions, for the default transport of ``GenerativeModel``.

It serves ``GenerateContent`` and ``StreamGenerateContent`` of ``PredictionService``, v1 and v1beta1, over TLS with a
self-signed certificate for ``localhost``:

    with VertexGrpcServer() as server:
        server.trust()
        vertexai.init(project="p", location="us-central1", credentials=AnonymousCredentials(),
                      api_endpoint=server.endpoint, api_transport="grpc")
        server.enqueue({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}}]})
        GenerativeModel("gemini-2.5-flash").generate_content("hello")
        assert server.requests[0].body["contents"][0]["parts"] == [{"text": "hello"}]

``trust()`` names the certificate in an environment variable that gRPC reads when the process makes its first secure
channel, and never again. So call it early, in a session fixture say; all servers of a process share one certificate.

Replies have the forms of ``vertex_rest_server``: a ``dict`` is a whole reply in proto JSON, a ``list`` a stream with a
``dict`` for each message; ``bytes`` are sent as a message without looking inside, and at a ``threading.Event`` the
server waits until the test sets it. ``Reply`` adds a gRPC status and a ``Fault``, and tells what became of it:

    server.enqueue(Reply([first, second], status=grpc.StatusCode.UNAVAILABLE))  # both messages, then the status
    server.enqueue(Reply([first], fault=Fault("hang", after=1)))
    server.enqueue(Reply({}, fault=Fault("cut")))                               # every connection is reset
"""

import atexit
import datetime
import ipaddress
import os
import shutil
import socket
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.cloud.aiplatform_v1.types import prediction_service as v1
from google.cloud.aiplatform_v1beta1.types import prediction_service as v1beta1
from google.protobuf import json_format

Json: TypeAlias = dict[str, Any]
StreamItem: TypeAlias = Json | bytes | threading.Event

_POLL_S = 0.005
_VERSIONS: dict[str, Any] = {"v1": v1, "v1beta1": v1beta1}


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived."""

    version: Literal["v1", "v1beta1"]
    is_streamed: bool
    """Whether the client called ``StreamGenerateContent``."""
    metadata: dict[str, str | bytes]
    body: Json
    """The message in proto JSON, to compare with what a REST request holds."""
    message: Any
    """The protobuf ``GenerateContentRequest`` itself."""


@dataclass(frozen=True)
class Fault:
    """How a reply breaks off.

    ``hang`` sends nothing more until the client cancels or the server is closed; ``cut`` resets the client's
    connections, those of other calls too.
    """

    kind: Literal["hang", "cut"]
    after: int = 0
    """Messages that are sent first."""


@dataclass(eq=False)
class Reply:
    """One scripted reply; see the module's docstring for the forms of ``body``."""

    body: Json | bytes | Sequence[StreamItem]
    status: grpc.StatusCode = grpc.StatusCode.OK
    """Ends the call after the messages; a whole reply with another status than OK sends no message."""
    details: str = ""
    fault: Fault | None = None
    gate: threading.Event | None = None
    """The server waits for it before the first message."""
    client_closed: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when the client cancelled the call or was gone before the reply was complete."""
    finished: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when the server is done with the reply, whole or not."""


AnyReply: TypeAlias = Reply | Json | bytes | Sequence[StreamItem]


class VertexGrpcServer:
    """The server: starts when made, ends with ``close()`` or the ``with`` block.

    Args:
        respond: Makes the reply when the queue is empty, from any thread; for tests with many clients at once.
            Without it such a call ends with status ``UNIMPLEMENTED``.
        max_calls: How many calls are served at the same time; each holds a thread.
    """

    def __init__(self, respond: Callable[[RecordedRequest], AnyReply] | None = None, max_calls: int = 64) -> None:
        self.requests: list[RecordedRequest] = []
        """All requests so far, in the order of their arrival."""
        self._respond = respond
        self._replies: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(max_calls))
        for version in _VERSIONS:
            service = f"google.cloud.aiplatform.{version}.PredictionService"
            handler = grpc.method_handlers_generic_handler(service, self._methods(version))
            self._server.add_generic_rpc_handlers((handler,))
        identity = _identity()
        credentials = grpc.ssl_server_credentials([(identity.key.read_bytes(), identity.certificate.read_bytes())])
        self._relay = _Relay(self._server.add_secure_port("127.0.0.1:0", credentials))
        self._server.start()

    @property
    def endpoint(self) -> str:
        """``localhost:PORT``, for ``vertexai.init(api_endpoint=...)``."""
        return f"localhost:{self._relay.port}"

    @staticmethod
    def trust() -> None:
        """Let gRPC channels of this process that use the default roots trust the servers of this module, and no other.

        Only if the process has made no secure channel yet; gRPC reads the roots once.
        """
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(_identity().certificate)

    @staticmethod
    def root_certificate() -> bytes:
        """The certificate in PEM, for ``grpc.ssl_channel_credentials`` of a channel made by hand."""
        return _identity().certificate.read_bytes()

    def enqueue(self, *replies: AnyReply) -> None:
        """Add replies to the queue, one for each coming request."""
        with self._lock:
            self._replies.extend(_as_reply(reply) for reply in replies)

    @property
    def pending(self) -> int:
        """How many replies of the queue were not asked for yet; 0 at the end of most tests."""
        with self._lock:
            return len(self._replies)

    def close(self) -> None:
        """Cancel what is running and stop listening; may be called twice."""
        self._stopping.set()
        self._relay.close()
        self._server.stop(grace=None).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _methods(self, version: str) -> dict[str, "grpc.RpcMethodHandler[Any, Any]"]:
        types = _VERSIONS[version]
        request_type = types.GenerateContentRequest.pb()
        response_type = types.GenerateContentResponse.pb()

        def encode(message: Json | bytes) -> bytes:
            # The reply is what the test wrote: a misspelt field is refused here, not ignored.
            if isinstance(message, bytes):
                return message
            encoded: bytes = json_format.ParseDict(message, response_type()).SerializeToString()
            return encoded

        def whole(message: Any, context: grpc.ServicerContext) -> bytes:
            reply = self._take_reply(_record(version, False, message, context))
            if not isinstance(reply.body, dict | bytes):
                reply = _mistake("a stream is scripted, but the client asked for a whole reply")
            return next(self._messages(reply, context, encode), b"")

        def streamed(message: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            reply = self._take_reply(_record(version, True, message, context))
            return self._messages(reply, context, encode)

        return {
            "GenerateContent": grpc.unary_unary_rpc_method_handler(whole, request_type.FromString, None),
            "StreamGenerateContent": grpc.unary_stream_rpc_method_handler(streamed, request_type.FromString, None),
        }

    def _take_reply(self, request: RecordedRequest) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self._replies:
                return self._replies.popleft()
        if self._respond is not None:
            return _as_reply(self._respond(request))
        return _mistake("no reply is scripted for this request")

    def _messages(
        self, reply: Reply, context: grpc.ServicerContext, encode: Callable[[Json | bytes], bytes]
    ) -> Iterator[bytes]:
        is_done = False
        # The call ends before its thread does, so the client's going is told by the call itself.
        context.add_callback(lambda: None if is_done else reply.client_closed.set())
        try:
            if reply.gate is not None:
                self._wait(reply, context, reply.gate)
            if isinstance(reply.body, dict | bytes):
                items: Sequence[StreamItem] = [reply.body] if reply.status is grpc.StatusCode.OK else []
            else:
                items = reply.body
            sent = 0
            for item in items:
                if reply.fault is not None and sent == reply.fault.after:
                    break
                if isinstance(item, threading.Event):
                    self._wait(reply, context, item)
                    continue
                sent += 1
                is_done = isinstance(reply.body, dict | bytes)
                yield encode(item)
            if reply.fault is not None:
                if reply.fault.kind == "cut":
                    self._relay.cut()
                self._wait(reply, context, None)
            is_done = True
            if reply.status is not grpc.StatusCode.OK:
                context.abort(reply.status, reply.details)
        finally:
            reply.finished.set()

    def _wait(self, reply: Reply, context: grpc.ServicerContext, gate: threading.Event | None) -> None:
        """Wait for ``gate`` (``None``: for ever); ends the call if the client went or the server is closing."""
        while gate is None or not gate.is_set():
            if self._stopping.is_set() or not context.is_active():
                context.abort(grpc.StatusCode.CANCELLED, "test server: the call is over")
            (gate or reply.client_closed).wait(_POLL_S)


class _Relay:
    """Passes bytes between clients and the gRPC server, so that connections can be reset at will."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                return  # The listener is closed.
            with self._lock:
                self._sockets |= {client, server}
            for source, sink in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # One side was reset, or cut.
            while data := source.recv(65536):
                sink.sendall(data)
        # gRPC never closes only one direction, so the end of one is the end of both.
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._sockets.discard(source)
        source.close()

    def cut(self) -> None:
        """Reset every connection; new ones are accepted."""
        with self._lock:
            connections, self._sockets = self._sockets, set()
        for connection in connections:
            with suppress(OSError):  # It is closed already.
                # Lingering for zero seconds makes the end a RST instead of a FIN.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RD)
                connection.close()

    def close(self) -> None:
        """Stop listening and reset every connection."""
        with suppress(OSError):  # It is closed already.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.cut()


@dataclass(frozen=True)
class _Identity:
    key: Path
    certificate: Path


@cache
def _identity() -> _Identity:
    """Make the key and the certificate of this process; the files go when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="vertex-grpc-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    identity = _Identity(folder / "key.pem", folder / "certificate.pem")
    identity.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return identity


def _record(version: Any, is_streamed: bool, message: Any, context: grpc.ServicerContext) -> RecordedRequest:
    return RecordedRequest(
        version=version,
        is_streamed=is_streamed,
        metadata=dict(context.invocation_metadata()),
        body=json_format.MessageToDict(message),
        message=message,
    )


def _as_reply(reply: AnyReply) -> Reply:
    return reply if isinstance(reply, Reply) else Reply(reply)


def _mistake(what: str) -> Reply:
    return Reply({}, status=grpc.StatusCode.UNIMPLEMENTED, details=f"test server: {what}")
