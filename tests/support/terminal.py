"""A pseudo-terminal as the standard output and error of this process, for tests of programs that look at theirs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from types import TracebackType
from typing import Self

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """While it is entered, ``sys.stdout`` and ``sys.stderr`` are a terminal; `output` is all that was written to it.

    Args:
        encoding: Of the two streams.
        columns: Its width, for processes that ask; ``None`` leaves it open.
    """

    def __init__(self, *, encoding: str = "utf-8", columns: int | None = None) -> None:
        self._encoding = encoding
        self._columns = columns
        self._bytes = bytearray()
        self._changed = threading.Condition()

    @property
    def output(self) -> str:
        """What was written, with its control sequences."""
        return self._bytes.decode(self._encoding, "backslashreplace").replace("\r\n", "\n")

    @property
    def text(self) -> str:
        """What was written, without them."""
        return _CODES.sub("", self.output)

    def wait_for(self, text: str, timeout_s: float = 30) -> None:
        """Wait until a text has been written."""
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.output, timeout_s), self.output

    def __enter__(self) -> Self:
        master, slave = pty.openpty()
        if self._columns is not None:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, self._columns, 0, 0))
        self._before = sys.stdout, sys.stderr
        self._streams = [open(os.dup(slave), "w", encoding=self._encoding) for _ in range(2)]  # noqa: PTH123, SIM115
        os.close(slave)
        sys.stdout, sys.stderr = self._streams
        self._reader = threading.Thread(target=self._read, args=(master,))
        self._reader.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        sys.stdout, sys.stderr = self._before
        for stream in self._streams:
            stream.close()
        self._reader.join()

    def _read(self, master: int) -> None:
        with os.fdopen(master, "rb", buffering=0) as file:
            while True:
                try:
                    read = file.read(4096)
                except OSError:  # Linux says so that the other end is closed
                    return
                if not read:
                    return
                with self._changed:
                    self._bytes += read
                    self._changed.notify_all()
