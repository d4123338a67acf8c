"""What a model of a `transitions` machine remembers beside its state, and what asks and keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any

import attrs
import transitions

from interlock import _guards
from interlock._table import Cell, Table

LEDGER = "interlock"  # the model's attribute that holds its ledger

Guard = Callable[[Any, str], Any]
"""What is bound to an opaque guard. Any: the model is the user's; the answer is a bool, or with an `AsyncMachine` may
be awaited."""


@attrs.define
class Ledger:
    """What a model of such a machine remembers beside its state."""

    counts: Counter[str] = attrs.field(factory=Counter)
    """What the guards count, such as "entered(Retrying)"."""
    closed: bool = False


def ledger(model: object) -> Ledger:
    """Return a model's ledger; a model without one gets one."""
    found = getattr(model, LEDGER, None)
    if not isinstance(found, Ledger):
        found = Ledger()
        setattr(model, LEDGER, found)
    return found


@attrs.frozen(eq=False)
class Allowed:
    """The condition of a way: the model is not sealed, and the guard holds or the trigger carries the state."""

    table: Table
    limits: Mapping[str, float]
    guards: Mapping[str, Guard]
    cell: Cell
    target: str
    guard: str | None
    """The name of the guard, or None where there is none."""

    @property
    def test(self) -> _guards.Test | None:
        """What the guard asks."""
        return None if self.guard is None else self.table.guards[self.guard].test

    def __str__(self) -> str:
        return self.guard or (f"carries {self.target}" if self.cell.carries else "not sealed")

    __name__ = property(__str__)  # `transitions` writes it into its diagrams

    def __call__(self, event: transitions.EventData) -> object:
        if ledger(event.model).closed:
            return False
        if self.cell.carries:
            return event.kwargs.get("carried") == self.target
        return True if self.test is None else self.holds(self.test, event.model)

    def holds(self, test: _guards.Test, model: object) -> Any:
        """Return the answer of a test. Any: a bool, or what the callable of an opaque guard makes of it."""
        match test:
            case _guards.Both(word="and"):
                return self.holds(test.left, model) and self.holds(test.right, model)
            case _guards.Both():
                return self.holds(test.left, model) or self.holds(test.right, model)
            case _guards.Not():
                return not self.holds(test.test, model)
            case _guards.Opaque():
                return self.ask(test.name, model)
            case _guards.Compare():
                return self.compares(test, model)

    async def held(self, test: _guards.Test, model: object) -> Any:
        """Return the answer of a test, some of whose opaque guards may have to be awaited. Any: as in `holds`."""
        match test:
            case _guards.Both():
                left = await self.held(test.left, model)
                return left if bool(left) is (test.word == "or") else await self.held(test.right, model)
            case _guards.Not():
                return not await self.held(test.test, model)
            case _guards.Opaque():
                answer = self.ask(test.name, model)
                return await answer if isawaitable(answer) else answer
            case _guards.Compare():
                return self.compares(test, model)

    def ask(self, name: str, model: object) -> Any:
        """Return what is bound to an opaque guard answers, or its default. Any: as in `holds`."""
        bound = self.guards.get(name)
        return self.table.guards[name].default if bound is None else bound(model, self.cell.signal)

    def compares(self, test: _guards.Compare, model: object) -> bool:
        """Return the answer of a comparison."""
        counts = ledger(model).counts
        return _guards.COMPARE[test.sign](self._number(test.left, counts), self._number(test.right, counts))

    def _number(self, number: _guards.Number, counts: Mapping[str, int]) -> float:
        match number:
            case _guards.Const():
                return number.value
            case _guards.Limit():
                return self.limits[number.name]
            case _guards.Count():
                return counts[str(number)]
            case _guards.Sum():
                left, right = self._number(number.left, counts), self._number(number.right, counts)
                return left + right if number.sign == "+" else left - right


class Awaited(Allowed):
    """The same where guards may have to be awaited."""

    def __call__(self, event: transitions.EventData) -> object | Awaitable[object]:
        if ledger(event.model).closed or self.cell.carries or self.test is None:
            return super().__call__(event)
        return self.held(self.test, event.model)


@attrs.frozen(eq=False)
class Counted:
    """What is called behind a way: it keeps the ledger."""

    counts: tuple[str, ...]
    seals: bool

    def __str__(self) -> str:
        return "counted"

    __name__ = property(__str__)

    def __call__(self, event: transitions.EventData) -> None:
        self.keep(event.model)

    def keep(self, model: object) -> None:
        """Write the step into the model's ledger."""
        kept = ledger(model)
        for count in self.counts:
            kept.counts[count] += 1
        if self.seals:
            kept.closed = True
