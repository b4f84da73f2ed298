"""The exit statuses of ``polycall``, by kind of error."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_INSTALLED = 4
    AUTHENTICATION = 5
    RATE_LIMIT = 6
    NO_ANSWER = 7
    SERVER = 8
    REJECTED = 9
    OUTPUT = 10
    REFUSED = 11
    INTERRUPTED = 130
    CLOSED_PIPE = 141


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.PROBLEM: "check found a problem, or an error that is none of those below",
    ExitCode.USAGE: "the command line, or the tools and messages that it names",
    ExitCode.CONFIGURATION: "a config file, a setting, an option or an environment variable",
    ExitCode.NOT_INSTALLED: "a provider, an extra or an SDK is not installed, or a plugin is broken",
    ExitCode.AUTHENTICATION: "the provider refused the key or denied access",
    ExitCode.RATE_LIMIT: "rate limit or quota",
    ExitCode.NO_ANSWER: "time-out, or no connection",
    ExitCode.SERVER: "the provider's server failed",
    ExitCode.REJECTED: "the provider rejected the request (an unknown model, an option it lacks)",
    ExitCode.OUTPUT: "the reply is not usable: invalid calls, no call, cut off, not the protocol",
    ExitCode.REFUSED: "the model refused, or the provider blocked",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
    ExitCode.CLOSED_PIPE: "the program that read the output closed it (| head)",
}
"""One line for each, for ``polycall --help`` and the documents."""
