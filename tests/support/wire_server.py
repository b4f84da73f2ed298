"""The scripted server of `polycall.testing.wire`, under the name that the tests of this repository use."""

from __future__ import annotations

from polycall.testing import wire
from polycall.testing.wire import *  # noqa: F403
from polycall.testing.wire import FAULTS as FAULTS
from polycall.testing.wire import JSON as JSON

__all__ = wire.__all__
