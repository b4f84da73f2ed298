"""The client of Acme, a made-up service: it stands for another provider's SDK.

Acme speaks lines of words over TCP. Words are percent-encoded, so that none has a space or a line break in it; schemas,
arguments and options are JSON (not encoded in this example, to be read)::

    request                                             reply
    -------                                             -----
    TOKEN s3cret                                        CALL 1 Weather {"location":"Toronto"}
    MODEL coyote-1                                      PING
    TOOL Weather {"type":"object",...} Get%20it.        CALL 2 Weather {"location":"Dallas"}
    CHOICE required                                     USAGE 21 12
    OPTION max_words 100                                DONE stop
    SAY user Toronto%20and%20Dallas%3F
    GO

``CHOICE`` is ``auto``, ``required`` or a tool's name. Besides ``CALL`` a reply may have ``TEXT`` and ``PING``, which
means nothing. It ends with ``DONE`` and why (``stop``, ``length``, or ``refused`` with the reason after it), or with
``ERROR``, a kind and a message. A call comes whole in its line. To go on, the next request repeats the model's turn as
``SAY assistant`` and ``CALL`` lines, and after them has ``RESULT 1 ok Sunny`` or ``RESULT 1 error No%20such%20city``
for each call.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from urllib.parse import quote, unquote

_PIECE_BYTES = 65536


class AcmeError(Exception):
    """What the service says is wrong with a request. Like every SDK's own error it reaches the user as it is."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class AcmeClient:
    """Speaks to one Acme service; each request has a connection of its own.

    Args:
        token: Opens the service.
        timeout: How long to wait for a connection and for each piece of a reply, in seconds; ``None`` for ever.
    """

    def __init__(
        self, host: str = "localhost", port: int = 7070, token: str | None = None, timeout: float | None = None
    ) -> None:
        self.host, self.port, self.timeout = host, port, timeout
        self._greeting = [] if token is None else [encode_line("TOKEN", token)]

    def ask(self, lines: Sequence[str]) -> AcmeReply:
        """Send a request."""
        connection = socket.create_connection((self.host, self.port), self.timeout)
        try:
            connection.sendall(self._encode(lines))
        except BaseException:
            connection.close()
            raise
        return AcmeReply(connection)

    async def ask_async(self, lines: Sequence[str]) -> AsyncAcmeReply:
        """Send a request."""
        async with asyncio.timeout(self.timeout):
            reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(self._encode(lines))
            await writer.drain()
        except BaseException:
            writer.close()
            raise
        return AsyncAcmeReply(reader, writer, self.timeout)

    def _encode(self, lines: Sequence[str]) -> bytes:
        return "".join(f"{line}\n" for line in [*self._greeting, *lines, "GO"]).encode()


class AcmeReply:
    """The bytes of a reply as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.connection.recv(_PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """Close the connection; whoever waits for a piece in another thread is woken."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class AsyncAcmeReply:
    """As `AcmeReply`, async."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float | None) -> None:
        self.reader, self.writer, self.timeout = reader, writer, timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._read():
            yield piece

    async def _read(self) -> bytes:
        async with asyncio.timeout(self.timeout):
            return await self.reader.read(_PIECE_BYTES)

    async def aclose(self) -> None:
        """Close the connection."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


def encode_line(*words: str) -> str:
    """One line, without its end."""
    return " ".join(quote(word, safe="") for word in words)


def decode_line(line: bytes) -> list[str]:
    """The words of a line."""
    return [unquote(word) for word in line.decode(errors="replace").split(" ")]
