"""The client of Acme, a made-up service: what another provider's SDK would bring.

Acme speaks lines of words over TCP. Words are percent-encoded, so that none has a space or a line break in it::

    request                                 reply
    -------                                 -----
    MODEL coyote-1                          CALL 1 Weather location Toronto units metric
    TOOL Weather Get%20the%20weather.       CALL 2 Weather location Dallas units imperial
    FIELD location text                     USAGE 21 12
    OPTIONAL units imperial|metric          DONE stop
    CHOICE required
    SAY user Toronto%20and%20Dallas%3F
    GO

A reply ends with ``DONE`` and why (``stop``, ``length`` or ``refused``), or with ``ERROR`` and a message. Besides
``CALL`` it may have ``TEXT``. To go on, the next request repeats the model's own lines as they came, and after them
has ``RESULT 1 ok Sunny`` or ``RESULT 1 error No%20such%20city`` for each call.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import quote, unquote


class AcmeError(Exception):
    """What the service says is wrong with a request. Like every SDK's own error it reaches the user as it is."""


class AcmeClient:
    """Speaks to one Acme service; each request has a connection of its own."""

    def __init__(self, host: str = "localhost", port: int = 7070, token: str | None = None) -> None:
        self.host, self.port = host, port
        self._greeting = [] if token is None else [encode_line("TOKEN", token)]

    def ask(self, lines: Sequence[str]) -> AcmeReply:
        """Send a request."""
        reply = AcmeReply(socket.create_connection((self.host, self.port)))
        reply.connection.sendall(self._encode(lines))
        return reply

    async def ask_async(self, lines: Sequence[str]) -> AsyncAcmeReply:
        """Send a request."""
        reply = AsyncAcmeReply(*await asyncio.open_connection(self.host, self.port))
        reply.writer.write(self._encode(lines))
        await reply.writer.drain()
        return reply

    def _encode(self, lines: Sequence[str]) -> bytes:
        return "".join(f"{line}\n" for line in [*self._greeting, *lines, "GO"]).encode()


class AcmeReply:
    """The lines of a reply as they come. A last line without its end is not whole, and is left out."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def __iter__(self) -> Iterator[str]:
        return (line[:-1].decode(errors="replace") for line in self._file if line.endswith(b"\n"))

    def close(self) -> None:
        self._file.close()
        self.connection.close()


class AsyncAcmeReply:
    """As `AcmeReply`, async."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self.reader:
            if line.endswith(b"\n"):
                yield line[:-1].decode(errors="replace")

    async def aclose(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def encode_line(*words: str) -> str:
    return " ".join(quote(word, safe="|") for word in words)


def decode_line(line: str) -> list[str]:
    return [unquote(word) for word in line.split(" ")]
