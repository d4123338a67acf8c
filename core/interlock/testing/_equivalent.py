"""Whether two life cycles answer alike, whatever they are sent: all pairs of places are walked, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping

import attrs

from interlock._errors import listed, suggest
from interlock._machine import Machine
from interlock.testing._forms import Place, Side, either

SMALL = (0.0, 1.0, 2.0)  # what each limit is tried with, as by `Machine.check`
LARGE = 10  # a larger default is tried as this
MOST = 5  # how far a difference of counts is followed beyond what it is compared with
MANY = 50_000  # pairs of places that are walked under one set of limits
TOO_MANY = f"more than {MANY:,} pairs of states and counts; say smaller limits=, or a smaller most="


def assert_equivalent(
    machine: Machine,
    other: Machine,
    *,
    states: Mapping[str, str] | None = None,
    limits: Mapping[str, float] | None = None,
    most: int = MOST,
) -> None:
    """See that two life cycles answer alike to every sequence of signals; raise `AssertionError` where they do not.

    Both are walked side by side from their first states, with every signal that one of them has at each step: nothing
    is sampled. What is compared at each step is whether the signal is taken or refused; the state behind it; whether
    that is final; whether the run is sealed, behind which a new pass is opened; whether an attempt is open, and whether
    the step opened it. What is not compared: names of life cycles, groups, limits and guards that count, families,
    prose, what plugins may do, and what only says that a table is well made (`recurs`). A signal that a life cycle
    does not have is one that it refuses.

    Opaque guards are taken to answer either way at each step; those of the same name in both answer the same, and must
    have the same default.

    Counts are followed as far as guards can tell them apart. A count, or a sum of counts, is followed to the largest
    number that it is compared with, which loses nothing. A difference of counts can go up and down without end, so it
    is followed to `most` beyond the largest number that it is compared with: what comes only behind that is not seen.

    The error tells the shortest sequence of signals as arrows, and what each answers to the last one.

    Args:
        machine: a life cycle.
        other: another one.
        states: the states of the first one that have other names in the other one. Several may have one name there.
        limits: numbers for limits of either. Otherwise each limit is tried with 0, 1 and 2, in all combinations, and
            all with their defaults, a larger one than 10 as 10; limits of the same name must have the same default.
        most: see above.

    Raises:
        ValueError: `states` or `limits` names what there is not; or there are too many pairs of states and counts.
    """
    pair = _Pair(machine, other, _mapped(machine, other, states or {}), most)
    if limits is None:
        pair.defaults()
    partings = [parting for tried in _tried(machine, other, limits) if (parting := pair.parting(tried))]
    if partings:
        raise AssertionError(str(min(partings, key=lambda parting: len(parting.arrows))))


@attrs.frozen
class _Answer:
    """What a life cycle says to a signal: a state and what is so behind it, or a refusal."""

    state: str | None = None
    final: bool = False
    sealed: bool = False
    opened: bool = False
    """Whether an attempt is open."""
    attempts: int = 0
    """How many were opened."""

    def __str__(self) -> str:
        if self.state is None:
            return "refuses it"
        said = {"final": self.final, "sealed": self.sealed, "an attempt is open": self.opened}
        said["it is a new one"] = self.opened and self.attempts > 0
        more = ", ".join(text for text, so in said.items() if so)
        return f"goes to {self.state}{f' ({more})' if more else ''}"


@attrs.frozen
class _Parting:
    """Where two life cycles part."""

    names: tuple[str, str]
    arrows: tuple[str, ...]
    """The way there, the last signal included, in the states of the first one."""
    said: tuple[object, object]
    limits: Mapping[str, float]
    answers: Mapping[str, bool]
    """What opaque guards say to the last signal."""

    def __str__(self) -> str:
        one, two = (f"{name} {said}" for name, said in zip(self.names, self.said, strict=True))
        under = [f"{name} = {value:g}" for name, value in self.limits.items()]
        under += [f"{name} says {'yes' if yes else 'no'}" for name, yes in self.answers.items()]
        return f"{' '.join(self.arrows)} : {one}, {two}{f'; {listed(under)}' if under else ''}"


@attrs.frozen
class _Pair:
    """Two life cycles side by side."""

    machine: Machine
    other: Machine
    states: Mapping[str, str]
    """By state of the first one: that of the other."""
    most: int

    @property
    def names(self) -> tuple[str, str]:
        """What they are called: by their names, where these differ."""
        one, two = self.machine.name, self.other.name
        return (one, two) if one != two else (f"the first {one}", f"the second {two}")

    def defaults(self) -> None:
        """See that limits and opaque guards of the same name have the same default."""
        for what, mine, its in (
            ("limit", self.machine.limits, self.other.limits),
            ("opaque guard", _opaque(self.machine), _opaque(self.other)),
        ):
            for name in mine.keys() & its.keys():
                one, two = (f"{who} has {has[name]}" for who, has in zip(self.names, (mine, its), strict=True))
                assert mine[name] == its[name], f"the default of the {what} {name!r}: {one}, {two}"

    def parting(self, limits: Mapping[str, float]) -> _Parting | None:
        """Return where they part first under some limits; None if they never do."""
        one, two = Side(self.machine, limits), Side(self.other, limits)
        first = (one.start, two.start)
        if self.states[one.start.state] != two.start.state:
            said = (f"begins in {one.start.state}", f"begins in {two.start.state}")
            return _Parting(self.names, ("at the start",), said, limits, {})
        least = one.differences | two.differences
        most = {key: self.most + max(one.differences.get(key, 0), two.differences.get(key, 0)) for key in least}
        told: dict[tuple[Place, Place], tuple[str, ...]] = {first: (one.start.state,)}
        todo = [first]
        for places in todo if not self._same(one, two, first) else ():
            if len(todo) > MANY:
                raise ValueError(f"{self.names[0]} and {self.names[1]}: {TOO_MANY}")
            for sent in self._sent(one, two, places):
                here, behind = _answer(one, places[0], sent.signal, sent.carried[0], sent.answers)
                there, beyond = _answer(two, places[1], sent.signal, sent.carried[1], sent.answers)
                if attrs.evolve(here, state=self.states.get(here.state or "")) != there:
                    arrows = (*told[places], f"-{sent}->")
                    return _Parting(self.names, arrows, (here, there), limits, sent.answers)
                if behind is None or beyond is None or one.far(behind, most) or two.far(beyond, most):
                    continue
                if (behind, beyond) not in told and not self._same(one, two, (behind, beyond)):
                    told[behind, beyond] = (*told[places], f"-{sent}-> {behind.state}")
                    todo.append((behind, beyond))
        return None

    def _same(self, one: Side, two: Side, places: tuple[Place, Place]) -> bool:
        """Return whether all rows that can be reached from two places are the same: nothing is to be walked there."""
        mapped = any(name != other for name, other in self.states.items())
        return not mapped and one.future(places[0]) == two.future(places[1])

    def _sent(self, one: Side, two: Side, places: tuple[Place, Place]) -> Iterator[_Sent]:
        """Yield all that may be sent where one of them is asked for more than a refusal."""
        here, there = places
        for signal in dict.fromkeys([*self.machine.signals, *self.other.signals]):
            if one.cell(here.state, signal) is None and two.cell(there.state, signal) is None:
                continue
            asked = one.asks(here.state, signal) | two.asks(there.state, signal)
            for carried, answers in itertools.product(self._carried(one, two, places, signal), either(asked)):
                yield _Sent(signal, carried, answers)

    def _carried(
        self, one: Side, two: Side, places: tuple[Place, Place], signal: str
    ) -> Iterable[tuple[str | None, str | None]]:
        """Return the states that a signal may carry, each by the names of both, and nothing."""
        cells = (one.cell(places[0].state, signal), two.cell(places[1].state, signal))
        mine, its = (() if cell is None else cell.carries for cell in cells)
        found: dict[tuple[str | None, str | None], None] = {(None, None): None}
        found.update({(state, self.states[state]): None for state in mine})
        for state in its:
            same = [name for name, mapped in self.states.items() if mapped == state]
            found.update({(name, state): None for name in same or [""]})
        return found


@attrs.frozen
class _Sent:
    """A signal with what it carries, by the names of both, and what opaque guards say to it."""

    signal: str
    carried: tuple[str | None, str | None]
    answers: Mapping[str, bool]

    def __str__(self) -> str:
        carried = self.carried[0] or self.carried[1]
        return f"{self.signal}({carried})" if carried else self.signal


def _answer(
    side: Side, place: Place, signal: str, carried: str | None, answers: Mapping[str, bool]
) -> tuple[_Answer, Place | None]:
    row = side.row(place, signal, carried, answers)
    if row is None:
        return _Answer(), None
    after, attempts = side.after(place, row)
    return _Answer(row.after, row.final, row.closed, after.opened, attempts), after


def _opaque(machine: Machine) -> dict[str, bool]:
    return {name: guard.default for name, guard in machine._table.guards.items() if guard.when == "?"}


def _mapped(machine: Machine, other: Machine, states: Mapping[str, str]) -> dict[str, str]:
    for which, name, known in (
        *(("first", name, machine.rows) for name in states),
        *(("second", name, other.rows) for name in states.values()),
    ):
        if name not in known:
            raise ValueError(f"states: the {which} life cycle has no state {name!r}.{suggest(name, known)}")
    return {name: states.get(name, name) for name in machine.rows}


def _tried(machine: Machine, other: Machine, limits: Mapping[str, float] | None) -> Iterator[Mapping[str, float]]:
    """Yield the limits under which two life cycles are compared."""
    defaults = {**other.limits, **machine.limits}
    if limits is not None:
        for name in limits:
            if name not in defaults:
                raise ValueError(f"limits: neither life cycle has a limit {name!r}.{suggest(name, defaults)}")
        yield limits
        return
    yield {name: value if math.isinf(value) else min(value, LARGE) for name, value in defaults.items()}
    for values in itertools.product(SMALL, repeat=len(defaults)):
        yield dict(zip(defaults, values, strict=True))
