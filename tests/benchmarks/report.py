"""The rows of the table, and how it is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from .clock import Measure


class Row(NamedTuple):
    """One thing that costs something."""

    title: str
    unit: str
    budget: float | None = None
    """What Interlock may take, at most."""
    times: Sequence[tuple[str, float]] = ()
    """By the beginning of a subject's name: how many times as much as Interlock it must take, at least."""


ROWS = {
    "step": Row("one step: in Interlock atomic, with story and counts", "us", 0.4, [("transitions", 25)]),
    "trigger": Row("one trigger of a registered model of `transitions`", "us", None, [("transitions", 30)]),
    "life": Row("make a run, five steps", "us", 2.5),
    "traced": Row("such a run, allocated (tracemalloc)", "B", 400),
    "resident": Row("such a run, by the size of the process", "B", 400),
    "observer": Row("one observer: so much more a step", "us", 1.0),
    "chain": Row("a task in a chain, and how that grows", "us", 8.0),
    "task bytes": Row("a task in a chain, height of memory", "B"),
    "child": Row("a mapped child", "us", 10.0),
    "child bytes": Row("a mapped child, height of memory", "B", 1000),
    "turn": Row("a turn of a loop", "us", 4.0),
    "build": Row("a task in a chain, to build the flow", "us"),
    "import": Row("import, over a bare interpreter", "ms", 100),
    "load": Row("load, check and compile both shipped tables", "ms"),
    "grown chain": Row("growth: a task in a chain", "us", 8.0),
    "grown apart": Row("growth: a task of many that need none", "us", 8.0),
    "grown graph": Row("growth: a task in a random graph, with one to three before it", "us"),
    "grown child": Row("growth: a mapped child", "us", 10.0),
    "grown children": Row("growth: a child in three maps, one after the other", "us", 10.0),
    "grown turn": Row("growth: a turn of a loop", "us", 4.0),
    "grown bytes": Row("growth: a task and what is planned for it, by the size of the process", "B"),
    "grown child bytes": Row("growth: a mapped child, by the size of the process", "B", 1000),
    "grown turn bytes": Row("growth: a turn of a loop, by the size of the process", "B"),
}
"""By key, in the order of the table. The budgets are those of the design. What grows is only measured if asked for."""


class Result:
    """What one subject took."""

    def __init__(self, measure: Measure, why_not: str | None = None) -> None:
        self.measure = measure
        self.rounds: list[list[float]] = []
        """By round: the passes of one fresh process. In an empty one it was not measured."""
        self.why_not = why_not
        """Why there is nothing to show."""

    @property
    def least(self) -> float:
        return min(value for passes in self.rounds for value in passes)

    @property
    def middle(self) -> float:
        """The median of all passes of all rounds."""
        return median(value for passes in self.rounds for value in passes)

    @property
    def measured(self) -> bool:
        return self.why_not is None and any(self.rounds)

    def times(self, base: Result) -> float | None:
        """Return how many times as much as another this took: the median of the rounds, each with its own ratio."""
        if not self.measured or not base.measured:
            return None
        pairs = [(mine, its) for mine, its in zip(self.rounds, base.rounds, strict=True) if mine and its]
        ratios = [median(mine) / median(its) for mine, its in pairs if median(its) > 0]
        return median(ratios) if ratios else None


HEAD = ("", "min", "median", "unit", "budget", "min / budget", "x Interlock")


def rows(results: Sequence[Result]) -> Iterator[tuple[Row, Result, Result]]:
    """Yield each result with its row and what it is held to: the first subject of ours in the row."""
    for key, row in ROWS.items():
        own = [result for result in results if result.measure.row == key]
        base = next((result for result in own if result.measure.ours), None)
        for result in own:
            yield row, result, base or result


def data(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the table as JSON. Any: JSON."""
    return [
        {
            "key": result.measure.row,
            "row": row.title,
            "subject": result.measure.subject,
            "ours": result.measure.ours,
            "unit": row.unit,
            "min": _rounded(result.least) if result.measured else None,
            "median": _rounded(result.middle) if result.measured else None,
            "budget": _budget(row, result),
            "times_interlock": None if (times := result.times(base)) is None else _rounded(times),
            "at_least_times": _wanted(row, result),
            "rounds": [[_rounded(value) for value in passes] for passes in result.rounds],
            "why_not": result.why_not,
        }
        for row, result, base in rows(results)
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def written(found: dict[str, Any]) -> str:
    """Return a run as the text of a file, with a line for each subject. Any: JSON."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in found["rows"])
    facts = json.dumps(found["facts"], indent=1).replace("\n", "\n ")
    return f'{{\n "facts": {facts},\n "rows": [\n{lines}\n ]\n}}\n'


def table(results: Sequence[Result]) -> str:
    """Return the table as text."""
    lines: list[tuple[str, ...]] = [HEAD]
    title = ""
    for row, result, base in rows(results):
        if row.title != title:
            title = row.title
            lines += [("",), (title,)]
        lines.append(_line(row, result, base))
    widths = [max(len(line[column]) for line in lines if len(line) > column > 0) for column in range(1, len(HEAD))]
    first = max(len(line[0]) for line in lines if len(line) > 1)
    return "\n".join(_joined(line, first, widths) for line in lines)


def _line(row: Row, result: Result, base: Result) -> tuple[str, ...]:
    name = f"  {result.measure.subject}"
    if not result.measured:
        return (f"{name}: {result.why_not or 'not measured'}",)
    budget = share = ""
    if (most := _budget(row, result)) is not None:
        budget, share = f"<= {most:g}", f"{result.least / most:.0%}"
    elif (wanted := _wanted(row, result)) is not None:
        budget = f">= {wanted:g} x"
    times = result.times(base)
    ratio = "" if times is None or (result is base) else _short(times)
    return name, _short(result.least), _short(result.middle), row.unit, budget, share, ratio


def _budget(row: Row, result: Result) -> float | None:
    return row.budget if result.measure.ours and result.measure.budgeted else None


def _wanted(row: Row, result: Result) -> float | None:
    return next((least for name, least in row.times if result.measure.subject.startswith(name)), None)


def _joined(line: tuple[str, ...], first: int, widths: Sequence[int]) -> str:
    if len(line) == 1:
        return line[0]
    return line[0].ljust(first) + "".join(
        "  " + cell.rjust(width) for cell, width in zip(line[1:], widths, strict=True)
    )


def _short(value: float) -> str:
    """Return a number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
