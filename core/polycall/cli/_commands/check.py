"""``polycall check``: whether everything that is installed and configured works."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from polycall.cli._exit_codes import ExitCode
from polycall.cli._help import examples, make_app
from polycall.cli._input.completion import profile_names
from polycall.cli._input.parameters import AsJson, ConfigFile

app = make_app()


@app.command(
    epilog=examples(
        "polycall check",
        "polycall check --online -p fast",
        "polycall check --json | jq '.findings[] | select(.ok | not)'",
    )
)
def check(
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME",
            autocompletion=profile_names,
            help="Only this profile. Repeatable.",
            show_default=False,
        ),
    ] = None,
    config: ConfigFile = None,
    online: Annotated[bool, typer.Option("--online", help="Make one tiny call for each profile.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds that such a call may take.", min=0.1)] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Load every plugin, make the client of every profile, and say what is wrong and how to mend it.

    Also named 'doctor'. Ends with status 1 if anything is wrong. A profile of a local model loads that model.
    """
    from polycall.cli._checks import run_checks
    from polycall.cli._output.findings import FindingsJson, FindingsText
    from polycall.cli._output.progress import waiting

    shown = FindingsJson() if as_json else FindingsText(sys.stdout)
    for finding in run_checks(profile or (), config, online_timeout_s=timeout if online else None, waiting=waiting):
        shown.add(finding)
    if shown.finish():
        raise typer.Exit(ExitCode.PROBLEM)
