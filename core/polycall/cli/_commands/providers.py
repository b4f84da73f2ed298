"""``polycall providers``: which are installed, and what settings one takes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from polycall._plugins.discovery import PROVIDER_GROUP
from polycall.cli._examples import OTHER_PROVIDER, PROVIDER
from polycall.cli._help import examples, make_app
from polycall.cli._input.parameters import AsJson
from polycall.cli._output.plugins import print_plugins

app = make_app()


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "polycall providers",
        "polycall providers --json | jq -r '.[].name'",
        f"polycall providers show {PROVIDER}",
    ),
)
def providers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the installed providers, without importing one."""
    if context.invoked_subcommand is None:
        print_plugins(PROVIDER_GROUP, as_json=as_json)


@app.command(epilog=examples(f"polycall providers show {PROVIDER}", f"polycall providers show {OTHER_PROVIDER} --json"))
def show(
    name: Annotated[str, typer.Argument(help="The provider's name.", show_default=False)], as_json: AsJson = False
) -> None:
    """Show a provider's settings, with types, defaults and variables, and the options of a call.

    The plugin is imported; its SDK is not.
    """
    from polycall.cli._output.columns import print_columns
    from polycall.cli._output.terminal import styled
    from polycall.cli._settings_of import describe_provider

    described = describe_provider(name)
    if as_json:
        from polycall.cli._output.json_text import print_json

        print_json(described.as_data())
        return
    out = sys.stdout
    out.write(f"{styled(described.name, 'bold', out)}  {described.distribution}\n")
    if described.about:
        out.write(f"\n{described.about}\n")
    out.write("\n")
    print_columns(
        ("SETTING", "TYPE", "DEFAULT", "IN A FILE", "DESCRIPTION"),
        [(one.name, one.type, one.default, one.in_file, one.description) for one in described.settings],
        wrap_last=True,
    )
    if described.variables:
        out.write(f"\n{styled('Environment variables', 'bold', out)}  {', '.join(described.variables)}\n")
    out.write(f"\n{styled('Options of a call', 'bold', out)}  {', '.join(described.options)}\n")
    out.write("Write them as -o NAME=VALUE, as keywords of create(), or as options = {...} in a profile.\n")
