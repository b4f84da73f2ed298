"""Requests to llama.cpp's own HTTP listener: abilities of the chat template, tokens, rendered prompts.

xllamacpp has no methods for these (release 2026.10). A listener always runs; ours is a Unix socket in a directory
that only this user can enter, where the platform has such sockets.

The requests are HTTP/1.0, written and read here: the answer is a JSON object and ends where the server closes. Python's
own client takes several times the CPU time, and each new question makes ten requests.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

from pydantic_core import from_json

_TIMEOUT_S = 60.0
_UNIX_SCHEME = "unix://"
_READ_SIZE = 1 << 16
_BETWEEN = -1
"""Separates two texts in one list of tokens; no token has this number."""


class ListenerError(Exception):
    """The listener did not answer, or answered with an error."""


class Listener:
    """Sends requests to a server's listener.

    Args:
        address: The value of ``xllamacpp.Server.listening_address``.
        api_key: The server's key; ``None`` if there is none or it is not known.
    """

    def __init__(self, address: str, api_key: str | None) -> None:
        self._address = address
        self._headers = "Host: localhost\r\n"
        if api_key is not None:
            self._headers += f"Authorization: Bearer {api_key}\r\n"

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """GET a path, or POST a body to it; the answer is an object.

        Raises:
            ListenerError: No answer, or a status other than 200.
        """
        request = f"GET {path} HTTP/1.0\r\n{self._headers}\r\n"
        if body is not None:
            content = json.dumps(body)  # ASCII: as many bytes as characters
            entity = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            request = f"POST {path} HTTP/1.0\r\n{self._headers}{entity}\r\n{content}"
        try:
            with self._connect() as connection:
                connection.sendall(request.encode())
                answer = _read_all(connection)
            head, _, entity_read = answer.partition(b"\r\n\r\n")
            status_line = head.partition(b"\r\n")[0]
            if status_line.split()[1:2] != [b"200"]:
                raise ListenerError(f"{path}: {status_line!r}: {entity_read[:200]!r}")
            return cast("dict[str, object]", from_json(entity_read))
        except (OSError, ValueError) as error:
            raise ListenerError(f"{path}: {error}") from error

    def tokens(
        self, texts: Sequence[str], *, begins_prompt: bool = False, special: bool = True
    ) -> list[tuple[int, ...]]:
        """The model's tokens of each text, with one request.

        Args:
            texts: Any number of texts.
            begins_prompt: Start the first text with the tokens that the model requires at the start of a prompt.
            special: Read control tokens in the texts as such.
        """
        content: list[object] = []
        for text in texts:
            content += [text, _BETWEEN]
        body: dict[str, object] = {"content": content, "add_special": begins_prompt}
        if not special:
            body["parse_special"] = False
        answer = self.ask("/tokenize", body)
        found: list[tuple[int, ...]] = []
        current: list[int] = []
        for token in cast("list[int]", answer["tokens"]):
            if token == _BETWEEN:
                found.append(tuple(current))
                current = []
            else:
                current.append(token)
        return found

    def _connect(self) -> socket.socket:
        if not self._address.startswith(_UNIX_SCHEME):
            address = urlsplit(self._address)
            return socket.create_connection((address.hostname, address.port or 80), _TIMEOUT_S)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(self._address.removeprefix(_UNIX_SCHEME))
        except BaseException:
            connection.close()
            raise
        return connection


def _read_all(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    while piece := connection.recv(_READ_SIZE):
        pieces.append(piece)
    return b"".join(pieces)
