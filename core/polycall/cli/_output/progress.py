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

DELAY_S = 1.0
"""After how many seconds a spinner appears."""


class Waiting:
    """Shows a spinner on standard error, a second after it was started, until it is stopped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._status: Status | None = None

    def start(self) -> None:
        """Begin to wait."""
        if not can_redraw(sys.stderr):
            return
        timer = threading.Timer(DELAY_S, lambda: self._show(timer))
        timer.daemon = True
        self._timer = timer
        timer.start()

    def stop(self) -> None:
        """Take the spinner away."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._status is not None:
                self._status.stop()
                self._status = None

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Room for something to be printed meanwhile."""
        self.stop()
        yield
        self.start()

    def _show(self, timer: threading.Timer) -> None:
        from rich.console import Console

        with self._lock:
            if self._timer is timer:  # else it was stopped while this thread began
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
