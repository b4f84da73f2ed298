"""``polycall providers``: which are installed, and what settings one takes."""

from __future__ import annotations

from typing import Annotated

import typer

from polycall._plugins.discovery import PROVIDER_GROUP
from polycall.cli._examples import OTHER_PROVIDER, PROVIDER
from polycall.cli._help import examples, make_app
from polycall.cli._input.completion import provider_names
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


@app.command("list", hidden=True)
def list_(as_json: AsJson = False) -> None:
    """List the installed providers."""
    print_plugins(PROVIDER_GROUP, as_json=as_json)


@app.command(epilog=examples(f"polycall providers show {PROVIDER}", f"polycall providers show {OTHER_PROVIDER} --json"))
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=provider_names, help="The provider's name.", show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Show a provider's settings, with types, defaults and variables, and the options of a call.

    The plugin is imported; its SDK is not.
    """
    from polycall.cli._output.settings import print_provider

    print_provider(name, as_json=as_json)
