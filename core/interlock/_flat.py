"""A table as a flat machine: what state charts that others run can say of it.

Such machines know states, events and guards; a signal that carries a state is not among them. So each state that a
sealing signal may carry has an event of its own, `ENDRUN_Paused`. What guards count and whether the run is sealed are
data, which the machine keeps. `reopen` is not there: a new pass is for whoever runs the machine to begin. Nor are
attempts, which decide no state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

import attrs

from interlock import _guards
from interlock._guards import Compare, Count, Limit, Not, Opaque, Test
from interlock._machine import Machine
from interlock._table import REFUSED, Cell, Table


@attrs.frozen
class Way:
    """One edge: in `state`, `event` leads to `target` if `guard` holds. Those of one event are asked in order."""

    state: str
    event: str
    target: str
    signal: str
    guard: str | None = None
    counts: tuple[Count, ...] = ()
    """What it counts, each once."""
    seals: bool = False


class Flat:
    """A machine without frames and without signals that carry states."""

    def __init__(self, machine: Machine, limits: Mapping[str, float] | None = None) -> None:
        self.machine = machine
        self.name = machine.name
        self.table = table = machine._table
        self.limits = {**machine.limits, **machine._checked(limits or {})}
        self.counts = table.counted()
        self.events = _events(table)
        """By signal, and the state that it carries or None: the event."""
        self.ways = [way for cell in table.cells.values() for way in self._ways(cell)]
        self.opaque = {name: guard.default for name, guard in table.guards.items() if guard.when == "?"}

    def _ways(self, cell: Cell) -> list[Way]:
        found = [(choice.target, choice.guard, None) for choice in cell.choices if choice.target != REFUSED]
        carried = [(target, None, target) for target in cell.carries]
        seals = self.table.signals[cell.signal].seals
        return [
            Way(
                cell.state,
                self.events[cell.signal, carries],
                target,
                cell.signal,
                guard,
                tuple(one for one in self.counts if one in (Count("entered", target), Count("taken", cell.signal))),
                seals,
            )
            for target, guard, carries in [*found, *carried]
        ]

    @property
    def states(self) -> tuple[str, ...]:
        """The states that a run can be in."""
        return self.table.concrete()

    @property
    def sealable(self) -> frozenset[str]:
        """The states with a way out in which a run can be sealed: there every event asks first."""
        return frozenset(way.target for way in self.ways if way.seals) - self.machine.final

    def row(self, state: str) -> dict[str, list[Way]]:
        """Return the ways out of a state by event, in the order in which they are asked."""
        found: dict[str, list[Way]] = {}
        for way in self.ways:
            if way.state == state:
                found.setdefault(way.event, []).append(way)
        return found

    def asked(self) -> dict[str, Test | bool]:
        """Return the guards that edges ask, without infinite limits: their comparisons are decided."""
        names = dict.fromkeys(way.guard for way in self.ways if way.guard)
        return {name: settled(self.table.guards[name].test, self.limits) for name in names}

    def finite(self) -> dict[str, float]:
        """Return the limits that are numbers in other languages too."""
        return {name: value for name, value in self.limits.items() if not math.isinf(value)}


def _events(table: Table) -> dict[tuple[str, str | None], str]:
    used = set(table.signals)
    found: dict[tuple[str, str | None], str] = {}
    for cell in table.cells.values():
        if cell.choices:
            found[cell.signal, None] = cell.signal
        for target in cell.carries:
            if (cell.signal, target) not in found:
                found[cell.signal, target] = unique(f"{cell.signal}_{target}", used)
                used.add(found[cell.signal, target])
    return found


def settled(test: Test, limits: Mapping[str, float]) -> Test | bool:
    """Return a test in which what an infinite limit decides is decided; the other limits stand as they are."""
    match test:
        case Not():
            inner = settled(test.test, limits)
            return not inner if isinstance(inner, bool) else Not(inner)
        case _guards.Both(word=word):
            left, right = settled(test.left, limits), settled(test.right, limits)
            decides = word == "or"
            if isinstance(left, bool):
                return left if left is decides else right
            if isinstance(right, bool):
                return right if right is decides else left
            return _guards.Both(word, left, right)
        case Compare():
            endless = any(isinstance(leaf, Limit) and math.isinf(limits[leaf.name]) for leaf in _guards.leaves(test))
            return _guards.fold(test, limits) if endless else test
        case Opaque():
            return test


def unique(name: str, used: Collection[str]) -> str:
    """Return a name that is not used, by underscores behind it."""
    while name in used:
        name += "_"
    return name


def slug(name: str) -> str:
    """Return the name of a life cycle as one word, which may be any text."""
    return re.sub(r"[^\w-]+", "_", name) or "_"


def number(value: float) -> str:
    """Return a finite number as others read it: a whole one without a point."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def prose(text: str) -> str:
    """Return a text on one line, without what XML and terminals have no place for."""
    return " ".join(re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", " ", text).split())
