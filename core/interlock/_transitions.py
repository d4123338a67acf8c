"""A table as a `transitions.Machine`: the second interpreter of every table, and the oracle of the first.

It is a projection, never the source: `transitions` accepts unknown targets, duplicates and islands. Guards become
conditions; counts, attempts and sealing live in a ledger on the model, which callbacks keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import transitions

from interlock import _guards
from interlock._guards import Count
from interlock._table import REFUSED, Cell, Choice, Table

LEDGER = "interlock"  # the model's attribute that holds its ledger


@attrs.define
class Ledger:
    """What a model of such a machine remembers beside its state."""

    counts: dict[Count, int] = attrs.field(factory=dict)
    closed: bool = False


class Model:
    """The plainest model: `transitions` sets its `state`."""

    state: str


def build(
    table: Table,
    model: object = None,
    limits: Mapping[str, float] | None = None,
    guards: Mapping[str, Callable[[object, str], bool]] | None = None,
    **options: Any,
) -> transitions.Machine:
    """Return a machine with the same states, events and answers as the table.

    A sealing signal is triggered with the state that it carries: `model.ENDRUN(carried="Paused")`. What the table
    refuses raises `transitions.MachineError`; where a guard says no to all choices, the trigger returns False.

    Args:
        table: the table.
        model: the model, or None for a new `Model`.
        limits: numbers for the table's limits; the others have their defaults.
        guards: callables of model and event name for opaque guards; the others answer with their defaults.
        **options: for `transitions.Machine`. Any: they are its own.
    """
    numbers = {name: limit.default for name, limit in table.limits.items()} | dict(limits or {})
    maker = _Maker(table, numbers, guards or {})
    return transitions.Machine(
        model=Model() if model is None else model,
        states=list(table.concrete()),
        initial=table.initial,
        transitions=[way for cell in table.cells.values() for way in maker.ways(cell)],
        auto_transitions=False,
        send_event=True,
        **options,
    )


def ledger(model: object) -> Ledger:
    """Return a model's ledger; a model without one gets one."""
    found = getattr(model, LEDGER, None)
    if not isinstance(found, Ledger):
        found = Ledger()
        setattr(model, LEDGER, found)
    return found


@attrs.frozen
class _Maker:
    table: Table
    limits: Mapping[str, float]
    guards: Mapping[str, Callable[[object, str], bool]]

    def ways(self, cell: Cell) -> list[dict[str, Any]]:
        """Return the transitions of one cell, in order."""
        if cell.carries:
            return [self._way(cell, target, [self._open, self._carries(target)]) for target in cell.carries]
        chosen = [choice for choice in cell.choices if choice.target != REFUSED]
        return [self._way(cell, choice.target, [self._open, *self._asks(choice)]) for choice in chosen]

    def _way(self, cell: Cell, target: str, conditions: list[Callable[..., bool]]) -> dict[str, Any]:
        def count(event: transitions.EventData) -> None:
            kept = ledger(event.model)
            for one in (Count("entered", target), Count("taken", cell.signal)):
                kept.counts[one] = kept.counts.get(one, 0) + 1
            kept.closed = self.table.signals[cell.signal].seals

        return {
            "trigger": cell.signal,
            "source": cell.state,
            "dest": target,
            "conditions": conditions,
            "after": [count],
        }

    @staticmethod
    def _open(event: transitions.EventData) -> bool:
        return not ledger(event.model).closed

    @staticmethod
    def _carries(target: str) -> Callable[..., bool]:
        return lambda event: event.kwargs.get("carried") == target

    def _asks(self, choice: Choice) -> list[Callable[..., bool]]:
        test = self.table.test(choice)
        return [] if test is None else [lambda event: self._holds(test, event)]

    def _holds(self, test: _guards.Test, event: transitions.EventData) -> bool:
        match test:
            case _guards.Both(word="and"):
                return self._holds(test.left, event) and self._holds(test.right, event)
            case _guards.Both():
                return self._holds(test.left, event) or self._holds(test.right, event)
            case _guards.Not():
                return not self._holds(test.test, event)
            case _guards.Opaque():
                bound = self.guards.get(test.name)
                return self.table.guards[test.name].default if bound is None else bound(event.model, event.event.name)
            case _guards.Compare():
                return _guards.COMPARE[test.sign](self._number(test.left, event), self._number(test.right, event))

    def _number(self, number: _guards.Number, event: transitions.EventData) -> float:
        match number:
            case _guards.Const():
                return number.value
            case _guards.Limit():
                return self.limits[number.name]
            case _guards.Count():
                return ledger(event.model).counts.get(number, 0)
            case _guards.Sum():
                left, right = self._number(number.left, event), self._number(number.right, event)
                return left + right if number.sign == "+" else left - right
