"""One run of the command: parse, run, and turn whatever goes wrong into a line and an exit status."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from polycall.cli._exit_codes import ExitCode

_DEBUG_VARIABLE = "POLYCALL_DEBUG"


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Returns:
        The exit status.
    """
    arguments, debug = _without_debug(arguments)
    arguments = _in_other_words(arguments)
    sys.stdout, sys.stderr = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))  # closed: >&-
    for stream in (sys.stdout, sys.stderr):
        _never_fail_at_a_character(stream)
    try:
        status = _run(arguments, debug=debug)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_the_closed_pipe()
        return ExitCode.CLOSED_PIPE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return int(status)


def _run(arguments: Sequence[str], *, debug: bool) -> int:
    import typer

    from polycall.cli._app import make_root

    usage_error: type[Exception] = typer.BadParameter.__bases__[0]  # typer gives the base of all no public name
    try:
        status = make_root(arguments).main(list(arguments), prog_name="polycall", standalone_mode=False)
    except usage_error as error:
        from polycall.cli._errors import report_usage

        return report_usage(error)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # typer's answer to a closed pipe
            raise error.__context__ from None
        raise
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the user gets a line and not a traceback
        from polycall.cli._errors import report

        return report(error, debug=debug)
    return status if isinstance(status, int) else ExitCode.OK


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Take ``--debug`` out, wherever it stands: it belongs to every command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [one for one in arguments[:end] if one != "--debug"]
    asked = len(kept) < end or os.environ.get(_DEBUG_VARIABLE, "0") not in ("", "0")
    return [*kept, *arguments[end:]], asked


def _in_other_words(arguments: list[str]) -> list[str]:
    """``polycall help call`` and ``polycall version``, as other commands have them."""
    if arguments[:1] == ["help"]:
        return [*arguments[1:], "--help"]
    return ["--version"] if arguments == ["version"] else arguments


def _never_fail_at_a_character(stream: TextIO) -> None:
    """Let a stream that is not UTF-8 show an escape where it lacks a character."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _leave_the_closed_pipe() -> None:
    """Keep Python from complaining when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):  # a stream of a test has no descriptor
            continue
