"""The command ``polycall``: look at what is installed and configured, see requests, ask models, from a terminal.

It needs the extra ``cli``: ``pip install "polycall[cli]"``. Each subcommand is a module of its own, listed in
`polycall.cli._command_table`, and imported when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_MISSING = 'polycall: the command line needs the extra "cli". Install it with: pip install "polycall[cli]"\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: Without the program's name; ``None`` takes those of the process.

    Returns:
        The exit status; ``polycall --help`` lists them.
    """
    try:
        import typer  # noqa: F401  # not a dependency of polycall itself
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write(_MISSING)
        return 4
    from polycall.cli._run import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
