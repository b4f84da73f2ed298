"""The plugin for pytest, which loads it by its entry point wherever polycall is installed: imports nothing until used.

Fixtures: ``scripted_provider``. Variable: ``POLYCALL_BLOCK_NETWORK=1`` refuses each request of a real provider.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from polycall.testing import ScriptedProvider

_BLOCK_VARIABLE = "POLYCALL_BLOCK_NETWORK"
_FALSE = ("", "0", "false", "no", "off")
_block = pytest.StashKey[ExitStack]()
_providers = pytest.StashKey["list[ScriptedProvider]"]()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let pytest leave polycall's modules as they are, before any of them is imported.

    It rewrites the assertions of each module of a distribution that has a plugin: for polycall nothing but a slower
    import, and names in each module that nobody wrote. pytest has no public way to say no.
    """
    marked: object = getattr(pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard("polycall")


def pytest_configure(config: pytest.Config) -> None:
    """Block the network for the whole session, before the first module of the tests can make a client."""
    if os.environ.get(_BLOCK_VARIABLE, "").lower() in _FALSE:
        return
    import polycall
    from polycall.testing import block_network

    stack = ExitStack()
    try:
        stack.enter_context(block_network())
    except polycall.ConfigurationError as error:
        raise pytest.UsageError(f"{_BLOCK_VARIABLE} is set: {error}") from error
    config.stash[_block] = stack


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it."""
    stack = config.stash.get(_block, None)
    if stack is not None:
        stack.close()


@pytest.fixture
def scripted_provider(request: pytest.FixtureRequest) -> Callable[..., ScriptedProvider]:
    """Make a `polycall.testing.ScriptedProvider`; the test fails if replies of its script are left, or missing."""
    from polycall.testing import ScriptedProvider

    made = request.node.stash.setdefault(_providers, [])

    def make(*replies: object, then: object = None) -> ScriptedProvider:
        provider = ScriptedProvider(*replies, then=then)
        made.append(provider)
        return provider

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Check the scripts of a test that has passed so far: what is left makes the test fail, not its tear-down."""
    result = yield
    for provider in item.stash.get(_providers, ()):
        provider.check()
    return result
