"""The chart: what a task in a chain, a mapped child and a turn of a loop take, as bars beside each other.

It is drawn from the JSON that a run wrote. The same JSON gives the same file, byte for byte, with the same matplotlib,
which is imported only here and only when it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from math import ceil, floor, log10
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

from .facts import busy, machine

PANELS = {
    "chain": "A task in a chain",
    "child": "A mapped child",
    "turn": "A turn of a loop",
}
OURS, LIMITS, OTHERS = "#1a66d6", "#d3d8de", "#98a1ad"
INK, PALE, LINE = "#1f2328", "#59636e", "#e3e6ea"
UNITS = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns"))
"""In microseconds."""
SETTINGS = {
    "svg.fonttype": "none",  # text stays text: small, and can be searched
    "svg.hashsalt": "interlock",  # names of elements that are the same each time
    "font.family": "sans-serif",
    "font.size": 9,
}
WIDTH, ROW, GAP, HEAD, FOOT = 9.0, 0.235, 0.8, 1.25, 1.1  # inches
LEFT, RIGHT, EDGE = 0.305, 0.97, 0.025  # of the width: between the first two is the axis
MOST = 75
"""So many letters have room beside a name."""
ROOM = 9
"""So many times the largest value is at the end of the axis: what stands at the bar's end needs it."""


class Bar(NamedTuple):
    """A subject, and what it took."""

    name: str
    ours: bool
    value: float | None
    """Microseconds, the median of all passes, or None. The least would favour those that are so quick that many fit."""
    why_not: str | None

    @property
    def label(self) -> str:
        return self.name.removeprefix("limit: ")

    @property
    def text(self) -> str:
        return shorten(f"not measured: {self.why_not}", MOST) if self.value is None else time(self.value)

    @property
    def colour(self) -> str:
        return OURS if self.ours else LIMITS if self.name.startswith("limit: ") else OTHERS


def time(value: float) -> str:
    """Return some microseconds, with two digits that count, in the unit that suits them."""
    size, unit = next((each for each in UNITS if value >= 0.995 * each[0]), UNITS[-1])
    number = float(f"{value / size:.2g}")
    return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"


def bars(found: dict[str, Any], key: str) -> list[Bar]:
    """Return the bars of one panel, the shortest first; those that could not be measured at the end. Any: JSON."""
    chosen = [
        Bar(row["subject"], row["ours"], row["median"], row["why_not"]) for row in found["rows"] if row["key"] == key
    ]
    return sorted(chosen, key=lambda bar: (bar.value is None, bar.value or 0.0))


def budget(found: dict[str, Any], key: str) -> float | None:
    """Return what Interlock may take."""
    return next((row["budget"] for row in found["rows"] if row["key"] == key and row["budget"] is not None), None)


def notes(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the lines below the panels."""
    yield f"Medians of up to {facts['rounds']} rounds, each in a fresh process. Palest: plain Python, no engine."
    yield f"{facts['date'][:10]}, {facts['python']}, {machine(facts)}{busy(facts)}"
    yield facts["command"]


def draw(found: dict[str, Any], file: Path) -> None:
    """Draw the chart into a file. Any: JSON."""
    matplotlib = importlib.import_module("matplotlib")
    panels = [(key, bars(found, key)) for key in PANELS if bars(found, key)]
    sizes = [len(each) * ROW for _, each in panels]
    height = HEAD + sum(sizes) + GAP * (len(sizes) - 1) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=(WIDTH, height), facecolor="white")
        _write(figure, found["facts"], height)
        top = height - HEAD
        for (key, each), size in zip(panels, sizes, strict=True):
            axes = figure.add_axes((LEFT, (top - size) / height, RIGHT - LEFT, size / height))
            _panel(axes, PANELS[key], each, _span(found))
            _budget(axes, budget(found, key))
            top -= size + GAP
        figure.savefig(file, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))


def _write(figure: Any, facts: dict[str, Any], height: float) -> None:
    """Write what stands above and below the panels."""
    figure.text(
        EDGE, 1 - 0.32 / height, "What Interlock costs, beside others", size=15, weight="bold", color=INK, va="center"
    )
    how = (
        "Time for each task, child or turn: shorter is better. From one grey line to the next it is ten times as long."
    )
    figure.text(EDGE, 1 - 0.6 / height, how, color=PALE, va="center")
    for number, line in enumerate(notes(facts)):
        figure.text(EDGE, (0.6 - 0.19 * number) / height, line, size=7.5, color=PALE, va="center")


def _span(found: dict[str, Any]) -> tuple[float, float]:
    """Return the ends of the axis, which all panels share; the least value has a bar of some length."""
    values = [bar.value for key in PANELS for bar in bars(found, key) if bar.value]
    least, most = min(values, default=1.0), max(values, default=1.0)
    return 10.0 ** floor(log10(least / 1.5)), most * ROOM


def _panel(axes: Any, title: str, each: list[Bar], span: tuple[float, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*span)
    axes.set_ylim(len(each) - 0.5, -0.5)  # the first at the top
    axes.set_title(title, loc="left", size=11, weight="bold", color=INK, x=(EDGE - LEFT) / (RIGHT - LEFT))
    for place, bar in enumerate(each):
        weight = "bold" if bar.ours else "normal"
        axes.barh(place, bar.value or 0.0, height=0.72, color=bar.colour)
        for text, end, side, gap in ((bar.text, bar.value or span[0], "left", 4), (bar.label, span[0], "right", -5)):
            at = {"xy": (end, place), "xytext": (gap, 0), "textcoords": "offset points", "va": "center"}
            behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.annotate(text, ha=side, color=INK, weight=weight, bbox=behind, **at)
    _scale(axes, span)


def _scale(axes: Any, span: tuple[float, float]) -> None:
    """Draw the powers of ten, and nothing else of what axes usually have."""
    powers = [10.0**power for power in range(ceil(log10(span[0])), floor(log10(span[1])) + 1)]
    axes.set_xticks(powers, [time(power).replace(".0", "") for power in powers], color=PALE, size=7.5)
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=True, axis="x", color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _budget(axes: Any, most: float | None) -> None:
    """Draw what Interlock may take, as a line across the panel."""
    if most is not None:
        axes.axvline(most, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        text = f"Interlock's budget on an idle machine: {time(most)}".replace(".0", "")
        at = {"xy": (most, 1), "xytext": (0, 3), "xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate(text, size=7.5, color=INK, ha="center", va="bottom", **at)
