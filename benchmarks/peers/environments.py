"""The peers' environments: made with uv in ``.bench/``, kept until their packages change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".bench"
PACKAGES = {
    "instructor": ["instructor"],
    "pydantic_ai": ["pydantic-ai-slim[openai]"],
    "langchain": ["langchain-openai"],
    "litellm": ["litellm", "mcp"],
}
OURS = ["-e", str(ROOT), "-e", str(ROOT / "plugins" / "openai_provider")]


def python_of(peer: str, uv: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: It cannot be made; the output says why.
    """
    environment = FOLDER / peer
    python = environment / "bin" / "python"
    made_of = environment / "made_of.txt"
    wanted = " ".join(PACKAGES[peer])
    if made_of.exists() and made_of.read_text() == wanted:
        return python
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES[peer], *OURS],
    ):
        subprocess.run(command, check=True, capture_output=True, text=True)
    made_of.write_text(wanted)
    return python
