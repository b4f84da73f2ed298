"""Draws the terminal pictures of docs/command-line.md: each command is run, and what it writes becomes an SVG.

python docs/pictures/make.py            # all of them, next to this file
python docs/pictures/make.py FOLDER     # somewhere else

The commands run in this process, on a pseudo-terminal, against a local server.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from polycall.cli import main as polycall  # noqa: E402
from polycall.cli._output import progress  # noqa: E402
from polycall.testing.wire import WireServer, reply_json, reply_stream  # noqa: E402
from support.openai_replies import USAGE, chunks, completion, sse  # noqa: E402
from support.terminal import Terminal  # noqa: E402

COLUMNS = 100
MODELS = (HERE.parent / "command-line.md").read_text(encoding="utf-8").partition("```python\n# app/models.py\n")[2]
CONFIG = """\
default = "fast"

[profiles.fast]
provider = "openai"
model = "gpt-4o-mini"
api_key_env = "OPENAI_API_KEY"
options = { temperature = 0.2 }

[profiles.groq]
provider = "groq"
model = "llama-3.3-70b-versatile"
api_key_env = "GROQ_KEY"
"""
CALLS = [
    ("Weather", {"location": "Rome", "units": "metric"}),
    ("Weather", {"location": "Oslo", "units": "metric"}),
    ("GoogleSearch", {"query": "who won the super bowl"}),
]
PICTURES = {
    "call": ["call", "--tools", "app.models", "--stream", "Weather in Rome and Oslo, and who won?"],
    "config": ["config"],
    "check": ["check", "--online"],
    "providers": ["providers"],
    "error": ["call", "--tools", "app.models:Wether", "The weather in Rome?"],
    "help": ["call", "--help"],
}
"""Names of files, and the commands that they show."""


def main(folder: Path) -> None:
    """Draw every picture."""
    for name, arguments in PICTURES.items():
        with project() as server:
            if name == "call":
                server.enqueue(reply_stream(sse(chunks(CALLS, usage=USAGE))))
            if name == "check":
                server.enqueue(reply_json(completion([("Ready", {"ready": True})])))
            with Terminal() as terminal:
                polycall(arguments)
            draw(arguments, terminal.output.replace(str(Path.cwd()), "/home/ada/trip"), folder / f"{name}.svg")


@contextmanager
def project() -> Iterator[WireServer]:
    """A working directory with models and a config file, and a server that the default profile asks."""
    before, variables, path, delay_s = Path.cwd(), dict(os.environ), [*sys.path], progress.DELAY_S
    with tempfile.TemporaryDirectory() as made, WireServer() as server:
        folder = Path(made).resolve()
        for file, text in {
            ".git/HEAD": "",
            "app/models.py": MODELS.partition("```")[0],
            "polycall.toml": CONFIG,
        }.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        for name in [*os.environ]:
            if name.startswith(("POLYCALL_", "OPENAI_", "GROQ_")) or name in ("NO_COLOR", "FORCE_COLOR"):
                del os.environ[name]
        os.environ.update(
            OPENAI_API_KEY="a-key", OPENAI_BASE_URL=server.url, TERM="xterm-256color", COLUMNS=str(COLUMNS)
        )
        os.chdir(folder)
        progress.DELAY_S = 3600  # a picture cannot show that the spinner goes away
        try:
            yield server
        finally:
            os.chdir(before)
            progress.DELAY_S = delay_s
            os.environ.clear()
            os.environ.update(variables)
            sys.path[:] = path
            for module in [name for name in sys.modules if name.partition(".")[0] == "app"]:
                del sys.modules[module]


def draw(arguments: list[str], output: str, file: Path) -> None:
    """Write a picture of a command and its output."""
    shown = " ".join(one if re.fullmatch(r"[\w.:/=-]+", one) else json.dumps(one) for one in arguments)
    console = Console(record=True, width=COLUMNS, file=StringIO(), legacy_windows=False)
    console.print(Text.assemble(("$ ", "bold green"), f"polycall {shown}"))
    console.print(Text.from_ansi(output.rstrip()))
    svg = console.export_svg(title="polycall", unique_id=f"polycall-{file.stem}")
    file.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
