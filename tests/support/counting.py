"""Function calls, counted: a cost that is the same on a busy machine as on an idle one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType


class Counter:
    """Counts function calls of Python and of C: all of them, and those that these packages' own code makes."""

    def __init__(self, *packages: ModuleType) -> None:
        self.all = 0
        self.ours = 0
        self._folders = tuple(str(Path(package.__file__ or "").parent) for package in packages)

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            self.all += 1
            if frame.f_code.co_filename.startswith(self._folders):
                self.ours += 1

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is called inside, without what the garbage of earlier tests calls when it is collected."""
        gc.collect()
        gc.disable()
        previous = sys.getprofile()
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(previous)
            gc.enable()


def count(job: Callable[[], object], *packages: ModuleType) -> Counter:
    """The function calls of a job that has been done before: caches are filled."""
    for _ in range(3):
        job()
    counter = Counter(*packages)
    with counter.counting():
        job()
    return counter
