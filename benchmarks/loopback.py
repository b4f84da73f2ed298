"""A server on 127.0.0.1 in a process of its own: ``/KIND/N/...`` is answered with the N calls or chunks of `KINDS`.

Each event of a stream is an HTTP chunk of its own. Of ``turns``, each open stream gets one event in a turn of the
server's event loop, so that the events of many streams come interleaved.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from benchmarks.openai_wire import openai_pieces, responses_pieces, whole_reply, whole_response

WHOLE = {"calls": whole_reply, "responses_calls": whole_response}
STREAMS = {"stream": openai_pieces, "responses_stream": responses_pieces, "turns": openai_pieces}

_HEAD = re.compile(rb"POST /(\w+)/(\d+)/.*?content-length: *(\d+)", re.DOTALL | re.IGNORECASE)


@contextmanager
def server() -> Iterator[str]:
    """Run it; gives its URL."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.loopback"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@cache
def _answer(kind: str, number: int) -> list[bytes]:
    if kind in WHOLE:
        data = WHOLE[kind](number)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data)
        return [head + data]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in STREAMS[kind](number)), b"0\r\n\r\n"]


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = _HEAD.search(head)
            assert found is not None, head
            await reader.readexactly(int(found[3]))
            kind = found[1].decode()
            for piece in _answer(kind, int(found[2])):
                writer.write(piece)
                if kind == "turns":
                    await writer.drain()
                    await asyncio.sleep(0)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    listening = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
