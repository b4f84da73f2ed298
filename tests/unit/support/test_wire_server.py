"""The wire server does what it says on the wire: seen with a plain socket, and with the official OpenAI SDK."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from support.openai_replies import USAGE, chunks, completion, cut_off, sse
from support.wire_server import (
    FAULTS,
    SILENCES,
    End,
    Gate,
    Reply,
    Request,
    WireServer,
    cut,
    endless,
    hang,
    nobody_listening,
    reply_bytes,
    reply_json,
    reply_stream,
    reset_before_reply,
    resize,
    too_many_requests,
    truncated,
)

WAIT_S = 10.0
HEAD = b"POST /v1/x?a=1&a=2&b= HTTP/1.1\r\nHost: test\r\nX-Two: 1\r\nX-Two: 2\r\n"
CALLS = [("Weather", {"location": "Zürich"}), ("GoogleSearch", {"query": "who won"})]


class RawClient:
    """A socket that says exactly what it is told."""

    def __init__(self, server: WireServer) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=WAIT_S)

    def ask(self, body: bytes = b"") -> RawClient:
        self.socket.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self.socket.recv(min(size - len(data), 1 << 20))):
            data += more
        return data

    def read_to_end(self) -> bytes:
        return self.read(1 << 40)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def connect() -> Iterator[Callable[[WireServer], RawClient]]:
    """Makes clients, and closes them after the test."""
    clients: list[RawClient] = []

    def connect_to(server: WireServer) -> RawClient:
        clients.append(RawClient(server))
        return clients[-1]

    yield connect_to
    for client in clients:
        client.close()


Connect = Callable[[WireServer], RawClient]


class TestRequests:
    def test_request_is_recorded_as_it_came(self, connect: Connect) -> None:
        """Method, path, query, joined headers and body are there, byte for byte."""
        with WireServer() as server:
            server.enqueue(reply_json({}, end=End.CLOSE))
            connect(server).ask(b'{"a": 1}').read_to_end()

        (request,) = server.requests
        assert (request.method, request.path, request.query) == ("POST", "/v1/x", {"a": ["1", "2"], "b": [""]})
        assert request.headers == {"host": "test", "x-two": "1, 2", "content-length": "8"}
        assert (request.body, request.json) == (b'{"a": 1}', {"a": 1})

    def test_chunked_request_body_is_joined(self, connect: Connect) -> None:
        """A client that streams its request is understood too, trailers included."""
        with WireServer() as server:
            server.enqueue(reply_bytes("", end=End.CLOSE))
            client = connect(server)
            client.socket.sendall(
                HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5;x=y\r\n": 1}\r\n0\r\nT: 1\r\n\r\n'
            )
            client.read_to_end()

        assert server.requests[0].json == {"a": 1}

    def test_connection_is_kept_for_the_next_request(self, connect: Connect) -> None:
        """Two requests on one connection, the second pipelined, get their replies in order."""
        with WireServer() as server:
            server.enqueue(reply_bytes("one"), reply_bytes("two", end=End.CLOSE))
            data = connect(server).ask().ask().read_to_end()

        assert data.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert data.index(b"\r\n\r\none") < data.index(b"\r\n\r\ntwo")
        assert [request.connection for request in server.requests] == [0, 0]


class TestScript:
    def test_request_without_a_reply_fails_at_the_end(self, connect: Connect) -> None:
        """It is answered by a 500 that says so, and the test fails when the server is left."""
        with (
            pytest.raises(AssertionError, match="the script of replies ran out at request 1, POST /v1/x"),
            WireServer() as server,
        ):
            data = connect(server).ask().read(12)
        assert data == b"HTTP/1.1 500"

    def test_reply_left_over_fails_at_the_end(self) -> None:
        """A scripted reply nobody asked for is a failure, unless that was allowed."""
        with (
            pytest.raises(AssertionError, match="1 of the scripted replies were never asked for"),
            WireServer() as server,
        ):
            server.enqueue(reply_json({}))

        with WireServer(allow_unconsumed=True) as server:
            server.enqueue(reply_json({}))

    def test_failure_of_the_test_itself_comes_first(self) -> None:
        """An exception inside the block is not replaced; what the server has to say is added as a note."""
        with pytest.raises(KeyError) as caught, WireServer() as server:
            server.enqueue(reply_json({}))
            raise KeyError("the test's own")

        assert caught.value.__notes__ == ["WireServer: 1 of the scripted replies were never asked for"]

    def test_handler_that_raises_fails_at_the_end(self, connect: Connect) -> None:
        """The failure is chained to the handler's exception."""

        def handler(request: Request) -> Reply:
            raise KeyError(request.path)

        with (
            pytest.raises(AssertionError, match=r"the handler raised KeyError\('/v1/x'\)") as caught,
            WireServer() as server,
        ):
            server.respond_with(handler)
            connect(server).ask().read(12)

        assert isinstance(caught.value.__cause__, KeyError)

    def test_request_that_is_no_http_fails_at_the_end(self, connect: Connect) -> None:
        """What a client sends wrong is not swallowed."""
        with pytest.raises(AssertionError, match="a request that is not the protocol"), WireServer() as server:
            client = connect(server)
            client.socket.sendall(b"nonsense\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                client.read_to_end()

    def test_silent_client_fails_after_the_patience(self, connect: Connect) -> None:
        """A client that waits for a hanging reply, or a gate nobody opens, longer than that is reset."""
        for reply, text in [
            (hang(), "still waited for a hanging"),
            (reply_stream([Gate("A")]), r"Gate\('A'\) was not"),
        ]:
            with pytest.raises(AssertionError, match=text), WireServer(patience_s=0.05) as server:
                server.enqueue(reply)
                with pytest.raises(ConnectionResetError):
                    connect(server).ask().read_to_end()


class TestFaults:
    def test_truncated_body_ends_before_its_length(self, connect: Connect) -> None:
        """The announced length is larger than what comes, and the connection is closed in order."""
        with WireServer() as server:
            server.enqueue(truncated("{12", missing=5))
            head, _, body = connect(server).ask().read_to_end().partition(b"\r\n\r\n")

        assert b"content-length: 8" in head
        assert body == b"{12"

    def test_missing_final_chunk(self, connect: Connect) -> None:
        """The stream just ends: no chunk of length 0."""
        with WireServer() as server:
            server.enqueue(reply_stream([b"data: 1\n\n"], final_chunk=False))
            data = connect(server).ask().read_to_end()

        assert data.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n")

    def test_reset_before_the_reply(self, connect: Connect) -> None:
        """The client sees a reset, not an end."""
        with WireServer() as server:
            server.enqueue(reset_before_reply())
            with pytest.raises(ConnectionResetError):
                connect(server).ask().read_to_end()

    def test_reset_in_the_middle_comes_after_what_was_sent(self, connect: Connect) -> None:
        """With a gate before the reset, the client has read the first bytes for certain."""
        gate = Gate()
        with WireServer() as server:
            server.enqueue(reply_stream([b"first", gate, b"second"], framing="close", end=End.RESET))
            client = connect(server).ask()
            head = client.read(
                len(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nfirst")
            )
            gate.open()
            with pytest.raises(ConnectionResetError):
                client.read_to_end()

        assert head.endswith(b"\r\n\r\nfirst")

    @pytest.mark.parametrize("after", [0, 1, 40, 10_000])
    def test_cut_counts_bytes_on_the_wire(self, connect: Connect, after: int) -> None:
        """Exactly the first ``after`` bytes of head, chunk sizes and pieces come."""
        reply = reply_stream([b"one", b"two"])
        whole = b"".join([reply.head, *(step for step in reply.steps if isinstance(step, bytes))])
        with WireServer() as server:
            server.enqueue(cut(reply, after, End.CLOSE))
            data = connect(server).ask().read_to_end()

        assert data == whole[:after]

    def test_nobody_listening_refuses(self) -> None:
        """The port is taken, and yet each connection to it is refused."""
        with nobody_listening() as url, pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=WAIT_S)

    def test_fault_that_steps_raise_fails_at_the_end(self, connect: Connect) -> None:
        """An empty piece would end a chunked body by accident: it is refused."""
        with pytest.raises(AssertionError, match="an empty piece would end the chunked body"), WireServer() as server:
            server.enqueue(reply_stream([b""]))
            with pytest.raises(ConnectionResetError):
                connect(server).ask().read_to_end()


class TestTiming:
    def test_nothing_passes_a_closed_gate(self, connect: Connect) -> None:
        """Before the gate is opened the client has the first piece only; the server says when it is there."""
        gate = Gate()
        with WireServer() as server:
            server.enqueue(reply_stream([b"first", gate, b"second"]))
            client = connect(server).ask()
            assert gate.reached.wait(WAIT_S)
            assert (server.requests[0].sent_pieces, server.requests[0].reply_done.is_set()) == (1, False)
            client.socket.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.read_to_end()
            gate.open()
            client.socket.settimeout(WAIT_S)
            assert client.read(16) == b"6\r\nsecond\r\n0\r\n\r\n"
            assert server.requests[0].reply_done.wait(WAIT_S)

        assert server.requests[0].reply_complete

    @pytest.mark.parametrize(
        "reply", [hang(), hang(with_head=False), endless(), endless(interval_s=0), reply_stream([Gate()])]
    )
    @pytest.mark.parametrize("rough", [False, True], ids=["FIN", "RST"])
    def test_close_of_the_client_is_seen_during_a_reply(self, connect: Connect, reply: Reply, rough: bool) -> None:
        """Whatever the server is waiting for, it notices at once that the client has gone."""
        with WireServer() as server:
            server.enqueue(reply)
            client = connect(server).ask()
            assert server.wait_for_requests(1)
            assert not server.requests[0].client_closed.is_set()
            if rough:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

            assert server.requests[0].client_closed.wait(WAIT_S)
            assert server.wait_until_idle()

    def test_client_that_does_not_read_stalls_the_server(self, connect: Connect) -> None:
        """Of 64 MB only what the kernel buffers is sent; when the client goes, the rest never is."""
        pieces = [b"x" * 65_536] * 1024
        with WireServer(send_buffer=4096) as server:
            server.enqueue(reply_stream(pieces))
            client = connect(server).ask()
            assert server.wait_for_requests(1)
            request = server.requests[0]
            assert request.send_stalled.wait(WAIT_S)
            sent = request.sent_bytes
            client.close()
            assert request.client_closed.wait(WAIT_S)

        assert sent == request.sent_bytes < 16_000_000
        assert not request.reply_complete

    def test_body_of_100_mb(self, connect: Connect) -> None:
        """Size is no obstacle, in a reply and in a request."""
        with WireServer() as server:
            server.respond_with(lambda request: reply_bytes(request.body, end=End.CLOSE))
            client = connect(server)
            body = b"y" * 100_000_000
            threading.Thread(target=client.ask, args=[body], daemon=True).start()
            size = sum(map(len, iter(lambda: client.socket.recv(1 << 20), b"")))

        assert len(body) < size < len(body) + 200

    def test_leaving_ends_replies_that_hang(self, connect: Connect) -> None:
        """A test need not clean up: the server ends hanging and endless replies when it is left."""
        with WireServer() as server:
            server.enqueue(hang(), endless(), reply_stream([Gate()]))
            clients = [connect(server).ask() for _ in range(3)]
            assert server.wait_for_requests(3)

        assert all(client.socket.recv(1 << 20) for client in clients)
        assert server.open_connections == 0


def sdk(url: str, timeout_s: float = WAIT_S) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="test", max_retries=0, timeout=timeout_s)


def async_sdk(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="test", max_retries=0, timeout=60)


def ask(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}])


def stream(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}], stream=True
    )


class TestOpenAISdk:
    """Replies of ``openai_replies`` as the official SDK sees them, over a real socket."""

    def test_completion(self) -> None:
        """A whole reply arrives as the SDK's own object, with every field that was sent."""
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(reply_json(completion(CALLS)))
            reply = ask(client)

        assert server.requests[0].path == "/v1/chat/completions"
        assert reply.to_dict() == completion(CALLS)

    @pytest.mark.parametrize("interleaved", [False, True])
    @pytest.mark.parametrize("size", [None, 1, 7])
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_stream(self, interleaved: bool, size: int | None, newline: str) -> None:
        """However the bytes are cut, the SDK sees the chunks that were made, and they join to the arguments."""
        sent = chunks(CALLS, interleaved=interleaved, usage=USAGE)
        pieces = sse(sent, newline=newline)
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(reply_stream(pieces if size is None else resize(pieces, size)))
            got = [chunk.to_dict() for chunk in stream(client)]

        assert got == sent
        deltas = [choice["delta"] for chunk in got for choice in chunk["choices"]]
        fragments = [fragment for delta in deltas for fragment in delta.get("tool_calls", ())]
        joined = ["".join(f["function"]["arguments"] for f in fragments if f["index"] == index) for index in (0, 1)]
        assert [json.loads(arguments) for arguments in joined] == [arguments for _, arguments in CALLS]

    def test_refusal_text_and_cut_off(self) -> None:
        """The other endings of a reply are the SDK's too."""
        replies = [
            completion(refusal="I cannot"),
            completion(text="Which city?"),
            completion(cut_off(CALLS, 5), finish_reason="length"),
        ]
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(*map(reply_json, replies))
            got = [ask(client).choices[0] for _ in replies]

        assert [choice.finish_reason for choice in got] == ["stop", "stop", "length"]
        assert [choice.message.refusal for choice in got] == ["I cannot", None, None]
        assert [choice.message.content for choice in got] == [None, "Which city?", None]
        assert got[2].message.tool_calls[1].function.arguments == '{"que'

    def test_chunks_arrive_while_the_gate_is_closed(self) -> None:
        """The SDK yields what was sent before the gate; leaving its stream is seen by the server."""
        gate = Gate()
        events = sse(chunks(CALLS))
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(reply_stream([*events[:3], gate, *events[3:]]))
            with stream(client) as reply:
                got = list(itertools.islice(reply, 3))
                assert gate.reached.wait(WAIT_S)

            assert server.requests[0].client_closed.wait(WAIT_S)

        assert len(got) == server.requests[0].sent_pieces == 3

    @pytest.mark.parametrize("fault", FAULTS)
    def test_each_fault_is_no_completion(self, fault: str) -> None:
        """No reply of ``FAULTS`` ends in an object with choices; most are an error of the SDK's."""
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(FAULTS[fault])
            try:
                reply = ask(client)
            except (openai.OpenAIError, ValueError):  # json's and unicode's errors are ValueErrors
                return
        assert not getattr(reply, "choices", None)

    @pytest.mark.parametrize("silence", SILENCES)
    def test_each_silence_ends_by_the_time_out(self, silence: str) -> None:
        """The SDK gives up after its own time-out, and closes."""
        with WireServer() as server, sdk(server.url, timeout_s=0.2) as client:
            server.enqueue(SILENCES[silence])
            with pytest.raises(openai.APITimeoutError if silence == "nothing" else Exception):
                list(stream(client))

            assert server.requests[0].client_closed.wait(WAIT_S)

    def test_rate_limit(self) -> None:
        """429 is the SDK's error, with the header."""
        with WireServer() as server, sdk(server.url) as client:
            server.enqueue(too_many_requests(7))
            with pytest.raises(openai.RateLimitError) as caught:
                ask(client)

        assert caught.value.response.headers["retry-after"] == "7"

    def test_refused(self) -> None:
        """Nobody listening is a connection error of the SDK's."""
        with nobody_listening() as url, sdk(url) as client, pytest.raises(openai.APIConnectionError):
            ask(client)


def echo(request: Request) -> Reply:
    """A reply, streamed if asked for, whose one call has the user's text as argument."""
    calls = [("Echo", {"text": request.json["messages"][0]["content"]})]
    return reply_stream(sse(chunks(calls))) if request.json.get("stream") else reply_json(completion(calls))


class TestConcurrency:
    def test_32_threads(self) -> None:
        """All requests are in the server at the same time, and each gets its own reply."""
        together = threading.Barrier(32)

        def handler(request: Request) -> Reply:
            together.wait(WAIT_S)
            return echo(request)

        def call(number: int) -> str:
            messages: Any = [{"role": "user", "content": str(number)}]
            reply: Any = client.chat.completions.create(model="m", messages=messages)
            return str(json.loads(reply.choices[0].message.tool_calls[0].function.arguments)["text"])

        with WireServer() as server, sdk(server.url) as client, ThreadPoolExecutor(32) as pool:
            server.respond_with(handler)
            got = list(pool.map(call, range(64)))

        assert got == [str(number) for number in range(64)]

    def test_1000_tasks(self) -> None:
        """A thousand streams at once over one async client: each gets its own text, and no connection is left."""

        async def call(client: openai.AsyncOpenAI, number: int) -> str:
            messages: Any = [{"role": "user", "content": str(number)}]
            reply: Any = await client.chat.completions.create(model="m", messages=messages, stream=True)
            deltas = [chunk.choices[0].delta async for chunk in reply]
            text = "".join(delta.tool_calls[0].function.arguments for delta in deltas if delta.tool_calls)
            return str(json.loads(text)["text"])

        async def main(url: str) -> list[str]:
            async with async_sdk(url) as client:
                return await asyncio.gather(*(call(client, number) for number in range(1000)))

        with WireServer() as server:
            server.respond_with(echo)
            got = asyncio.run(main(server.url))
            assert server.wait_until_idle()

        assert got == [str(number) for number in range(1000)]
