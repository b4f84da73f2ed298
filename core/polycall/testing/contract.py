"""The contract checker: every hook of every provider, checked in depth while a plugin's own tests run.

Switched on by one line in an author's ``conftest.py``::

    pytest_plugins = ["polycall.testing.contract"]

or for a few lines by `checked`. It needs nothing but a plugin's own tests: an extension wraps every hook, and a broken
rule is a `ContractViolation` that names rule, hook and plugin.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

import pytest

import polycall
from polycall.testing._contract.extension import ContractChecker as ContractChecker
from polycall.testing._contract.rules import RULES as RULES
from polycall.testing._contract.rules import ContractViolation as ContractViolation
from polycall.testing._extensions import register

__all__ = ["RULES", "ContractChecker", "ContractViolation", "checked"]

_NAME = "~polycall.testing.contract"
_lock = threading.Lock()
_active: list[ContractChecker] = []
_session = pytest.StashKey[ExitStack]()


@contextmanager
def checked() -> Iterator[ContractChecker]:
    """Check the plugins of all clients that are made in this block.

    Raises:
        ContractViolation: A plugin broke a rule: where it did, and again at the end of the block if somebody caught it.
        ConfigurationError: ``POLYCALL_EXTENSIONS`` leaves the checker out.
    """
    with _lock:
        is_first = not _active
        if is_first:
            checker = ContractChecker()
            register(_NAME, checker)
            _active.append(checker)
        checker = _active[0]
    known = len(checker.violations)
    try:
        yield checker
    except ContractViolation:
        raise
    except BaseException as error:
        if new := checker.violations[known:]:
            raise new[0] from error
        raise
    finally:
        if is_first:
            with _lock:
                _active.clear()
                polycall.unregister(_NAME)
    if new := checker.violations[known:]:
        raise new[0]


# -- the plugin for pytest --------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Check all clients of the session, those of fixtures too."""
    stack = ExitStack()
    stack.enter_context(checked())
    config.stash[_session] = stack


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it; what the tests broke was said by the tests."""
    stack = config.stash.get(_session, None)
    if stack is not None:
        for checker in _active:
            checker.violations.clear()
        stack.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Let a test fail for a violation that somebody caught, too."""
    with checked():
        return (yield)
