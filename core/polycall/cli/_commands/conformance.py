"""``polycall conformance``: what a provider passes of the kit of `polycall.testing.conformance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polycall.cli._help import examples, make_app

app = make_app()


@app.command(
    epilog=examples(
        "polycall conformance acme --strict-tier gold",
        "polycall conformance tests/acme_double.py:AcmeDouble --json report.json --badge badge.json",
        "polycall conformance tests/acme_double.py:AcmeDouble --only E,F02",
    )
)
def conformance(
    name: Annotated[
        str,
        typer.Argument(
            help="The plugin's name, if its distribution has an entry point of the group polycall.conformance; else "
            "the class of its wire double, as module:Class or file.py:Class.",
            show_default=False,
        ),
    ],
    only: Annotated[str, typer.Option(help="Run these groups, or ids that begin so: E,F02.", show_default=False)] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report to a file.", show_default=False)
    ] = None,
    badge_file: Annotated[
        Path | None, typer.Option("--badge", help="Write the data of a badge to a file.", show_default=False)
    ] = None,
    strict_tier: Annotated[
        str | None,
        typer.Option(help="Fail if this tier is not reached: bronze, silver, gold, platinum.", show_default=False),
    ] = None,
) -> None:
    """Run the conformance kit for a provider, over its wire double.

    Needs the extra "testing". Ends with status 1 if a check fails, or with --strict-tier if that tier is not reached.
    """
    from polycall.testing.conformance import run_conformance

    status = run_conformance(
        name, only=only, json_file=json_file, badge_file=badge_file, strict_tier=strict_tier, say=typer.echo
    )
    raise typer.Exit(status)
