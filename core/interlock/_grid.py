"""The control table as a grid: states down, signals across.

Here is what stands in it, whatever it is drawn as: on a terminal, in Markdown or in HTML. States that answer alike
share a row, if the same of their answers stand out. Final states refuse everything; they stand together behind the
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from interlock._colours import colours
from interlock._draw import alike
from interlock._flat import prose
from interlock._machine import Machine
from interlock._table import Cell, SignalDef

if TYPE_CHECKING:
    from interlock._focus import Focus

USER = "user"
"""Who raises the signals that stand out: the work itself."""


class Part(NamedTuple):
    """One answer of a cell; of several, the first whose guard says yes counts."""

    target: str
    """The state that follows, or `REFUSED`, or the name of a set of states: the signal carries one of them."""
    guard: str | None = None
    lit: bool = False
    """Whether it stands out."""
    note: str = ""
    """What is said behind it."""


class Row(NamedTuple):
    """States that answer alike."""

    states: tuple[str, ...]
    cells: dict[str, tuple[Part, ...]]
    """By signal, for every signal; nothing where it is refused."""


class Reason(NamedTuple):
    """Why some states answer a signal as they do."""

    states: tuple[str, ...]
    signal: str
    because: str
    refused: bool


class Grid:
    """What a grid shows.

    Args:
        machine: the life cycle.
        focus: what stands out; None: nothing, and nothing is fainter than the rest.
    """

    def __init__(self, machine: Machine, focus: Focus | None = None) -> None:
        self.name = prose(machine.name)
        self.table = table = machine._table
        self.focus = focus
        self.colours = colours(machine)
        carried = [cell.carries for cell in table.cells.values() if cell.carries]
        self.sets = {states: f"{{{number}}}" for number, states in enumerate(dict.fromkeys(carried), start=1)}
        """A name for each set of states that a signal may carry, so that a cell stays narrow: {1}, {2}, ..."""
        asked = {choice.guard for cell in table.cells.values() for choice in cell.choices}
        self.guards = {name: number for number, name in enumerate((g for g in table.guards if g in asked), start=1)}
        """A number for each guard that a cell asks."""
        self.signals = tuple(table.signals.values())
        self.finals = tuple(state for state in table.concrete() if table.states[state].final)
        self.rows = tuple(Row(states, self._cells(states)) for states in self._together())

    def raised(self) -> list[tuple[str, tuple[SignalDef, ...]]]:
        """Return the signals in their order, those together that stand together and are raised by the same."""
        return [(prose(who), tuple(those)) for who, those in groupby(self.signals, lambda signal: signal.raised_by)]

    def reasons(self) -> list[Reason]:
        """Return the reasons that cells give, each once."""
        found: dict[tuple[str, str, bool], list[str]] = {}
        for cell in self.table.cells.values():
            if cell.because:
                found.setdefault((cell.signal, prose(cell.because), cell.refused), []).append(cell.state)
        return [Reason(tuple(states), *told) for told, states in found.items()]

    def here(self, state: str) -> str:
        """Return what is said behind the name of a state: "now" where a run is in it; else nothing."""
        return self.focus.here if self.focus is not None and self.focus.now == state else ""

    @property
    def told(self) -> str:
        """What is said of what stands out."""
        return "" if self.focus is None else prose(self.focus.told)

    def _together(self) -> Iterator[tuple[str, ...]]:
        """Yield states that answer alike, those together of whose answers the same stand out."""
        marks: dict[str, set[tuple[str, str, str]]] = {}
        if self.focus is not None:
            for way in self.focus.lit:
                marks.setdefault(way[0], set()).add((way[1], way[2], self.focus.notes.get(way, "")))
        for states in alike(self.table):
            found: dict[frozenset[tuple[str, str, str]], tuple[str, ...]] = {}
            for state in states:
                mark = frozenset(marks.get(state, ()))
                found[mark] = (*found.get(mark, ()), state)
            yield from found.values()

    def _cells(self, states: tuple[str, ...]) -> dict[str, tuple[Part, ...]]:
        row = self.table.row(states[0])
        return {name: self._parts(row[name]) if name in row else () for name in self.table.signals}

    def _parts(self, cell: Cell) -> tuple[Part, ...]:
        if not cell.carries:
            return tuple(self._part(cell, choice.target, choice.guard) for choice in cell.choices)
        each = [self._part(cell, target) for target in cell.carries]
        lit = tuple(part for part in each if part.lit)
        if len(lit) == len(each) and not any(part.note for part in lit):
            return (Part(self.sets[cell.carries], lit=True),)
        return (Part(self.sets[cell.carries]), *lit)

    def _part(self, cell: Cell, target: str, guard: str | None = None) -> Part:
        way = (cell.state, cell.signal, target)
        if self.focus is None or way not in self.focus.lit:
            return Part(target, guard)
        return Part(target, guard, True, self.focus.notes.get(way, ""))
