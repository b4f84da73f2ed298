"""A spinner for what takes longer than a second, on a terminal only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polycall.cli._output.terminal import can_redraw

if TYPE_CHECKING:
    from rich.status import Status

_DELAY_S = 1.0


class Waiting:
    """Shows a spinner on standard error, a second after it was started, until it is stopped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._status: Status | None = None
        self._is_over = False

    def start(self) -> None:
        """Begin to wait."""
        if not can_redraw(sys.stderr):
            return
        self._is_over = False
        self._timer = threading.Timer(_DELAY_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Take the spinner away."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._status is not None:
                self._status.stop()
                self._status = None

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Room for something to be printed meanwhile."""
        self.stop()
        yield
        self.start()

    def _show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._is_over:
                self._status = Console(stderr=True).status(f"{self._text} ...", spinner="line")
                self._status.start()


@contextmanager
def waiting(text: str) -> Iterator[Waiting]:
    """Show a spinner while a block runs longer than a second."""
    shown = Waiting(text)
    shown.start()
    try:
        yield shown
    finally:
        shown.stop()
