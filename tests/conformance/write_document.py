"""Write the tables of docs/conformance.md: ``python -m conformance.write_document`` in the folder of the tests."""

from __future__ import annotations

from pathlib import Path

from polycall.testing.conformance import CAPABILITIES, documentation

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"
_BEGIN = "| capability | what it is |"


def tables() -> str:
    """From the table of capabilities on."""
    rows = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in CAPABILITIES.items())
    return f"{_BEGIN}\n| --- | --- |\n{rows}\n\n## The checks\n{documentation()}"


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.partition(_BEGIN)[0] + tables(), encoding="utf-8")


if __name__ == "__main__":
    main()
