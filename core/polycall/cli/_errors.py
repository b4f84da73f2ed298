"""What went wrong, in a line or two on standard error: the problem, and the next step. Never a secret."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polycall
from polycall.cli._examples import MODEL
from polycall.cli._exit_codes import ExitCode
from polycall.cli._output.terminal import styled, visible
from polycall.plugin import shown_url

_SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 8
_MAX_SHOWN = 600


class CommandError(Exception):
    """A problem that a command itself finds.

    Args:
        message: What was given, and why it cannot be used.
        hint: The next step.
        code: The exit status.
    """

    def __init__(self, message: str, *, hint: str | None = None, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is shown.

    Attributes:
        message: What happened.
        hint: The next step; ``None`` where the message says it.
        code: The exit status.
    """

    message: str
    hint: str | None
    code: ExitCode


_KINDS = {
    "auth": (
        ExitCode.AUTHENTICATION,
        "the provider refused the key",
        "Check the key, and that its account may use this model. 'polycall config' shows where the key comes from.",
    ),
    "rate_limit": (
        ExitCode.RATE_LIMIT,
        "rate limit or quota",
        "Wait and try again; max_retries in the profile lets the SDK repeat more often.",
    ),
    "timeout": (
        ExitCode.NO_ANSWER,
        "no answer in time",
        "Allow more time with -o timeout=SECONDS, or try again.",
    ),
    "connection": (
        ExitCode.NO_ANSWER,
        "no connection to the provider",
        "Check the network, the proxy and the base URL ('polycall config' shows it).",
    ),
    "server": (ExitCode.SERVER, "the provider's server failed", "Try again later."),
    "bad_request": (
        ExitCode.REJECTED,
        "the provider rejected the request",
        "Check the model's name and the options; 'polycall render' shows the request.",
    ),
}


_AS_OPTIONS = {
    "pass path=": "pass -c FILE",
    "pass profile=": "pass -p NAME",
    "with profile=": "with -p ",
    "Write tool_choice=": "Write --tool-choice ",
}
"""Parameters of `polycall.from_config` that its errors name, and what they are on the command line."""


def report(error: BaseException, *, debug: bool) -> int:
    """Show an error.

    Returns:
        The exit status.
    """
    if debug:
        text = "".join(traceback.format_exception(error))
        sys.stderr.write(without_secrets(text))
    problem = explain(error)
    show(problem)
    return problem.code


def report_usage(error: BaseException) -> int:
    """Show an error of the command line.

    Returns:
        The exit status.
    """
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # its help has been printed
        return ExitCode.USAGE
    message = str(getattr(error, "format_message", error.__str__)())
    path = getattr(context, "command_path", "polycall")
    show(Problem(message, f"{_usage_hint(message, path)}See '{path} --help'.", ExitCode.USAGE))
    return ExitCode.USAGE


def _usage_hint(message: str, path: str) -> str:
    if "unexpected extra argument" in message:
        return "The prompt is one argument, in quotes; tools follow --tools, options -o NAME=VALUE. "
    if "No such option" in message and path == "polycall":
        return "Options of a command come after it: polycall call -p fast. "
    return ""


def show(problem: Problem) -> None:
    """Write a problem to standard error."""
    sys.stdout.flush()
    lines = [f"{styled('error:', 'bold red', sys.stderr)} {visible(problem.message)}"]
    if problem.hint:
        lines.append(f"{styled('hint:', 'bold cyan', sys.stderr)}  {problem.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


def explain(error: BaseException) -> Problem:
    """What is shown of an error, and its exit status."""
    problem = _explain(error)
    return Problem(without_secrets(problem.message), problem.hint, problem.code)


def _explain(error: BaseException) -> Problem:
    if isinstance(error, CommandError):
        return Problem(str(error), error.hint, error.code)
    if isinstance(error, polycall.PolycallError):
        return _of_polycall(error)
    kind = polycall.kind_of(error) if isinstance(error, Exception) else None
    if kind in _KINDS:
        code, words, hint = _KINDS[kind]
        return Problem(f"{words}: {_sdk_message(error)}", hint, code)
    where = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    notes = " ".join(getattr(error, "__notes__", ()))
    return Problem(
        _one_line(f"{where}: {error} {notes}"), "Run the command with --debug for the traceback.", ExitCode.PROBLEM
    )


def _of_polycall(error: polycall.PolycallError) -> Problem:
    if isinstance(error, polycall.OutputError):
        return _of_output(error)
    message = str(error)
    if isinstance(error, polycall.ConfigurationError):
        hint = _configuration_hint(error)
        for python, option in _AS_OPTIONS.items():
            message = message.replace(python, option)
        return Problem(message, hint, ExitCode.CONFIGURATION)
    if isinstance(error, polycall.ProviderNotFoundError):
        return Problem(message, "'polycall providers' lists what is installed.", ExitCode.NOT_INSTALLED)
    if isinstance(error, polycall.PluginError):
        return Problem(message, "'polycall check' looks at every plugin.", ExitCode.NOT_INSTALLED)
    return Problem(message, None, ExitCode.USAGE)  # tools and messages


def _configuration_hint(error: polycall.ConfigurationError) -> str | None:
    message = str(error)
    if message.startswith("No polycall.toml"):
        return f"'polycall init' writes one. Without a file, name the provider: --provider {MODEL}."
    if error.key == "default" and "no profile was chosen" in message:
        return "Choose one with -p NAME."
    if error.key == "tool_choice" and "Write " not in message:
        return "Write --tool-choice auto, required, or the names of tools."
    return None


def _of_output(error: polycall.OutputError) -> Problem:
    good = f" {_count(len(error.calls), 'good call')} {_are(len(error.calls))} above." if len(error.calls) else ""
    if isinstance(error, polycall.RefusalError):
        return Problem(f"the model refused, or the provider blocked: {_one_line(error.reason)}", None, ExitCode.REFUSED)
    if isinstance(error, polycall.InvalidCallsError):
        total = len(error.failures) + len(error.calls)
        reasons = "; ".join(f"{one.tool_call.name}: {_one_line(one.reason)}" for one in error.failures)
        return Problem(
            f"{len(error.failures)} of {_count(total, 'call')} did not validate ({_cut(reasons)}).{good}",
            "A larger --max-retries asks the model for more corrections.",
            ExitCode.OUTPUT,
        )
    if isinstance(error, polycall.NoToolCallsError):
        said = f" It said: {_cut(_one_line(error.text))!r}." if error.text else ""
        what = f"did not call {', '.join(error.missing)}" if error.missing else "made no tool call"
        return Problem(
            f"the model {what}.{said}{good}",
            "--tool-choice auto allows an answer without calls.",
            ExitCode.OUTPUT,
        )
    if isinstance(error, polycall.IncompleteOutputError):
        hint = "Allow a longer reply with -o max_tokens=NUMBER." if "length" in str(error) else None
        return Problem(f"{_one_line(str(error))}{good}", hint, ExitCode.OUTPUT)
    kind = polycall.kind_of(error)
    if kind in _KINDS and kind != "server":  # an error object inside of a reply; all else is not the protocol
        code, words, hint = _KINDS[kind]
        return Problem(f"{words}: {_cut(_one_line(str(error)))}", hint, code)
    return Problem(_one_line(str(error)), "Check the base URL and the model.", ExitCode.OUTPUT)


def _sdk_message(error: BaseException) -> str:
    """The words of an SDK's error, shorter where it keeps the server's own apart."""
    body = getattr(error, "body", None)
    inner = body.get("message") if isinstance(body, Mapping) else None
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    text = f"{status} {inner}" if isinstance(inner, str) and inner else str(error)
    url = getattr(getattr(error, "request", None), "url", None)
    if url is not None and status is None:
        text = f"{text} {shown_url(str(url))}"
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in text:
        text = f"{text} ({cause})"
    return f"{_cut(_one_line(text))} [{type(error).__module__.partition('.')[0]}.{type(error).__name__}]"


def without_secrets(text: str) -> str:
    """A text without the values of environment variables that sound like secrets."""
    for value in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        secret = value.strip()
        if len(secret) >= _SHORTEST_SECRET and _SECRET_VARIABLE.search(name) and "/" not in secret[:1]:
            yield secret


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
