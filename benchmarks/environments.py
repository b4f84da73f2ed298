"""Environments for what would get in the way of ours: made with uv in ``.bench/``, kept until their packages change.

A peer's has the peer and polycall, each with the versions that the peer wants; `PROFILE` and `PLOTS` have a tool.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench"
OURS = ("-e", str(ROOT), "-e", str(ROOT / "plugins" / "openai_provider"))
PEERS = {
    "any_llm": ("any-llm-sdk[openai]", *OURS),
    "instructor": ("instructor", *OURS),
    "langchain": ("langchain-openai", *OURS),
    "litellm": ("litellm", "mcp", *OURS),
    "pydantic_ai": ("pydantic-ai-slim[openai]", *OURS),
}
PLOTS = {"plots": ("matplotlib",)}
PROFILE = {"profile": ("py-spy",)}
_REQUIREMENTS = PEERS | PLOTS | PROFILE


def python_of(name: str, uv: str) -> Path:
    """The interpreter of an environment, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: It cannot be made; the output says why.
    """
    environment = FOLDER / name
    python = environment / "bin" / "python"
    made_of = environment / "made_of.txt"
    wanted = " ".join(_REQUIREMENTS[name])
    if made_of.exists() and made_of.read_text() == wanted:
        return python
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *_REQUIREMENTS[name]],
    ):
        subprocess.run(command, check=True, capture_output=True, text=True)
    made_of.write_text(wanted)
    return python
