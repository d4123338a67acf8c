"""Every pair of a state and a signal of the shipped tables, for every small set of limits: declared, or refused.

What is declared is read from the files by `naive`, which knows nothing of how Interlock reads them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from typing import ClassVar

import naive
import pytest
from strategies import opaque, took

from interlock._errors import NoTransition
from interlock._machine import Machine
from interlock._run import Run

LIMITS: dict[str, dict[str, tuple[float, ...]]] = {
    "task-run": {"max_retries": (0, 1), "retry_limit": (0, 1), "max_turns": (2, math.inf), "caching": (0, 1)},
    "flow-run": {},
}
MOST = 2
"""A count beyond this makes no difference: no limit above is larger, but infinity."""

Pair = tuple[str, str, str, str | None]
"""A life cycle, a state, a signal, and the state that it carries."""


def pairs() -> Iterator[Pair]:
    """Yield each pair of each table, a sealing signal with every state, with none, and with a name that is no state."""
    for name in LIMITS:
        table = naive.shipped(name)
        for state in naive.states(table):
            for signal, entry in table["signals"].items():
                carried = [None, *table["states"], "Nowhere"] if entry.get("seals") else [None]
                yield from ((name, state, signal, one) for one in carried)


def combined(values: dict[str, tuple[float, ...]]) -> list[dict[str, float]]:
    """Return every way to choose one value for each name."""
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def answers(table: naive.Table) -> list[dict[str, bool]]:
    """Return every way in which the opaque guards can answer."""
    names = opaque(table)
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product((True, False), repeat=len(names))]


class Place:
    """A situation that a run was brought to: the life that the rows tell of, and the run itself."""

    asked: ClassVar[dict[str, bool]] = {}
    """What opaque guards answer at present."""

    def __init__(self, life: naive.Life, run: Run) -> None:
        self.life = life
        self.run = run

    @classmethod
    def first(cls, name: str, limits: dict[str, float]) -> Place:
        table = naive.shipped(name)
        return cls(naive.Life(table, limits), Run(Machine.load(name), limits, {n: _asked(n) for n in opaque(table)}))

    def key(self) -> tuple[object, ...]:
        """Return what decides what can follow."""
        life = self.life
        counts = {} if naive.is_final(life.table, life.state) else life.counts
        return life.state, life.sealed, tuple(min(counts.get(name, 0), MOST) for name in self.run.machine.counters)

    def after(self, asked: dict[str, bool]) -> Iterator[Place]:
        """Yield the situations that one more signal, or a new pass, leads to."""
        for signal, carried in self.signals():
            life, run = naive.fork(self.life, asked), copy(self.run)
            if life.send(signal, carried) is not None:
                Place.asked = asked
                assert took(run, signal, carried) == life.state, f"{signal}({carried}): {run!r}"
                yield Place(life, run)
        if self.life.sealed and not self.run.is_final:
            life, run = copy(self.life), copy(self.run)
            run.reopen()
            life.sealed = False
            yield Place(life, run)

    def signals(self) -> Iterator[tuple[str, str | None]]:
        for signal, entry in self.life.table["signals"].items():
            for carried in self.life.table["states"] if entry.get("seals") else [None]:
                yield signal, carried


def _asked(guard: str) -> Callable[[object, object], bool]:
    return lambda run, signal: Place.asked[guard]


@cache
def places(name: str) -> dict[str, list[Place]]:
    """Return the situations that runs of a life cycle can be in, by state, under every small set of limits."""
    found: dict[str, list[Place]] = {state: [] for state in naive.states(naive.shipped(name))}
    for limits in combined(LIMITS[name]):
        todo = [Place.first(name, limits)]
        seen = {todo[0].key()}
        for place in todo:
            found[place.life.state].append(place)
            for after in itertools.chain.from_iterable(map(place.after, answers(place.life.table))):
                if after.key() not in seen:
                    seen.add(after.key())
                    todo.append(after)
    return found


@pytest.mark.parametrize("pair", list(pairs()), ids=lambda pair: "-".join(map(str, pair)))
def test_a_pair_is_declared_or_refused(pair: Pair) -> None:
    """In every situation that a run can be in, the step that is written is taken, and where none is, nothing."""
    name, state, signal, carried = pair
    for place in places(name)[state]:
        life = place.life
        for asked in answers(life.table):
            Place.asked = life.answers = asked
            written = life.answer(signal, carried)
            run = copy(place.run)
            expected = None if life.sealed else written
            assert (took(run, signal, carried), run.state) == (expected, expected or state), repr(place.run)
            assert pure(place, signal, carried) == written, repr(place.run)


def pure(place: Place, signal: str, carried: str | None) -> str | None:
    """Return what the machine says follows; None for a refusal."""
    life, machine = place.life, place.run.machine
    counts = {name: life.counts[name] for name in machine.counters}
    try:
        return machine.next(life.state, signal, carried=carried, counts=counts, limits=life.limits, guards=life.answers)
    except NoTransition:
        return None


@pytest.mark.parametrize("name", LIMITS)
def test_every_state_is_come_to(name: str) -> None:
    """The situations that the pairs are tried in leave out no state of the file, and the machine has no other."""
    assert all(places(name).values())
    assert list(Machine.load(name).rows) == naive.states(naive.shipped(name))
    assert list(Machine.load(name).signals) == list(naive.shipped(name)["signals"])
