"""A table under every signal at every time: what `Machine.check` reports.

Opaque guards answer either way, limits take small values, counts are followed until they can make no difference.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs

from interlock._draft import UNSAID
from interlock._rows import FIRST, Compiled, Row, Values, possible

if TYPE_CHECKING:
    from interlock._machine import Machine

LIMITS = (0, 1, 2)  # the values that each limit is tried with: nothing, the first, and the step to the next
MOST = 4  # a count beyond this is followed no further: every limit tried is below it


@attrs.frozen
class Report:
    """What the exploration of a table found."""

    lifecycle: str
    spec: str
    """The spec hash of the table."""
    configurations: int
    """Sets of limits tried."""
    situations: int
    """Different pairs of state and counts met, over all configurations."""
    steps: int
    """Steps taken."""
    silent: tuple[str, ...]
    """Rows that no sequence of signals can take, as "before -SIGNAL-> after"."""
    unsaid: tuple[str, ...] = ()
    """Signals of an imported machine of which nobody has said why they may come for ever; see `Import`."""

    @property
    def ok(self) -> bool:
        """Whether every row can fire."""
        return not self.silent


def explore(machine: Machine) -> Report:
    """Return what all sequences of signals reach. Carried states count as rows; a sealed run is opened again."""
    names = list(machine.limits)
    situations = steps = 0
    fired: set[tuple[str, str, str]] = set()
    rows: set[tuple[str, str, str]] = set()
    configurations = list(itertools.product(LIMITS, repeat=len(names)))
    for values in configurations:
        compiled = Compiled(machine._table, dict(zip(names, values, strict=True)))
        met, taken = _walk(compiled, fired)
        situations, steps = situations + met, steps + taken
    for cell in machine._table.cells.values():
        rows |= {(cell.state, cell.signal, target) for target in cell.targets}
    silent = tuple(sorted(f"{before} -{signal}-> {after}" for before, signal, after in rows - fired))
    unsaid = tuple(signal.name for signal in machine.signals.values() if signal.recurs == UNSAID)
    return Report(machine.name, machine.hash, len(configurations), situations, steps, silent, unsaid)


def _walk(compiled: Compiled, fired: set[tuple[str, str, str]]) -> tuple[int, int]:
    first = (compiled.table.initial, compiled.start)
    seen: set[tuple[str, Values]] = {first}
    todo = [first]
    steps = 0
    for state, values in todo:
        for row in _enabled(compiled, state, values):
            steps += 1
            fired.add((row.before, row.signal, row.after))
            after = row.bump(values, 0) if row.bump else values
            situation = (row.after, (0, 0, after[2], *(min(count, MOST) for count in after[FIRST:])))
            if situation not in seen:
                seen.add(situation)
                todo.append(situation)
    return len(seen), steps


def _enabled(compiled: Compiled, state: str, values: Values) -> list[Row]:
    enabled: list[Row] = []
    for cell in compiled.table.row(state).values():
        targets = cell.carries or possible(compiled, cell, values)
        enabled += [row for target in targets if (row := compiled.rows.get((state, cell.signal, target)))]
    return enabled
