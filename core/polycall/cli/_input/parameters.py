"""The parameters that several commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from polycall.cli._examples import SCHEMA_FORMS
from polycall.cli._input.completion import profile_names, provider_prefixes

ASKING = "What is asked"
CLIENT = "Which client"
OUTPUT = "Output"

Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        metavar="NAME",
        autocompletion=profile_names,
        help="A profile of the config file.",
        rich_help_panel=CLIENT,
        show_default=False,
    ),
]
ProviderName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="PROVIDER/MODEL",
        autocompletion=provider_prefixes,
        help="A provider and a model, without a file.",
        rich_help_panel=CLIENT,
        show_default=False,
    ),
]
ConfigFile: TypeAlias = Annotated[
    str | None,
    typer.Option("--config", "-c", metavar="FILE", help="The config file.", rich_help_panel=CLIENT, show_default=False),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Instead of the profile's model.",
        rich_help_panel=CLIENT,
        show_default=False,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--setting",
        "-s",
        metavar="NAME=VALUE",
        help="A setting of the provider (base_url=...). Repeatable.",
        rich_help_panel=CLIENT,
        show_default=False,
    ),
]
Prompt: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="The user's words; '-', or piped input, is read.", show_default=False),
]
Tools: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        "-t",
        metavar="MODULE[:NAME]",
        help="A class, or a module for all of its models. Repeatable.",
        rich_help_panel=ASKING,
        show_default=False,
    ),
]
Schema: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--schema",
        metavar="FILE",
        help=f"Tools as JSON, {SCHEMA_FORMS}. Repeatable.",
        rich_help_panel=ASKING,
        show_default=False,
    ),
]
System: TypeAlias = Annotated[
    str | None,
    typer.Option("--system", metavar="TEXT", help="The system's words.", rich_help_panel=ASKING, show_default=False),
]
Messages: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--messages",
        metavar="FILE",
        help="A conversation as JSON; the prompt follows it.",
        rich_help_panel=ASKING,
        show_default=False,
    ),
]
Options: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        help="An option of the call (temperature=0.2); JSON or text. Repeatable.",
        rich_help_panel=ASKING,
        show_default=False,
    ),
]
ToolChoice: TypeAlias = Annotated[
    str,
    typer.Option(
        "--tool-choice",
        metavar="CHOICE",
        help="auto, required, the name of a tool, or several with commas.",
        rich_help_panel=ASKING,
    ),
]
Strict: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--strict/--no-strict",
        help="Let the provider enforce the schema.",
        rich_help_panel=ASKING,
        show_default="where it can",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
