"""Calls as they come: a table for people, JSON lines for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import polycall
from polycall.cli._output.json_text import json_text, plain
from polycall.cli._output.terminal import is_terminal, is_unicode, styled, visible, width

_GAP = "  "
_NARROW = 24
"""Columns of arguments below which each argument has a line of its own."""


class Shown(Protocol):
    """Takes calls one by one."""

    def show(self, call: polycall.ToolCall, value: object) -> None:
        """Show one call."""
        ...


def make_display(tools: Sequence[str], *, timed: bool) -> Shown:
    """The display for standard output.

    Args:
        tools: The names of the tools that may be called.
        timed: The calls come one by one: a table tells when.
    """
    return Table(tools, timed=timed) if is_terminal(sys.stdout) else JsonLines()


class JsonLines:
    """One JSON object per line: ``{"tool": ..., "arguments": {...}, "id": ...}``, written at once."""

    def show(self, call: polycall.ToolCall, value: object) -> None:
        """Write one line."""
        sys.stdout.write(f"{json_text(as_data(call, value))}\n")
        sys.stdout.flush()


class Table:
    """Rows whose columns line up though later rows are not known yet: the names of the tools are."""

    def __init__(self, tools: Sequence[str], *, timed: bool) -> None:
        self._tool_width = max(map(len, [*tools, "TOOL"]))
        self._started = time.perf_counter() if timed else None
        self._has_heading = False

    def show(self, call: polycall.ToolCall, value: object) -> None:
        """Write one row."""
        out = sys.stdout
        times = [] if self._started is None else [f"{time.perf_counter() - self._started:6.2f} s"]
        left = sum(len(one) + len(_GAP) for one in (*times, " " * self._tool_width))
        if not self._has_heading:
            self._has_heading = True
            headings = (*(f"{'TIME':>{len(one)}}" for one in times), f"{'TOOL':{self._tool_width}}", "ARGUMENTS")
            out.write(f"{styled(_GAP.join(headings), 'bold', out)}\n")
        is_narrow = width() - left < _NARROW
        lines = _wrapped(_argument_texts(value), width() - (len(_GAP) if is_narrow else left))
        head = [*(styled(one, "dim", out) for one in times), styled(f"{call.name:{self._tool_width}}", "cyan", out)]
        if not is_narrow:
            head += lines[:1]
            lines = lines[1:]
        out.write(f"{_GAP.join(head).rstrip()}\n")
        for line in lines:
            out.write(f"{_GAP if is_narrow else ' ' * left}{line}\n")
        out.flush()


def as_data(call: polycall.ToolCall, value: object) -> dict[str, object]:
    """A call as JSON data, with its arguments as they were validated."""
    return {"tool": call.name, "arguments": _arguments(value), "id": call.id}


def reply_data(calls: polycall.Calls[object]) -> dict[str, object]:
    """All that a reply says, as JSON data."""
    return {
        "calls": [as_data(call, value) for call, value in zip(calls.tool_calls, calls, strict=True)],
        "text": calls.text,
        "reasoning": calls.reasoning,
        "finish_reason": calls.finish_reason,
        "usage": None if calls.usage is None else plain(calls.usage),
        "provider": calls.provider,
        "model": calls.model,
        "response_id": calls.response_id,
        "adaptations": [plain(one) for one in calls.adaptations],
        "surplus": [plain(one) for one in calls.surplus],
    }


def print_summary(calls: polycall.Calls[object], seconds: float) -> None:
    """Tell people about a reply, on standard error: the model's words, and in one line the rest."""
    if calls.text and calls.text.strip():
        sys.stderr.write(f"{visible(calls.text.strip())}\n")
    if not is_terminal(sys.stderr):
        return
    parts = [f"{len(calls)} call{'' if len(calls) == 1 else 's'}"]
    if calls.model or calls.provider:
        parts.append(str(calls.model or calls.provider))
    if calls.usage is not None:
        parts.append(_usage_text(calls.usage))
    parts.append(f"{seconds:.1f} s")
    parts.extend(f"{one.setting}: {one.kind}" for one in calls.adaptations)
    if calls.surplus:
        parts.append(f"{len(calls.surplus)} more not used (--max-calls)")
    separator = " \N{MIDDLE DOT} " if is_unicode(sys.stderr) else " - "
    sys.stderr.write(styled(separator.join(parts), "dim", sys.stderr) + "\n")


def _usage_text(usage: polycall.Usage) -> str:
    counts = [("in", usage.input_tokens), ("out", usage.output_tokens)]
    known = [f"{count} {word}" for word, count in counts if count is not None]
    if not known and usage.total_tokens is not None:
        known = [str(usage.total_tokens)]
    return f"{', '.join(known) or 'unknown'} tokens"


def _arguments(value: object) -> object:
    """A validated call's arguments, as JSON data."""
    return plain(value.arguments) if isinstance(value, polycall.ToolCall) else plain(value)


def _argument_texts(value: object) -> list[str]:
    arguments = _arguments(value)
    if not isinstance(arguments, Mapping):
        return [visible(repr(arguments))]
    return [f"{styled(f'{name}=', 'dim', sys.stdout)}{visible(json_text(one))}" for name, one in arguments.items()]


def _wrapped(texts: Sequence[str], room: int) -> list[str]:
    """Put arguments on lines; one that is too long for a line is left to the terminal."""
    lines: list[str] = []
    at = 0
    for text in texts:
        size = _length(text)
        if lines and at + len(_GAP) + size <= room:
            lines[-1] += f"{_GAP}{text}"
            at += len(_GAP) + size
        else:
            lines.append(text)
            at = size
    return lines


def _length(text: str) -> int:
    """Columns of a text that may hold colours."""
    from re import sub

    return len(sub(r"\x1b\[[0-9;]*m", "", text))
