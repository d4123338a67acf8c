"""A table as a `transitions.Machine`: the second interpreter of every table, and the oracle of the first.

It is a projection, never the source: `transitions` accepts unknown targets, duplicates and islands. Guards become
conditions; counts and sealing live in a ledger on the model, which callbacks keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import transitions

from interlock._fast import FastMachine
from interlock._guards import Count
from interlock._ledger import Allowed, Counted, Guard
from interlock._table import REFUSED, Cell, Table

TABLE = "control_table"  # the machine's attribute that holds the table that it was made from
OURS = ("states", "transitions", "initial", "send_event", "auto_transitions", "ordered_transitions")
"""Options of `transitions` that the table answers."""

M = TypeVar("M", bound=transitions.Machine)


class Model:
    """The plainest model: `transitions` sets its `state`."""

    state: str


def build(
    table: Table,
    cls: type[M],
    model: object = None,
    limits: Mapping[str, float] | None = None,
    guards: Mapping[str, Guard] | None = None,
    compiled: bool = True,
    **options: Any,
) -> M:
    """Return a machine of a class with the same states, events and answers as the table.

    Args:
        table: the table.
        cls: a class of machines.
        model: the model, or None for a new `Model`.
        limits: numbers for the table's limits; the others have their defaults.
        guards: callables of model and event name for opaque guards; the others answer with their defaults.
        compiled: whether the plain class may trigger without `transitions` where it would call nobody.
        **options: for the class. Any: they are its own.
    """
    for name in OURS:
        if name in options:
            raise TypeError(f"{table.name}: {name!r} is not for you to say: it follows from the table")
    numbers = {name: limit.default for name, limit in table.limits.items()} | dict(limits or {})
    kind: Any = FastMachine if compiled else cls  # Any: mypy does not see that each of these is a subclass of `cls`
    asks, counts = Allowed, "after"
    if cls is not transitions.Machine:
        from interlock import _variants

        kind, asks, counts = _variants.variant(table, cls)
    ways = _Ways(table, numbers, guards or {}, asks, counts)
    made: M = kind(
        model=Model() if model is None else model,
        states=[{"name": name, "final": table.states[name].final} for name in table.concrete()],
        initial=table.initial,
        transitions=[way for cell in table.cells.values() for way in ways.of(cell)],
        auto_transitions=False,
        send_event=True,
        **options,
    )
    setattr(made, TABLE, table)
    return made


@attrs.frozen
class _Ways:
    table: Table
    limits: Mapping[str, float]
    guards: Mapping[str, Guard]
    asks: type[Allowed]
    counts: str
    """Which argument of `add_transition` says what keeps the ledger."""

    def of(self, cell: Cell) -> list[dict[str, Any]]:
        """Return the transitions of one cell, in order. Any: they are arguments of `add_transition`."""
        if cell.carries:
            return [self._way(cell, target, None) for target in cell.carries]
        return [self._way(cell, one.target, one.guard) for one in cell.choices if one.target != REFUSED]

    def _way(self, cell: Cell, target: str, guard: str | None) -> dict[str, Any]:
        table = self.table
        seals = table.signals[cell.signal].seals
        way: dict[str, Any] = {"trigger": cell.signal, "source": cell.state, "dest": target}
        if guard or any(signal.seals for signal in table.signals.values()):
            way["conditions"] = self.asks(table, self.limits, self.guards, cell, target, guard)
        asked = set(table.counted())
        counts = [str(one) for one in (Count("entered", target), Count("taken", cell.signal)) if one in asked]
        if counts or seals:
            way[self.counts] = Counted(tuple(counts), seals)
        return way
