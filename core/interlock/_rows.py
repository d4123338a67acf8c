"""A table compiled for one set of limits: plain dictionaries from state to signal to row.

The rows are shared by all runs with these limits, so that a step of a run is one look-up and one append. Guards are
folded: what the limits decide is decided here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from interlock import _guards
from interlock._guards import Count
from interlock._table import REFUSED, Cell, Choice, Table

Values = tuple[int, ...]
"""The counts of a run: the number of the step that they were made for, the number of attempts, whether one is open,
then what the guards count."""

FIRST = 3
"""Where in `Values` the counts of the guards begin."""


class Asked(Protocol):
    """What answers the opaque guards of a cell: a run, or whoever stands for one."""

    def _ask(self, guard: str, signal: object) -> bool: ...


class Row:
    """One step that the table allows. Immutable once compiled; a story is a list of these."""

    __slots__ = (
        "after",
        "before",
        "brief",
        "bump",
        "cells",
        "closed",
        "final",
        "held",
        "kinds",
        "memo",
        "opened",
        "opens",
        "quick",
        "signal",
        "whole",
    )

    decide = None  # a row is its own answer; see `Decision`

    def __init__(self, before: str, signal: str, after: str) -> None:
        self.before = before
        self.signal = signal
        self.after = after
        self.cells: Entries = {}
        """What the state behind the row accepts; nothing, where the row closes the run."""
        self.kinds: Kinds = {}
        """The same for classes of signals, as far as they were sent; see `Stepper._learn`."""
        self.bump: Callable[[Values, int], Values] | None = None
        """bump(counts before, number of the step): the counts after it; None where it counts nothing."""
        self.memo: tuple[Values, int, Values] = ((), 0, ())
        """The last answer of `bump`, behind what it was asked: runs that begin alike share their counts."""
        self.whole: tuple[object, ...] = ()
        """The rows of the last run that ended by it, behind its cut."""
        self.brief = False
        """Whether it comes finitely often, so that the story need not be trimmed behind it."""
        self.quick = False
        """Whether `Run.send` may append it as it is."""
        self.closed = False
        """Whether the run is sealed behind it."""
        self.final = False
        """Whether it leads to a final state."""
        self.held = False
        """Whether it leads to a state in which an attempt can be open."""
        self.opens = False
        """Whether an attempt is open behind it that may have been opened by it."""
        self.opened: Row = self
        """The same row once a new pass was opened."""

    def __repr__(self) -> str:
        return f"{self.before} -{self.signal}-> {self.after}"


class Decision:
    """A cell with more than one answer: guards choose, or the signal carries the state."""

    __slots__ = ("decide", "quick", "rows")

    def __init__(self, decide: Decide, rows: list[Row]) -> None:
        self.decide = decide
        self.rows = rows
        """Every row that it may choose."""
        self.quick = False


Decide = Callable[[Values, Asked, object, "str | None"], "Row | None"]
"""decide(counts, run, signal, carried): the row, or None where the answer is a refusal."""

Entries = dict[str, "Row | Decision"]
Kinds = dict[type, "Row | None"]
"""By class of signal: the row, where nothing decides about it; None where that is not so."""


class Compiled:
    """All rows of a table under one set of limits."""

    __slots__ = ("cells", "counts", "kinds", "limits", "origins", "rows", "start", "table")

    def __init__(self, table: Table, limits: Mapping[str, float]) -> None:
        self.table = table
        self.limits = dict(limits)
        self.counts = {count: place for place, count in enumerate(table.counted(), start=FIRST)}
        self.start: Values = (0,) * (FIRST + len(self.counts))
        self.origins: dict[int, Any] = {}
        """By steps kept: what stands before the first step. Any: a `Cut`, which is defined above this layer."""
        self.cells: dict[str, Entries] = {state: {} for state in table.concrete()}
        self.kinds: dict[str, Kinds] = {state: {} for state in self.cells}
        self.rows: dict[tuple[str, str, str], Row] = {}
        for cell in table.cells.values():
            if not cell.refused:
                self.cells[cell.state][cell.signal] = self._entry(cell)

    def values(self, counts: Mapping[str, int], attempts: int, is_open: bool) -> Values:
        """Return counts given by their texts, such as "entered(Retrying)", as a tuple."""
        return (0, attempts, int(is_open), *(counts.get(str(count), 0) for count in self.counts))

    def _entry(self, cell: Cell) -> Row | Decision:
        if cell.carries:
            carried = {target: self._row(cell, target) for target in cell.carries}
            return Decision(lambda _v, _run, _signal, state: carried.get(state or ""), list(carried.values()))
        choices = list(self._folded(cell))
        rows = [None if target == REFUSED else self._row(cell, target) for target, _ in choices]
        if len(rows) == 1 and rows[0] is not None:
            return rows[0]
        # The source holds only indexes and names that the notation has let through.
        source = "r[-1]"
        for place in range(len(choices) - 2, -1, -1):
            test = choices[place][1]
            assert test is not None
            source = f"r[{place}] if {_guards.python(test, self.counts)} else {source}"
        # eval: the one way to have a guard run at the speed of Python; the tree it comes from is ours
        decide = eval(f"lambda v, run, signal, carried: {source}", {"r": rows})
        return Decision(decide, [row for row in rows if row is not None])

    def _folded(self, cell: Cell) -> Iterator[tuple[str, _guards.Test | None]]:
        """Yield the choices that these limits leave; the last asks nothing."""
        for choice in cell.choices:
            test = self._test(choice)
            if test is False:
                continue
            yield choice.target, None if test is True else test
            if test is True:
                return

    def _test(self, choice: Choice) -> _guards.Test | bool:
        test = self.table.test(choice)
        return True if test is None else _guards.fold(test, self.limits)

    def _row(self, cell: Cell, target: str) -> Row:
        key = (cell.state, cell.signal, target)
        if key in self.rows:
            return self.rows[key]
        row = self.rows[key] = Row(*key)
        signal = self.table.signals[cell.signal]
        row.bump = self._bump(*key)
        row.final = self.table.states[target].final
        row.held = target in self.table.attempt
        row.opens = (target,) == self.table.attempt[:1]
        row.cells, row.kinds = self.cells[target], self.kinds[target]
        # Rows that may come for ever take the slow path, which trims the story.
        row.brief = signal.recurs is None and cell.state != target and not signal.seals
        row.quick = row.brief and row.bump is None
        if signal.seals:
            row.closed, row.cells, row.kinds = True, {}, {}
            opened = Row(*key)
            opened.cells, opened.kinds = self.cells[target], self.kinds[target]
            opened.bump, opened.final = row.bump, row.final
            row.opened = opened
        return row

    def _bump(self, before: str, signal: str, after: str) -> Callable[[Values, int], Values] | None:
        first, held = self.table.attempt[:1], self.table.attempt
        attempts, is_open = "v[1]", "v[2]"
        if (after,) == first:
            attempts, is_open = ("v[1] + 1", "1") if before not in held else ("v[1] + 1 - v[2]", "1")
        elif after in held and before not in held:
            is_open = "0"  # it is held without work: nothing of it can be delivered
        parts = [attempts, is_open]
        for count, place in self.counts.items():
            grows = count in (Count("entered", after), Count("taken", signal))
            parts.append(f"v[{place}] + 1" if grows else f"v[{place}]")
        if parts == [f"v[{place}]" for place in range(1, 1 + len(parts))]:
            return None
        bump: Any = eval(f"lambda v, n: (n, {', '.join(parts)})")  # eval: ten times faster than adding two tuples
        return bump  # type: ignore[no-any-return]  # what eval returns has no type


def possible(compiled: Compiled, cell: Cell, values: Values) -> set[str]:
    """Return the targets (or "refused") that a cell may choose with these counts, whatever opaque guards answer."""
    found: set[str] = set()
    for choice in cell.choices:
        test = compiled._test(choice)
        answers = {test} if isinstance(test, bool) else _answers(test, compiled, values)
        if True in answers:
            found.add(choice.target)
        if False not in answers:
            break
    return found


def _answers(test: _guards.Test, compiled: Compiled, values: Values) -> set[bool]:
    """Return the answers that a test may give when opaque guards are free."""
    match test:
        case _guards.Opaque():
            return {True, False}
        case _guards.Not():
            return {not answer for answer in _answers(test.test, compiled, values)}
        case _guards.Both(word=word):
            left = _answers(test.left, compiled, values)
            right = _answers(test.right, compiled, values)
            return {(a and b) if word == "and" else (a or b) for a in left for b in right}
        case _guards.Compare():
            return {bool(eval(_guards.python(test, compiled.counts), {"v": values}))}
