"""No test reaches a provider by mistake."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polycall
from polycall._data.contract import Request
from polycall.plugin import HOOK_API_VERSION, hookimpl
from polycall.testing._doubles.hooks import ScriptedTraits
from polycall.testing._extensions import register

BLOCK_VARIABLE = "POLYCALL_BLOCK_NETWORK"
_EXTENSION = "~~polycall.testing.block_network"


_allowed: list[frozenset[str | None]] = []
"""For each open block, what may be reached."""


class NetworkBlockedError(AssertionError):
    """A test was about to send a request to a real provider."""


class _Blocker:
    """Refuses each request before it is rendered."""

    polycall_hook_api = HOOK_API_VERSION

    @hookimpl
    def polycall_before_request(self, request: Request) -> None:
        traits = request.session_traits
        if (
            not _allowed
            or request.dry_run
            or isinstance(traits, ScriptedTraits)
            or {request.provider, traits.host} & _allowed[-1]
        ):
            return
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]  # pytest adds the phase
        where = f" at {traits.host}" if traits.host else ""
        raise NetworkBlockedError(
            f"{f'The test {test}' if test else 'The program'} was about to send a request to the provider "
            f"{request.provider!r}{where}, and block_network() refuses it; nothing was sent. Answer with "
            f"polycall.testing.ScriptedProvider, or allow it: block_network(allow=[{request.provider!r}])."
        )


@contextmanager
def block_network(*, allow: Sequence[str] = ()) -> Iterator[None]:
    """Refuse each request of a real provider, of clients that are made in this block. The innermost block decides.

    Scripted providers and ``client.render()`` send nothing, so they work. With the environment variable
    ``POLYCALL_BLOCK_NETWORK=1`` the plugin for pytest does this for the whole session.

    Args:
        allow: Names of providers, and hosts, that may be reached: ``["llamacpp", "127.0.0.1"]``.

    Raises:
        NetworkBlockedError: From the request, with the name of the test.
        ConfigurationError: ``POLYCALL_EXTENSIONS`` leaves the block out.
    """
    is_first = not _allowed
    if is_first:
        register(_EXTENSION, _Blocker())
    _allowed.append(frozenset(allow))
    try:
        yield
    finally:
        _allowed.pop()
        if is_first:
            polycall.unregister(_EXTENSION)
