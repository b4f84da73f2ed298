"""What llama.cpp tells only over its own HTTP listener: its chat template's abilities, tokens, rendered prompts.

xllamacpp has no methods for these (release 2026.10). A listener always runs; ours is a Unix socket in a directory
that only this user can enter, where the platform has such sockets.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import cast

_TIMEOUT_S = 60.0
_UNIX_SCHEME = "unix://"


class ListenerError(Exception):
    """The listener gave no answer, or refused."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._path)


class Listener:
    """Asks a server's listener.

    Args:
        address: As ``xllamacpp.Server.listening_address`` gives it.
        api_key: The server's key; ``None`` where it has none, or it is not known.
    """

    def __init__(self, address: str, api_key: str | None) -> None:
        self._address = address
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """GET a path, or POST a body to it; the answer is an object.

        Raises:
            ListenerError: No answer, or another status than 200.
        """
        connection = self._connect()
        try:
            connection.request(
                "GET" if body is None else "POST", path, None if body is None else json.dumps(body), self._headers
            )
            response = connection.getresponse()
            content = response.read()
            if response.status != http.client.OK:
                raise ListenerError(f"{path}: status {response.status}: {content[:200]!r}")
            return cast("dict[str, object]", json.loads(content))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ListenerError(f"{path}: {error}") from error
        finally:
            connection.close()

    def tokens(self, text: str) -> tuple[int, ...]:
        """The model's tokens of a text, without those that begin or end a prompt."""
        answer = self.ask("/tokenize", {"content": text, "add_special": False})
        return tuple(cast("list[int]", answer["tokens"]))

    def _connect(self) -> http.client.HTTPConnection:
        if self._address.startswith(_UNIX_SCHEME):
            return _UnixConnection(self._address.removeprefix(_UNIX_SCHEME))
        return http.client.HTTPConnection(self._address.split("://")[-1], timeout=_TIMEOUT_S)
