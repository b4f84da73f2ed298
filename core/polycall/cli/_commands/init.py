"""``polycall init``: write a config file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._exit_codes import ExitCode
from polycall.cli._help import examples, make_app

app = make_app()


@app.command(
    epilog=examples(
        "polycall init",
        "polycall init --force",
        "polycall init - | less",
    )
)
def init(
    file: Annotated[str, typer.Argument(help="Where to; '-' is standard output.")] = "polycall.toml",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented polycall.toml with a profile for each installed provider.

    The default is a provider whose key is set, or one that needs none.
    """
    from polycall.cli._starter import write_starter

    starter = write_starter()
    if file == "-":
        typer.echo(starter.text, nl=False)
        return
    path = Path(file).expanduser()
    if path.is_dir():
        path /= "polycall.toml"
    other = _file_until_now()
    try:
        with path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(starter.text)
    except FileExistsError:
        raise CommandError(f"{path} exists already.", hint="Replace it with --force, or name another file.") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.", code=ExitCode.PROBLEM) from error
    if other is not None and other.resolve() != path.resolve():
        typer.echo(f"It takes the place of {other}, which was found from here until now.", err=True)
    typer.echo(f"Wrote {path}. Profiles: {', '.join(starter.profiles)}; the default is {starter.default}.", err=True)
    for line in starter.next_steps:
        typer.echo(line, err=True)


def _file_until_now() -> Path | None:
    """The config file that counts in the working directory before another one is written."""
    from polycall._clients.config_search import find_file

    try:
        return find_file().path
    except polycall.ConfigurationError:
        return None
