"""``polycall config``: which file is used and why, its profiles, and what is set or missing."""

from __future__ import annotations

import typer

from polycall.cli._help import examples, make_app
from polycall.cli._input.parameters import AsJson, ConfigFile, Profile

app = make_app()


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "polycall config",
        "POLYCALL_PROFILE=cloud polycall config --json | jq .active",
        "polycall config schema > polycall.schema.json",
    ),
)
def config(context: typer.Context, profile: Profile = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the config file that is found and why, its profiles, the active one and what chose it.

    Secrets are shown as set or missing, never their values. No SDK is imported, and nothing is sent.
    """
    if context.invoked_subcommand is not None:
        return
    from polycall._clients.config_report import config_report
    from polycall.cli._output.configuration import configuration_data, print_configuration

    report = config_report(config, profile, check=True)
    if as_json:
        from polycall.cli._output.json_text import print_json

        print_json(configuration_data(report))
    else:
        print_configuration(report)


@app.command(
    epilog=examples(
        "polycall config schema > polycall.schema.json",
        "sed -i '1i #:schema ./polycall.schema.json' polycall.toml",
    )
)
def schema() -> None:
    """Print the JSON Schema of the config file, for editors.

    It knows the settings of every installed provider.
    """
    from polycall._clients.config_report import config_schema
    from polycall.cli._output.json_text import print_json

    print_json(config_schema())
