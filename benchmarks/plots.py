"""The plots of docs/benchmarks.md: ``python -m benchmarks.plots FOLDER`` reads `Plot`s as JSON lines, writes SVG files.

It runs in an environment that has matplotlib and nothing of ours, so the suite needs no plotting library.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import cycle
from math import floor, log10
from pathlib import Path
from typing import Any

GREY = "#808080"  # between black and white: legible on light pages and on dark ones
OURS = "#2a7fba"
OTHERS = ("#d1495b", "#b8860b", "#3a9d5d", "#8a63c9", "#d2691e", "#5f9ea0", "#c71585")
STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "font.family": "sans-serif",
    "grid.alpha": 0.3,
    "grid.color": GREY,
    "legend.frameon": False,
    "legend.labelcolor": GREY,
    "svg.fonttype": "none",  # text, not outlines: small, and can be searched
    "svg.hashsalt": "polycall",  # the same ids in every run
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


@dataclass
class Plot:
    """Lines over a logarithmic axis, or bars; the values' axis is logarithmic, too."""

    name: str
    """The file's, without its suffix."""
    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    """Points (x, y) by name."""
    bars: Mapping[str, float] = field(default_factory=dict)
    """From the top."""


def draw(plot: Plot, folder: Path) -> None:
    """Write one SVG file."""
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
        axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
        if plot.bars:
            draw_bars(axes, plot.bars)
        else:
            draw_lines(axes, plot.lines)
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        drawn = StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata=metadata)
        pyplot.close(figure)
    text = "".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines())
    (folder / f"{plot.name}.svg").write_text(text)


def draw_lines(axes: Any, lines: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Each with a mark at what was measured."""
    from matplotlib.ticker import LogLocator

    others = cycle(OTHERS)
    for name, points in lines.items():
        colour = OURS if name.startswith("polycall") else next(others)
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=name)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(short)
    values = [y for points in lines.values() for _, y in points]
    if max(values) < 100 * min(values):
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.minorticks_off()
    axes.grid(which="major")
    axes.figure.legend(loc="outside right upper")


def draw_bars(axes: Any, bars: Mapping[str, float]) -> None:
    """Horizontal ones with their values; polycall's in its colour."""
    colours = [OURS if name == "polycall" else GREY for name in bars]
    drawn = axes.barh(list(bars), list(bars.values()), color=colours, height=0.6)
    axes.bar_label(drawn, [f"{value:,.0f}" if value >= 100 else f"{value:.2g}" for value in bars.values()], padding=4)
    axes.set_xscale("log")
    axes.set_xlim(10 ** floor(log10(min(bars.values()))), max(bars.values()) * 2)
    axes.xaxis.set_major_formatter(short)
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(axis="x", which="major")
    axes.set_axisbelow(True)


def short(value: float, _position: int = 0) -> str:
    """1000 as 1 k."""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


if __name__ == "__main__":
    for line in sys.stdin:
        draw(Plot(**json.loads(line)), Path(sys.argv[1]))
