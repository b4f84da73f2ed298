"""The root command: its options, and the subcommands, each loaded when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from polycall.cli._command_table import ALIASES, COMMANDS
from polycall.cli._examples import MODEL
from polycall.cli._exit_codes import MEANINGS
from polycall.cli._help import examples, flowing

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer.core import TyperOption

_EXIT_CODES = "Exit codes:\n" + "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())


class LazyGroup(TyperGroup):
    """The commands of the table; a module is imported when its command is asked for."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002  # typer calls it so
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of a name or an alias."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        app: typer.Typer = import_module(f"polycall.cli._commands.{COMMANDS[name]}").app
        command = get_command(app)
        command.name = name
        _prepare(command, ctx)
        return command

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        """The option ``--help``, made cheap."""
        return _cheap(super().get_help_option(ctx))

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the command that the arguments name; an error suggests a name that is near."""
        self.commands = dict.fromkeys(COMMANDS, self)  # the names that a misspelt one may mean
        return super().resolve_command(ctx, args)


def make_root(arguments: Sequence[str]) -> Command:
    """Make the root command for a command line.

    The options that install completion are left out where a subcommand follows at once: they cost 0.1 s.
    """
    app = typer.Typer(
        cls=LazyGroup,
        name="polycall",
        no_args_is_help=True,
        add_completion=not (arguments and (arguments[0] in COMMANDS or arguments[0] in ALIASES)),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"{_EXIT_CODES}\n\n"
        + examples(
            "polycall init",
            'polycall call --tools app.models "weather in Rome"',
            f"polycall render --tools app.models --provider {MODEL}",
            "polycall check --online",
            "polycall --install-completion",
        ),
    )
    app.callback()(_root)
    return get_command(app)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"polycall {version('polycall')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show tracebacks. Anywhere on the line; POLYCALL_DEBUG=1 is the same."),
    ] = False,
) -> None:
    """Typed tool calls from any LLM provider: see what is installed and configured, see requests, ask models."""


def _prepare(command: Command, ctx: Context) -> None:
    """Join the lines of a docstring's paragraphs (the terminal's width breaks them), and make ``--help`` cheap."""
    command.help = flowing(command.help)
    _cheap(command.get_help_option(ctx))
    inner: Mapping[str, Command] = getattr(command, "commands", {})
    for one in inner.values():
        _prepare(one, ctx)


def _cheap(option: TyperOption | None) -> TyperOption | None:
    """Give a flag a value from the start: typer imports pydantic, for 0.1 s, to make one of ``None``."""
    if option is not None:
        option.default = False
    return option
