"""A server on 127.0.0.1 in a process of its own: ``/calls/N/...`` is answered with N calls, ``/stream/N/...`` with N
chunks, each sent by itself.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from benchmarks.openai_jobs import stream_pieces, whole_reply

_HEAD = re.compile(rb"POST /(calls|stream)/(\d+)/.*?content-length: *(\d+)", re.DOTALL | re.IGNORECASE)


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
def _whole(number: int) -> bytes:
    data = whole_reply(number)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(data), data)


@cache
def _pieces(number: int) -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in stream_pieces(number)), b"0\r\n\r\n"]


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = _HEAD.search(head)
            assert found is not None, head
            await reader.readexactly(int(found[3]))
            if found[1] == b"calls":
                writer.write(_whole(int(found[2])))
            else:
                for piece in _pieces(int(found[2])):
                    writer.write(piece)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    listening = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
