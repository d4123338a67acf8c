"""One life cycle under one set of limits, with no more of its counts kept than its guards can tell apart.

A comparison of a guard asks one linear form of the counts: `entered(A) + taken(S) < 3` asks their sum. A form that only
grows is kept up to the first number that lies above all it is compared with, for beyond that every answer stays as it
is: nothing is lost. A difference, as in `entered(A) - taken(S) < 3`, may come back, so it is kept as it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from interlock import _guards
from interlock._guards import COMPARE, Compare, Const, Count, Number, Opaque, Sum, Test
from interlock._machine import Machine
from interlock._rows import FIRST, Compiled, Row
from interlock._rules import reach
from interlock._table import REFUSED, Cell

Key = tuple[tuple[Count, int], ...]
"""A linear form: counts with their factors, the first of which is positive."""


@attrs.frozen
class Form:
    """What is kept of one linear form."""

    key: Key
    most: float
    """The largest number that it is compared with; of one that may fall, how far from nothing that is."""

    @property
    def grows(self) -> bool:
        """Whether no step makes it smaller."""
        return not _falls(self.key)

    def kept(self, value: int) -> int:
        """Return what is kept of a value."""
        return min(value, max(0, math.floor(self.most) + 1)) if self.grows else value


@attrs.frozen
class Place:
    """Where a run is: its state, whether an attempt is open, and the values of the forms."""

    state: str
    opened: bool
    values: tuple[int, ...]


class Side:
    """One of two life cycles that are compared.

    Args:
        machine: the life cycle.
        limits: numbers for its limits; those that it has not are left out.
    """

    def __init__(self, machine: Machine, limits: Mapping[str, float]) -> None:
        known = {name: value for name, value in limits.items() if name in machine.limits}
        self.machine = machine
        self.compiled = Compiled(machine._table, {**machine.limits, **machine._checked(known)})
        self.choices = {key: list(self.compiled._folded(cell)) for key, cell in machine._table.cells.items()}
        self.forms = self._forms()
        self.start = Place(machine.initial, False, (0,) * len(self.forms))
        self._places = {form.key: place for place, form in enumerate(self.forms)}
        self._reached = self._reach()
        self._asked = self._asking()
        self._futures: dict[str, object] = {}
        self._moves: dict[tuple[Row, bool], tuple[tuple[int, ...], bool, int]] = {}
        self._split: dict[Compare, tuple[int | None, int, float]] = {}

    def _forms(self) -> list[Form]:
        most: dict[Key, float] = {}
        for test in (test for choices in self.choices.values() for _, test in choices if test is not None):
            for atom in _guards.atoms(test):
                if isinstance(atom, Compare):
                    key, sign, rest = _split(atom)
                    most[key] = max(most.get(key, 0.0), abs(rest) if _falls(key) else -rest * sign)
        return [Form(key, number) for key, number in most.items() if key]

    def _reach(self) -> dict[str, set[str]]:
        """Return by state: the states that can be reached from there, itself included."""
        graph: dict[str, set[str]] = {state: set() for state in self.machine.rows}
        for (state, _), cell in self.machine._table.cells.items():
            graph[state].update(cell.targets)
        return {state: reach([state], graph) for state in graph}

    def _asking(self) -> dict[str, frozenset[int]]:
        """Return by state: the forms that some state asks that can be reached from there; the others are forgotten."""
        asked: dict[str, set[int]] = {state: set() for state in self.machine.rows}
        for (state, _), choices in self.choices.items():
            for test in (test for _, test in choices if test is not None):
                keys = [_split(atom)[0] for atom in _guards.atoms(test) if isinstance(atom, Compare)]
                asked[state].update(self._places[key] for key in keys if key)
        return {state: frozenset().union(*(asked[other] for other in self._reached[state])) for state in asked}

    def future(self, place: Place) -> object:
        """Return all that decides what follows: equal for places of two sides that will answer alike."""
        state = place.state
        if state not in self._futures:
            self._futures[state] = self._rules(self._reached[state])
        values = frozenset((self.forms[number].key, place.values[number]) for number in self._asked[state])
        return state, place.opened, values, self._futures[state]

    def _rules(self, states: set[str]) -> object:
        """Return what the table says of some states, as far as it decides an answer."""
        table = self.machine._table
        cells = frozenset(
            (key, tuple(self.choices[key]), frozenset(cell.carries), table.signals[cell.signal].seals)
            for key, cell in table.cells.items()
            if cell.state in states and not cell.refused
        )
        held = frozenset((state, state in table.attempt, (state,) == table.attempt[:1]) for state in states)
        return cells, held, frozenset(state for state in states if table.states[state].final)

    def cell(self, state: str, signal: str) -> Cell | None:
        return self.machine._table.cells.get((state, signal))

    def asks(self, state: str, signal: str) -> set[str]:
        """Return the opaque guards that a cell may ask under these limits."""
        tests = [test for _, test in self.choices.get((state, signal), ()) if test is not None]
        return {atom.name for test in tests for atom in _guards.atoms(test) if isinstance(atom, Opaque)}

    def row(self, place: Place, signal: str, carried: str | None, opaque: Mapping[str, bool]) -> Row | None:
        """Return the row that a signal takes; None for a refusal."""
        cell = self.cell(place.state, signal)
        if cell is None:
            return None
        if cell.carries:
            return self.compiled.rows.get((place.state, signal, carried or ""))
        for target, test in self.choices[place.state, signal]:
            if test is None or _guards.holds(test, self._answers(test, place.values, opaque)):
                return None if target == REFUSED else self.compiled.rows[place.state, signal, target]
        raise AssertionError(f"{cell.place}: no choice was taken")  # the last one asks nothing

    def _answers(self, test: Test, values: Sequence[int], opaque: Mapping[str, bool]) -> dict[Compare | Opaque, bool]:
        answers: dict[Compare | Opaque, bool] = {}
        for atom in _guards.atoms(test):
            if isinstance(atom, Opaque):
                answers[atom] = opaque[atom.name]
            else:
                if atom not in self._split:
                    key, sign, rest = _split(atom)
                    self._split[atom] = (self._places.get(key), sign, rest)
                place, sign, rest = self._split[atom]
                value = 0 if place is None else values[place]
                answers[atom] = COMPARE[atom.sign](sign * value + rest, 0)
        return answers

    def after(self, place: Place, row: Row) -> tuple[Place, int]:
        """Return the place behind a row, and how many attempts it opened: none or one."""
        if (row, place.opened) not in self._moves:
            self._moves[row, place.opened] = self._move(row, place.opened)
        grown, opened, attempts = self._moves[row, place.opened]
        asked = self._asked[row.after]
        values = tuple(
            form.kept(place.values[number] + grown[number]) if number in asked else 0
            for number, form in enumerate(self.forms)
        )
        return Place(row.after, opened, values), attempts

    def _move(self, row: Row, was_open: bool) -> tuple[tuple[int, ...], bool, int]:
        """Return by how much a row changes each form, whether an attempt is open behind it, and how many it opened."""
        before = (0, 0, int(was_open), *(0,) * len(self.compiled.counts))
        bumped = row.bump(before, 0) if row.bump else before
        counts = dict(zip(self.compiled.counts, bumped[FIRST:], strict=True))
        grown = tuple(sum(factor * counts[count] for count, factor in form.key) for form in self.forms)
        return grown, bool(bumped[2]) and row.after in self.machine._table.attempt, bumped[1]

    @property
    def differences(self) -> dict[Key, float]:
        """The forms that may come back, each with the largest number that it is compared with."""
        return {form.key: form.most for form in self.forms if not form.grows}

    def far(self, place: Place, most: Mapping[Key, float]) -> bool:
        """Return whether a difference has gone further than this."""
        pairs = zip(self.forms, place.values, strict=True)
        return any(abs(value) > most.get(form.key, math.inf) for form, value in pairs)


def _falls(key: Key) -> bool:
    return any(factor < 0 for _, factor in key)


def _split(atom: Compare) -> tuple[Key, int, float]:
    """Return a comparison as (key, sign, rest): it compares sign * form + rest with nothing."""
    factors = sorted(_guards.linear(Sum("-", atom.left, atom.right)).items(), key=lambda item: str(item[0]))
    present = [(count, factor) for count, factor in factors if factor]
    sign = -1 if present and present[0][1] < 0 else 1
    return tuple((count, sign * factor) for count, factor in present), sign, _rest(atom.left) - _rest(atom.right)


def _rest(number: Number) -> float:
    """Return what is left of a number where nothing was counted."""
    match number:
        case Const():
            return number.value
        case Sum():
            right = _rest(number.right)
            return _rest(number.left) + (right if number.sign == "+" else -right)
        case _:
            return 0.0


def either(names: Iterable[str]) -> Iterator[dict[str, bool]]:
    """Yield all answers that opaque guards may give."""
    known = sorted(names)
    for answers in itertools.product((True, False), repeat=len(known)):
        yield dict(zip(known, answers, strict=True))
