"""The findings of ``polycall check``: as they come for people, at the end for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TextIO

from polycall.cli._findings import Finding
from polycall.cli._output.json_text import print_json
from polycall.cli._output.terminal import is_unicode, styled, visible, wrapped


class FindingsText:
    """Writes each finding at once, under a heading for its section."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._section: str | None = None
        self._wrong = 0
        self._marks = ("\N{CHECK MARK}", "\N{BALLOT X}") if is_unicode(out) else ("ok", "!!")

    def add(self, finding: Finding) -> None:
        """Write one finding."""
        out = self._out
        if finding.section != self._section:
            self._section = finding.section
            out.write(f"{styled(finding.section, 'bold', out)}\n")
        good, bad = self._marks
        mark = styled(good, "green", out) if finding.ok else styled(bad, "red", out)
        indent = len(good) + 3
        message = wrapped(visible(finding.message), out, after=indent + len(finding.name) + 2, indent=indent + 2)
        out.write(f"  {mark} {styled(finding.name, 'cyan', out)}  {message}\n")
        if finding.hint:
            hint = wrapped(finding.hint, out, after=indent + 2, indent=indent + 2)
            out.write(f"{' ' * (indent + 2)}{hint}\n")
        out.flush()
        self._wrong += not finding.ok

    def finish(self) -> int:
        """Write the end; the number of problems."""
        out, wrong = self._out, self._wrong
        summary = f"{wrong} problem{'' if wrong == 1 else 's'} found." if wrong else "Everything is in order."
        out.write(f"\n{styled(summary, 'red' if wrong else 'green', out)}\n")
        return wrong


class FindingsJson:
    """Writes one JSON object: ``{"ok": ..., "findings": [...]}``."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Keep one finding."""
        self._findings.append(finding)

    def finish(self) -> int:
        """Write all; the number of problems."""
        wrong = sum(not one.ok for one in self._findings)
        print_json({"ok": not wrong, "findings": [asdict(one) for one in self._findings]})
        return wrong
