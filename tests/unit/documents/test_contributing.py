"""The programs in CONTRIBUTING.md run and print what it says they print; its maps show what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CORE = ROOT / "core" / "polycall"
DOCUMENT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every block that begins with a file name, under that name."""
    for block in BLOCKS:
        if named := re.match(r"# (\w+\.py)\n", block):
            (tmp_path / named[1]).write_text(block, encoding="utf-8")
    return tmp_path


def run(program: str, folder: Path) -> str:
    (folder / "program.py").write_text(program, encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_tutorials_provider_answers_as_the_text_says(folder: Path) -> None:
    (program,) = [block for block in BLOCKS if "register_provider(" in block]
    expected = "".join(line.removeprefix("# ") + "\n" for line in program.splitlines() if line.startswith("# "))

    assert run(program, folder) == expected == "Calls([Say(text='hello')])\n"


def test_the_extensions_see_sync_and_async_calls(folder: Path) -> None:
    program = """
import asyncio
from typing import Iterable
import meter, parrot, polycall, redact, stopwatch
from pydantic import BaseModel

class Say(BaseModel):
    text: str

polycall.register_provider("parrot", parrot)
polycall.register_extension("meter", meter)
polycall.register_extension("stopwatch", stopwatch)
polycall.register_extension("redact", redact)
messages = [{"role": "user", "content": "4111 1111 1111 1111"}]
print(polycall.from_provider("parrot").create(messages, Iterable[Say]))
asyncio.run(polycall.from_provider("parrot", async_client=True).create(messages, Iterable[Say]))
print(len(stopwatch.seconds), meter.tokens)
"""

    assert run(program, folder) == "Calls([Say(text='[card]')])\n2 {'parrot': 0}\n"


def test_a_misspelt_hook_gets_the_message_that_the_text_shows(folder: Path) -> None:
    source = (folder / "parrot.py").read_text(encoding="utf-8")
    (folder / "parrot.py").write_text(source.replace("polycall_render_tools", "polycall_render_tool"), encoding="utf-8")
    program = """
import parrot, polycall
try:
    polycall.register_provider("parrot", parrot)
except polycall.PluginError as error:
    print(error)
"""

    shown = re.search(r"```text\nPluginError: (.*?)```", DOCUMENT, flags=re.DOTALL)
    assert shown is not None
    expected = shown[1].replace("polycall-parrot 0.1.0", "registered in code")
    assert run(program, folder).split() == expected.split()


def test_the_map_of_the_folders_is_whole() -> None:
    shown = set(re.findall(r"^\| `tests/(\w+)/` \|", DOCUMENT, flags=re.MULTILINE))

    assert shown == {path.name for path in (ROOT / "tests").iterdir() if any(path.rglob("*.py"))}


def test_the_map_of_the_core_is_whole_and_modules_import_only_what_stands_above_or_beside_them() -> None:
    _, table = DOCUMENT.split("| module | job |\n| --- | --- |\n")
    rows = [re.findall(r"`(\w+)/?`", line.split("|")[1]) for line in table.split("\n\n")[0].splitlines()]
    height = {module: at for at, row in enumerate(rows) for module in row}

    assert set(height) == {_top(path) for path in CORE.rglob("*.py")} - {"__init__"}
    assert [
        f"{module} imports {imported}"
        for path in CORE.rglob("*.py")
        if (module := _top(path)) != "__init__"
        for imported in _imports_of_the_core(path)
        if height[imported] > height[module]
    ] == []


def _top(path: Path) -> str:
    """The name of a module of the core, or of the package that it is a part of."""
    return path.relative_to(CORE).with_suffix("").parts[0]


def _imports_of_the_core(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polycall."):
            yield str(node.module).split(".")[1]
