"""An Acme service that says what it is told to.

with AcmeServer(["CALL 1 Weather %7B%22location%22%3A%22Toronto%22%7D", "DONE stop"]) as server:
    client = polycall.from_provider("acme/coyote-1", host="127.0.0.1", port=server.port)
    ...
assert server.requests == [["MODEL coyote-1", ...]]
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self

PATIENCE_S = 5
"""How long the server waits at an event of a reply before it closes the connection."""


class AcmeServer(ThreadingTCPServer):
    """Listens on a free port of this machine.

    Args:
        replies: One for each request, in order. A text is one line, bytes go out as they are; at an event the server
            waits until it is set.
    """

    def __init__(self, *replies: Sequence[str | bytes | threading.Event]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port: int = self.server_address[1]
        self.requests: list[list[str]] = []
        """The lines of each request, without ``GO``."""
        self.replies = iter(replies)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Connection(StreamRequestHandler):
    server: AcmeServer

    def handle(self) -> None:
        self.server.requests.append([line for line in iter(self._read_line, "GO") if line])
        for step in next(self.server.replies, ["ERROR script Nothing%20more%20to%20say"]):
            if isinstance(step, threading.Event):
                if not step.wait(PATIENCE_S):
                    return
            else:
                self.wfile.write(f"{step}\n".encode() if isinstance(step, str) else step)

    def _read_line(self) -> str:
        return self.rfile.readline().decode().rstrip("\n") or "GO"
